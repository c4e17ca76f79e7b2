/* For tasks that do to their worker's memory what they must not. */
#ifndef BROOD_TESTS_WORKER_VIEW_H
#define BROOD_TESTS_WORKER_VIEW_H

#include "process/task.h"

/* What a task finds of its own worker's memory. */
typedef struct worker_view {
    brood_wire_page *page;
    brood_ring_shared *in, *out;
    unsigned char *out_bytes;
    size_t capacity;
} worker_view;

static inline worker_view view_in(void *memory, size_t capacity)
{
    worker_view view;
    unsigned char *base = memory;

    view.page = (brood_wire_page *)(void *)base;
    base += sizeof(brood_wire_page);
    view.in = (brood_ring_shared *)(void *)base;
    base += brood_ring_size(capacity);
    view.out = (brood_ring_shared *)(void *)base;
    view.out_bytes = base + sizeof(brood_ring_shared);
    view.capacity = capacity;
    return view;
}

static inline worker_view view_of(const brood_task *task, size_t capacity)
{
    return view_in((void *)(uintptr_t)task->page, capacity);
}

#endif
