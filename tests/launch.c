#include "launch.h"

#include "harness.h"

uint32_t launch_cpu_time_s;

void launch_prepare(launch *run, const char *mode, const char *argument)
{
    *run = (launch){.argv = {harness_self, mode, argument, NULL}};
    assert_ok(brood_os_environment_copy(&run->environment, NULL));
    run->spawn.file = harness_self;
    run->spawn.argv = run->argv;
    run->spawn.cpu_time_limit_s = launch_cpu_time_s;
    run->spawn.environment = (const char *const *)run->environment;
    for (int i = 0; i < 3; i++) {
        run->spawn.stdio[i] = BROOD_HANDLE_NONE;
    }
}

brood_os_process *launch_start(launch *run)
{
    brood_os_process *process = NULL;

    assert_ok(brood_os_spawn_process(&process, &run->spawn, NULL));
    assert_non_null(process);
    brood_os_environment_free(run->environment);
    return process;
}

void launch_reap(brood_os_process *process, brood_os_exit *result)
{
    int64_t deadline = brood_os_now() + SOON_MS * INT64_C(1000000);
    brood_status status = brood_os_process_reap(process, result, NULL);

    while (status == BROOD_ERR_TIMEOUT) {
        brood_os_wait_item item = {process, NULL, false, false};

        assert_ok(brood_os_wait(&item, 1, deadline, NULL));
        status = brood_os_process_reap(process, result, NULL);
    }
    assert_ok(status);
}
