#include "serve/run.h"

#include <brood/pool.h>

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "runtime/sync.h"

#define REPORT_AFTER_NS INT64_C(10000000) /* values wait for no longer than about that */
#define LOOK_AFTER_NS INT64_C(50000)
#define STRIDE_MAX 4096
#define STRIDE_WATCHED 64
#define HALT_NS INT64_C(100000)
#define KEEP_SLOT_MAX (1024 * 1024)

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- telling ----------------------------------------------------------------------------- */

/*
 * Whether a worker that is a thread was told to end. It begins nothing more, and says nothing of what it
 * has not begun: that goes to others.
 */
static bool must_end(brood_run *run)
{
    if (brood_load32(&run->link->page->ends) == 0) {
        return false;
    }
    brood_link_break(run->link, 0);
    run->is_open = false;
    return true;
}

/* Without this, the pool would count the time of the wake-up as time of the task. */
static uint32_t take_awake_ns(brood_link *link)
{
    int64_t awake = link->woken_at != 0 ? brood_os_now() - link->woken_at : 0;

    link->woken_at = 0;
    return awake < UINT32_MAX ? (uint32_t)awake : UINT32_MAX;
}

static brood_wire_answer answer_of(const brood_run *run, brood_wire_kind kind, uint64_t count)
{
    brood_wire_answer answer = {.kind = (uint32_t)kind,
                                .id = run->order->id,
                                .first = run->order->first + run->reported,
                                .count = count};

    return answer;
}

/* The size of a value in the ring, for tasks whose values are written there in place. */
static size_t size_in_place(const brood_run *run)
{
    return run->out == NULL && run->task->value_kind == BROOD_VALUE_FIXED ? run->task->slot_size
                                                                          : 0;
}

/*
 * Reports the items that have succeeded since the last report; their values, if any, lie in the
 * ring already.
 */
static void report_success(brood_run *run)
{
    uint64_t count = run->next - run->reported;
    brood_wire_answer answer = answer_of(run, BROOD_WIRE_RESULT, count);
    size_t padded = 0;

    if (count == 0) {
        return;
    }
    answer.awake_ns = take_awake_ns(run->link);
    answer.size = count * size_in_place(run);
    padded = (size_t)brood_wire_padded(answer.size);
    run->is_open = false;
    if (size_in_place(run) == 0 && !brood_link_make_room(run->link, sizeof answer)) {
        return;
    }
    brood_ring_put(&run->link->out, &answer, sizeof answer);
    brood_ring_advance(&run->link->out, padded);
    brood_link_publish(run->link);
    run->reported = run->next;
}

void brood_run_report_failure(brood_run *run, brood_status status, int code, const char *message)
{
    bool is_range = (run->order->flags & BROOD_WIRE_RANGE) != 0;
    brood_wire_answer answer = answer_of(run, BROOD_WIRE_FAILED, is_range ? run->order->count : 1);

    answer.awake_ns = take_awake_ns(run->link);
    answer.code = code;
    answer.status = (uint32_t)status;
    answer.size = strlen(message);
    brood_link_send(run->link, &answer, message);
    run->reported += answer.count;
    run->next = run->reported;
}

static void report_skipped(brood_run *run)
{
    brood_wire_answer answer = answer_of(run, BROOD_WIRE_SKIPPED, run->order->count - run->next);

    brood_link_send(run->link, &answer, NULL);
    run->reported = run->next = run->order->count;
}

/* Reports a value of any size, at once. */
static void report_value(brood_run *run)
{
    brood_wire_answer answer = answer_of(run, BROOD_WIRE_RESULT, 1);

    answer.awake_ns = take_awake_ns(run->link);
    answer.size = run->task->value_size;
    brood_link_send(run->link, &answer, run->task->slot);
    run->reported = ++run->next;
    if (run->task->slot_size > KEEP_SLOT_MAX) {
        brood_free(run->task->slot);
        run->task->slot = NULL;
        run->task->slot_size = 0;
    }
}

/*
 * Makes room in the ring for a head and as many values as may wait there. When the worker dies, the
 * pool finds the values of items that were done after the place of the head, which is written when
 * they are reported. The place is not open when the link is broken.
 */
static inline void open_place(brood_run *run)
{
    size_t size = size_in_place(run);
    size_t most = run->link->out.capacity / 4;
    uint64_t left = run->order->count - run->next;

    run->most = left;
    if (size > 0) {
        run->most = least(left, (most - sizeof(brood_wire_answer)) / size);
        run->place = brood_link_place(run->link, sizeof(brood_wire_answer) +
                                                     (size_t)brood_wire_padded(run->most * size));
        if (run->place == NULL) {
            return;
        }
        run->place += sizeof(brood_wire_answer);
    }
    run->is_open = !run->link->is_broken;
}

/* Whether the pool has interrupted this task: a cancel or a flush. */
static bool is_interrupted(const brood_run *run)
{
    return brood_load64(&run->link->page->cancel_id) == run->order->id;
}

/*
 * Whether to report after each item, at once: a thread waits for single items, or an item was
 * cancelled. (The page has one interrupt at a time: a cancel hides whether a flush was asked for.)
 */
static bool must_look(const brood_run *run)
{
    return is_interrupted(run) || (run->order->flags & BROOD_WIRE_FLUSHED) != 0;
}

/* Reports when values have waited long enough; the faster items are, the less the clock is read. */
static void look_at_clock(brood_run *run)
{
    int64_t now = brood_os_now();
    int64_t since = now - run->looked_at;

    run->looked_at = now;
    if (since < LOOK_AFTER_NS && run->stride < run->stride_max) {
        run->stride *= 2;
    } else if (since > 4 * LOOK_AFTER_NS) {
        run->stride = run->stride / 2 + run->stride % 2;
    }
    if (now - run->reported_at > REPORT_AFTER_NS || must_look(run)) {
        run->reported_at = now;
        report_success(run);
    }
}

/* ---- running ----------------------------------------------------------------------------- */

/*
 * When the pool is about to kill for the item before, it sets `halts`, and then reads `item`, which
 * is stored here before `halts` is read: either the pool sees that the worker has begun this item
 * and lets it run, or the worker sees that it must not begin.
 */
static bool note_timed(brood_run *run)
{
    brood_wire_page *page = run->link->page;

    brood_release64(&page->started, (uint64_t)brood_os_now());
    brood_store64(&page->item, run->next + 1);
    while (brood_load32(&page->halts) != 0 && brood_load64(&page->cancel_id) == run->order->id &&
           run->next + 1 > brood_load64(&page->cancel_item)) {
        if (must_end(run)) {
            return false;
        }
        brood_sleep(HALT_NS);
    }
    return true;
}

/* False: the item must not begin, and the link is broken. */
static bool note_begin(brood_run *run)
{
    run->task->state = 0;
    if ((run->order->flags & BROOD_WIRE_TIMED) != 0) {
        return note_timed(run);
    }
    brood_release64(&run->link->page->item, run->next + 1);
    return true;
}

/* Why an item has failed, or BROOD_OK. */
static brood_status status_of(const brood_run *run, int code)
{
    const brood_task *task = run->task;
    bool must_have_value = task->value_kind == BROOD_VALUE_FIXED || task->exact_size > 0;

    if (brood_task_cancelled(task)) {
        return BROOD_ERR_CANCELLED;
    }
    if ((task->state & BROOD_TASK_REFUSED) != 0) {
        return task->status;
    }
    if (code != 0) {
        return BROOD_ERR_TASK;
    }
    return must_have_value && (task->state & BROOD_TASK_HAS_VALUE) == 0 ? BROOD_ERR_TOO_LARGE
                                                                        : BROOD_OK;
}

/* Reports, or counts, an item that may have failed or have a value of any size. */
static void settle(brood_run *run, int code)
{
    brood_task *task = run->task;
    brood_status status = status_of(run, code);

    if (status == BROOD_OK && task->value_kind != BROOD_VALUE_ANY) {
        run->next++;
        return;
    }
    report_success(run);
    run->is_open = false;
    if (status == BROOD_OK) {
        report_value(run);
    } else {
        brood_run_report_failure(run, status, code,
                                 status == BROOD_ERR_TOO_LARGE && task->state == 0
                                     ? "the task returned no value"
                                     : brood_task_message(task));
    }
}

/* Makes room for at least one value more. False: the link is broken: no item more may begin. */
static inline bool make_place(brood_run *run)
{
    if (run->is_open && run->next - run->reported >= run->most) {
        report_success(run);
    }
    if (!run->is_open) {
        open_place(run);
    }
    return run->is_open;
}

static unsigned char *slot_of_next(const brood_run *run)
{
    return run->out != NULL ? run->out + run->next * run->task->slot_size
                            : run->place + (run->next - run->reported) * run->task->slot_size;
}

/* Runs one item, which has size bytes at data; there is room for its value. */
static void run_item(brood_run *run, const void *data, size_t size)
{
    brood_task *task = run->task;
    int code = 0;

    if (!note_begin(run)) {
        return;
    }
    if (task->value_kind == BROOD_VALUE_FIXED) {
        task->slot = slot_of_next(run);
        brood_point(task->slot, task->slot_size);
    } else {
        task->value_size = 0;
    }
    code = ((brood_function *)run->function)(task, size > 0 ? data : NULL, size);
    settle(run, code);
}

/*
 * Out of the way of the rest, so that what the loop needs stays in registers; and at the beginning
 * of a cache line, since the loop is some 5 % slower where it lies across more of them.
 */
#if defined(__GNUC__)
__attribute__((noinline, aligned(BROOD_CACHE_LINE)))
#endif
static int
loop_over_items(brood_run *run)
{
    brood_task *task = run->task;
    brood_wire_page *page = run->link->page;
    const unsigned char *data = run->data;
    unsigned char *slot = task->place_base;
    uint64_t item = run->next;
    int code = 0;

    do {
        task->place.at = slot;
        brood_release64(&page->item, ++item);
        brood_point(slot, task->place.size);
        code = ((brood_function *)run->function)(task, data, run->in_size);
        data += run->in_size;
        slot += task->place.size;
    } while (code == 0 && task->place.at == NULL && item < brood_load64(&page->run_until));
    run->next = item;
    return code;
}

/*
 * Runs items of one size up to, but not with, stop, with values of one size: what maps spend their
 * time in, with as few words touched as possible. Stops after an item that did not simply succeed,
 * or when the pool interrupts the task.
 */
static void run_in_places(brood_run *run, uint64_t stop)
{
    brood_task *task = run->task;
    int code = 0;

    run->in_size = (size_t)run->order->in_size;
    run->data = run->in + run->next * run->in_size;
    brood_store64(&run->link->page->run_until, stop);
    if (must_look(run)) { /* before we wrote that; or the pool writes 0 behind us */
        brood_release64(&run->link->page->run_until, 0);
    }
    task->place.size = task->slot_size;
    task->place_base = slot_of_next(run);
    task->place_first = run->next + 1;
    code = loop_over_items(run);
    if (code != 0 || task->place.at != NULL) {
        brood_task_leave_place(task);
        run->next--;
        settle(run, code);
    }
    task->place_base = task->place.at = NULL;
}

static void run_some(brood_run *run, uint64_t stop)
{
    size_t size = (size_t)run->order->in_size;

    if (run->task->value_kind == BROOD_VALUE_FIXED && size > 0 &&
        (run->order->flags & BROOD_WIRE_TIMED) == 0) {
        run_in_places(run, stop);
        return;
    }
    do {
        run_item(run, run->in + run->next * size, size);
    } while (run->next < stop && run->is_open && !must_look(run));
}

static bool is_cancelled(const brood_run *run)
{
    return is_interrupted(run) && brood_load64(&run->link->page->cancel_item) == 0;
}

static void run_range(brood_run *run)
{
    const brood_wire_order *order = run->order;
    brood_task *task = run->task;
    int code = 0;

    if (is_cancelled(run)) {
        if (!must_end(run)) {
            report_skipped(run);
        }
        return;
    }
    if (!note_begin(run)) {
        return;
    }
    code = ((brood_range_function *)run->function)(task, order->first, order->first + order->count,
                                                   order->in_size > 0 ? run->in : NULL,
                                                   (size_t)order->in_size);
    if (brood_task_cancelled(task)) {
        brood_run_report_failure(run, BROOD_ERR_CANCELLED, code, brood_task_message(task));
    } else if (code != 0) {
        brood_run_report_failure(run, BROOD_ERR_TASK, code, brood_task_message(task));
    } else {
        run->next = order->count;
        report_success(run);
    }
}

/* Runs items of varying sizes: a table of sizes, then each item at a multiple of 16. */
static void run_varying(brood_run *run)
{
    const uint64_t *sizes = (const uint64_t *)(const void *)run->in;
    const unsigned char *at = run->in + brood_wire_padded(run->order->count * sizeof(uint64_t));

    for (uint64_t i = 0; i < run->order->count && !is_cancelled(run) && make_place(run); i++) {
        run_item(run, at, (size_t)sizes[i]);
        at += brood_wire_padded(sizes[i]);
        look_at_clock(run);
    }
}

static void run_fixed(brood_run *run)
{
    while (run->next < run->order->count && !is_cancelled(run) && make_place(run)) {
        uint64_t stop = run->next + run->stride;

        stop = least(least(stop, run->reported + run->most), run->order->count);
        run_some(run, stop);
        if (run->order->count > 1) {
            look_at_clock(run);
        }
    }
}

void brood_run_all(brood_run *run)
{
    run->stride = 1;
    run->stride_max = (run->order->flags & BROOD_WIRE_WATCHED) != 0 ? STRIDE_WATCHED : STRIDE_MAX;
    if (run->order->count > 1) {
        run->reported_at = run->looked_at = brood_os_now();
    }
    if ((run->order->flags & BROOD_WIRE_RANGE) != 0) {
        run_range(run);
        return;
    }
    if (run->order->in_size == BROOD_WIRE_VARIES) {
        run_varying(run);
    } else {
        run_fixed(run);
    }
    report_success(run);
    if (run->next < run->order->count && !must_end(run)) {
        report_skipped(run);
    }
}
