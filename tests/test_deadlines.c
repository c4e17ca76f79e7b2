/* Which deadline is the next. */
#include "harness.h"

#include <stdlib.h>

#include "pool/pool_impl.h"

#define JOBS 2000
#define STEPS 20000

static brood_job_extras extras[JOBS];
static brood_result jobs[JOBS];
static brood_result *earliest;

static uint32_t draw(uint32_t below)
{
    static uint64_t seed = 1;

    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(seed >> 33) % below;
}

static void add(brood_result *job, int64_t deadline)
{
    job->more = &extras[job - jobs];
    job->more->deadline = deadline;
    brood_deadlines_add(&earliest, job);
}

static int64_t find_earliest(void)
{
    int64_t found = BROOD_NEVER;

    for (size_t i = 0; i < JOBS; i++) {
        if (extras[i].by_deadline.is_linked && extras[i].deadline < found) {
            found = extras[i].deadline;
        }
    }
    return found;
}

static void take_all_in_order(size_t count)
{
    int64_t before = 0;

    for (size_t i = 0; i < count; i++) {
        assert_non_null(earliest);
        assert_true(earliest->more->deadline >= before);
        before = earliest->more->deadline;
        brood_deadlines_remove(&earliest, earliest);
    }
    assert_null(earliest);
}

static void any_order_comes_out_sorted(void **state)
{
    (void)state;
    for (size_t i = 0; i < JOBS; i++) {
        add(&jobs[i], (int64_t)draw(JOBS / 2));
    }
    take_all_in_order(JOBS);
    for (size_t i = 0; i < JOBS; i++) {
        add(&jobs[i], (int64_t)i);
    }
    take_all_in_order(JOBS);
    for (size_t i = 0; i < JOBS; i++) {
        add(&jobs[i], (int64_t)(JOBS - i));
    }
    take_all_in_order(JOBS);
}

static void any_of_them_may_be_removed(void **state)
{
    size_t count = 0;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        brood_result *job = &jobs[draw(JOBS)];

        if (extras[job - jobs].by_deadline.is_linked) {
            brood_deadlines_remove(&earliest, job);
            count--;
        } else {
            add(job, (int64_t)draw(100000));
            count++;
        }
        if (step % 16 == 0) {
            assert_true((earliest == NULL ? BROOD_NEVER : earliest->more->deadline) ==
                        find_earliest());
        }
    }
    take_all_in_order(count);
}

static void one_that_is_not_there_is_left_alone(void **state)
{
    (void)state;
    jobs[1].more = &extras[1];
    add(&jobs[0], 1);
    brood_deadlines_remove(&earliest, &jobs[1]);
    assert_ptr_equal(earliest, &jobs[0]);
    brood_deadlines_remove(&earliest, &jobs[0]);
    brood_deadlines_remove(&earliest, &jobs[0]);
    assert_null(earliest);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(any_order_comes_out_sorted),
    cmocka_unit_test(any_of_them_may_be_removed),
    cmocka_unit_test(one_that_is_not_there_is_left_alone),
};

BROOD_TEST_MAIN(tests)
