/*
 * A program whose file is replaced while brood_init looks for it: the file of REPLACE_BY comes into
 * its place right before it is asked which file that is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VARIABLE "REPLACE_BY"

/* The C library's names of the arguments are reserved. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int stat(const char *path, struct stat *about)
{
    const char *next = getenv(VARIABLE);
    const char *end = strrchr(path, '/');

    if (next != NULL && end != NULL && strncmp(next, path, (size_t)(end - path) + 1) == 0) {
        rename(next, path);
        unsetenv(VARIABLE);
    }
    return fstatat(AT_FDCWD, path, about, 0);
}
