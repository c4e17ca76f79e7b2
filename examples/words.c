#include "words.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_hash.h>
#include <apr_strings.h>

/* A word, or with the count 0 a complaint, which has a colon and so is no word. */
typedef struct word {
    struct word *next;
    uint64_t count;
    size_t length;
    char text[];
} word;

struct words {
    apr_pool_t *pool;
    apr_hash_t *table; /* from text to word */
    word *first;       /* all of them, as they came: faster to go through than the table */
    word **last;
    size_t packed_size;
};

words *words_make(apr_pool_t *pool)
{
    words *made = apr_pcalloc(pool, sizeof *made);

    made->pool = pool;
    made->table = apr_hash_make(pool);
    made->last = &made->first;
    return made;
}

static word *insert(words *to, const char *text, size_t length)
{
    word *made = apr_palloc(to->pool, sizeof *made + length);

    made->next = NULL;
    made->count = 0;
    made->length = length;
    memcpy(made->text, text, length);
    apr_hash_set(to->table, made->text, (apr_ssize_t)length, made);
    *to->last = made;
    to->last = &made->next;
    to->packed_size += sizeof *made + length;
    return made;
}

static void add(words *to, const char *text, size_t length, uint64_t count)
{
    word *found = apr_hash_get(to->table, text, (apr_ssize_t)length);

    if (found == NULL) {
        found = insert(to, text, length);
    }
    found->count += count;
}

void words_complain(words *to, const char *path, const char *reason)
{
    char *text = apr_pstrcat(to->pool, path, ": ", reason, NULL);

    add(to, text, strlen(text), 0);
}

void words_complain_of_status(words *to, const char *path, apr_status_t status)
{
    char reason[200];

    words_complain(to, path, apr_strerror(status, reason, sizeof reason));
}

/* ---- Counting ---------------------------------------------------------------------------- */

/* What a byte is in a word; 0: it is in none. */
static char letter_of(int byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte + ('a' - 'A'));
    }
    return (byte >= 'a' && byte <= 'z') || byte > 0x7f ? (char)byte : 0;
}

/* Cuts a stream of bytes into words. */
typedef struct cutter {
    words *to;
    char letters[256]; /* letter_of, looked up */
    char *word;        /* that has begun */
    size_t length;
    size_t capacity;
    bool skip; /* it began before the block */
} cutter;

static cutter make_cutter(words *to)
{
    cutter made = {to};

    for (int i = 0; i < 256; i++) {
        made.letters[i] = letter_of(i);
    }
    return made;
}

static void end_word(cutter *at)
{
    if (at->length > 0 && !at->skip) {
        add(at->to, at->word, at->length, 1);
    }
    at->length = 0;
    at->skip = false;
}

/* Makes room for a word that is longer by size bytes. */
static void reserve(cutter *at, size_t size)
{
    if (at->capacity - at->length < size) {
        char *old = at->word;

        at->capacity = 2 * (at->length + size);
        at->word = apr_palloc(at->to->pool, at->capacity);
        if (at->length > 0) {
            memcpy(at->word, old, at->length);
        }
    }
}

static void cut(cutter *at, const unsigned char *bytes, size_t size)
{
    reserve(at, size);
    for (size_t i = 0; i < size; i++) {
        char letter = at->letters[bytes[i]];

        if (letter != 0) {
            at->word[at->length++] = letter;
        } else {
            end_word(at);
        }
    }
    if (at->skip) { /* it may be very long, and nobody wants it */
        at->length = 0;
    }
}

static size_t leading_letters(const cutter *at, const unsigned char *bytes, size_t size)
{
    size_t count = 0;

    while (count < size && at->letters[bytes[count]] != 0) {
        count++;
    }
    return count;
}

static apr_status_t count_words(cutter *at, apr_file_t *file, uint64_t begin, uint64_t end)
{
    unsigned char buffer[32768];
    uint64_t position = begin > 0 ? begin - 1 : 0; /* that byte tells if a word has begun before */
    apr_off_t offset = (apr_off_t)position;
    apr_status_t status = apr_file_seek(file, APR_SET, &offset);

    at->skip = begin > 0;
    while (status == APR_SUCCESS && (position < end || at->length > 0)) {
        bool inside = position < end;
        apr_size_t size =
            inside && end - position < sizeof buffer ? (apr_size_t)(end - position) : sizeof buffer;

        status = apr_file_read(file, buffer, &size);
        if (status == APR_SUCCESS) {
            size_t used = inside ? size : leading_letters(at, buffer, size);

            cut(at, buffer, used);
            if (used < size) {
                end_word(at);
            }
            position += size;
        }
    }
    end_word(at);
    return APR_STATUS_IS_EOF(status) ? APR_SUCCESS : status;
}

void words_count_file(words *to, const char *path, uint64_t begin, uint64_t end)
{
    cutter at = make_cutter(to);
    apr_file_t *file = NULL;
    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY,
                                        APR_FPROT_OS_DEFAULT, to->pool);

    if (status == APR_SUCCESS) {
        status = count_words(&at, file, begin, end);
        apr_file_close(file);
    }
    if (status != APR_SUCCESS) {
        words_complain_of_status(to, path, status);
    }
}

/* ---- Bytes ------------------------------------------------------------------------------- */

size_t words_packed_size(const words *from)
{
    return from->packed_size;
}

void words_pack(const words *from, char *bytes)
{
    for (const word *each = from->first; each != NULL; each = each->next) {
        memcpy(bytes, each, sizeof *each + each->length);
        bytes += sizeof *each + each->length;
    }
}

void words_unpack(words *to, const char *bytes, size_t size)
{
    const char *end = bytes + size;

    while (bytes < end) {
        word head;

        memcpy(&head, bytes, sizeof head);
        add(to, bytes + sizeof head, head.length, head.count);
        bytes += sizeof head + head.length;
    }
}

/* ---- Printing ---------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    const word *a = *(const word *const *)left;
    const word *b = *(const word *const *)right;
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = 0;

    if (a->count != b->count) {
        return a->count > b->count ? -1 : 1;
    }
    order = memcmp(a->text, b->text, shorter);
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static void print(const word *each)
{
    printf("%7" PRIu64 " ", each->count);
    fwrite(each->text, 1, each->length, stdout);
    putchar('\n');
}

/* Keeps at most twice as many as are wanted, and sorts when there are more: all would take long. */
size_t words_print_top(const words *from, size_t top)
{
    size_t all = apr_hash_count(from->table);
    size_t wanted = top < all ? top : all;
    const word **best = apr_palloc(from->pool, (2 * wanted + 1) * sizeof(word *));
    size_t count = 0;
    size_t different = 0;

    for (const word *each = from->first; each != NULL; each = each->next) {
        if (each->count == 0) {
            continue;
        }
        different++;
        best[count++] = each;
        if (count > 2 * wanted) {
            qsort(best, count, sizeof(word *), compare);
            count = wanted;
        }
    }
    qsort(best, count, sizeof(word *), compare);
    for (size_t i = 0; i < count && i < wanted; i++) {
        print(best[i]);
    }
    return different;
}

size_t words_print_complaints(const words *from)
{
    size_t count = 0;

    for (const word *each = from->first; each != NULL; each = each->next) {
        if (each->count == 0) {
            fprintf(stderr, "%.*s\n", (int)each->length, each->text);
            count++;
        }
    }
    return count;
}
