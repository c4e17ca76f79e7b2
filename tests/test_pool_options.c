/* What a pool and its tasks are given: bad values are refused by name, good ones arrive. */
#include "pool_tools.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- values that break a rule -------------------------------------------------------------- */

static const unsigned one_cpu[1];
static const brood_handle no_handle[1] = {-1};
static const char *const no_variable[] = {"=x", NULL};
static char long_text[300];

typedef void change(brood_pool_options *options, brood_process_options *process);

/* Which option is meant, and what breaks its rule. */
#define BAD(number, code)                                                                          \
    static void bad_##number(brood_pool_options *options, brood_process_options *process)          \
    {                                                                                              \
        (void)options;                                                                             \
        (void)process;                                                                             \
        code;                                                                                      \
    }

BAD(name, options->name = long_text)
BAD(workers, options->workers = 4097)
BAD(initializer_arg, options->initializer_size = 1)
BAD(initializer_size, (options->initializer_arg = "", options->initializer_size = SIZE_MAX))
BAD(jitter, options->max_tasks_jitter = 1)
BAD(jitter_2, (options->max_tasks_per_worker = 5, options->max_tasks_jitter = 5))
BAD(spin, options->spin = (brood_spin)3)
BAD(spin_2, options->spin = (brood_spin)-1)
BAD(process_name, process->name = "x")
BAD(function_name, process->function_name = "x")
BAD(daemon, process->daemon = true)
BAD(timeout, process->timeout_ms = 1)
BAD(size, process->struct_size = 1)
BAD(stdin_pipe, process->stdin_to.mode = BROOD_STDIO_PIPE)
BAD(stdout_pipe, process->stdout_to.mode = BROOD_STDIO_PIPE)
BAD(stderr_mode, process->stderr_to.mode = (brood_stdio_mode)99)
BAD(stdin_path, process->stdin_to.path = "x")
BAD(executable, process->executable = "")
BAD(directory, process->working_directory = "")
BAD(environment_mode, process->environment_mode = (brood_environment_mode)9)
BAD(environment, process->environment = no_variable)
BAD(handle_count, process->handle_count = 255)
BAD(handles_null, process->handles = NULL)
BAD(handles, (process->handles = no_handle, process->handle_count = 1))
BAD(nice, process->nice = 20)
BAD(cpus, process->cpu_count = 1)
BAD(cpu_count, process->cpus = one_cpu)

static const struct {
    const char *step;
    change *make;
} bad_options[] = {
    {"name", bad_name},
    {"workers", bad_workers},
    {"initializer_arg", bad_initializer_arg},
    {"initializer_size", bad_initializer_size},
    {"max_tasks_jitter", bad_jitter},
    {"max_tasks_jitter", bad_jitter_2},
    {"spin", bad_spin},
    {"spin", bad_spin_2},
    {"process", bad_process_name},
    {"process", bad_function_name},
    {"process", bad_daemon},
    {"process", bad_timeout},
    {"process", bad_size},
    {"stdin_to", bad_stdin_pipe},
    {"stdout_to", bad_stdout_pipe},
    {"stderr_to", bad_stderr_mode},
    {"stdin_to", bad_stdin_path},
    {"executable", bad_executable},
    {"working_directory", bad_directory},
    {"environment_mode", bad_environment_mode},
    {"environment", bad_environment},
    {"handle_count", bad_handle_count},
    {"handles", bad_handles_null},
    {"handles", bad_handles},
    {"nice", bad_nice},
    {"cpus", bad_cpus},
    {"cpus", bad_cpu_count},
};

/* The program's own handle, which is among the options, stays open whatever becomes of them. */
static void bad_options_of_a_pool_are_named(void **state)
{
    intptr_t ends[2];

    (void)state;
    memset(long_text, 'n', sizeof long_text - 1);
    assert_true(support_pipe(ends));
    for (size_t i = 0; i < sizeof bad_options / sizeof bad_options[0]; i++) {
        brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
        brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
        brood_error error = {BROOD_OK, 0, "", ""};
        brood_pool *pool = (brood_pool *)&error;

        options.workers = 1;
        options.error = &error;
        options.process = &process;
        process.handles = &ends[1];
        process.handle_count = 1;
        bad_options[i].make(&options, &process);
        assert_status(brood_pool_create(&pool, &options), BROOD_ERR_ARGUMENT);
        assert_null(pool);
        assert_status(error.status, BROOD_ERR_ARGUMENT);
        assert_string_equal(error.step, bad_options[i].step);
        assert_non_null(strstr(error.message, bad_options[i].step));
    }
    assert_int_equal(support_write(ends[1], "x", 1), 1);
    assert_byte(ends[0]);
    support_close(ends[0]);
    support_close(ends[1]);
}

static void a_pool_must_have_a_place(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};

    (void)state;
    options.error = &error;
    assert_status(brood_pool_create(NULL, &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "pool");
    assert_status(brood_pool_close(NULL), BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_terminate(NULL), BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_join(NULL, 0), BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_resize(NULL, 1), BROOD_ERR_ARGUMENT);
    assert_int_equal(brood_pool_pids(NULL, NULL, 0), 0);
    assert_null(brood_pool_destroy(NULL));
}

/* The first worker is started at once, so what the system refuses is an error of the call. */
static void what_the_system_refuses_is_told_at_once(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_pool *pool = NULL;

    (void)state;
    options.error = &error;
    options.process = &process;
    process.working_directory = "no-such-directory-of-brood";
    assert_status(brood_pool_create(&pool, &options), BROOD_ERR_NOT_FOUND);
    assert_null(pool);
    assert_status(error.status, BROOD_ERR_NOT_FOUND);
    process.working_directory = NULL;
    process.executable = "no-such-program-of-brood";
    assert_status(brood_pool_create(&pool, &options), BROOD_ERR_NOT_FOUND);
    assert_null(pool);
}

/* ---- structs of other versions ------------------------------------------------------------- */

static void structs_of_other_sizes(void **state)
{
    struct {
        brood_pool_options options;
        uint64_t more;
    } longer = {BROOD_POOL_OPTIONS_INIT, 0};
    brood_pool_options shorter = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_pool *pool = NULL;

    (void)state;
    shorter.struct_size = offsetof(brood_pool_options, initializer);
    shorter.workers = 3;
    shorter.max_tasks_jitter = 77; /* a version that is so old does not have it */
    assert_ok(brood_pool_create(&pool, &shorter));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.workers, 3);
    end_pool(pool);
    longer.options.struct_size = sizeof longer;
    longer.options.error = &error;
    longer.options.workers = 1;
    assert_ok(brood_pool_create(&pool, &longer.options));
    end_pool(pool);
    longer.more = 1; /* what this version does not know, it must not ignore */
    assert_status(brood_pool_create(&pool, &longer.options), BROOD_ERR_NOT_SUPPORTED);
    assert_status(error.status, BROOD_ERR_NOT_SUPPORTED);
    longer.options.struct_size = 3;
    assert_status(brood_pool_create(&pool, &longer.options), BROOD_ERR_ARGUMENT);
    error.message[0] = '\0';
    longer.options.struct_size = 0; /* zeroed, and not begun */
    assert_status(brood_pool_create(&pool, &longer.options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "options");
    assert_non_null(strstr(error.message, "INIT"));
    assert_null(pool);
}

static void task_structs_of_other_sizes(void **state)
{
    struct {
        brood_task_options options;
        uint64_t more;
    } longer = {BROOD_TASK_OPTIONS_INIT, 0};
    brood_task_options shorter = BROOD_TASK_OPTIONS_INIT;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_pool *pool = NULL;

    (void)state;
    options.workers = 1;
    assert_ok(brood_pool_create(&pool, &options));
    shorter.struct_size = offsetof(brood_task_options, priority);
    shorter.priority = 99;
    assert_ok(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, &shorter));
    longer.options.struct_size = sizeof longer;
    longer.options.failure = &failure;
    assert_ok(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, &longer.options));
    longer.more = 1;
    assert_status(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, &longer.options),
                  BROOD_ERR_NOT_SUPPORTED);
    assert_status(failure.status, BROOD_ERR_NOT_SUPPORTED);
    longer.options.struct_size = sizeof(size_t);
    assert_status(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, &longer.options),
                  BROOD_ERR_ARGUMENT);
    end_pool(pool);
}

/* A failure as a newer program has it; and as an older one, which ends before the exit. */
typedef union sized_failure {
    brood_failure known;
    unsigned char bytes[sizeof(brood_failure) + 64];
} sized_failure;

static const size_t failure_sizes[] = {sizeof(sized_failure), offsetof(brood_failure, exit)};

/* Only what both have is written. */
static void expect_failure(sized_failure *sized, size_t size, brood_status status)
{
    assert_int_equal(sized->known.struct_size, size);
    assert_status(sized->known.status, status);
    assert_string_not_equal(sized->known.message, "");
    for (size_t i = size < sizeof sized->known ? size : sizeof sized->known; i < sizeof *sized;
         i++) {
        assert_int_equal(sized->bytes[i], 0xEE);
    }
    memset(sized, 0xEE, sizeof *sized);
    sized->known.struct_size = size;
}

static void check_failures(brood_pool *from, size_t size)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_array array = {"ab", 1, 1, 0};
    brood_result *result = NULL;
    brood_imap *imap = NULL;
    sized_failure sized;

    memset(&sized, 0xEE, sizeof sized);
    options.failure = &sized.known;
    sized.known.struct_size = size;
    options.priority = 99;
    assert_status(brood_pool_apply(from, task_fail, NULL, 0, NULL, 0, &options),
                  BROOD_ERR_ARGUMENT);
    expect_failure(&sized, size, BROOD_ERR_ARGUMENT);
    options.priority = 0;
    assert_status(brood_pool_apply(from, task_fail, NULL, 0, NULL, 0, &options), BROOD_ERR_TASK);
    expect_failure(&sized, size, BROOD_ERR_TASK);
    assert_ok(brood_pool_map_async(from, &result, task_fail, "a", 1, 1, NULL, 0, NULL));
    assert_status(brood_result_item(result, 0, NULL, NULL, &sized.known, SOON_MS), BROOD_ERR_TASK);
    expect_failure(&sized, size, BROOD_ERR_TASK);
    assert_ok(brood_result_failure(result, &sized.known));
    expect_failure(&sized, size, BROOD_ERR_TASK);
    brood_result_destroy(result);
    assert_ok(brood_pool_imap(from, &imap, task_fail, brood_array_next, &array, NULL));
    assert_status(brood_imap_next(imap, NULL, NULL, NULL, &sized.known, SOON_MS), BROOD_ERR_TASK);
    expect_failure(&sized, size, BROOD_ERR_TASK);
    brood_imap_destroy(imap);
}

static void failures_of_other_sizes(void **state)
{
    brood_pool *from = pool_of(1);

    (void)state;
    for (size_t i = 0; i < sizeof failure_sizes / sizeof failure_sizes[0]; i++) {
        check_failures(from, failure_sizes[i]);
    }
    end_pool(from);
}

/* ---- submits ------------------------------------------------------------------------------- */

static int no_range(brood_task *task, uint64_t begin, uint64_t end, const void *context,
                    size_t size)
{
    (void)task;
    (void)begin;
    (void)end;
    (void)context;
    (void)size;
    return 0;
}

static brood_pool *pool; /* of the tests below */
static brood_failure failure;
static brood_task_options task;

static void begin_submits(void)
{
    const brood_failure none = BROOD_FAILURE_INIT;
    const brood_task_options zero = BROOD_TASK_OPTIONS_INIT;

    failure = none;
    task = zero;
    task.failure = &failure;
}

static void expect_argument(brood_status status, const char *name)
{
    assert_status(status, BROOD_ERR_ARGUMENT);
    assert_status(failure.status, BROOD_ERR_ARGUMENT);
    if (strstr(failure.message, name) == NULL) {
        fail_msg("\"%s\" does not name %s", failure.message, name);
    }
    begin_submits();
}

static brood_status try_imap(brood_input_function *input, brood_imap **imap)
{
    return brood_pool_imap(pool, imap, task_echo, input, NULL, &task);
}

/* Options of a task, in each of the calls that take them. */
static void expect_all(const brood_task_options *bad, const char *name)
{
    brood_result *result = NULL;
    brood_imap *imap = NULL;
    brood_array array = {"x", 1, 1, 0};

    task = *bad;
    expect_argument(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, &task), name);
    task = *bad;
    expect_argument(brood_pool_apply_async(pool, &result, task_echo, NULL, 0, &task), name);
    task = *bad;
    expect_argument(brood_pool_map(pool, task_echo, "x", 1, 1, NULL, 0, &task), name);
    task = *bad;
    expect_argument(brood_pool_map_async(pool, &result, task_echo, "x", 1, 1, NULL, 0, &task),
                    name);
    task = *bad;
    expect_argument(brood_pool_for(pool, no_range, 0, 1, NULL, 0, &task), name);
    task = *bad;
    expect_argument(brood_pool_for_async(pool, &result, no_range, 0, 1, NULL, 0, &task), name);
    task = *bad;
    expect_argument(brood_pool_imap(pool, &imap, task_echo, brood_array_next, &array, &task), name);
    assert_null(imap);
    assert_null(result);
}

static void new_pool(void)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    options.workers = 1;
    assert_ok(brood_pool_create(&pool, &options));
    begin_submits();
    memset(long_text, 't', sizeof long_text - 1);
}

static void bad_options_of_tasks_are_named(void **state)
{
    brood_shared *none[1] = {NULL};
    brood_task_options bad;

    (void)state;
    new_pool();
    bad = task;
    bad.priority = 11;
    expect_all(&bad, "priority");
    bad.priority = -11;
    expect_all(&bad, "priority");
    bad = task;
    bad.struct_size = 0; /* zeroed, and not begun */
    expect_all(&bad, "options");
    bad = task;
    bad.tag = long_text;
    expect_all(&bad, "tag");
    bad = task;
    bad.try_submit = true;
    bad.submit_timeout_ms = 1;
    expect_all(&bad, "submit_timeout_ms");
    bad = task;
    bad.shared_count = 1;
    expect_all(&bad, "shared");
    bad.shared = none;
    expect_all(&bad, "shared");
    bad.shared_count = 65;
    expect_all(&bad, "shared");
    bad = task;
    bad.function_name = "x"; /* and a function */
    expect_all(&bad, "function_name");
    bad.function_name = long_text;
    expect_argument(brood_pool_apply(pool, NULL, NULL, 0, NULL, 0, &bad), "function_name");
    end_pool(pool);
}

static void bad_arguments_of_submits_are_named(void **state)
{
    brood_bytes items[1] = {{NULL, 1}};
    brood_bytes large[1] = {{"x", SIZE_MAX}};
    brood_result *result = NULL;
    brood_imap *imap = NULL;
    char out[8];

    (void)state;
    new_pool();
    expect_argument(brood_pool_apply(NULL, task_echo, NULL, 0, NULL, 0, &task), "pool");
    expect_argument(brood_pool_apply(pool, NULL, NULL, 0, NULL, 0, &task), "function");
    expect_argument(brood_pool_apply(pool, task_echo, NULL, 1, NULL, 0, &task), "arg");
    expect_argument(brood_pool_apply(pool, task_echo, out, SIZE_MAX - 1, NULL, 0, &task), "size");
    expect_argument(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 8, &task), "out");
    expect_argument(brood_pool_apply(pool, task_echo, NULL, 0, out, BROOD_SIZE_VARIES, &task),
                    "out_size");
    expect_argument(brood_pool_apply_async(pool, &result, NULL, NULL, 0, &task), "function");
    expect_argument(brood_pool_map(pool, task_echo, NULL, 1, 1, NULL, 0, &task), "in");
    expect_argument(brood_pool_map(pool, task_echo, "x", 1, 1, out, 0, &task), "out");
    expect_argument(brood_pool_map(pool, task_echo, "x", 1, 1, NULL, 1, &task), "out");
    expect_argument(brood_pool_map(pool, task_echo, "x", SIZE_MAX, 9, NULL, 0, &task), "size");
    expect_argument(brood_pool_map(pool, task_echo, "x", 1, 1, out, SIZE_MAX / 2 + 1, &task),
                    "out_size");
    expect_argument(brood_pool_map(pool, task_echo, items, 1, BROOD_SIZE_VARIES, NULL, 0, &task),
                    "in");
    expect_argument(brood_pool_map(pool, task_echo, large, 1, BROOD_SIZE_VARIES, NULL, 0, &task),
                    "size");
    expect_argument(brood_pool_map_async(NULL, &result, task_echo, "x", 1, 1, NULL, 0, &task),
                    "pool");
    expect_argument(brood_pool_for(pool, NULL, 0, 1, NULL, 0, &task), "function");
    expect_argument(brood_pool_for(pool, no_range, 0, 1, NULL, 1, &task), "arg");
    expect_argument(try_imap(NULL, &imap), "input");
    expect_argument(try_imap(brood_array_next, NULL), "imap");
    assert_ok(brood_pool_apply(pool, task_echo, "12345678", 8, out, 8, &task));
    end_pool(pool);
}

/* Only the worker can know of a name; a task that asks for it fails, and nothing else. */
static void an_unknown_name_is_the_failure_of_the_task(void **state)
{
    (void)state;
    new_pool();
    task.function_name = "no such function";
    assert_status(brood_pool_apply(pool, NULL, NULL, 0, NULL, 0, &task), BROOD_ERR_NO_FUNCTION);
    assert_status(failure.status, BROOD_ERR_NO_FUNCTION);
    begin_submits();
    assert_ok(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, &task));
    end_pool(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bad_options_of_a_pool_are_named),
    cmocka_unit_test(a_pool_must_have_a_place),
    cmocka_unit_test(what_the_system_refuses_is_told_at_once),
    cmocka_unit_test(structs_of_other_sizes),
    cmocka_unit_test(task_structs_of_other_sizes),
    cmocka_unit_test(failures_of_other_sizes),
    cmocka_unit_test(bad_options_of_tasks_are_named),
    cmocka_unit_test(bad_arguments_of_submits_are_named),
    cmocka_unit_test(an_unknown_name_is_the_failure_of_the_task),
};

BROOD_TEST_MAIN(tests)
