/* What tests need of an operating system, once for each: support_posix.c, support_win32.c. */
#ifndef BROOD_TESTS_SUPPORT_H
#define BROOD_TESTS_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Runs `program --inside name` in a group of its own, ends it all after seconds, and counts what it
 * left behind. Returns its exit code, or -1 with a message on stderr.
 */
int support_run_guarded(const char *program, const char *name, unsigned seconds);

/* Whether this process has a child that is not reaped. */
bool support_has_children(void);

/* Whether a process of this number runs (a zombie does not). */
bool support_is_running(int64_t pid);

/* Waits until it does not run any more; false when it still does after the time. */
bool support_wait_gone(int64_t pid, int timeout_ms);

/* Dies of reading address zero; of a call to abort; of its own SIGKILL or TerminateProcess. */
void support_crash(void);
void support_kill_self(void);

/* Kills another process, without brood. */
void support_kill(int64_t pid);

/* Ignores the question of brood_process_terminate: signal(SIGTERM, SIG_IGN). */
void support_ignore_terminate(void);

/* Blocks for ever, without using the CPU. */
void support_hang(void);

int64_t support_pid(void);

/* Whether this is Windows; whether it is Wine, which lacks some of what Windows has. */
bool support_is_windows(void);
bool support_is_wine(void);
/* Whether this program's libraries are found by PATH (Windows, where they are DLLs elsewhere). */
bool support_needs_path(void);
/* Whether this is Linux, and brood was built to use what only Linux has. */
bool support_is_linux(void);
/* Whether a socket can refuse what is passed through it: Linux since 6.16. */
bool support_can_refuse_handles(void);
/* Whether a process can wait for the end of one that is not its child. */
bool support_can_watch_any(void);

/* Whether a sanitizer is built in: it has its own ideas about memory and crashes. */
bool support_is_sanitized(void);

/* A new, empty directory for the test, in UTF-8; removed by support_remove_tree. */
void support_make_directory(char *path, size_t size);
void support_remove_tree(const char *path);
bool support_copy_program(const char *from, const char *to);
bool support_file_exists(const char *path);

/* How support_crash ends a process: the signal, or the exception. */
int64_t support_crash_code(void);
const char *support_crash_name(void);

/* The arguments of this process in UTF-8. */
char **support_arguments(int argc, char **argv);

bool support_same_directory(const char *a, const char *b);
void support_change_directory(const char *path);
void support_current_directory(char *path, size_t size);

/* stdin, stdout or stderr as a plain handle: its bytes are left as they are. */
intptr_t support_stdio(int number);
/* From now on this process has none of the three. */
void support_close_stdio(void);
/* How many of the three numbers are those of something open; 0 where they have no numbers. */
int support_count_stdio(void);

/* Memory that this process has now, in bytes; 0: not known. */
size_t support_memory_used(void);
/* Descriptors or handles open in this process, beside stdio; -1: not known. */
int support_count_open(void);
/* All that it has, of every kind. */
int support_count_handles(void);

/*
 * A terminal of so many columns that nobody sees, to be written, and what holds it open; false
 * where there is none to be had.
 */
bool support_terminal(FILE **file, intptr_t *holder, unsigned short columns);

/*
 * How often threads of a process, but for the one that calls, went to sleep by themselves; 0: not
 * known.
 */
uint64_t support_count_sleeps(int64_t pid);
/* How long threads of a process have waited for a core, in ns, all in all; 0: not known. */
uint64_t support_waited_for_core(int64_t pid);

/* Threads of this process; -1: not known. */
int support_count_threads(void);

/*
 * From now on a signal interrupts this process's system calls every so often, with a handler that
 * does not restart them; false where there are no signals. Ends it; how many there were.
 */
bool support_bombard(unsigned every_us);
uint64_t support_end_bombard(void);

/*
 * From now on a system call fails with that errno in this process and its children ("fallocate",
 * "memfd_create"); nobody can write to where named shared memory is. False: not to be had here.
 */
bool support_refuse_call(const char *name, int code);
bool support_hide_shared_memory(void);
/* /dev/fd lists 0 to 2 only, as on FreeBSD, until the second call; false: not to be had here. */
bool support_hide_descriptors(void);
void support_show_descriptors(void);
/* Another handle for the same, of that number, inherited by whoever starts without care. */
bool support_duplicate_to(intptr_t handle, int number);

/* The niceness of this process; on Windows in the steps of the priority classes. */
int support_nice(void);
/* Makes this process nicer, by a step of Windows, too; true if its children can be less so. */
bool support_become_nicer(void);
/* Another scheduling policy for the calling thread; whether it has that. False: there is none. */
bool support_take_batch_policy(void);
bool support_has_batch_policy(void);
bool support_can_choose_cpus(void);
unsigned support_first_cpu(void);
bool support_runs_only_on(unsigned cpu);

/* Whether there is SIGCHLD here; ignores it; has a handler that reaps every child. */
bool support_has_sigchld(void);
void support_ignore_sigchld(void);
void support_reap_everything(void);
/* A child that brood does not know, which ends with code; its end (or -1), reaped here. */
int64_t support_fork(int code);
int support_wait_for(int64_t pid);
/* A plain copy of this process, which only waits to be killed. */
int64_t support_fork_hanging(void);
/* One that ends by itself after so long; -1: there is no such thing. */
int64_t support_fork_for(int ms);
/*
 * A copy that has exactly this number, which nobody has, and ends with code once it has read a byte;
 * false where numbers cannot be chosen (Linux since 5.5, as root).
 */
bool support_fork_as(int64_t pid, intptr_t gate, int code);

/* Signals by their names, "TERM", "USR1"; Windows has none of it. Takes: waits for a blocked one. */
void support_signal(int64_t pid, const char *name);
void support_block_signal(const char *name);
bool support_take_signal(const char *name);

void support_ignore_signal(const char *name);
bool support_is_signal_ignored(const char *name);
bool support_is_signal_blocked(const char *name);

/* From now on a handler counts these signals; how many it has counted so far. */
void support_count_signal(const char *name);
uint64_t support_signals_counted(void);
/* From now on it is noted which child has ended last (POSIX); that one, or -1. */
void support_note_ends(void);
int64_t support_last_end(void);

/* The parent of a process; -1: not known. Leaves its group for that of its parent. */
int64_t support_parent_of(int64_t pid);
bool support_join_parents_group(void);
/* Goes on as another program, as execv; comes back when that fails. */
void support_become_program(const char *const *argv);
/* Begins a session of its own; false where there is no such thing. */
bool support_leave_session(void);
/*
 * A copy of a program that anybody may run as root (set-user-ID); false where this process may not
 * make one. To be nobody for good; to be root for good, in such a copy.
 */
bool support_copy_as_root(const char *from, const char *to);
bool support_become_nobody(void);
bool support_become_root(void);
/*
 * From now on this process, and what it starts, may not use pidfds to wait or to send signals
 * (Linux); false where that cannot be arranged.
 */
bool support_refuse_pidfds(void);
bool support_refuse_kills(void); /* nor kill, of anybody */
/* Limits of this process and what it starts: "STACK", "CPU", "AS"; false where it cannot be so. */
bool support_set_limit(const char *name, uint64_t soft, uint64_t hard);
bool support_make_fifo(const char *path);
/* A file that is executed by another program, which may not exist; false where there are none. */
bool support_write_script(const char *path, const char *text);
/* Fills a pipe at stdout for ever, as fast as it can be done. */
void support_flood(void);

/* What is read from the channel has no end from now on; false where the system has no such file. */
typedef struct brood_os_channel brood_os_channel;
bool support_make_endless(brood_os_channel *channel);
/* A process of that name that has the same parent as this one (Linux); -1: there is none. */
int64_t support_sibling_named(const char *name);

/* What this process starts is in a PID namespace of its own; false: Linux and root only. */
bool support_leave_pid_namespace(void);

/* What a channel looks like that another user (on Windows: a group) made; false: it needs root. */
bool support_foreign_pair(intptr_t ends[2]);

/*
 * Orphans, POSIX only. From now on those whose parent has ended become children of this process;
 * false: never (but on Linux).
 */
bool support_adopt_orphans(void);
/* Whether a child of this process has ended, or it has none at all. Nobody is reaped. */
bool support_has_zombie(void);
bool support_is_childless(void);
/* Whether there is such a process, ended or not; a child that runs, by its name (Linux; -1: none). */
bool support_is_present(int64_t pid);
int64_t support_child_named(const char *name);
/*
 * When a process below this one is killed, its parent hears of it only once the same thread has
 * released it. False where that cannot be arranged (Linux).
 */
bool support_hold_end(int64_t pid);
bool support_release_end(int64_t pid);
/* This thread can start no others from now on; how often it has gone to sleep (Linux). */
bool support_refuse_threads(void);
uint64_t support_count_own_sleeps(void);
/* A fork that leads a group and exits; what is done once the leader of such a group was reaped. */
int64_t support_fork_leader(int code);
void support_reap_orphans(int64_t leader);

/* Both ways, POSIX only. Closes all handles but stdio, and puts copies of one in their places. */
bool support_socket_pair(intptr_t ends[2]);
void support_replace_handles(intptr_t handle);

/* Gives up the rest of its time. */
void support_yield(void);

/* Memory that can be had now without harm to others, in bytes; 0: not known. */
size_t support_memory_free(void);

/* Lets this process and its children have so many handles; false where the system has fewer. */
bool support_need_handles(unsigned count);

/* From now on at most as many can be open in this process; false where there is no such limit. */
bool support_limit_handles(unsigned most);

/* From now on no file of this process may become longer; false where there is no such limit. */
bool support_limit_file_size(size_t bytes);

/*
 * So many bytes more memory this process may take, from now on; SIZE_MAX: as much as there is. False
 * where there is no such limit.
 */
bool support_limit_memory(size_t more);

/* For a while this process is not root, and may not signal what is; false where it cannot be so. */
bool support_lay_down_rights(void);
bool support_take_up_rights(void);

/* Makes a file that is open, or shared memory, shorter; false where that cannot be done. */
bool support_truncate(intptr_t handle, size_t size);
/* How many bytes of it have memory; -1: not known. */
int64_t support_bytes_taken(intptr_t handle);

/* A process started by somebody without care would inherit it. */
void support_make_inheritable(intptr_t handle);
bool support_is_inheritable(intptr_t handle);

bool support_make_subdirectory(const char *path);      /* true also when it is there */
bool support_link(const char *path, const char *name); /* a symbolic link of that name */

/* Sets a variable for this process; what it starts inherits it. NULL removes it. */
void support_set_environment(const char *name, const char *value);

/* From now on the environment is these two, each twice, and PATH=/bin; false: it cannot be so. */
bool support_double_environment(const char *first, const char *second);

/* Loads a library and finds a function in it; NULL when there is none. */
typedef void support_function(void);
support_function *support_library_function(const char *library, const char *name);
/* Gives back what the call above took. */
void support_library_unload(const char *library);

/* Confines this process to one of its cores; false where the system cannot. */
bool support_use_one_core(void);

/*
 * Children that are started from now on have a monotonic clock that is so many seconds ahead of
 * this process's; false where that cannot be had (time namespaces of Linux, for root).
 */
bool support_shift_clock_of_children(int64_t seconds);

/* Closes every descriptor or handle of this process, whosoever it is. */
void support_close_everything(void);

/* Ends this process at once, without any hook, flush or destructor. */
void support_exit_at_once(int code);

/*
 * What is there that can outlive a process, a line for each: all in directory, what has brood in
 * its name in the places for temporary files and shared memory (but for the directories of tests),
 * and System V IPC. The caller frees it.
 */
char *support_list_leftovers(const char *directory);

/* Whether a descriptor (to be read) or HANDLE becomes ready in time, for a program's own waiting. */
bool support_wait_handle(intptr_t handle, int timeout_ms);

/* A pipe of plain handles, not inherited: reading end, writing end. */
bool support_pipe(intptr_t ends[2]);
void support_close(intptr_t handle);
/* Blocking; -1 on failure, 0 at the end of the stream. */
long support_read(intptr_t handle, void *buffer, size_t size);
long support_write(intptr_t handle, const void *buffer, size_t size);
/* A byte with MSG_OOB; false where the system has no such thing for local sockets. */
bool support_send_urgent(intptr_t handle);

/* Runs work(data) in a new thread; the second call waits for it. */
typedef struct support_thread support_thread;
support_thread *support_thread_start(void (*work)(void *data), void *data);
void support_thread_join(support_thread *thread);
/* Asks it to end where it waits (pthread_cancel); false where there is no such thing. */
bool support_thread_cancel(support_thread *thread);

/* Runs it in a thread of the system's own pool; false where there is none. */
bool support_submit_work(void (*work)(void *data), void *data);

#endif
