/* How far a map has come, for people: bars and lines. */
#include "harness.h"

#include <stdio.h>

#include "platform.h"
#include "pool/progress.h"

static brood_progress make_progress(uint64_t done, uint64_t total, double seconds)
{
    brood_progress made = {0};

    made.done = done;
    made.total = total;
    made.seconds = seconds;
    made.seconds_before = seconds - 0.1;
    made.rate = seconds > 0 ? (double)done / seconds : 0;
    made.seconds_left = made.rate > 0 ? (double)(total - done) / made.rate : -1;
    return made;
}

static void assert_text(brood_progress progress, const char *expected)
{
    char text[BROOD_PROGRESS_BYTES];

    brood_progress_text(text, sizeof text, &progress);
    assert_string_equal(text, expected);
}

static void assert_line(brood_progress progress, int columns, const char *expected)
{
    char line[BROOD_PROGRESS_BYTES];

    brood_progress_line(line, sizeof line, &progress, columns);
    assert_string_equal(line, expected);
}

static void a_text_says_what_is_known(void **state)
{
    brood_progress progress = make_progress(50, 200, 5);

    (void)state;
    assert_text(progress, "50 of 200, 25 %, 10.0/s, 15 s left");
    progress.failed = 3;
    assert_text(progress, "50 of 200, 25 %, 3 failed, 10.0/s, 15 s left");
    assert_text(make_progress(0, 200, 0), "0 of 200, 0 %");
    assert_text(make_progress(199, 200, 0.1), "199 of 200, 99 %, 1990/s, 0.0 s left");
    assert_text(make_progress(200, 200, 20), "200 of 200, 100 %, 10.0/s, in 20 s");
    assert_text(make_progress(12, 0, 3), "12, 4.0/s");
    assert_text(make_progress(0, 0, 0), "0, in 0.0 s");
}

static void a_time_is_told_in_its_units(void **state)
{
    (void)state;
    assert_text(make_progress(1, 1, 9.96), "1 of 1, 100 %, 0.1/s, in 10 s");
    assert_text(make_progress(100, 100, 59.4), "100 of 100, 100 %, 1.7/s, in 59 s");
    assert_text(make_progress(100, 100, 59.6), "100 of 100, 100 %, 1.7/s, in 1 min 00 s");
    assert_text(make_progress(200, 200, 125), "200 of 200, 100 %, 1.6/s, in 2 min 05 s");
    assert_text(make_progress(7300, 7300, 7300), "7300 of 7300, 100 %, 1.0/s, in 2 h 01 min");
}

static void a_bar_fills_the_terminal(void **state)
{
    (void)state;
    assert_line(make_progress(0, 200, 0), 40, "[                       ] 0 of 200, 0 %");
    assert_line(make_progress(50, 200, 5), 60,
                "[=====                 ] 50 of 200, 25 %, 10.0/s, 15 s left");
    assert_line(make_progress(200, 200, 20), 60,
                "[======================] 200 of 200, 100 %, 10.0/s, in 20 s");
}

static void without_room_or_total_there_is_no_bar(void **state)
{
    (void)state;
    assert_line(make_progress(50, 200, 5), 30, "50 of 200, 25 %, 10.0/s, 15 s");
    assert_line(make_progress(50, 200, 5), 2, "5");
    assert_line(make_progress(50, 200, 5), 1, "");
    assert_line(make_progress(12, 0, 3), 20, "12, 4.0/s          ");
}

static void a_very_wide_terminal_is_used_in_part(void **state)
{
    char line[BROOD_PROGRESS_BYTES];
    brood_progress progress = make_progress(50, 200, 5);

    (void)state;
    brood_progress_line(line, sizeof line, &progress, 100000);
    assert_int_equal(strlen(line), sizeof line - 1);
}

/* What it writes to a file at the calls at 0.0, 0.1, 0.2 ... seconds. */
static void run(uint64_t total, char *written, size_t size)
{
    FILE *file = tmpfile();
    double before = 0;
    size_t got = 0;

    assert_non_null(file);
    for (uint64_t done = 1; done <= total; done++) {
        brood_progress progress = make_progress(done, total, (double)done / 10);

        progress.seconds_before = before;
        before = progress.seconds;
        brood_progress_bar(&progress, file);
    }
    rewind(file);
    got = fread(written, 1, size - 1, file);
    written[got] = '\0';
    assert_int_equal(fclose(file), 0);
}

static void a_file_gets_few_lines(void **state)
{
    char written[2000];

    (void)state;
    run(123, written, sizeof written);
    assert_string_equal(written, "50 of 123, 40 %, 10.0/s, 7.3 s left\n"
                                 "100 of 123, 81 %, 10.0/s, 2.3 s left\n"
                                 "123 of 123, 100 %, 10.0/s, in 12 s\n");
}

static void a_file_gets_one_line_of_a_short_map(void **state)
{
    char written[2000];

    (void)state;
    run(20, written, sizeof written);
    assert_string_equal(written, "20 of 20, 100 %, 10.0/s, in 2.0 s\n");
}

/* ---- as a pool tells it ------------------------------------------------------------------ */

#define ITEMS 60

/* Takes 10 ms; one item fails. */
static int take_time(brood_task *task, const void *arg, size_t size)
{
    int64_t until = brood_os_now() + 10000000;

    (void)arg;
    (void)size;
    while (brood_os_now() < until) {
    }
    return brood_task_index(task) == 3 ? 1 : 0;
}

typedef struct diary {
    brood_progress last;
    int calls;
    bool wrong;
} diary;

/* On the pool's thread. */
static void write_down(const brood_progress *progress, void *user)
{
    diary *into = user;

    into->wrong |= progress->total != ITEMS || progress->done <= into->last.done ||
                   progress->failed < into->last.failed ||
                   progress->seconds_before != into->last.seconds ||
                   progress->seconds < progress->seconds_before || progress->seconds_left < 0;
    into->last = *progress;
    into->calls++;
}

static void a_map_tells_how_far_it_is(void **state)
{
    char items[ITEMS] = {0};
    diary written = {{0}};
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = NULL;

    (void)state;
    pool_options.workers = 2;
    options.chunk_size = 1;
    options.progress = write_down;
    options.progress_user = &written;
    assert_ok(brood_pool_create(&pool, &pool_options));
    assert_status(brood_pool_map(pool, take_time, items, ITEMS, 1, NULL, 0, &options),
                  BROOD_ERR_TASK);
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    brood_pool_destroy(pool);
    assert_false(written.wrong);
    assert_in_range(written.calls, 2, (int)(written.last.seconds * 10) + 1);
    assert_int_equal(written.last.done, ITEMS);
    assert_int_equal(written.last.failed, 1);
    assert_true(written.last.rate > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_text_says_what_is_known),
    cmocka_unit_test(a_time_is_told_in_its_units),
    cmocka_unit_test(a_bar_fills_the_terminal),
    cmocka_unit_test(without_room_or_total_there_is_no_bar),
    cmocka_unit_test(a_very_wide_terminal_is_used_in_part),
    cmocka_unit_test(a_file_gets_few_lines),
    cmocka_unit_test(a_file_gets_one_line_of_a_short_map),
    cmocka_unit_test(a_map_tells_how_far_it_is),
};

BROOD_TEST_MAIN(tests)
