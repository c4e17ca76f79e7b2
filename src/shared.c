#include "shared.h"

#include <stdlib.h>

#include <apr_thread_mutex.h>

#include "error.h"
#include "init.h"
#include "memory.h"

static struct {
    apr_thread_mutex_t *lock;
    brood_shared *first;
    uint64_t last_id;
    uint64_t forgotten;
} all;

brood_status brood_shared_global_init(apr_pool_t *pool)
{
    return apr_thread_mutex_create(&all.lock, APR_THREAD_MUTEX_DEFAULT, pool) == APR_SUCCESS
               ? BROOD_OK
               : BROOD_ERR_NO_MEMORY;
}

brood_status brood_shared_create(brood_shared **shared, size_t size, brood_error *error)
{
    brood_shared *made = NULL;
    brood_status status = BROOD_OK;

    if (shared == NULL) {
        return brood_fail_argument(error, "shared", "must not be NULL");
    }
    *shared = NULL;
    if (size == 0) {
        return brood_fail_argument(error, "size", "must be at least 1");
    }
    if (size > SIZE_MAX / 2) {
        return brood_fail_argument(error, "size", "is larger than any memory");
    }
    made = brood_calloc(1, sizeof *made);
    if (made == NULL || brood_begin() != BROOD_OK) {
        free(made);
        return brood_fail_memory(error, "shared");
    }
    status = brood_os_segment_create(&made->segment, size, false, error);
    if (status != BROOD_OK) {
        free(made);
        return status;
    }
    made->size = size;
    brood_exchange32(&made->references, 1);
    apr_thread_mutex_lock(all.lock);
    made->id = ++all.last_id;
    made->next = all.first;
    all.first = made;
    apr_thread_mutex_unlock(all.lock);
    *shared = made;
    return BROOD_OK;
}

void *brood_shared_data(const brood_shared *shared)
{
    return shared == NULL ? NULL : shared->segment.base;
}

size_t brood_shared_size(const brood_shared *shared)
{
    return shared == NULL ? 0 : shared->size;
}

void brood_shared_hold(brood_shared *shared)
{
    brood_add32(&shared->references, 1);
}

/* Under the lock the count and the list agree: what is found has a reference. */
void brood_shared_release(brood_shared *shared)
{
    brood_shared **at = &all.first;

    if (shared == NULL) {
        return;
    }
    apr_thread_mutex_lock(all.lock);
    if (brood_add32(&shared->references, (uint32_t)-1) != 0) {
        apr_thread_mutex_unlock(all.lock);
        return;
    }
    while (*at != shared) {
        at = &(*at)->next;
    }
    *at = shared->next;
    all.forgotten++;
    apr_thread_mutex_unlock(all.lock);
    brood_os_segment_close(&shared->segment);
    free(shared);
}

brood_shared *brood_shared_destroy(brood_shared *shared)
{
    brood_shared_release(shared);
    return NULL;
}

static bool contains(const brood_shared *shared, const unsigned char *data, size_t size)
{
    const unsigned char *base = shared->segment.base;

    return data >= base && data < base + shared->size &&
           size <= shared->size - (size_t)(data - base);
}

brood_shared *brood_shared_find(const void *data, size_t size)
{
    brood_shared *found = NULL;

    apr_thread_mutex_lock(all.lock);
    for (brood_shared *at = all.first; at != NULL && found == NULL; at = at->next) {
        if (contains(at, data, size)) {
            found = at;
            brood_shared_hold(found);
        }
    }
    apr_thread_mutex_unlock(all.lock);
    return found;
}

uint64_t brood_shared_forgotten(void)
{
    uint64_t count = 0;

    apr_thread_mutex_lock(all.lock);
    count = all.forgotten;
    apr_thread_mutex_unlock(all.lock);
    return count;
}

bool brood_shared_lives(uint64_t id)
{
    bool lives = false;

    apr_thread_mutex_lock(all.lock);
    for (brood_shared *at = all.first; at != NULL && !lives; at = at->next) {
        lives = at->id == id;
    }
    apr_thread_mutex_unlock(all.lock);
    return lives;
}
