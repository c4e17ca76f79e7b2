/* brood/return.h - the value of a task; a part of <brood/task.h>. */
#ifndef BROOD_RETURN_H
#define BROOD_RETURN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <brood/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What runs now in this child. It belongs to brood and lives until the function returns. */
typedef struct brood_task brood_task;

/*
 * The value of the task: a copy of size bytes at data (NULL and 0: an empty one). The last call
 * counts, and only when the function returns 0. Returns 0, so that a function can end with
 * `return brood_return(task, &value, sizeof value)`; or a code that the function should return,
 * when the size is not the one that the caller asked for, memory ran out, or the task has no
 * value (a process, an initializer, a range). Since 0.1.
 */
BROOD_API BROOD_COLD int brood_return(brood_task *task, const void *data, size_t size);

/*
 * Not for programs. In a map a task begins with the place of its value, so that a value of the
 * right size is returned inline; brood_return itself is called for whatever else there is. Programs
 * have this layout compiled in: a change of it is a change of the ABI, and of the library's soname.
 */
typedef struct brood_task_place {
    unsigned char *at; /* NULL: it has its value; NULL or 1: not here */
    size_t size;
} brood_task_place;

static inline int brood_return_inline(brood_task *task, const void *data, size_t size)
{
    brood_task_place *place = BROOD_CAST(brood_task_place *, task);
    unsigned char copy[16];

    if (task != BROOD_NULL && data != BROOD_NULL && size == place->size &&
        BROOD_CAST(uintptr_t, place->at) > 1) {
        memcpy(place->at, data, size);
        place->at = BROOD_NULL;
        return 0;
    }
    if (data == BROOD_NULL || size == 0 || size > sizeof copy) {
        return brood_return(task, data, size);
    }
    memcpy(copy, data, size); /* so that a number need not leave its register above */
    return brood_return(task, copy, size);
}

#define brood_return(...) brood_return_inline(__VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
