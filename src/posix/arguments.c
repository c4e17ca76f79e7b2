#include <stdlib.h>
#include <string.h>

#include "posix/system.h"

#if defined(__APPLE__)
#include <crt_externs.h>
#define environ (*_NSGetEnviron()) /* a library on macOS cannot name it (man environ) */
#else
extern char **environ;
#endif

brood_status brood_os_environment_copy(char ***environment, brood_error *error)
{
    size_t count = 0;
    char **copy = NULL;

    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    copy = brood_calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = brood_strdup(environ[i]);
        if (copy[i] == NULL) {
            brood_os_environment_free(copy);
            copy = NULL;
        }
    }
    *environment = copy;
    return copy != NULL ? BROOD_OK : brood_fail_memory(error, "environment");
}

void brood_os_environment_free(char **environment)
{
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        free(environment[i]);
    }
    free((void *)environment);
}

size_t brood_os_environment_get(const char *name, char *value, size_t size)
{
    const char *text = getenv(name);
    size_t needed = text != NULL ? strlen(text) + 1 : 0;

    if (text != NULL && needed <= size) {
        memcpy(value, text, needed);
    }
    return needed;
}

void brood_os_environment_set(const char *name, const char *value)
{
    setenv(name, value, 1);
}

void brood_os_environment_remove(const char *name)
{
    unsetenv(name);
}

bool brood_os_environment_same(const char *a, const char *b, size_t length)
{
    return strncmp(a, b, length) == 0;
}
