#include "pool/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "platform.h"
#include "pool/pool_impl.h"

#define LINE_SECONDS 5
#define SHORTEST_BAR 8

static void append(char *text, size_t size, const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + length, size - length, format, arguments);
    va_end(arguments);
}

static void append_time(char *text, size_t size, double seconds)
{
    uint64_t whole = (uint64_t)(seconds + 0.5);

    if (seconds < 9.95) {
        append(text, size, "%.1f s", seconds);
    } else if (whole < 60) {
        append(text, size, "%" PRIu64 " s", whole);
    } else if (whole < 3600) {
        append(text, size, "%" PRIu64 " min %02" PRIu64 " s", whole / 60, whole % 60);
    } else {
        append(text, size, "%" PRIu64 " h %02" PRIu64 " min", whole / 3600, whole / 60 % 60);
    }
}

static bool is_last(const brood_progress *progress)
{
    return progress->done == progress->total;
}

/* How much of a whole is done. */
static int share(const brood_progress *progress, int whole)
{
    double part = progress->total > 0 ? (double)progress->done / (double)progress->total : 0;

    return (int)(part * whole);
}

void brood_progress_text(char *text, size_t size, const brood_progress *progress)
{
    text[0] = '\0';
    append(text, size, "%" PRIu64, progress->done);
    if (progress->total > 0) {
        append(text, size, " of %" PRIu64 ", %d %%", progress->total, share(progress, 100));
    }
    if (progress->failed > 0) {
        append(text, size, ", %" PRIu64 " failed", progress->failed);
    }
    if (progress->rate > 0) {
        append(text, size, progress->rate < 100 ? ", %.1f/s" : ", %.0f/s", progress->rate);
    }
    if (is_last(progress)) {
        append(text, size, ", in ");
        append_time(text, size, progress->seconds);
    } else if (progress->total > 0 && progress->seconds_left >= 0) {
        append(text, size, ", ");
        append_time(text, size, progress->seconds_left);
        append(text, size, " left");
    }
}

void brood_progress_line(char *line, size_t size, const brood_progress *progress, int columns)
{
    char text[BROOD_PROGRESS_BYTES];
    int width = (size_t)columns < size ? columns - 1 : (int)size - 1;
    int bar = 0;
    int full = 0;

    brood_progress_text(text, sizeof text, progress);
    bar = width - (int)strlen(text) - 3;
    if (progress->total == 0 || bar < SHORTEST_BAR) {
        snprintf(line, size, "%-*.*s", width, width, text);
        return;
    }
    full = share(progress, bar);
    memset(line, '=', (size_t)bar + 1);
    memset(line + 1 + full, ' ', (size_t)(bar - full));
    line[0] = '[';
    snprintf(line + 1 + bar, size - 1 - (size_t)bar, "] %s", text);
}

/* A plain line is due when a multiple of LINE_SECONDS lies between the last call and this one. */
static bool line_is_due(const brood_progress *progress)
{
    return (uint64_t)(progress->seconds / LINE_SECONDS) !=
           (uint64_t)(progress->seconds_before / LINE_SECONDS);
}

void brood_progress_bar(const brood_progress *progress, void *user)
{
    FILE *file = user != NULL ? user : stderr;
    char line[BROOD_PROGRESS_BYTES];
    int columns = brood_os_terminal_width(file);

    if (columns > 0) {
        brood_progress_line(line, sizeof line, progress, columns);
        fprintf(file, is_last(progress) ? "\r%s\n" : "\r%s", line);
    } else if (is_last(progress) || line_is_due(progress)) {
        brood_progress_text(line, sizeof line, progress);
        fprintf(file, "%s\n", line);
    }
    fflush(file);
}
