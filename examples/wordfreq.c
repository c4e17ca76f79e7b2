/*
 * Counts the words in all files below directories, with a pool of processes:
 *
 *     wordfreq [--workers N] [--top N] DIRECTORY...
 *
 * Symbolic links below a directory are not followed. What cannot be read is told on stderr, and
 * the exit code is then 1.
 *
 * A task is 4 to 64 MiB: many small files, or a block of a large one. Its worker returns how often
 * it saw each different word, so that little is left for the parent to add up.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <apr_time.h>

#include <brood/brood.h>

#include "words.h"

#define LARGEST_TASK ((uint64_t)64 << 20) /* in bytes of files */
#define SMALLEST_TASK ((uint64_t)4 << 20)
#define FILE_COST ((uint64_t)16 << 10) /* to open a file takes as long as to count so many bytes */

/* ---- In a worker ------------------------------------------------------------------------- */

static int start_worker(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return apr_initialize() == APR_SUCCESS ? 0 : brood_task_fail(task, 1, "APR does not start");
}

/* arg is a list of "begin end path", each with a zero byte at its end. Returns packed words. */
static int count_words(brood_task *task, const void *arg, size_t size)
{
    const char *at = arg;
    const char *end_of_list = at + size;
    apr_pool_t *memory = NULL;
    char *bytes = NULL;
    words *here = NULL;

    if (apr_pool_create(&memory, NULL) != APR_SUCCESS) {
        return brood_task_fail(task, 1, "no memory");
    }
    here = words_make(memory);
    for (; at < end_of_list; at += strlen(at) + 1) {
        char *rest = NULL;
        uint64_t begin = strtoull(at, &rest, 10);
        uint64_t end = strtoull(rest, &rest, 10);

        words_count_file(here, rest + 1, begin, end);
    }
    bytes = brood_return_buffer(task, words_packed_size(here));
    if (bytes != NULL) {
        words_pack(here, bytes);
    }
    apr_pool_destroy(memory);
    return bytes != NULL ? 0 : brood_task_fail(task, 1, "no memory for the result");
}

/* ---- What there is to do ----------------------------------------------------------------- */

typedef struct found_file {
    const char *path;
    uint64_t size;
} found_file;

typedef struct plan {
    apr_pool_t *memory;
    words *total;              /* for the complaints */
    apr_array_header_t *files; /* of found_file */
    apr_array_header_t *tasks; /* of brood_bytes: the arguments of count_words */
    apr_array_header_t *list;  /* the bytes of the one that is not full */
    uint64_t room;             /* for so many more bytes of files */
    uint64_t left;             /* so many bytes are in no task yet */
    uint32_t workers;
} plan;

static plan make_plan(words *total, apr_pool_t *memory, uint32_t workers)
{
    plan made = {memory, total};

    made.files = apr_array_make(memory, 1024, sizeof(found_file));
    made.tasks = apr_array_make(memory, 64, sizeof(brood_bytes));
    made.workers = workers > 0 ? workers : (uint32_t)brood_cpu_usable();
    return made;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Large tasks at first, which leave little to add up; small ones at last, so that all end soon. */
static void next_task(plan *into)
{
    uint64_t share = smaller(into->left / (2 * (uint64_t)into->workers), LARGEST_TASK);

    if (into->list != NULL && into->list->nelts > 0) {
        APR_ARRAY_PUSH(into->tasks, brood_bytes) =
            (brood_bytes){into->list->elts, (size_t)into->list->nelts};
    }
    into->list = apr_array_make(into->memory, 1024, 1);
    into->room = share > SMALLEST_TASK ? share : SMALLEST_TASK;
}

static void plan_block(plan *into, const char *path, uint64_t begin, uint64_t end)
{
    uint64_t cost = FILE_COST + end - begin;
    apr_array_header_t block = {into->memory, 1};
    char range[50];

    snprintf(range, sizeof range, "%" PRIu64 " %" PRIu64 " ", begin, end);
    block.elts = apr_pstrcat(into->memory, range, path, NULL);
    block.nelts = (int)strlen(block.elts) + 1;
    apr_array_cat(into->list, &block);
    into->left -= smaller(cost, into->left);
    into->room -= smaller(cost, into->room);
    if (into->room == 0) {
        next_task(into);
    }
}

static void plan_tasks(plan *into)
{
    next_task(into);
    for (int i = 0; i < into->files->nelts; i++) {
        const found_file *file = &APR_ARRAY_IDX(into->files, i, found_file);

        for (uint64_t begin = 0, end = 0; begin < file->size; begin = end) {
            end = begin + smaller(file->size - begin, into->room);
            plan_block(into, file->path, begin, end);
        }
    }
    next_task(into);
}

static void add_file(plan *into, const char *path, uint64_t size)
{
    found_file file = {path, size};

    APR_ARRAY_PUSH(into->files, found_file) = file;
    into->left += FILE_COST + size;
}

/* Adds the names in a directory to those that wait to be looked at. */
static apr_status_t list_directory(const char *path, apr_array_header_t *waiting, apr_pool_t *pool)
{
    apr_dir_t *directory = NULL;
    apr_finfo_t info;
    apr_status_t status = apr_dir_open(&directory, path, pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    while ((status = apr_dir_read(&info, APR_FINFO_NAME, directory)) == APR_SUCCESS) {
        if (strcmp(info.name, ".") != 0 && strcmp(info.name, "..") != 0) {
            APR_ARRAY_PUSH(waiting, char *) = apr_pstrcat(pool, path, "/", info.name, NULL);
        }
    }
    apr_dir_close(directory);
    return APR_STATUS_IS_ENOENT(status) ? APR_SUCCESS : status;
}

/* Finds the files at and below root. What is neither file nor directory is left out. */
static void find_files(plan *into, const char *root)
{
    apr_pool_t *pool = into->memory;
    apr_array_header_t *waiting = apr_array_make(pool, 64, sizeof(char *));
    apr_int32_t wanted = APR_FINFO_TYPE | APR_FINFO_SIZE;

    APR_ARRAY_PUSH(waiting, const char *) = root;
    while (waiting->nelts > 0) {
        const char *path = *(const char **)apr_array_pop(waiting);
        apr_finfo_t info;
        apr_status_t status = apr_stat(&info, path, wanted, pool);

        if (status == APR_SUCCESS && info.filetype == APR_DIR) {
            status = list_directory(path, waiting, pool);
        } else if (status == APR_SUCCESS && info.filetype == APR_REG) {
            add_file(into, path, (uint64_t)info.size);
        }
        if (status != APR_SUCCESS) {
            words_complain_of_status(into->total, path, status);
        }
        wanted |= APR_FINFO_LINK; /* from now on a link is itself */
    }
}

/* ---- Doing it ---------------------------------------------------------------------------- */

/* A task that failed as a whole, with its worker for instance: its files are not counted. */
static void complain_of_task(words *total, const brood_bytes *task, const char *reason)
{
    const char *at = task->data;

    for (const char *end = at + task->size; at < end; at += strlen(at) + 1) {
        words_complain(total, strchr(strchr(at, ' ') + 1, ' ') + 1, reason);
    }
}

static void show(brood_progress *progress, apr_time_t start)
{
    double seconds = (double)(apr_time_now() - start) / APR_USEC_PER_SEC;

    if (progress->done < progress->total && seconds - progress->seconds < 0.1) {
        return;
    }
    progress->seconds_before = progress->seconds;
    progress->seconds = seconds;
    progress->rate = (double)progress->done / seconds;
    progress->seconds_left = (double)(progress->total - progress->done) / progress->rate;
    brood_progress_bar(progress, stderr);
}

/* Runs the tasks, and adds up what they return in the order in which they end. */
static brood_status count_all(brood_pool *pool, words *total, const plan *work)
{
    brood_array input = {work->tasks->elts, (size_t)work->tasks->nelts, BROOD_SIZE_VARIES, 0};
    brood_progress progress = {.total = input.count};
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    apr_time_t start = apr_time_now();
    brood_imap *imap = NULL;
    brood_status status = BROOD_OK;

    options.retries = 1; /* somebody may kill a worker */
    status =
        brood_pool_imap_unordered(pool, &imap, count_words, brood_array_next, &input, &options);
    while (status == BROOD_OK && progress.done < progress.total) {
        const void *data = NULL;
        size_t size = 0;
        uint64_t index = input.count;

        status = brood_imap_next(imap, &data, &size, &index, &failure, BROOD_FOREVER);
        if (status == BROOD_OK) {
            words_unpack(total, data, size);
        } else if (index < input.count) { /* it has failed, and the others go on */
            complain_of_task(total, (const brood_bytes *)input.items + index, failure.message);
            progress.failed++;
            status = BROOD_OK;
        }
        progress.done++;
        show(&progress, start);
    }
    brood_imap_destroy(imap);
    return status;
}

typedef struct settings {
    uint32_t workers;
    uint32_t top;
    const char *const *roots;
    int root_count;
} settings;

static int run(const settings *chosen, apr_pool_t *memory)
{
    words *total = words_make(memory);
    plan work = make_plan(total, memory, chosen->workers);
    brood_error error = {BROOD_OK};
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    brood_status status = BROOD_OK;
    size_t different = 0;

    options.workers = chosen->workers;
    options.initializer = start_worker;
    options.error = &error;
    if (brood_pool_create(&pool, &options) != BROOD_OK) { /* they start while we look for files */
        fprintf(stderr, "wordfreq: %s\n", error.message);
        return 2;
    }
    for (int i = 0; i < chosen->root_count; i++) {
        find_files(&work, chosen->roots[i]);
    }
    plan_tasks(&work);
    status = count_all(pool, total, &work);
    brood_pool_destroy(pool);
    if (status != BROOD_OK) {
        fprintf(stderr, "wordfreq: %s\n", brood_status_text(status));
        return 2;
    }
    different = words_print_top(total, chosen->top);
    fflush(stdout);
    fprintf(stderr, "%zu different words in %d files\n", different, work.files->nelts);
    return words_print_complaints(total) == 0 ? 0 : 1;
}

/* ---- The command line -------------------------------------------------------------------- */

static bool parse_number(uint32_t *number, const char *text)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);

    *number = (uint32_t)value;
    return *text >= '0' && *text <= '9' && *end == '\0' && value <= INT32_MAX;
}

static bool parse(settings *chosen, int argc, const char *const *argv, apr_pool_t *memory)
{
    static const apr_getopt_option_t known[] = {
        {"workers", 'w', 1, NULL}, {"top", 't', 1, NULL}, {NULL, 0, 0, NULL}};
    apr_getopt_t *options = NULL;
    const char *text = NULL;
    int option = 0;
    bool good = true;
    apr_status_t status = apr_getopt_init(&options, memory, argc, argv);

    options->interleave = 1; /* directories may stand before options */
    while (status == APR_SUCCESS && good) {
        status = apr_getopt_long(options, known, &option, &text);
        if (status == APR_SUCCESS) {
            good = parse_number(option == 'w' ? &chosen->workers : &chosen->top, text);
        }
    }
    chosen->roots = options->argv + options->ind;
    chosen->root_count = argc - options->ind;
    return good && APR_STATUS_IS_EOF(status) && chosen->root_count > 0;
}

int main(int argc, char **argv)
{
    brood_init(argc, argv);

    const char *const *arguments = (const char *const *)argv;
    settings chosen = {.top = 20};
    apr_pool_t *memory = NULL;
    int code = 2;

    if (apr_app_initialize(&argc, &arguments, NULL) != APR_SUCCESS || /* UTF-8, on Windows, too */
        apr_pool_create(&memory, NULL) != APR_SUCCESS) {
        fprintf(stderr, "wordfreq: APR does not start\n");
    } else if (!parse(&chosen, argc, arguments, memory)) {
        fprintf(stderr, "usage: wordfreq [--workers N] [--top N] DIRECTORY...\n");
    } else {
        code = run(&chosen, memory);
    }
    apr_terminate();
    return code;
}
