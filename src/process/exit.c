#include "process/exit.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

/* The exit code as the child gave it: systems that keep 8 bits cut it. */
static bool is_same_code(int64_t whole, int64_t cut)
{
    return whole == cut || (whole & 0xff) == cut;
}

/* The same on every system: those of Windows are mapped to them, or are these. */
#define SIGNAL_KILL 9
#define SIGNAL_TERMINATE 15
#define ENDED_BY_CTRL_C 0xC000013A
#define LOADER_FAILED 127 /* of ld.so, and of a shell */

static brood_exit_reason reason_of_kill(brood_ended_by reason)
{
    switch (reason) {
    case BROOD_BY_KILL:
        return BROOD_EXIT_KILLED;
    case BROOD_BY_TIMEOUT:
        return BROOD_EXIT_TIMEOUT;
    case BROOD_BY_HANDSHAKE:
        return BROOD_EXIT_START;
    case BROOD_BY_ITSELF:
        break;
    }
    return BROOD_EXIT_NONE;
}

/* What we did, if it ended by just that; NONE if it was faster, or ended by something else. */
static brood_exit_reason our_doing(const brood_process *process, const brood_os_exit *result)
{
    bool lost = result->reason == BROOD_EXIT_LOST && !process->has_code;

    if (result->reason != BROOD_EXIT_SIGNAL && !lost) {
        return BROOD_EXIT_NONE;
    }
    if (process->ended_by != BROOD_BY_ITSELF && (lost || result->code == SIGNAL_KILL)) {
        return reason_of_kill(process->ended_by);
    }
    if (process->asked &&
        (lost || result->code == SIGNAL_TERMINATE || result->code == ENDED_BY_CTRL_C)) {
        return BROOD_EXIT_TERMINATED;
    }
    return BROOD_EXIT_NONE;
}

/* Windows has one number for all: what a function returned may look like an exception or a limit. */
static bool is_code_after_all(const brood_process *process, const brood_os_exit *result)
{
    bool looks_like_more = (result->reason == BROOD_EXIT_SIGNAL && result->code > UINT16_MAX) ||
                           result->reason == BROOD_EXIT_CPU_TIME;

    return process->has_code &&
           (result->reason == BROOD_EXIT_LOST ||
            (looks_like_more && (int32_t)(uint32_t)result->code == process->ended.code));
}

static brood_exit_reason reason_of(const brood_process *process, const brood_os_exit *result)
{
    bool failed = result->reason != BROOD_EXIT_CODE || result->code != 0;
    brood_exit_reason ours = our_doing(process, result);

    if (ours != BROOD_EXIT_NONE) {
        return ours;
    }
    if (process->out_of_memory && failed) {
        return BROOD_EXIT_MEMORY;
    }
    if (process->refused || (!process->is_command && !process->hello && !process->is_deaf)) {
        return BROOD_EXIT_START;
    }
    return is_code_after_all(process, result) ? BROOD_EXIT_CODE : result->reason;
}

static void explain_start(brood_process *process, const brood_os_exit *result)
{
    brood_error *error = &process->info.error;
    const char *name = brood_os_signal_name(result->code);

    if (process->refused) {
        *error = process->refusal;
    } else if (process->ended_by == BROOD_BY_HANDSHAKE) {
        brood_fail(error, BROOD_ERR_NO_HELLO, 0, "handshake",
                   "the child did not come to brood_init within handshake_timeout_ms");
    } else if (result->reason == BROOD_EXIT_LOST) {
        brood_fail(error, BROOD_ERR_NO_HELLO, 0, "handshake",
                   "the child ended before it came to its function; how, somebody else in this "
                   "program was told");
    } else if (result->reason == BROOD_EXIT_CODE && result->code == LOADER_FAILED) {
        brood_fail(error, BROOD_ERR_NO_HELLO, 0, "handshake",
                   "the child exited with code 127 before brood_init, as loaders do that do not "
                   "find a library: what it wrote to stderr says more");
    } else if (result->reason == BROOD_EXIT_CODE) {
        brood_fail(error, BROOD_ERR_NO_HELLO, 0, "handshake",
                   "the child exited with code %" PRId64 " and did not call brood_init: %s",
                   result->code,
                   process->has_memory_limit ? "memory_limit_bytes may be too small for a start"
                                             : "call it in the first line of main");
    } else {
        brood_fail(error, BROOD_ERR_NO_HELLO, 0, "handshake",
                   "the child ended by signal %" PRId64 "%s%s%s before it came to its function",
                   result->code, name[0] != '\0' ? " (" : "", name, name[0] != '\0' ? ")" : "");
    }
}

void brood_exit_decide(brood_process *process, const brood_os_exit *result)
{
    brood_exit_info *info = &process->info;
    bool is_signal = result->reason != BROOD_EXIT_CODE && result->reason != BROOD_EXIT_LOST;

    info->struct_size = sizeof *info;
    info->reason = reason_of(process, result);
    info->code = result->code;
    info->cpu_user_us = result->cpu_user_us;
    info->cpu_system_us = result->cpu_system_us;
    info->peak_memory_bytes = result->peak_memory_bytes;
    if (process->has_code && info->reason == BROOD_EXIT_CODE &&
        (result->reason != BROOD_EXIT_CODE || is_same_code(process->ended.code, result->code))) {
        info->code = process->ended.code;
    }
    if (process->has_code && info->peak_memory_bytes == 0) {
        info->peak_memory_bytes = process->ended.peak_memory_bytes;
    }
    if (is_signal && info->reason != BROOD_EXIT_CODE) {
        snprintf(info->name, sizeof info->name, "%s", brood_os_signal_name(result->code));
    }
    if (info->reason == BROOD_EXIT_START) {
        explain_start(process, result);
    }
}

static const char *how(brood_exit_reason reason)
{
    switch (reason) {
    case BROOD_EXIT_NONE:
        return "still running";
    case BROOD_EXIT_CODE:
        return "exited with code";
    case BROOD_EXIT_SIGNAL:
        return "ended by signal or exception";
    case BROOD_EXIT_TERMINATED:
        return "terminated as asked";
    case BROOD_EXIT_KILLED:
        return "killed as asked";
    case BROOD_EXIT_TIMEOUT:
        return "killed after its time-out";
    case BROOD_EXIT_MEMORY:
        return "out of memory under its limit";
    case BROOD_EXIT_CPU_TIME:
        return "ended after its CPU time limit";
    case BROOD_EXIT_START:
        return "did not come to its function";
    case BROOD_EXIT_LOST:
        return "ended, but its status was taken by another part of the program";
    }
    return "ended in an unknown way";
}

size_t brood_exit_text(const brood_exit_info *info, char *buffer, size_t size)
{
    char name[sizeof info->name + 3] = "";
    int length = 0;

    if (info != NULL && info->name[0] != '\0') {
        snprintf(name, sizeof name, " (%s)", info->name);
    }
    if (info == NULL || (buffer == NULL && size > 0)) {
        return 0;
    }
    if (info->reason == BROOD_EXIT_CODE) {
        length = snprintf(buffer, size, "%s %" PRId64, how(info->reason), info->code);
    } else if (info->reason == BROOD_EXIT_SIGNAL) {
        length = info->code > 0xffff ? snprintf(buffer, size, "%s 0x%08" PRIX64 "%s",
                                                how(info->reason), (uint64_t)info->code, name)
                                     : snprintf(buffer, size, "%s %" PRId64 "%s", how(info->reason),
                                                info->code, name);
    } else if (info->reason == BROOD_EXIT_START &&
               info->struct_size >= offsetof(brood_exit_info, error) + sizeof info->error) {
        length = snprintf(buffer, size, "%s: %s", how(info->reason), info->error.message);
    } else {
        length = snprintf(buffer, size, "%s", how(info->reason));
    }
    return length < 0 ? 0 : (size_t)length;
}
