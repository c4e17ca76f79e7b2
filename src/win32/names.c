#include "win32/system.h"

/*
 * Numbers of https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/ under their names
 * in winnt.h: EXCEPTION_ where a program can catch it. The last one is what throw of C++ raises.
 */
#define EXCEPTION_TABLE(X)                                                                         \
    X(BROOD_WIN32_SIGKILL, "SIGKILL")                                                              \
    X(BROOD_WIN32_SIGTERM, "SIGTERM")                                                              \
    X(0x40000015, "STATUS_FATAL_APP_EXIT")                                                         \
    X(0x80000001, "EXCEPTION_GUARD_PAGE")                                                          \
    X(0x80000002, "EXCEPTION_DATATYPE_MISALIGNMENT")                                               \
    X(0x80000003, "EXCEPTION_BREAKPOINT")                                                          \
    X(0x80000004, "EXCEPTION_SINGLE_STEP")                                                         \
    X(0xC0000005, "EXCEPTION_ACCESS_VIOLATION")                                                    \
    X(0xC0000006, "EXCEPTION_IN_PAGE_ERROR")                                                       \
    X(0xC0000008, "EXCEPTION_INVALID_HANDLE")                                                      \
    X(0xC000000D, "STATUS_INVALID_PARAMETER")                                                      \
    X(0xC0000017, "STATUS_NO_MEMORY")                                                              \
    X(0xC000001D, "EXCEPTION_ILLEGAL_INSTRUCTION")                                                 \
    X(0xC0000022, "STATUS_ACCESS_DENIED")                                                          \
    X(0xC0000025, "EXCEPTION_NONCONTINUABLE_EXCEPTION")                                            \
    X(0xC0000026, "EXCEPTION_INVALID_DISPOSITION")                                                 \
    X(0xC000007B, "STATUS_INVALID_IMAGE_FORMAT")                                                   \
    X(0xC000008C, "EXCEPTION_ARRAY_BOUNDS_EXCEEDED")                                               \
    X(0xC000008D, "EXCEPTION_FLT_DENORMAL_OPERAND")                                                \
    X(0xC000008E, "EXCEPTION_FLT_DIVIDE_BY_ZERO")                                                  \
    X(0xC000008F, "EXCEPTION_FLT_INEXACT_RESULT")                                                  \
    X(0xC0000090, "EXCEPTION_FLT_INVALID_OPERATION")                                               \
    X(0xC0000091, "EXCEPTION_FLT_OVERFLOW")                                                        \
    X(0xC0000092, "EXCEPTION_FLT_STACK_CHECK")                                                     \
    X(0xC0000093, "EXCEPTION_FLT_UNDERFLOW")                                                       \
    X(0xC0000094, "EXCEPTION_INT_DIVIDE_BY_ZERO")                                                  \
    X(0xC0000095, "EXCEPTION_INT_OVERFLOW")                                                        \
    X(0xC0000096, "EXCEPTION_PRIV_INSTRUCTION")                                                    \
    X(0xC00000FD, "EXCEPTION_STACK_OVERFLOW")                                                      \
    X(0xC000012D, "STATUS_COMMITMENT_LIMIT")                                                       \
    X(0xC0000135, "STATUS_DLL_NOT_FOUND")                                                          \
    X(0xC0000138, "STATUS_ORDINAL_NOT_FOUND")                                                      \
    X(0xC0000139, "STATUS_ENTRYPOINT_NOT_FOUND")                                                   \
    X(0xC000013A, "STATUS_CONTROL_C_EXIT")                                                         \
    X(0xC0000142, "STATUS_DLL_INIT_FAILED")                                                        \
    X(0xC0000194, "EXCEPTION_POSSIBLE_DEADLOCK")                                                   \
    X(0xC0000374, "STATUS_HEAP_CORRUPTION")                                                        \
    X(0xC0000409, "STATUS_STACK_BUFFER_OVERRUN")                                                   \
    X(0xC0000417, "STATUS_INVALID_CRUNTIME_PARAMETER")                                             \
    X(0xC0000420, "STATUS_ASSERTION_FAILURE")                                                      \
    X(0xC0000428, "STATUS_INVALID_IMAGE_HASH")                                                     \
    X(0xC0000602, "STATUS_FAIL_FAST_EXCEPTION")                                                    \
    X(0xE06D7363, "CPP_EXCEPTION")

const char *brood_os_signal_name(int64_t code)
{
    switch (code) {
#define EXCEPTION_CASE(number, name)                                                               \
    case number:                                                                                   \
        return name;
        EXCEPTION_TABLE(EXCEPTION_CASE)
#undef EXCEPTION_CASE
    default:
        return "";
    }
}
