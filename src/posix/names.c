#include <signal.h>

#include "posix/system.h"

static const char *real_time_name(int64_t code)
{
#if defined(SIGRTMIN) && defined(SIGRTMAX)
    static const char *const names[] = {
        "SIGRTMIN",    "SIGRTMIN+1",  "SIGRTMIN+2",  "SIGRTMIN+3",  "SIGRTMIN+4",  "SIGRTMIN+5",
        "SIGRTMIN+6",  "SIGRTMIN+7",  "SIGRTMIN+8",  "SIGRTMIN+9",  "SIGRTMIN+10", "SIGRTMIN+11",
        "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMIN+16", "SIGRTMIN+17",
        "SIGRTMIN+18", "SIGRTMIN+19", "SIGRTMIN+20", "SIGRTMIN+21", "SIGRTMIN+22", "SIGRTMIN+23",
        "SIGRTMIN+24", "SIGRTMIN+25", "SIGRTMIN+26", "SIGRTMIN+27", "SIGRTMIN+28", "SIGRTMIN+29",
        "SIGRTMIN+30", "SIGRTMIN+31"};

    if (code >= SIGRTMIN && code <= SIGRTMAX &&
        (size_t)(code - SIGRTMIN) < sizeof names / sizeof names[0]) {
        return names[code - SIGRTMIN];
    }
#endif
    (void)code;
    return "";
}

#define NAME(number)                                                                               \
    {                                                                                              \
        number, #number                                                                            \
    }
static const struct {
    int number;
    const char *name;
} signals[] = {NAME(SIGABRT),   NAME(SIGALRM), NAME(SIGBUS),  NAME(SIGCHLD), NAME(SIGCONT),
               NAME(SIGFPE),    NAME(SIGHUP),  NAME(SIGILL),  NAME(SIGINT),  NAME(SIGKILL),
               NAME(SIGPIPE),   NAME(SIGPROF), NAME(SIGQUIT), NAME(SIGSEGV), NAME(SIGSTOP),
               NAME(SIGSYS),    NAME(SIGTERM), NAME(SIGTRAP), NAME(SIGTSTP), NAME(SIGTTIN),
               NAME(SIGTTOU),   NAME(SIGURG),  NAME(SIGUSR1), NAME(SIGUSR2), NAME(SIGVTALRM),
               NAME(SIGXCPU),   NAME(SIGXFSZ),
#if defined(SIGIO)
               NAME(SIGIO),
#endif
#if defined(SIGPWR)
               NAME(SIGPWR),
#endif
#if defined(SIGSTKFLT)
               NAME(SIGSTKFLT),
#endif
#if defined(SIGEMT)
               NAME(SIGEMT),
#endif
#if defined(SIGINFO)
               NAME(SIGINFO),
#endif
#if defined(SIGWINCH)
               NAME(SIGWINCH)
#endif
};
#undef NAME

const char *brood_os_signal_name(int64_t code)
{
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (signals[i].number == code) {
            return signals[i].name;
        }
    }
    return real_time_name(code);
}
