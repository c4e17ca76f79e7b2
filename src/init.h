/* What brood_init made known, for the rest of the library. */
#ifndef BROOD_SRC_INIT_H
#define BROOD_SRC_INIT_H

#include <stdbool.h>

#include <apr_pools.h>

#include <brood/init.h>

/* BROOD_ERR_NOT_INITIALIZED or _BOOTSTRAPPING when it is too early to start processes. */
brood_status brood_require_ready(brood_error *error);

/* Begins APR and what stands on it, once; from any thread. */
brood_status brood_begin(void);

/* Finds what a child of this process is to execute: this program itself. */
brood_status brood_find_executable(const char *argv0, brood_error *error);

/* The child begins its function: from now on it may start processes itself. */
void brood_become_ready(void);

/* What a child executes: this program, or brood-worker when main() is not ours. */
const char *brood_child_executable(void);

/* Whether children run in brood-worker. */
bool brood_is_hosted(void);

/* A registered function; NULL when there is none of this name. */
brood_function *brood_registry_find(const char *name);

/* The other way round. */
const char *brood_registry_name(brood_function *function);

#endif
