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

int main(int argc, char **argv)
{
    bool fine = brood_init(argc, argv) == BROOD_OK &&
                std::strcmp(brood_version(), BROOD_VERSION_STRING) == 0 &&
                brood_cpu_usable() >= 1 && starts();

    std::printf("u7 from C++: %s\n", fine ? "fine" : "failed");
    return fine ? 0 : 1;
}
