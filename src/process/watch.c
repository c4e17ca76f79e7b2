#include "process/watch.h"

#include "base/error.h"
#include "base/memory.h"
#include "runtime/begin.h"
#include "runtime/here.h"

/* How often a parent is looked for of which nothing tells. */
#define LOOK_NS INT64_C(1000000000)

static void handle_frames(brood_buffer *in)
{
    brood_frame_head head;

    while (brood_frame_peek(in->data, in->size, BROOD_START_MAX, &head) == BROOD_OK) {
        if (head.type == BROOD_FRAME_TERMINATE) {
            brood_os_child_raise_terminate();
        }
        brood_buffer_consume(in, sizeof head + head.size);
    }
}

static brood_status take_frames(brood_buffer *in)
{
    char bytes[64];
    size_t got = 0;
    brood_status status =
        brood_os_channel_read(brood_here()->watch.channel, bytes, sizeof bytes, &got, NULL);

    brood_buffer_append(in, bytes, got);
    handle_frames(in);
    return status;
}

/*
 * Where the function closes what is the library's, and opens something else at these numbers, they
 * say nothing about the parent: it is looked for anew. What has such a number is not ours to close.
 */
static void look(brood_buffer *in)
{
    brood_os_wait_item items[] = {{NULL, brood_here()->watch.channel, false, false},
                                  {brood_here()->watch.parent, NULL, false, false}};
    bool is_lost = false;
    bool is_blind = brood_here()->watch.channel == NULL && brood_here()->watch.parent == NULL;
    int64_t deadline = is_blind ? brood_os_now() + LOOK_NS : BROOD_OS_NO_DEADLINE;
    brood_status status = brood_os_wait(items, 2, deadline, NULL);

    if (status == BROOD_OK && items[0].ready) {
        status = take_frames(in);
    }
    is_lost = brood_os_channel_is_lost(brood_here()->watch.channel);
    if (status != BROOD_OK && status != BROOD_ERR_TIMEOUT && !is_lost) {
        brood_here()->watch.is_gone = true; /* or cannot be watched */
    } else if (is_blind || is_lost || items[1].ready) {
        brood_here()->watch.channel = is_lost ? NULL : brood_here()->watch.channel;
        brood_os_parent_forget(brood_here()->watch.parent);
        brood_here()->watch.parent = brood_os_parent_open(brood_here()->watch.start->parent_pid,
                                                          &brood_here()->watch.is_gone);
    }
}

static void tell_ready(void)
{
    brood_mutex_lock(&brood_here()->watch.lock);
    brood_here()->watch.is_ready = true;
    brood_condition_signal(&brood_here()->watch.changed);
    brood_mutex_unlock(&brood_here()->watch.lock);
}

/* Lives until the parent ends or the process does. */
static void run(void *data)
{
    brood_buffer in = BROOD_BUFFER_INIT;

    (void)data;
    brood_os_child_keep(brood_here()->watch.channel, brood_here()->watch.parent);
    tell_ready();
    while (!brood_here()->watch.is_gone) {
        look(&in);
    }
    brood_buffer_free(&in);
    if (brood_here()->watch.start->daemon) {
        brood_os_child_end(BROOD_EXIT_ORPHAN, brood_here()->watch.start->kill_tree);
    }
}

brood_status brood_watch_start(brood_os_channel *channel, const brood_start *start,
                               brood_error *error)
{
    apr_pool_t *pool = NULL;

    if (!start->daemon && !brood_os_child_needs_watch()) {
        return BROOD_OK;
    }
    if (brood_begin() != BROOD_OK || brood_apr_pool_create(&pool) != APR_SUCCESS ||
        brood_mutex_create(&brood_here()->watch.lock, pool) != BROOD_OK ||
        brood_condition_create(&brood_here()->watch.changed, pool) != BROOD_OK) {
        return brood_fail_memory(error, "apr_initialize");
    }
    brood_here()->watch.channel = channel;
    brood_here()->watch.start = start;
    /* Here, so that the thread allocates nothing as a rule: malloc would take an arena for it. */
    brood_here()->watch.parent =
        brood_os_parent_open(start->parent_pid, &brood_here()->watch.is_gone);
    return brood_thread_start_detached(&brood_here()->watch.thread, run, NULL, pool, error);
}

void brood_watch_await(void)
{
    if (!brood_mutex_was_created(&brood_here()->watch.lock)) {
        return;
    }
    brood_mutex_lock(&brood_here()->watch.lock);
    while (!brood_here()->watch.is_ready) {
        brood_condition_wait(&brood_here()->watch.changed, &brood_here()->watch.lock);
    }
    brood_mutex_unlock(&brood_here()->watch.lock);
}
