/* The object behind a brood_imap. */
#ifndef BROOD_SRC_POOL_IMAP_IMPL_H
#define BROOD_SRC_POOL_IMAP_IMPL_H

#include "pool/pool_impl.h"

/* An item that was submitted, and whose result the caller has not taken yet. */
typedef struct imap_item {
    struct imap_item *next;
    brood_imap *imap;
    brood_result *result;
    uint64_t index;
    bool is_done; /* under the pool's lock, as all that on_item_finish changes */
    struct imap_item *next_done;
} imap_item;

struct brood_imap {
    brood_pool *pool; /* with a reference */
    brood_function *function;
    char *function_name;
    brood_input_function *input;
    void *user;
    brood_task_options options; /* for each item */
    char *tag;
    brood_shared **shared;
    bool ordered;

    imap_item *first, *last; /* those that were submitted and not taken, in their order */
    size_t count;
    imap_item *first_done, *last_done; /* unordered: as they were done; under the pool's lock */
    uint64_t next_index;
    brood_status ended; /* why no more come: BROOD_ERR_CLOSED, or what input said */
    const void *data;   /* an item that input gave, and there was no room for */
    size_t size;
    bool is_kept;
    bool is_inside;        /* of the program's functions: input, and progress */
    brood_result *current; /* its value is the caller's until the next call */
    brood_failure failure; /* of a submit that failed */
    brood_meter meter;     /* of what was taken */
    uint64_t taken, failed;
};

/*
 * Submits items until the window is full, as far as the queue has room. Waits for room only when
 * the imap has no item under way, whose end would make room.
 */
void brood_imap_fill(brood_imap *imap, int64_t timeout_ms);

#endif
