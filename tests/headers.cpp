// U7: a C++ program that uses the library.
#include <cstdio>
#include <cstring>

#include <brood/brood.h>

static int answer(brood_task *, const void *, size_t)
{
    return 42;
}

// The INIT macros, which are functions in C++: brood_process_options_init, brood_exit_info_init.
static bool starts()
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = nullptr;

    options.name = "from C++";
    if (brood_process_start(&process, answer, nullptr, 0, &options) != BROOD_OK) {
        return false;
    }
    brood_process_join(process, BROOD_FOREVER);
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    return info.reason == BROOD_EXIT_CODE && info.code == 42;
}

static int twice(brood_task *task, const void *arg, size_t)
{
    int value = 2 * *static_cast<const int *>(arg);

    return brood_return(task, &value, sizeof value);
}

// The same of a pool: brood_pool_options_init, brood_task_options_init, brood_failure_init,
// brood_pool_stats_init.
static bool pools()
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options how = BROOD_TASK_OPTIONS_INIT;
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = nullptr;
    int in = 21;
    int out = 0;

    options.workers = 1;
    how.failure = &failure;
    if (brood_pool_create(&pool, &options) != BROOD_OK) {
        return false;
    }
    bool applied = brood_pool_apply(pool, twice, &in, sizeof in, &out, sizeof out, &how) == BROOD_OK;
    brood_pool_get_stats(pool, &stats);
    brood_pool_destroy(pool);
    return applied && out == 42 && stats.succeeded == 1;
}

int main(int argc, char **argv)
{
    bool fine = brood_init(argc, argv) == BROOD_OK &&
                std::strcmp(brood_version(), BROOD_VERSION_STRING) == 0 &&
                brood_cpu_usable() >= 1 && starts() && pools();

    std::printf("u7 from C++: %s\n", fine ? "fine" : "failed");
    return fine ? 0 : 1;
}
