/* What a guard does. */
#include <assert.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "process/child.h"
#include "process/guard.h"

typedef struct charge {
    int64_t pid;
    brood_os_process *process;
    bool can_wait;
} charge;

typedef struct watch {
    charge *list;
    size_t count;
    size_t room;
} watch;

static charge *find(const watch *run, int64_t pid)
{
    for (size_t i = 0; i < run->count; i++) {
        if (run->list[i].pid == pid) {
            return &run->list[i];
        }
    }
    return NULL;
}

static void forget(watch *run, charge *known)
{
    assert(run->list != NULL);
    brood_os_process_free(known->process);
    *known = run->list[run->count - 1];
    run->count--;
}

static bool has_room(watch *run)
{
    size_t room = run->room == 0 ? 64 : run->room * 2;
    charge *list = NULL;

    if (run->count < run->room) {
        return true;
    }
    list = brood_malloc(room * sizeof *list);
    if (list == NULL) {
        return false;
    }
    if (run->count > 0) {
        memcpy(list, run->list, run->count * sizeof *list);
    }
    brood_free(run->list);
    run->list = list;
    run->room = room;
    return true;
}

/* False: there is no memory for it. A process 1 is one of another namespace, or init. */
static bool heed(watch *run, const brood_os_ward *ward)
{
    charge *known = find(run, ward->pid);
    charge added = {ward->pid, NULL, false};

    if (known != NULL) {
        forget(run, known);
    }
    if (ward->is_over != 0 || ward->pid <= 1) {
        return true;
    }
    if (!has_room(run) || brood_os_process_open(&added.process, ward->pid, ward->leads_group != 0,
                                                &added.can_wait, NULL) == BROOD_ERR_NO_MEMORY) {
        return false;
    }
    run->list[run->count] = added;
    run->count++;
    return true;
}

static bool has_ended(const charge *one)
{
    brood_os_wait_item item = {one->process, NULL, false, false};

    return one->process == NULL || (one->can_wait && brood_os_wait(&item, 1, 0, NULL) == BROOD_OK);
}

static void end_all(watch *run)
{
    while (run->count > 0) {
        charge *last = &run->list[run->count - 1];

        if (!has_ended(last)) {
            brood_os_process_kill(last->process, NULL);
        }
        forget(run, last);
    }
}

/* What one read gives. */
static brood_status take_some(watch *run, brood_os_channel *channel, brood_buffer *in)
{
    char bytes[4096];
    size_t got = 0;
    brood_status status = brood_os_channel_read(channel, bytes, sizeof bytes, &got, NULL);
    brood_os_ward ward;

    brood_buffer_append(in, bytes, got);
    while (in->size >= sizeof ward && !in->failed) {
        memcpy(&ward, in->data, sizeof ward);
        brood_buffer_consume(in, sizeof ward);
        if (!heed(run, &ward)) {
            return BROOD_ERR_NO_MEMORY;
        }
    }
    return in->failed ? BROOD_ERR_NO_MEMORY : status;
}

/*
 * All that the channel has: an end that was told must be heeded before a number is believed, which may
 * be another process's by then.
 */
static brood_status take_in(watch *run, brood_os_channel *channel, brood_buffer *in)
{
    brood_status status = BROOD_OK;

    while (status == BROOD_OK) {
        status = take_some(run, channel, in);
    }
    return status == BROOD_ERR_TIMEOUT ? BROOD_OK : status;
}

/* A child of a parent that was killed meanwhile may be about to become its program. */
#define LINGER_NS INT64_C(2000000000)

/*
 * One that cannot do its duty ends, and kills nothing: its parent starts another one. A copy of the
 * parent (a plain fork) may hold the channel, so the parent itself is watched where it can be.
 */
static brood_status serve(watch *run, brood_os_channel *channel, brood_os_process *parent)
{
    int64_t deadline = BROOD_OS_NO_DEADLINE;
    brood_buffer in = BROOD_BUFFER_INIT;
    brood_status status = BROOD_OK;

    while (status == BROOD_OK) {
        brood_os_wait_item items[] = {{NULL, channel, false, false}, {parent, NULL, false, false}};

        status = brood_os_wait(items, 2, deadline, NULL);
        if (status == BROOD_OK && items[0].ready) {
            status = take_in(run, channel, &in);
        }
        if (items[1].ready) {
            parent = NULL;
            deadline = brood_os_now() + LINGER_NS;
        }
        if (status == BROOD_ERR_CLOSED || deadline != BROOD_OS_NO_DEADLINE) {
            end_all(run);
        }
    }
    return status;
}

int brood_guard_run(brood_task *task, const void *arg, size_t size)
{
    brood_os_process *parent = NULL;
    watch run = {NULL, 0, 0};
    bool can_wait = false;

    (void)task;
    (void)arg;
    (void)size;
    if (!brood_os_child_detach()) {
        return 1;
    }
    if (brood_child_say_hello() != BROOD_OK) {
        brood_os_child_end(1, false);
    }
    brood_os_process_open(&parent, brood_child_parent_pid(), false, &can_wait, NULL);
    serve(&run, brood_child_channel(), can_wait ? parent : NULL);
    brood_os_child_end(0, false);
}
