#include "serve_run.h"

#include <brood/pool.h>

#include <stdlib.h>
#include <string.h>

#include "error.h"

#define TELL_AFTER_NS (1000 * INT64_C(1000)) /* values wait for no longer than about that */
#define STRIDE_MAX 1024
#define KEEP_SLOT_MAX (1024 * 1024)

/* ---- telling ----------------------------------------------------------------------------- */

static brood_wire_answer answer_of(const brood_run *run, brood_wire_kind kind, uint64_t count)
{
    brood_wire_answer answer = {.kind = (uint32_t)kind,
                                .id = run->order->id,
                                .first = run->order->first + run->told,
                                .count = count};

    return answer;
}

/* The size of a value in the ring, for tasks whose values are written there in place. */
static size_t size_in_place(const brood_run *run)
{
    return run->out == NULL && run->task->value_kind == BROOD_VALUE_FIXED ? run->task->slot_size
                                                                          : 0;
}

/* Tells of the items that have succeeded since; their values, if any, lie in the ring already. */
static void tell_success(brood_run *run)
{
    uint64_t count = run->next - run->told;
    brood_wire_answer answer = answer_of(run, BROOD_WIRE_RESULT, count);
    size_t padded = 0;

    if (count == 0) {
        return;
    }
    answer.size = count * size_in_place(run);
    padded = (size_t)brood_wire_padded(answer.size);
    if (size_in_place(run) == 0) {
        brood_link_make_room(run->link, sizeof answer);
    }
    brood_ring_put(&run->link->out, &answer, sizeof answer);
    brood_ring_advance(&run->link->out, padded);
    brood_link_publish(run->link);
    run->told = run->next;
    run->is_open = false;
}

void brood_run_tell_failure(brood_run *run, brood_status status, int code, const char *message)
{
    bool is_range = (run->order->flags & BROOD_WIRE_RANGE) != 0;
    brood_wire_answer answer = answer_of(run, BROOD_WIRE_FAILED, is_range ? run->order->count : 1);

    answer.code = code;
    answer.status = (uint32_t)status;
    answer.size = strlen(message);
    brood_link_send(run->link, &answer, message);
    run->told += answer.count;
    run->next = run->told;
}

static void tell_skipped(brood_run *run)
{
    brood_wire_answer answer = answer_of(run, BROOD_WIRE_SKIPPED, run->order->count - run->next);

    brood_link_send(run->link, &answer, NULL);
    run->told = run->next = run->order->count;
}

/* A value of any size is told at once. */
static void tell_value(brood_run *run)
{
    brood_wire_answer answer = answer_of(run, BROOD_WIRE_RESULT, 1);

    answer.size = run->task->value_size;
    brood_link_send(run->link, &answer, run->task->slot);
    run->told = ++run->next;
    if (run->task->slot_size > KEEP_SLOT_MAX) {
        free(run->task->slot);
        run->task->slot = NULL;
        run->task->slot_size = 0;
    }
}

/*
 * Makes room in the ring for a head and as many values as may wait there. The head is written now:
 * when the worker dies, the pool finds behind it the values of the items that were done.
 */
static void open_place(brood_run *run)
{
    size_t size = size_in_place(run);
    size_t most = run->link->out.capacity / 4;
    uint64_t left = run->order->count - run->next;
    brood_wire_answer answer = answer_of(run, BROOD_WIRE_RESULT, 0);

    run->is_open = true;
    run->most = left;
    if (size == 0) {
        return;
    }
    run->most = left < (most - sizeof answer) / size ? left : (most - sizeof answer) / size;
    run->place =
        brood_link_place(run->link, sizeof answer + (size_t)brood_wire_padded(run->most * size));
    memcpy(run->place, &answer, sizeof answer);
    run->place += sizeof answer;
}

/* Whether values have waited long enough; the clock is asked the more seldom the faster they come. */
static bool is_time_to_tell(brood_run *run)
{
    int64_t now = 0;
    int64_t since = 0;

    if (--run->until_look > 0) {
        return false;
    }
    now = brood_os_now();
    since = now - run->told_at;
    if (since < TELL_AFTER_NS / 16 && run->stride < STRIDE_MAX) {
        run->stride *= 2;
    } else if (since > TELL_AFTER_NS) {
        run->stride = 1;
    }
    run->until_look = run->stride;
    if (since > TELL_AFTER_NS) {
        run->told_at = now;
        return true;
    }
    return false;
}

/* ---- running ----------------------------------------------------------------------------- */

static void note_begin(brood_run *run)
{
    run->task->ordinal = run->next + 1;
    run->task->index = run->order->first + run->next;
    if ((run->order->flags & BROOD_WIRE_TIMED) != 0) {
        brood_release64(&run->link->page->started, (uint64_t)brood_os_now());
    }
    brood_release64(&run->link->page->item, run->next + 1);
}

/* What is left to say of an item that did not simply succeed. */
static void settle(brood_run *run, int code, bool cancelled)
{
    brood_task *task = run->task;

    tell_success(run);
    run->is_open = false;
    if (cancelled) {
        brood_run_tell_failure(run, BROOD_ERR_CANCELLED, code, task->message);
    } else if (task->status != BROOD_OK) {
        brood_run_tell_failure(run, task->status, code, task->message);
    } else if (code != 0) {
        brood_run_tell_failure(run, BROOD_ERR_TASK, code, task->message);
    } else if (!task->has_value &&
               (task->value_kind == BROOD_VALUE_FIXED || task->exact_size > 0)) {
        brood_run_tell_failure(run, BROOD_ERR_TOO_LARGE, code, "the task returned no value");
    } else {
        tell_value(run);
    }
}

/* Runs one item, which has size bytes at data. */
static void run_item(brood_run *run, const void *data, size_t size)
{
    brood_task *task = run->task;
    int code = 0;
    bool cancelled = false;

    if (run->is_open && run->next - run->told >= run->most) {
        tell_success(run);
    }
    if (!run->is_open) {
        open_place(run);
    }
    task->has_value = false;
    task->value_size = 0;
    task->status = BROOD_OK;
    task->message[0] = '\0';
    if (task->value_kind == BROOD_VALUE_FIXED) {
        task->slot = run->out != NULL ? run->out + run->next * task->slot_size
                                      : run->place + (run->next - run->told) * task->slot_size;
    }
    note_begin(run);
    code = ((brood_function *)run->function)(task, size > 0 ? data : NULL, size);
    cancelled = brood_task_cancelled(task);
    if (code != 0 || cancelled || task->status != BROOD_OK || task->value_kind == BROOD_VALUE_ANY ||
        (task->value_kind == BROOD_VALUE_FIXED && !task->has_value)) {
        settle(run, code, cancelled);
    } else {
        run->next++;
        if (is_time_to_tell(run)) {
            tell_success(run);
        }
    }
}

static void run_range(brood_run *run)
{
    const brood_wire_order *order = run->order;
    brood_task *task = run->task;
    int code = 0;

    task->message[0] = '\0';
    note_begin(run);
    code = ((brood_range_function *)run->function)(task, order->first, order->first + order->count,
                                                   order->in_size > 0 ? run->in : NULL,
                                                   (size_t)order->in_size);
    if (brood_task_cancelled(task)) {
        brood_run_tell_failure(run, BROOD_ERR_CANCELLED, code, task->message);
    } else if (code != 0) {
        brood_run_tell_failure(run, BROOD_ERR_TASK, code, task->message);
    } else {
        run->next = order->count;
        tell_success(run);
    }
}

static bool is_cancelled(const brood_run *run)
{
    return brood_load64(&run->link->page->cancel_id) == run->order->id &&
           brood_load64(&run->link->page->cancel_item) == 0;
}

/* Items of one size lie side by side; others each begin at a multiple of 16. */
static void run_varying(brood_run *run)
{
    const uint64_t *sizes = (const uint64_t *)(const void *)run->in;
    const unsigned char *at = run->in + brood_wire_padded(run->order->count * sizeof(uint64_t));

    for (uint64_t i = 0; i < run->order->count && !is_cancelled(run); i++) {
        run_item(run, at, (size_t)sizes[i]);
        at += brood_wire_padded(sizes[i]);
    }
}

static void run_fixed(brood_run *run)
{
    size_t size = (size_t)run->order->in_size;

    while (run->next < run->order->count && !is_cancelled(run)) {
        run_item(run, run->in + run->next * size, size);
    }
}

void brood_run_all(brood_run *run)
{
    run->stride = 1;
    run->until_look = 1;
    run->told_at = brood_os_now();
    if ((run->order->flags & BROOD_WIRE_RANGE) != 0) {
        run_range(run);
        return;
    }
    if (run->order->in_size == BROOD_WIRE_VARIES) {
        run_varying(run);
    } else {
        run_fixed(run);
    }
    tell_success(run);
    if (run->next < run->order->count) {
        tell_skipped(run);
    }
}
