/* The object behind a brood_task. */
#ifndef BROOD_SRC_PROCESS_TASK_H
#define BROOD_SRC_PROCESS_TASK_H

#include <brood/task.h>

#include "process/protocol.h"
#include "wire/wire.h"

/* Shared memory in a worker. */
typedef struct brood_mapping {
    uint64_t id;
    size_t size; /* as the program asked for it */
    brood_os_segment segment;
} brood_mapping;

/* The pool of a worker that is run by the program's own threads: nobody else would do this meanwhile. */
typedef struct brood_host {
    void (*turn)(void *pool); /* empties and fills the rings */
    void (*look)(void *pool); /* does what is due, for a task that asks whether it is cancelled */
    void *pool;
} brood_host;

/* What a value must be. */
typedef enum brood_value_kind {
    BROOD_VALUE_REFUSED, /* there is none: a process, a range */
    BROOD_VALUE_DROPPED,
    BROOD_VALUE_FIXED, /* slot_size bytes at slot */
    BROOD_VALUE_ANY    /* slot grows */
} brood_value_kind;

/* Bits of brood_task.state. */
#define BROOD_TASK_HAS_VALUE 1u
#define BROOD_TASK_REFUSED 2u
#define BROOD_TASK_HAS_MESSAGE 4u

struct brood_task {
    brood_task_place place;    /* in the loop over items: of this one, until it has its value */
    unsigned char *place_base; /* and of the first one there; NULL: not in there */
    uint64_t place_first;      /* which one that is, from 1 */

    const brood_start *start;
    size_t own_handles; /* how many of start's are brood's own */

    /* The rest is of a pool's worker. */
    const brood_wire_page *page; /* NULL: in no worker */
    uint64_t id;
    uint64_t first; /* the index of its first item */
    uint32_t attempt;
    const char *tag;
    const brood_host *host; /* NULL: the pool goes on beside the task */
    const brood_mapping *const *shared;
    size_t shared_count;

    brood_value_kind value_kind;
    unsigned char *slot;
    size_t slot_size;
    size_t exact_size; /* of a value that is too large to be put in place; 0: any */
    uint32_t state;    /* of the item that runs: bits of the below */
    size_t value_size;
    brood_status status; /* why a value was not taken, if it was not */
    char message[BROOD_MESSAGE_MAX];
};

_Static_assert(offsetof(brood_task, place) == 0 && sizeof(brood_task_place) == 2 * sizeof(void *),
               "programs have the layout of <brood/return.h> compiled in");

/* Which item of its task runs, from 1. */
static inline uint64_t brood_task_ordinal(const brood_task *task)
{
    return brood_load64((brood_atomic64 *)(uintptr_t)&task->page->item);
}

/* place.at when an item does more than to return a value: state and slot tell, as elsewhere. */
#define BROOD_PLACE_LEFT ((unsigned char *)1)

static inline void brood_task_leave_place(brood_task *task)
{
    if (task->place_base == NULL || task->place.at == BROOD_PLACE_LEFT) {
        return;
    }
    task->state = task->place.at == NULL ? BROOD_TASK_HAS_VALUE : 0;
    task->slot =
        task->place_base + (brood_task_ordinal(task) - task->place_first) * task->slot_size;
    task->place.at = BROOD_PLACE_LEFT;
}

/* What it said, or "". */
static inline const char *brood_task_message(const brood_task *task)
{
    return (task->state & BROOD_TASK_HAS_MESSAGE) != 0 ? task->message : "";
}

#endif
