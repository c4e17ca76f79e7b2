/* Waiting for the ends of many processes: each is told, until it is removed, and none is reaped. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "launch.h"
#include "platform.h"

#define SOME 5

static int64_t soon(void)
{
    return brood_os_now() + SOON_MS * INT64_C(1000000);
}

/* The next owner that is told; wakes and false alarms are passed over. */
static void *next_owner(brood_os_poller *poller)
{
    void *owner = NULL;
    size_t count = 0;

    while (count == 0) {
        assert_ok(brood_os_poller_wait(poller, &owner, 1, &count, soon(), NULL));
    }
    return owner;
}

static brood_os_process *start(const char *mode, const char *argument)
{
    launch run;

    launch_prepare(&run, mode, argument);
    return launch_start(&run);
}

static void reap(brood_os_process *process, int64_t code)
{
    brood_os_exit result;

    launch_reap(process, &result);
    assert_int_equal(result.code, code);
    brood_os_process_free(process);
}

static void wait_for_end(brood_os_process *process)
{
    brood_os_wait_item item = {process, NULL, false, false};

    assert_ok(brood_os_wait(&item, 1, soon(), NULL));
}

static void an_end_is_told_until_it_is_removed(void **state)
{
    brood_os_process *process = start("--exit", "7");
    brood_os_poller *poller = NULL;
    void *owner = NULL;
    size_t count = 0;

    (void)state;
    assert_ok(brood_os_poller_create(&poller, NULL));
    assert_ok(brood_os_poller_add_process(poller, process, &owner, NULL));
    for (int i = 0; i < 20; i++) {
        assert_ptr_equal(next_owner(poller), &owner);
    }
    brood_os_poller_remove_process(poller, process);
    while (brood_os_poller_wait(poller, &owner, 1, &count, 0, NULL) != BROOD_ERR_TIMEOUT) {
        assert_int_equal(count, 0);
    }
    reap(process, 7);
    brood_os_poller_free(poller);
}

static void one_that_has_ended_already(void **state)
{
    brood_os_process *process = start("--exit", "0");
    brood_os_poller *poller = NULL;

    (void)state;
    wait_for_end(process);
    assert_ok(brood_os_poller_create(&poller, NULL));
    assert_ok(brood_os_poller_add_process(poller, process, process, NULL));
    assert_ptr_equal(next_owner(poller), process);
    brood_os_poller_remove_process(poller, process);
    reap(process, 0);
    brood_os_poller_free(poller);
}

static void one_that_runs_is_not_told(void **state)
{
    brood_os_process *process = start("--hang", "");
    brood_os_poller *poller = NULL;
    brood_status status = BROOD_OK;
    void *owner = NULL;
    size_t count = 0;
    brood_os_exit result;

    (void)state;
    assert_ok(brood_os_poller_create(&poller, NULL));
    assert_ok(brood_os_poller_add_process(poller, process, process, NULL));
    while (status == BROOD_OK) {
        status = brood_os_poller_wait(poller, &owner, 1, &count, brood_os_now() + 20000000, NULL);
        assert_int_equal(count, 0);
    }
    assert_status(status, BROOD_ERR_TIMEOUT);
    assert_ok(brood_os_process_kill(process, NULL));
    assert_ptr_equal(next_owner(poller), process);
    brood_os_poller_remove_process(poller, process);
    launch_reap(process, &result);
    brood_os_process_free(process);
    brood_os_poller_free(poller);
}

static void one_that_was_not_added_is_removed(void **state)
{
    brood_os_process *processes[2] = {start("--exit", "1"), start("--exit", "2")};
    brood_os_poller *poller = NULL;

    (void)state;
    assert_ok(brood_os_poller_create(&poller, NULL));
    brood_os_poller_remove_process(poller, processes[0]);
    assert_ok(brood_os_poller_add_process(poller, processes[1], processes[1], NULL));
    wait_for_end(processes[0]);
    brood_os_poller_remove_process(poller, processes[0]);
    assert_ptr_equal(next_owner(poller), processes[1]);
    brood_os_poller_remove_process(poller, processes[1]);
    reap(processes[0], 1);
    reap(processes[1], 2);
    brood_os_poller_free(poller);
}

/* A child and its channel, both ready, have one owner: each wait tells it once. */
static void one_owner_of_a_process_and_its_channel(void **state)
{
    brood_os_process *process = start("--exit", "3");
    brood_os_poller *poller = NULL;
    brood_os_channel *channel = NULL;
    brood_handle end = BROOD_HANDLE_NONE;

    (void)state;
    assert_ok(brood_os_channel_pair(&channel, &end, NULL));
    brood_os_handle_close(end);
    wait_for_end(process);
    assert_ok(brood_os_poller_create(&poller, NULL));
    assert_ok(brood_os_poller_add(poller, channel, process, NULL));
    assert_ok(brood_os_poller_add_process(poller, process, process, NULL));
    for (int i = 0; i < 20; i++) {
        void *owners[4] = {NULL};
        size_t count = 0;

        assert_ok(brood_os_poller_wait(poller, owners, 4, &count, soon(), NULL));
        assert_true(count <= 1);
        assert_true(count == 0 || owners[0] == process);
    }
    brood_os_poller_remove(poller, channel);
    assert_ptr_equal(next_owner(poller), process); /* the process is left */
    brood_os_poller_remove_process(poller, process);
    brood_os_channel_close(channel);
    reap(process, 3);
    brood_os_poller_free(poller);
}

static void each_of_some_is_told(void **state)
{
    brood_os_process *processes[SOME];
    brood_os_poller *poller = NULL;

    (void)state;
    assert_ok(brood_os_poller_create(&poller, NULL));
    for (int i = 0; i < SOME; i++) {
        char code[8];

        snprintf(code, sizeof code, "%d", i);
        processes[i] = start("--exit", code);
        assert_ok(brood_os_poller_add_process(poller, processes[i], &processes[i], NULL));
    }
    for (int told = 0; told < SOME; told++) {
        brood_os_process **ended = next_owner(poller);

        assert_non_null(*ended);
        brood_os_poller_remove_process(poller, *ended);
        reap(*ended, ended - processes);
        *ended = NULL;
    }
    brood_os_poller_free(poller);
}

static int as_command(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--exit") == 0) {
        return atoi(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "--hang") == 0) {
        support_hang();
    }
    return -1;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_end_is_told_until_it_is_removed),
    cmocka_unit_test(one_that_has_ended_already),
    cmocka_unit_test(one_that_runs_is_not_told),
    cmocka_unit_test(one_that_was_not_added_is_removed),
    cmocka_unit_test(one_owner_of_a_process_and_its_channel),
    cmocka_unit_test(each_of_some_is_told),
};

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
