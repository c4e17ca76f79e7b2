/* The environment of a child, made from the parent's and the options. */
#ifndef BROOD_SRC_PROCESS_ENVIRONMENT_H
#define BROOD_SRC_PROCESS_ENVIRONMENT_H

#include <brood/process.h>

/*
 * Builds it as options say, from inherited (NULL: the environment of this process, now), without a
 * token of our own, and with token ("NAME=value") unless that is NULL. The caller frees the result
 * with brood_free: it is one block. The strings belong to it. BROOD_ERR_NO_MEMORY.
 */
brood_status brood_environment_build(char ***environment, char *const *inherited,
                                     const brood_process_options *options, const char *token,
                                     brood_error *error);

/* The value of a variable in such a list, NULL if it is not set. */
char *brood_environment_get(char *const *environment, const char *name);

#endif
