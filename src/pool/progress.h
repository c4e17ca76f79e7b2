/* The text of a progress. */
#ifndef BROOD_SRC_POOL_PROGRESS_H
#define BROOD_SRC_POOL_PROGRESS_H

#include <stddef.h>

#include <brood/progress.h>

#define BROOD_PROGRESS_BYTES 256

/* What a plain line says, such as "12 of 50, 24 %, 8.3/s, 5 s left"; cut to size bytes. */
void brood_progress_text(char *text, size_t size, const brood_progress *progress);

/*
 * The same behind a bar, as far as that fits, for a terminal of so many columns. It is always as
 * long (one less than columns), so that it covers what was there before.
 */
void brood_progress_line(char *line, size_t size, const brood_progress *progress, int columns);

#endif
