#include "pool/failed_items.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/structs.h"

brood_failure brood_job_failure(const brood_result *job, brood_status status, const char *message)
{
    brood_failure failure = BROOD_FAILURE_INIT;

    failure.status = status;
    failure.pid = -1;
    failure.exit.struct_size = sizeof failure.exit;
    snprintf(failure.tag, sizeof failure.tag, "%s",
             job == NULL || job->more->tag == NULL ? "" : job->more->tag);
    snprintf(failure.message, sizeof failure.message, "%s",
             message[0] != '\0' ? message : brood_status_text(status));
    brood_text_clean(failure.message);
    return failure;
}

static bool is_same_way(const brood_failed_items *items, const brood_failure *failure)
{
    return items->status == failure->status && items->code == failure->task_code &&
           items->exit == NULL && failure->exit.reason == BROOD_EXIT_NONE &&
           items->pid == failure->pid && items->attempt == failure->attempt &&
           strcmp(items->message, failure->message) == 0;
}

static brood_failed_items *new_items(const brood_failure *failure, uint64_t first, uint64_t count)
{
    size_t length = strlen(failure->message);
    brood_failed_items *items = brood_calloc(1, sizeof *items + length + 1);

    if (items == NULL) {
        return NULL;
    }
    items->first = first;
    items->count = count;
    items->status = failure->status;
    items->code = failure->task_code;
    items->pid = failure->pid;
    items->attempt = failure->attempt;
    memcpy(items->message, failure->message, length + 1);
    if (failure->exit.reason != BROOD_EXIT_NONE) {
        items->exit = brood_malloc(sizeof *items->exit);
        if (items->exit != NULL) {
            *items->exit = failure->exit;
        }
    }
    return items;
}

/* The record after which items from `first` on belong in the list. NULL: they belong first. */
static brood_failed_items *place_of(const brood_result *job, uint64_t first)
{
    brood_failed_items *at = job->more->last_failure;

    if (at == NULL || at->first > first) {
        at = job->failures;
    }
    if (at == NULL || at->first > first) {
        return NULL;
    }
    while (at->next != NULL && at->next->first <= first) {
        at = at->next;
    }
    return at;
}

/* A single task has one failure at most, and needs no such note. */
static void note_last(brood_result *job, brood_failed_items *items)
{
    if (job->kind != BROOD_JOB_TASK) {
        job->more->last_failure = items;
    }
}

void brood_failed_items_record(brood_result *job, uint64_t first, uint64_t count,
                               const brood_failure *failure)
{
    brood_failed_items *before = place_of(job, first);
    brood_failed_items *items = NULL;

    if (before != NULL && before->first + before->count == first && is_same_way(before, failure)) {
        before->count += count;
        return;
    }
    items = new_items(failure, first, count);
    if (items == NULL) {
        job->unrecorded = true;
        return;
    }
    items->next = before != NULL ? before->next : job->failures;
    if (before != NULL) {
        before->next = items;
    } else {
        job->failures = items;
    }
    note_last(job, items);
}

const brood_failed_items *brood_failed_items_find(brood_result *job, uint64_t index)
{
    brood_failed_items *at = place_of(job, index);

    if (at != NULL) {
        note_last(job, at);
    }
    return at != NULL && index - at->first < at->count ? at : NULL;
}

void brood_failed_items_explain(const brood_result *job, const brood_failed_items *items,
                                uint64_t index, brood_failure *failure)
{
    *failure = brood_job_failure(job, items->status, items->message);
    failure->task_code = items->code;
    failure->pid = items->pid;
    failure->index = index;
    failure->attempt = items->attempt;
    if (items->exit != NULL) {
        failure->exit = *items->exit;
    }
}

void brood_failed_items_free(brood_failed_items *first)
{
    brood_failed_items *next = NULL;

    for (brood_failed_items *at = first; at != NULL; at = next) {
        next = at->next;
        brood_free(at->exit);
        brood_free(at);
    }
}

brood_status brood_failure_give(brood_failure *given, const brood_failure *failure)
{
    return brood_struct_give(given, failure, sizeof *failure, BROOD_FAILURE_SIZE_MIN);
}
