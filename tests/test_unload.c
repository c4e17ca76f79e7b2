/* W17, W18: a library that holds brood, at the process's end and when it is unloaded. */
#include "harness.h"

#include "platform.h"

#if defined(PLUGIN_UNLOADED)
typedef int entry_function(const char *worker, brood_function *of_host);

#define PAST_ITS_TIME_OUT INT64_C(2000000000)

static int load_and_unload(brood_task *task, const void *arg, size_t size)
{
    entry_function *entry =
        (entry_function *)support_library_function(PLUGIN_UNLOADED, "plugin_entry");
    int code = entry == NULL ? 3 : entry(BROOD_WORKER_FILE, NULL);

    (void)task;
    (void)arg;
    (void)size;
    support_library_unload(PLUGIN_UNLOADED);
    brood_os_sleep(PAST_ITS_TIME_OUT);
    return code;
}

static void w18_a_plugin_is_unloaded_before_its_time_out(void **state)
{
    brood_process *process = NULL;

    (void)state;
    assert_ok(brood_process_start(&process, load_and_unload, NULL, 0, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

/* On Windows its threads are gone by then. */
static void w17_a_plugin_destroys_its_pool_at_exit(void **state)
{
    const char *argv[] = {HELPER_HOST, PLUGIN_LEAVING, BROOD_WORKER_FILE, NULL};
    brood_process *process = NULL;

    (void)state;
    assert_ok(brood_command_start(&process, argv, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}
#else
static void w17_a_plugin_destroys_its_pool_at_exit(void **state)
{
    (void)state;
    harness_skip("no libraries can be loaded here");
}

static void w18_a_plugin_is_unloaded_before_its_time_out(void **state)
{
    (void)state;
    harness_skip("no libraries can be loaded here");
}
#endif

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(w17_a_plugin_destroys_its_pool_at_exit),
    cmocka_unit_test(w18_a_plugin_is_unloaded_before_its_time_out),
};

BROOD_TEST_MAIN(tests)
