/*
 * Every test runs in a process of its own, under a watchdog: `test_x NAME` starts itself again as
 * `test_x --inside NAME`, which must end with a code that only the end of a test gives, in time,
 * with the handles and the children that it began with, and leave no process behind. Then it
 * prints the closing line that CTest asks for (Wine can answer 0 for a program that was ended).
 *
 * A test file has main() by BROOD_TEST_MAIN; CMake finds its tests by their cmocka_unit_test lines.
 */
#ifndef BROOD_TESTS_HARNESS_H
#define BROOD_TESTS_HARNESS_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include <brood/brood.h>

#include "support.h"

int harness_main(int argc, char **argv, const struct CMUnitTest *tests, size_t count);

/* First in a test of daemon commands: starts the guard that a program has for them (POSIX). */
void harness_warm_up_guard(void);

/* Ends the test as skipped, and says why. */
void harness_skip(const char *reason);

#define BROOD_TEST_MAIN(tests)                                                                     \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        brood_status harness_status = brood_init(argc, argv);                                      \
                                                                                                   \
        if (harness_status != BROOD_OK) {                                                          \
            return 3;                                                                              \
        }                                                                                          \
        return harness_main(argc, argv, tests, sizeof(tests) / sizeof((tests)[0]));                \
    }

/* A program that is its tests' own helper, too: as_command answers -1 when it is not called so. */
#define BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)                                           \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        int harness_code = brood_init(argc, argv) == BROOD_OK ? as_command(argc, argv) : 3;        \
                                                                                                   \
        if (harness_code >= 0) {                                                                   \
            return harness_code;                                                                   \
        }                                                                                          \
        return harness_main(argc, argv, tests, sizeof(tests) / sizeof((tests)[0]));                \
    }

/* The path of this test program, to start it as a command. */
extern const char *harness_self;

/* A status that is not as expected is told by its name. */
#define assert_status(actual, expected)                                                            \
    assert_string_equal(brood_status_name(actual), brood_status_name(expected))
#define assert_ok(actual) assert_status(actual, BROOD_OK)

/* Any wait of a test: far longer than it takes, far shorter than the watchdog. */
#define SOON_MS 20000

/* Joins, and compares the end. */
void assert_ends(brood_process *process, brood_exit_reason reason, int64_t code);
/* Joins, and compares only why it ended. */
void assert_ends_by(brood_process *process, brood_exit_reason reason);

/* A byte of a child in a pipe says "I am there"; the end, that nobody has the other end. */
void assert_byte(intptr_t handle);
void assert_end(intptr_t handle);

#endif
