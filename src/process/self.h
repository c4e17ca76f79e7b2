/* This program, as what starts children: how far brood_init has come, and what a child executes. */
#ifndef BROOD_SRC_PROCESS_SELF_H
#define BROOD_SRC_PROCESS_SELF_H

#include <stdbool.h>

#include <brood/status.h>

#include "runtime/here.h"

brood_stage brood_self_stage(void);
void brood_self_enter(brood_stage stage);

/* BROOD_ERR_NOT_INITIALIZED or _BOOTSTRAPPING when it is too early to start processes. */
brood_status brood_require_ready(brood_error *error);

/* Finds what a child of this process is to execute: this program itself. */
brood_status brood_self_find(const char *argv0, brood_error *error);

/* What was found is forgotten. */
void brood_self_forget(void);

/* A child is to execute brood-worker, whose path this is, malloc'd: it is taken over. */
void brood_self_be_hosted(char *worker);

/* What a child executes: this program, or brood-worker when main() is not ours. */
const char *brood_child_executable(void);

/* Whether children run in brood-worker. */
bool brood_is_hosted(void);

#endif
