/* brood/init.h - the first line of main, and functions that are known by name. */
#ifndef BROOD_INIT_H
#define BROOD_INIT_H

#include <brood/export.h>
#include <brood/status.h>
#include <brood/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Makes this program one that can start processes. Call it as the first line of main: a child is
 * this same program, started afresh, and in a child brood_init runs the child's function and
 * exits with its code - it never returns there. What stands before it in main runs in every
 * child, too.
 *
 * argc and argv are main's (they help to find the executable where the system does not tell);
 * 0 and NULL will do, as in a Windows program that has only WinMain. They are not changed.
 *
 * Returns BROOD_OK, also when it was called before. BROOD_ERR_ARGUMENT: argc is negative, or
 * positive with argv NULL. BROOD_ERR_PROTOCOL: the environment has a start token (the variable
 * BROOD_CHILD) that no parent gave to this process; BROOD_ERR_PERMISSION: the process that gave the
 * token has other rights than this one (see "Who is believed" in docs/design.md).
 * BROOD_ERR_NOT_FOUND: the executable of this process cannot be found. BROOD_ERR_BOOTSTRAPPING: this
 * child is being started, and a library that it loads for that calls brood_init, too.
 * BROOD_ERR_NO_MEMORY.
 * Not from two threads at once. Since 0.1.
 */
BROOD_API brood_status brood_init(int argc, char **argv);

/*
 * The same for code whose main() is not its own, such as a plugin: children run in the helper
 * executable brood-worker, which loads the library of the function that is sent. Functions of
 * the host program itself cannot be sent.
 *
 * worker is the path of brood-worker; NULL takes the environment's BROOD_WORKER, or else the
 * one that was installed with the library. The path is copied.
 *
 * Returns BROOD_OK, also when it was called before, or brood_init was. BROOD_ERR_NOT_FOUND: no such
 * file. BROOD_ERR_PERMISSION: it is not executable. BROOD_ERR_BOOTSTRAPPING: as brood_init.
 * BROOD_ERR_NO_MEMORY. After an error it may be tried again. Not from two threads at once. Since 0.1.
 */
BROOD_API brood_status brood_init_hosted(const char *worker);

/*
 * Gives a function a name by which another executable can be asked to run it (see
 * brood_process_options.executable). Call it before brood_init, in the program that has the
 * function. name is copied; 1 to 255 bytes.
 *
 * BROOD_ERR_ARGUMENT: a NULL, an empty or too long name, or a name that is taken by another
 * function. BROOD_ERR_NO_MEMORY. Not from two threads at once. Since 0.1.
 */
BROOD_API brood_status brood_register(const char *name, brood_function *function);

#ifdef __cplusplus
}
#endif

#endif
