#include "process/self.h"

#include "base/error.h"
#include "base/memory.h"
#include "platform.h"
#include "runtime/begin.h"

brood_stage brood_self_stage(void)
{
    return brood_here()->self.stage;
}

void brood_self_enter(brood_stage stage)
{
    brood_here()->self.stage = stage;
}

brood_status brood_require_ready(brood_error *error)
{
    if (brood_self_stage() == BROOD_STAGE_READY) {
        return brood_begin() == BROOD_OK ? BROOD_OK : brood_fail_memory(error, "brood_init");
    }
    if (brood_self_stage() == BROOD_STAGE_BOOTSTRAPPING) {
        return brood_fail(error, BROOD_ERR_BOOTSTRAPPING, 0, "brood_init",
                          "this child has not yet come to its function");
    }
    return brood_fail(error, BROOD_ERR_NOT_INITIALIZED, 0, "brood_init",
                      "call brood_init(argc, argv) in the first line of main");
}

brood_status brood_self_find(const char *argv0, brood_error *error)
{
    return brood_os_self_find(&brood_here()->self.executable, argv0, error);
}

void brood_self_forget(void)
{
    brood_free(brood_here()->self.executable);
    brood_here()->self.executable = NULL;
}

void brood_self_be_hosted(char *worker)
{
    brood_here()->self.executable = worker;
    brood_here()->self.hosted = true;
}

const char *brood_child_executable(void)
{
    return brood_here()->self.hosted ? brood_here()->self.executable
                                     : brood_os_self_path(brood_here()->self.executable);
}

bool brood_is_hosted(void)
{
    return brood_here()->self.hosted;
}
