/*
 * The seam as the core sees it in a build with BROOD_FAULTS: every function of it that can fail may
 * do so on purpose. The end of platform.h includes this; src/posix and src/win32 do not see it.
 *
 * A new function is a line here: its call, its error, and what a failure does to its
 * out-parameters. (The preprocessor leaves a name alone inside its own expansion.)
 */
#ifndef BROOD_SRC_FAULTS_PLATFORM_H
#define BROOD_SRC_FAULTS_PLATFORM_H

#include "faults.h"

#define BROOD_MAY_FAIL(call, error, reset)                                                         \
    (brood_faults_hit(BROOD_FAULT_PLATFORM) ? ((reset), brood_faults_fail(error)) : (call))

#define BROOD_NOTHING_OUT ((void)0)

/* clang-format off */

#define brood_os_null_open(handle, error) \
    BROOD_MAY_FAIL(brood_os_null_open(handle, error), error, *(handle) = BROOD_HANDLE_NONE)
#define brood_os_file_open(handle, path, mode, to_read, error) \
    BROOD_MAY_FAIL(brood_os_file_open(handle, path, mode, to_read, error), error, *(handle) = BROOD_HANDLE_NONE)
#define brood_os_handle_duplicate(copy, handle, error) \
    BROOD_MAY_FAIL(brood_os_handle_duplicate(copy, handle, error), error, *(copy) = BROOD_HANDLE_NONE)
#define brood_os_handle_adopt(handle, error) \
    BROOD_MAY_FAIL(brood_os_handle_adopt(handle, error), error, BROOD_NOTHING_OUT)

#define brood_os_channel_pair(channel, child, error) \
    BROOD_MAY_FAIL(brood_os_channel_pair(channel, child, error), error, (*(channel) = NULL, *(child) = BROOD_HANDLE_NONE))
#define brood_os_channel_pipe(channel, child, child_writes, error) \
    BROOD_MAY_FAIL(brood_os_channel_pipe(channel, child, child_writes, error), error, (*(channel) = NULL, *(child) = BROOD_HANDLE_NONE))
#define brood_os_channel_adopt(channel, handle, error) \
    BROOD_MAY_FAIL(brood_os_channel_adopt(channel, handle, error), error, *(channel) = NULL)
#define brood_os_channel_check_peer(end, error) \
    BROOD_MAY_FAIL(brood_os_channel_check_peer(end, error), error, BROOD_NOTHING_OUT)
#define brood_os_channel_read(channel, buffer, size, got, error) \
    BROOD_MAY_FAIL(brood_os_channel_read(channel, buffer, size, got, error), error, *(got) = 0)
#define brood_os_channel_write(channel, buffer, size, put, error) \
    BROOD_MAY_FAIL(brood_os_channel_write(channel, buffer, size, put, error), error, *(put) = 0)

#define brood_os_spawn_process(process, spawn, error) \
    BROOD_MAY_FAIL(brood_os_spawn_process(process, spawn, error), error, *(process) = NULL)
#define brood_os_process_open(process, pid, leads_group, can_wait, error) \
    BROOD_MAY_FAIL(brood_os_process_open(process, pid, leads_group, can_wait, error), error, (*(process) = NULL, *(can_wait) = false))
#define brood_os_process_reap(process, result, error) \
    BROOD_MAY_FAIL(brood_os_process_reap(process, result, error), error, BROOD_NOTHING_OUT)
#define brood_os_process_ask(process, error) \
    BROOD_MAY_FAIL(brood_os_process_ask(process, error), error, BROOD_NOTHING_OUT)
#define brood_os_process_kill(process, error) \
    BROOD_MAY_FAIL(brood_os_process_kill(process, error), error, BROOD_NOTHING_OUT)

#define brood_os_wait(items, count, deadline, error) \
    BROOD_MAY_FAIL(brood_os_wait(items, count, deadline, error), error, BROOD_NOTHING_OUT)

#define brood_os_poller_create(poller, error) \
    BROOD_MAY_FAIL(brood_os_poller_create(poller, error), error, *(poller) = NULL)
#define brood_os_poller_add(poller, channel, owner, error) \
    BROOD_MAY_FAIL(brood_os_poller_add(poller, channel, owner, error), error, BROOD_NOTHING_OUT)
#define brood_os_poller_wait(poller, owners, most, count, deadline, error) \
    BROOD_MAY_FAIL(brood_os_poller_wait(poller, owners, most, count, deadline, error), error, *(count) = 0)

#define brood_os_poller_add_process(poller, process, owner, error) \
    BROOD_MAY_FAIL(brood_os_poller_add_process(poller, process, owner, error), error, BROOD_NOTHING_OUT)
#define brood_os_poller_handle(poller, handle, error) \
    BROOD_MAY_FAIL(brood_os_poller_handle(poller, handle, error), error, *(handle) = BROOD_HANDLE_NONE)

#define brood_os_handle_give(channel, process, handle, number, error) \
    BROOD_MAY_FAIL(brood_os_handle_give(channel, process, handle, number, error), error, *(number) = BROOD_HANDLE_NONE)
#define brood_os_handle_take(channel, number, deadline, handle, error) \
    BROOD_MAY_FAIL(brood_os_handle_take(channel, number, deadline, handle, error), error, *(handle) = BROOD_HANDLE_NONE)

#define brood_os_segment_create(segment, size, is_lazy, error) \
    BROOD_MAY_FAIL(brood_os_segment_create(segment, size, is_lazy, error), error, (*(segment) = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0}))
#define brood_os_segment_adopt(segment, handle, size, error) \
    BROOD_MAY_FAIL(brood_os_segment_adopt(segment, handle, size, error), error, (*(segment) = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0}))

#define brood_os_code_locate(code, function, error) \
    BROOD_MAY_FAIL(brood_os_code_locate(code, function, error), error, (code)->module = NULL)
#define brood_os_code_resolve(code, function, error) \
    BROOD_MAY_FAIL(brood_os_code_resolve(code, function, error), error, *(function) = NULL)

#define brood_os_self_find(path, argv0, error) \
    BROOD_MAY_FAIL(brood_os_self_find(path, argv0, error), error, *(path) = NULL)
#define brood_os_program_find(file, name, path_list, error) \
    BROOD_MAY_FAIL(brood_os_program_find(file, name, path_list, error), error, *(file) = NULL)
#define brood_os_worker_find(path, error) \
    BROOD_MAY_FAIL(brood_os_worker_find(path, error), error, *(path) = NULL)
#define brood_os_origin_take(origin, error) \
    BROOD_MAY_FAIL(brood_os_origin_take(origin, error), error, *(origin) = NULL)
#define brood_os_path_absolute(absolute, path, is_program, error) \
    BROOD_MAY_FAIL(brood_os_path_absolute(absolute, path, is_program, error), error, *(absolute) = NULL)
#define brood_os_environment_copy(environment, error) \
    BROOD_MAY_FAIL(brood_os_environment_copy(environment, error), error, *(environment) = NULL)

/* clang-format on */

#endif
