/* Plain copies of the program (fork), as somebody else in it makes them; they outlive pools. */
#include "liveness.h"

#include "platform.h"

#define COPIES_MAX 16
#define LIVES_MS 7000 /* longer than it takes the heartbeat to fail */

static struct {
    int64_t pid;
    int64_t ends_at;
} copies[COPIES_MAX];

void live_copy(void)
{
    for (int i = 0; i < COPIES_MAX && !support_is_sanitized(); i++) {
        if (copies[i].pid <= 0) {
            copies[i].pid = support_fork_for(LIVES_MS);
            copies[i].ends_at = brood_os_now() + LIVES_MS * INT64_C(1000000);
            return;
        }
    }
}

void live_end_copies(bool all)
{
    for (int i = 0; i < COPIES_MAX; i++) {
        if (copies[i].pid > 0 && (all || brood_os_now() > copies[i].ends_at)) {
            support_kill(copies[i].pid);
            support_wait_for(copies[i].pid);
            copies[i].pid = 0;
        }
    }
}
