/* brood/progress.h - how far a map has come. */
#ifndef BROOD_PROGRESS_H
#define BROOD_PROGRESS_H

#include <stdint.h>
#include <stdio.h>

#include <brood/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_progress {
    uint64_t done;         /* items, well or not */
    uint64_t total;        /* 0: not known, before the end */
    uint64_t failed;       /* of those that are done */
    double rate;           /* items per second since the start; 0: none yet */
    double seconds;        /* since the start */
    double seconds_before; /* the same at the call before this one; 0: this is the first */
    double seconds_left;   /* at this rate; negative: not known */
} brood_progress;

/*
 * Called at most ten times a second while items get done, and once when all are. progress lives
 * for the call only. user is what the options gave.
 */
typedef void brood_progress_function(const brood_progress *progress, void *user);

/*
 * A ready-made one: draws a bar in place when the file is a terminal, and prints a plain line
 * every few seconds, and at the end, when it is not. user is a FILE *; NULL is stderr. For maps
 * one after the other: the bars of two at a time would cover each other. Since 0.1.
 */
BROOD_API void brood_progress_bar(const brood_progress *progress, void *user);

#ifdef __cplusplus
}
#endif

#endif
