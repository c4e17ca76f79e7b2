/* What a guard is told, wherever it comes from. */
#include "process/guard_impl.h"

#include "runtime/here.h"

brood_os_channel *brood_guard_channel(const brood_guard *guard)
{
    return guard->channel;
}

/* A guard reads at once; where it is behind all the same, nobody waits for it for long. */
#define TELL_NS INT64_C(100000000)

_Static_assert(sizeof(brood_os_ward) <= BROOD_OS_WHOLE_MAX, "a guard is told in one write");

brood_status brood_guard_tell(brood_guard *guard, const brood_os_ward *ward)
{
    int64_t deadline = brood_os_now() + TELL_NS;
    brood_os_channel *channel = guard->channel;
    size_t put = 0;
    brood_status status = brood_os_channel_write(channel, ward, sizeof *ward, &put, NULL);

    while (status == BROOD_ERR_TIMEOUT) {
        brood_os_wait_item item = {NULL, channel, true, false};

        if (brood_os_wait(&item, 1, deadline, NULL) != BROOD_OK) {
            return BROOD_ERR_TIMEOUT;
        }
        status = brood_os_channel_write(channel, ward, sizeof *ward, &put, NULL);
    }
    return status;
}

bool brood_guard_is_ours(void)
{
    return brood_here()->guards.owner == brood_os_self_pid();
}

void brood_guard_keep(brood_guard *guard, brood_kept *kept)
{
    brood_mutex_lock(&brood_here()->guards.lock);
    kept->is_kept = true;
    kept->next = brood_here()->guards.first;
    brood_here()->guards.first = kept;
    if (guard != brood_here()->guards.current &&
        brood_here()->guards.current != NULL) { /* a new one, which has not heard */
        brood_guard_tell(brood_here()->guards.current, &kept->ward);
    }
    brood_mutex_unlock(&brood_here()->guards.lock);
}

void brood_guard_forget(brood_kept *kept)
{
    brood_kept **at = &brood_here()->guards.first;

    if (!kept->is_kept) {
        return;
    }
    brood_mutex_lock(&brood_here()->guards.lock);
    while (*at != NULL && *at != kept) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = kept->next;
    }
    kept->is_kept = false;
    kept->ward.is_over = 1;
    if (brood_here()->guards.current != NULL && brood_guard_is_ours()) {
        brood_guard_tell(brood_here()->guards.current, &kept->ward);
    }
    brood_mutex_unlock(&brood_here()->guards.lock);
}
