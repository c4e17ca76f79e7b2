#include "measure.h"

#include <windows.h>

#include <stdio.h>

const char *const yardstick_name = "CreateProcess and WaitForSingleObject";

void yardstick_start_and_wait(const char *program, const char *argument)
{
    char line[1024];
    STARTUPINFOA startup = {0};
    PROCESS_INFORMATION process = {0};

    startup.cb = sizeof startup;
    snprintf(line, sizeof line, "\"%s\" %s", program, argument);
    if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process)) {
        bench_fail("CreateProcess failed");
    }
    WaitForSingleObject(process.hProcess, INFINITE);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
}
