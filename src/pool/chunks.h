/* Lists of chunks; inline, because each task goes through them four times. */
#ifndef BROOD_SRC_POOL_CHUNKS_H
#define BROOD_SRC_POOL_CHUNKS_H

#include "pool/job.h"

static inline void brood_chunks_append(brood_chunk_list *list, brood_chunk *chunk)
{
    chunk->next = NULL;
    chunk->previous = list->last;
    if (list->last != NULL) {
        list->last->next = chunk;
    } else {
        list->first = chunk;
    }
    list->last = chunk;
}

static inline void brood_chunks_remove(brood_chunk_list *list, brood_chunk *chunk)
{
    if (chunk->previous != NULL) {
        chunk->previous->next = chunk->next;
    } else {
        list->first = chunk->next;
    }
    if (chunk->next != NULL) {
        chunk->next->previous = chunk->previous;
    } else {
        list->last = chunk->previous;
    }
    chunk->next = chunk->previous = NULL;
}

/* The jobs of these chunks are to end so, but for those that are to end already. */
static inline void brood_chunks_mark(const brood_chunk_list *list, brood_status cancel_status)
{
    for (const brood_chunk *chunk = list->first; chunk != NULL; chunk = chunk->next) {
        if (chunk->job->cancel_status == BROOD_OK) {
            chunk->job->cancel_status = cancel_status;
        }
    }
}

#endif
