/* Progress as text. */
#ifndef BROOD_SRC_POOL_PROGRESS_H
#define BROOD_SRC_POOL_PROGRESS_H

#include <stddef.h>

#include <brood/progress.h>

#define BROOD_PROGRESS_BYTES 256

/* The text of a plain line, such as "12 of 50, 24 %, 8.3/s, 5 s left"; cut to size bytes. */
void brood_progress_text(char *text, size_t size, const brood_progress *progress);

/*
 * The text after a bar, if a bar fits, for a terminal of that many columns. The line always has one
 * column less than the terminal, so that it covers the line before.
 */
void brood_progress_line(char *line, size_t size, const brood_progress *progress, int columns);

#endif
