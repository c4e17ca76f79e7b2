#include "pool/chunks.h"

void brood_chunks_append(brood_chunk_list *list, brood_chunk *chunk)
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

void brood_chunks_remove(brood_chunk_list *list, brood_chunk *chunk)
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
