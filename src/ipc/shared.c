#include "ipc/shared.h"

#include "base/error.h"
#include "base/memory.h"
#include "runtime/begin.h"
#include "runtime/here.h"

static void enlist(brood_shared *made)
{
    brood_exchange32(&made->references, 1);
    brood_mutex_lock(&brood_here()->shared.lock);
    made->id = ++brood_here()->shared.last_id;
    made->next = brood_here()->shared.first;
    brood_here()->shared.first = made;
    brood_mutex_unlock(&brood_here()->shared.lock);
}

brood_status brood_shared_create(brood_shared **shared, size_t size, brood_error *error)
{
    brood_shared *made = NULL;
    brood_status status = BROOD_OK;
    int held = 0;

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
        brood_free(made);
        return brood_fail_memory(error, "shared");
    }
    held = brood_os_cancel_hold();
    status = brood_os_segment_create(&made->segment, size, false, error);
    if (status == BROOD_OK) {
        made->size = size;
        enlist(made);
        *shared = made;
    } else {
        brood_free(made);
    }
    brood_os_cancel_release(held);
    return status;
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

static void wake_all(void)
{
    brood_add64(&brood_here()->shared.forgotten, 1);
    for (const brood_shared_watch *at = brood_here()->shared.watches; at != NULL; at = at->next) {
        brood_os_poller_wake(at->poller);
    }
}

/* Only the last one takes the lock; until then it may be found, but not held any more. */
void brood_shared_release(brood_shared *shared)
{
    brood_shared **at = &brood_here()->shared.first;
    int held = 0;

    if (shared == NULL || brood_add32(&shared->references, (uint32_t)-1) != 0) {
        return;
    }
    held = brood_os_cancel_hold(); /* to wake is a cancellation point */
    brood_mutex_lock(&brood_here()->shared.lock);
    while (*at != shared) {
        at = &(*at)->next;
    }
    *at = shared->next;
    wake_all();
    brood_mutex_unlock(&brood_here()->shared.lock);
    brood_os_segment_close(&shared->segment);
    brood_free(shared);
    brood_os_cancel_release(held);
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

/* False: it has no reference left, and will be gone at once. */
static bool try_hold(brood_shared *shared)
{
    uint32_t before = 0;

    do {
        before = brood_load32(&shared->references);
    } while (before != 0 && !brood_cas32(&shared->references, before, before + 1));
    return before != 0;
}

brood_shared *brood_shared_find(const void *data, size_t size)
{
    brood_shared *found = NULL;

    brood_mutex_lock(&brood_here()->shared.lock);
    for (brood_shared *at = brood_here()->shared.first; at != NULL && found == NULL;
         at = at->next) {
        if (contains(at, data, size) && try_hold(at)) {
            found = at;
        }
    }
    brood_mutex_unlock(&brood_here()->shared.lock);
    return found;
}

uint64_t brood_shared_forgotten(void)
{
    return brood_load64(&brood_here()->shared.forgotten);
}

void brood_shared_watch_begin(brood_shared_watch *watch, brood_os_poller *poller)
{
    if (watch->poller != NULL) {
        return;
    }
    brood_mutex_lock(&brood_here()->shared.lock);
    watch->poller = poller;
    watch->next = brood_here()->shared.watches;
    brood_here()->shared.watches = watch;
    brood_mutex_unlock(&brood_here()->shared.lock);
}

void brood_shared_watch_end(brood_shared_watch *watch)
{
    brood_shared_watch **at = &brood_here()->shared.watches;

    if (watch->poller == NULL) {
        return;
    }
    brood_mutex_lock(&brood_here()->shared.lock);
    while (*at != watch) {
        at = &(*at)->next;
    }
    *at = watch->next;
    brood_mutex_unlock(&brood_here()->shared.lock);
    watch->poller = NULL;
}

bool brood_shared_lives(uint64_t id)
{
    bool lives = false;

    brood_mutex_lock(&brood_here()->shared.lock);
    for (brood_shared *at = brood_here()->shared.first; at != NULL && !lives; at = at->next) {
        lives = at->id == id && brood_load32(&at->references) != 0;
    }
    brood_mutex_unlock(&brood_here()->shared.lock);
    return lives;
}
