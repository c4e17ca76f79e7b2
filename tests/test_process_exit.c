/* P1, P2: how a process ended is told exactly. */
#include "harness.h"

#include <stdlib.h>

static int return_code(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return *(const int *)arg;
}

static int call_exit(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    exit(*(const int *)arg);
}

static void expect_code(brood_function *function, int code)
{
    brood_process *process = NULL;

    assert_ok(brood_process_start(&process, function, &code, sizeof code, NULL));
    assert_ends(process, BROOD_EXIT_CODE, code);
    brood_process_destroy(process);
}

static void p1_a_returned_code_arrives_whole(void **state)
{
    static const int codes[] = {0, 1, 255, 256, 70000, -1};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        expect_code(return_code, codes[i]);
    }
}

static void p1_the_code_of_exit_arrives(void **state)
{
    (void)state;
    expect_code(call_exit, 0);
    expect_code(call_exit, 1);
    expect_code(call_exit, 255);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(p1_a_returned_code_arrives_whole),
    cmocka_unit_test(p1_the_code_of_exit_arrives),
};

BROOD_TEST_MAIN(tests)
