/* What the start of a function and that of a command share. */
#ifndef BROOD_SRC_PROCESS_LAUNCH_IMPL_H
#define BROOD_SRC_PROCESS_LAUNCH_IMPL_H

#include "base/buffer.h"
#include "process/process_impl.h"

/* The channel and the segment go to the child beside the caller's handles. */
#define BROOD_LAUNCH_HANDLES_MAX (BROOD_HANDLES_MAX + 2)

/* What a start holds until the child has it; brood_launch_end gives it back on every path. */
typedef struct brood_launch {
    brood_process_options options;
    brood_nesting nesting;      /* that the child gets */
    const brood_origin *origin; /* or NULL */
    brood_process *process;
    brood_os_spawn spawn;
    brood_handle
        handles[BROOD_LAUNCH_HANDLES_MAX]; /* all ours: copies of the caller's, then our own */
    brood_handle stdio[3];                 /* ours, or BROOD_HANDLE_NONE */
    brood_os_segment segment;
    brood_buffer start; /* the START body without its argument */
    char token[BROOD_TOKEN_SIZE];
    char **environment;
    char *file;
    const char *argv[2]; /* of a child of ours */
} brood_launch;

/* Checks the options, and makes the object. Each start ends with brood_launch_end, whatever fails. */
brood_status brood_launch_begin(brood_launch *run, brood_process **process,
                                const brood_process_options *given);

/* Copies of the caller's handles, and the three streams. */
brood_status brood_launch_copy_handles(brood_launch *run);
brood_status brood_launch_open_stdio(brood_launch *run);

/* With a child's token, or NULL. */
brood_status brood_launch_environment(brood_launch *run, const char *token);

/* The file of that name, as the child would find it. */
brood_status brood_launch_find_file(brood_launch *run, const char *name);

/* Executes spawn.file. */
brood_status brood_launch_spawn(brood_launch *run);

/* Plans the end of its time. From then on another thread may kill it and reap it. */
brood_status brood_launch_arm(brood_launch *run);

/* Gives the process to the caller, or nothing; returns status. */
brood_status brood_launch_end(brood_launch *run, brood_process **process, brood_status status);

#endif
