/* The object behind a brood_task. */
#ifndef BROOD_SRC_TASK_IMPL_H
#define BROOD_SRC_TASK_IMPL_H

#include "protocol.h"
#include "wire.h"

/* Shared memory in a worker. */
typedef struct brood_mapping {
    uint64_t id;
    size_t size; /* as the program asked for it */
    brood_os_segment segment;
} brood_mapping;

/* What a value must be. */
typedef enum brood_value_kind {
    BROOD_VALUE_REFUSED, /* there is none: a process, a range */
    BROOD_VALUE_DROPPED,
    BROOD_VALUE_FIXED, /* slot_size bytes at slot */
    BROOD_VALUE_ANY    /* slot grows */
} brood_value_kind;

struct brood_task {
    const brood_start *start;
    size_t own_handles; /* how many of start's are brood's own */

    /* The rest is of a pool's worker. */
    const brood_wire_page *page; /* NULL: in no worker */
    uint64_t id;
    uint64_t ordinal; /* of the item in its task, from 1 */
    uint64_t index;
    uint32_t attempt;
    const char *tag;
    const brood_mapping *const *shared;
    size_t shared_count;

    brood_value_kind value_kind;
    unsigned char *slot;
    size_t slot_size;
    size_t exact_size; /* of a value that is too large to be put in place; 0: any */
    bool has_value;
    size_t value_size;
    brood_status status; /* why a value was not taken */
    char message[BROOD_MESSAGE_MAX];
};

#endif
