/* What a guard is told, wherever it comes from. */
#include "process/guard_impl.h"

#include "runtime/here.h"

brood_os_channel *brood_guard_channel(const brood_guard *guard)
{
    return guard->channel;
}

_Static_assert(sizeof(brood_os_ward) <= BROOD_OS_WHOLE_MAX, "a guard is told in one write");

#define WHOLE_WARDS (BROOD_OS_WHOLE_MAX / sizeof(brood_os_ward) * sizeof(brood_os_ward))

brood_status brood_guard_flush(brood_guard *guard)
{
    brood_buffer *unsaid = &guard->unsaid;
    brood_status status = BROOD_OK;

    while (unsaid->size > 0 && status == BROOD_OK) {
        size_t size = unsaid->size < WHOLE_WARDS ? unsaid->size : WHOLE_WARDS;
        size_t put = 0;

        status = brood_os_channel_write(guard->channel, unsaid->data, size, &put, NULL);
        brood_buffer_consume(unsaid, put);
    }
    return status;
}

/* A guard reads at once; where it is behind all the same, nobody waits for it for long, and once. */
#define TELL_NS INT64_C(100000000)

/* Without memory this one is lost, and no other. */
static void tell(brood_guard *guard, const brood_os_ward *ward)
{
    int64_t deadline = brood_os_now() + TELL_NS;

    brood_buffer_append(&guard->unsaid, ward, sizeof *ward);
    guard->unsaid.failed = false;
    while (brood_guard_flush(guard) == BROOD_ERR_TIMEOUT && !guard->is_behind) {
        brood_os_wait_item item = {NULL, guard->channel, true, false};

        guard->is_behind = brood_os_wait(&item, 1, deadline, NULL) != BROOD_OK;
    }
}

bool brood_guard_is_ours(void)
{
    return brood_here()->guards.owner == brood_os_self_pid();
}

void brood_guard_keep(brood_guard *guard, brood_kept *kept)
{
    brood_guard *current = NULL;

    brood_mutex_lock(&brood_here()->guards.lock);
    current = brood_here()->guards.current;
    kept->is_kept = true;
    kept->next = brood_here()->guards.first;
    brood_here()->guards.first = kept;
    if (brood_here()->guards.coming != NULL) {
        tell(brood_here()->guards.coming, &kept->ward);
    } else if (current != NULL && (guard != current || current->unsaid.size > 0)) {
        /* A new one, or one that may have yet to hear of the end of an earlier process. */
        tell(current, &kept->ward);
    }
    brood_mutex_unlock(&brood_here()->guards.lock);
}

static void leave_list(const brood_kept *kept)
{
    brood_kept **at = &brood_here()->guards.first;

    while (*at != NULL && *at != kept) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = kept->next;
    }
}

void brood_guard_forget(brood_kept *kept)
{
    brood_guard *guard = NULL;

    if (!kept->is_kept) {
        return;
    }
    brood_mutex_lock(&brood_here()->guards.lock);
    guard = brood_here()->guards.coming != NULL ? brood_here()->guards.coming
                                                : brood_here()->guards.current;
    leave_list(kept);
    kept->is_kept = false;
    kept->ward.is_over = 1;
    if (guard != NULL && brood_guard_is_ours()) {
        tell(guard, &kept->ward);
    }
    brood_mutex_unlock(&brood_here()->guards.lock);
}
