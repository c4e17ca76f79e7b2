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

#endif
