/*
 * From an event to the return of the wait for it: 99.9 % within 20 ms, with the pool's own thread
 * and in an event loop. And a pool that has nothing to do never wakes up.
 *
 * Time is judged here, so these run alone, and only what happened while two canaries woke in time,
 * and our threads had a core when they wanted one, counts. Of all that count, 3,000 or more, one in
 * 1,000 may be late, and no round forgives more. A machine that lets fewer count has not been judged.
 */
#include "pool_tools.h"

#include <stdio.h>

#include <apr_time.h>

#include "base/atomic.h"
#include "platform.h"

#define NS_PER_MS INT64_C(1000000)
#define LATE_NS (20 * NS_PER_MS)
#define CANARIES 2
#define CANARY_LATE_NS (3 * NS_PER_MS)
#define SAMPLES_MIN 3000 /* that must count, of all events */
#define SAMPLES_MAX 5000
#define SECONDS 13 /* for them */
#define IDLE_MS 10000

/* ---- canaries ------------------------------------------------------------------------------ */

typedef struct canary {
    support_thread *thread;
    brood_atomic64 woke, latest; /* ns: when, and by how much too late since the last reset */
    brood_atomic32 stop;
} canary;

static canary canaries[CANARIES];

static void run_canary(void *data)
{
    canary *self = data;

    while (brood_load32(&self->stop) == 0) {
        int64_t begin = brood_os_now();
        int64_t late = 0;

        apr_sleep(1000);
        late = brood_os_now() - begin - NS_PER_MS;
        if (late > (int64_t)brood_load64(&self->latest)) {
            brood_store64(&self->latest, (uint64_t)late);
        }
        brood_store64(&self->woke, (uint64_t)brood_os_now());
    }
}

static void start_canaries(void)
{
    for (int i = 0; i < CANARIES; i++) {
        brood_store64(&canaries[i].woke, (uint64_t)brood_os_now());
        canaries[i].thread = support_thread_start(run_canary, &canaries[i]);
    }
}

static void stop_canaries(void)
{
    for (int i = 0; i < CANARIES; i++) {
        brood_exchange32(&canaries[i].stop, 1);
        support_thread_join(canaries[i].thread);
    }
}

/* Whether the machine ran what should run, since the last time. */
static bool was_calm(void)
{
    bool calm = true;

    for (int i = 0; i < CANARIES; i++) {
        int64_t since = brood_os_now() - (int64_t)brood_load64(&canaries[i].woke);

        calm = calm && (int64_t)brood_load64(&canaries[i].latest) < CANARY_LATE_NS &&
               since < CANARY_LATE_NS + NS_PER_MS;
        brood_store64(&canaries[i].latest, 0);
    }
    return calm;
}

/* ---- a pool, and perhaps its loop ------------------------------------------------------------ */

typedef struct stand {
    brood_pool *pool;
    pool_gate gate;
    support_thread *loop;
    brood_atomic32 stop;
    brood_result *result; /* what the second thread does something to */
    size_t passes;        /* how many it lets through the gate */
    brood_atomic64 event; /* ns: when it happened */
    int64_t pid;
    struct stand *mortal;                  /* another one, whose workers are killed */
    bool is_ending;                        /* the worker */
    int64_t own_wait, worker, worker_wait; /* ns: for a core, at the begin of a sample */
    int64_t latency;
    bool counts;
} stand;

/* The loop looks whether it is to end; what nobody wakes it for is mostly late. */
#define LOOK_MS 60

static void run_loop(void *data)
{
    stand *self = data;
    brood_handle handle = BROOD_HANDLE_NONE;

    brood_pool_handle(self->pool, &handle);
    while (brood_load32(&self->stop) == 0) {
        int64_t wait_ms = brood_pool_timeout_ms(self->pool);

        support_wait_handle(handle,
                            wait_ms == BROOD_FOREVER || wait_ms > LOOK_MS ? LOOK_MS : (int)wait_ms);
        brood_pool_run(self->pool);
    }
}

static void open_stand_with(stand *self, bool event_loop, const brood_pool_options *given)
{
    brood_pool_options options = *given;

    options.workers = 1;
    options.event_loop = event_loop;
    self->pool = gate_pool(&self->gate, 1, &options);
    if (event_loop) {
        self->loop = support_thread_start(run_loop, self);
    }
}

static void open_stand(stand *self, bool event_loop)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    memset(self, 0, sizeof *self);
    gate_make(&self->gate);
    options.queue_size = 1;
    open_stand_with(self, event_loop, &options);
}

static void end_loop(stand *self)
{
    brood_exchange32(&self->stop, 1);
    if (self->loop != NULL) {
        support_thread_join(self->loop);
    }
}

static void close_stand(stand *self)
{
    gate_open(&self->gate);
    end_loop(self);
    end_pool(self->pool);
    gate_free(&self->gate);
}

static void note_event(stand *self)
{
    brood_store64(&self->event, (uint64_t)brood_os_now());
}

static int64_t since_event(stand *self)
{
    return brood_os_now() - (int64_t)brood_load64(&self->event);
}

/* ---- the second thread, which makes events while the first one waits ---------------------------- */

static struct second {
    support_thread *thread;
    intptr_t begin[2], done[2];
    void (*act)(stand *); /* NULL: end */
    stand *on;
} second;

static void run_second(void *data)
{
    char byte = 0;

    (void)data;
    while (support_read(second.begin[0], &byte, 1) == 1 && second.act != NULL) {
        second.act(second.on);
        support_write(second.done[1], "d", 1);
    }
}

static void let_second(void (*act)(stand *), stand *on)
{
    second.act = act;
    second.on = on;
    assert_int_equal(support_write(second.begin[1], "b", 1), 1);
}

static void start_second(void)
{
    assert_true(support_pipe(second.begin));
    assert_true(support_pipe(second.done));
    second.thread = support_thread_start(run_second, NULL);
}

static void stop_second(void)
{
    let_second(NULL, NULL);
    support_thread_join(second.thread);
    for (int i = 0; i < 2; i++) {
        support_close(second.begin[i]);
        support_close(second.done[i]);
    }
}

/* ---- samples ---------------------------------------------------------------------------------- */

static int64_t own_wait(void)
{
    return (int64_t)support_waited_for_core(support_pid());
}

/*
 * Nothing is read of a worker that ends in the sample, nor was before: what is known of a process in
 * /proc is taken out of there when it is reaped, by several threads (Linux: release_task), and each
 * of them waits for the one that has no core.
 */
static int64_t wait_of_worker(stand *self, int64_t *worker)
{
    *worker = -1;
    if (self->is_ending) {
        return 0;
    }
    brood_pool_pids(self->pool, worker, 1);
    return (int64_t)support_waited_for_core(*worker);
}

static void begin_sample(stand *self)
{
    self->worker_wait = wait_of_worker(self, &self->worker);
    self->own_wait = own_wait();
    was_calm();
}

/* Called first of all when a wait has returned: what may be late, and whether that counts. */
static void end_sample(stand *self, int64_t event)
{
    int64_t now = brood_os_now();
    bool calm = was_calm();
    int64_t waited = own_wait() - self->own_wait;
    int64_t worker = -1;

    waited += wait_of_worker(self, &worker);
    if (worker == self->worker) { /* another one has a wait of its own */
        waited -= self->worker_wait;
    }
    self->latency = now - event;
    self->counts = calm && waited < CANARY_LATE_NS;
}

/* The second thread may note the event once more, and later than the first one sees it. */
static void end_sample_of_event(stand *self)
{
    end_sample(self, 0);
    assert_byte(second.done[0]);
    self->latency -= (int64_t)brood_load64(&self->event);
}

/* ---- events ---------------------------------------------------------------------------------- */

#define EVENT_US 500 /* by then who waits for it sleeps */

/* The value is the time of its end, at once for a 0. */
static int task_tell_time(brood_task *task, const void *arg, size_t size)
{
    int64_t now = 0;

    if (size == 0 || *(const char *)arg != '0') {
        apr_sleep(EVENT_US);
    }
    now = brood_os_now();
    return brood_return(task, &now, sizeof now);
}

static void end_of_a_task(stand *self)
{
    int64_t end = 0;

    begin_sample(self);
    assert_ok(brood_pool_apply(self->pool, task_tell_time, NULL, 0, &end, sizeof end, NULL));
    end_sample(self, end);
}

/* The first of two items. */
static void end_of_an_item(stand *self)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    int64_t ends[2] = {0, 0};
    brood_result *result = NULL;

    options.chunk_size = 1;
    begin_sample(self);
    assert_ok(brood_pool_map_async(self->pool, &result, task_tell_time, "10", 2, 1, ends,
                                   sizeof ends[0], &options));
    assert_ok(brood_result_item(result, 0, NULL, NULL, NULL, SOON_MS));
    end_sample(self, ends[0]);
    assert_ok(brood_result_wait(result, SOON_MS));
    brood_result_destroy(result);
}

static void next_of_an_imap(stand *self)
{
    brood_array array = {"1", 1, 1, 0};
    brood_imap *imap = NULL;
    const void *data = NULL;
    int64_t end = 0;

    begin_sample(self);
    assert_ok(brood_pool_imap(self->pool, &imap, task_tell_time, brood_array_next, &array, NULL));
    assert_ok(brood_imap_next(imap, &data, NULL, NULL, NULL, SOON_MS));
    memcpy(&end, data, sizeof end);
    end_sample(self, end);
    brood_imap_destroy(imap);
}

/* Waits for a task at the gate; a second thread makes the event meanwhile. */
static void while_waiting(stand *self, brood_function *function, void (*act)(stand *),
                          brood_status status)
{
    assert_ok(brood_pool_apply_async(self->pool, &self->result, function, "x", 1, NULL));
    gate_await(&self->gate, 1);
    begin_sample(self);
    let_second(act, self);
    assert_status(brood_result_get(self->result, NULL, NULL, SOON_MS), status);
    end_sample_of_event(self);
    brood_result_destroy(self->result);
}

/* Notes when the process is over, which on a busy machine is long after what ends it. */
static void note_end(stand *self, brood_os_process *process, bool can_wait)
{
    brood_os_wait_item item = {process, NULL, false, false};

    if (can_wait && brood_os_wait(&item, 1, BROOD_OS_NO_DEADLINE, NULL) == BROOD_OK) {
        note_event(self);
    }
}

static void kill_worker(stand *self)
{
    brood_os_process *process = NULL;
    bool can_wait = false;

    brood_pool_pids(self->pool, &self->pid, 1);
    brood_os_process_open(&process, self->pid, false, &can_wait, NULL);
    apr_sleep(EVENT_US);
    note_event(self);
    support_kill(self->pid);
    note_end(self, process, can_wait);
    brood_os_process_free(process);
}

static void death_of_a_worker(stand *self)
{
    stand *other = self->mortal;

    assert_ok(brood_pool_apply(other->pool, task_echo, "x", 1, NULL, 0, NULL)); /* it is of use */
    other->is_ending = true;
    while_waiting(other, task_gated, kill_worker, BROOD_ERR_DIED);
    self->latency = other->latency;
    self->counts = other->counts;
}

/* It leaves the core to others. */
static int hang_until_cancelled(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    support_write(brood_task_handle(task, 0), "t", 1);
    while (!brood_task_cancelled(task)) {
        apr_sleep(200);
    }
    return 0;
}

static void cancel(stand *self)
{
    apr_sleep(EVENT_US);
    note_event(self);
    brood_result_cancel(self->result);
}

static void cancelling(stand *self)
{
    while_waiting(self, hang_until_cancelled, cancel, BROOD_ERR_CANCELLED);
}

#define LIMIT_MS 2

static void limited(stand *self, const brood_task_options *options, brood_status status)
{
    note_event(self);
    begin_sample(self);
    assert_status(brood_pool_apply(self->pool, hang_until_cancelled, NULL, 0, NULL, 0, options),
                  status);
    end_sample(self, (int64_t)brood_load64(&self->event) + LIMIT_MS * NS_PER_MS);
    if (support_wait_handle(self->gate.there[0], 0)) { /* else it was over before it began */
        gate_await(&self->gate, 1);
    }
}

static void a_deadline(stand *self)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    options.deadline_ms = LIMIT_MS;
    limited(self, &options, BROOD_ERR_DEADLINE);
}

static void a_time_out(stand *self)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    options.timeout_ms = LIMIT_MS;
    limited(self, &options, BROOD_ERR_TASK_TIMEOUT);
}

static void pass_gate(stand *self)
{
    apr_sleep(EVENT_US);
    note_event(self);
    gate_pass(&self->gate, self->passes);
}

/*
 * Submits tasks to the gate until one waits for room. All of them pass: the end of the first one makes
 * none when the queue was filled anew by those taken back from behind it, as it ran for 100 ms.
 */
static void room_in_the_queue(stand *self)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    size_t count = 0;

    options.try_submit = true;
    while (brood_pool_apply_async(self->pool, NULL, task_gated, "x", 1, &options) == BROOD_OK) {
        count++;
    }
    self->passes = count;
    begin_sample(self);
    note_event(self); /* there may be room before, by the end of one that was cancelled */
    let_second(pass_gate, self);
    assert_ok(brood_pool_apply_async(self->pool, NULL, task_gated, "x", 1, NULL));
    end_sample_of_event(self);
    gate_pass(&self->gate, 1);
    gate_await(&self->gate, count + 1);
    assert_ok(brood_pool_apply(self->pool, task_echo, "x", 1, NULL, 0, NULL)); /* all are done */
}

/* ---- events that take a pool of their own ------------------------------------------------------ */

/* Copies what the sample was into the first one, which goes on with its own pool. */
static void end_with(stand *self, stand *other)
{
    self->latency = other->latency;
    self->counts = other->counts;
    end_loop(other);
    assert_null(brood_pool_destroy(other->pool));
    gate_free(&other->gate);
}

static void open_other(stand *other, const stand *self, const brood_pool_options *options)
{
    memset(other, 0, sizeof *other);
    gate_make(&other->gate);
    open_stand_with(other, self->loop != NULL, options);
}

static void terminate(stand *self)
{
    apr_sleep(EVENT_US);
    note_event(self);
    brood_pool_terminate(self->pool);
}

static void termination(stand *self)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    stand other;

    open_other(&other, self, &options);
    other.is_ending = true;
    while_waiting(&other, task_gated, terminate, BROOD_ERR_CANCELLED);
    end_with(self, &other);
}

static void close_and_note_end(stand *self)
{
    brood_os_process *process = NULL;
    bool can_wait = false;

    brood_pool_pids(self->pool, &self->pid, 1);
    brood_os_process_open(&process, self->pid, false, &can_wait, NULL);
    note_event(self);
    brood_pool_close(self->pool);
    note_end(self, process, can_wait);
    brood_os_process_free(process);
}

static void end_of_a_join(stand *self)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    stand other;

    open_other(&other, self, &options);
    assert_ok(brood_pool_apply(other.pool, task_echo, "x", 1, NULL, 0, NULL));
    other.is_ending = true;
    begin_sample(&other);
    let_second(close_and_note_end, &other);
    while (brood_pool_join(other.pool, SOON_MS) == BROOD_ERR_STATE) { /* it is not closed yet */
        support_yield();
    }
    end_sample_of_event(&other);
    end_with(self, &other);
}

/* When the initializer of the next worker ended. */
static int64_t told_time(const stand *self)
{
    int64_t told = 0;

    assert_int_equal(support_read(self->gate.there[0], &told, sizeof told), sizeof told);
    return told;
}

/* Fails in the first worker, which finds a byte at the gate. */
static int fail_once(brood_task *task, const void *arg, size_t size)
{
    int64_t now = 0;
    char byte = 0;

    (void)arg;
    (void)size;
    support_read(brood_task_handle(task, 1), &byte, 1);
    now = brood_os_now();
    support_write(brood_task_handle(task, 0), &now, sizeof now);
    return byte == 'f';
}

/*
 * What is in time counts, however busy the machine is: to begin a process takes so much that hardly
 * any sample would be left. The new worker's wait for a core is read only where that matters.
 */
static void judge_start(stand *self)
{
    int64_t pid = -1;

    if (self->latency <= LATE_NS) {
        self->counts = true;
    } else {
        brood_pool_pids(self->pool, &pid, 1);
        self->counts = self->counts && support_waited_for_core(pid) < (uint64_t)CANARY_LATE_NS;
    }
}

/* With the time of the second start, after which the task runs. */
static void start_after_back_off(stand *self)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    stand other;

    options.initializer = fail_once;
    options.backoff_ms = LIMIT_MS;
    open_other(&other, self, &options);
    other.is_ending = true; /* the first worker */
    begin_sample(&other);
    assert_int_equal(support_write(other.gate.gate[1], "f-", 2), 2);
    assert_ok(brood_pool_apply(other.pool, task_echo, "x", 1, NULL, 0, NULL));
    end_sample(&other, told_time(&other) + LIMIT_MS * NS_PER_MS);
    judge_start(&other);
    assert_ok(brood_pool_close(other.pool));
    assert_ok(brood_pool_join(other.pool, SOON_MS));
    end_with(self, &other);
}

/* ---- all of them ------------------------------------------------------------------------------- */

/* How many of a kind are taken in a turn, and must count at least. */
static const struct kind {
    const char *name;
    void (*happen)(stand *);
    int in_turn, enough;
} kinds[] = {
    {"end of a task", end_of_a_task, 20, 200},
    {"end of an item", end_of_an_item, 20, 200},
    {"next of an imap", next_of_an_imap, 20, 200},
    {"cancel", cancelling, 20, 200},
    {"deadline", a_deadline, 10, 100},
    {"time-out", a_time_out, 10, 100},
    {"room in the queue", room_in_the_queue, 20, 200},
    {"death of a worker", death_of_a_worker, 4, 30},
    {"termination", termination, 1, 10},
    {"end of a join", end_of_a_join, 1, 10},
    {"start after back-off", start_after_back_off, 1, 10},
};

enum {
    KINDS = sizeof kinds / sizeof kinds[0]
};

typedef struct tally {
    int taken, counted, late;
    int64_t slowest;
} tally;

static void take_turn(stand *self, tally *tallies)
{
    for (int i = 0; i < KINDS; i++) {
        for (int k = 0; k < kinds[i].in_turn; k++) {
            kinds[i].happen(self);
            tallies[i].taken++;
            if (self->counts) {
                tallies[i].counted++;
                tallies[i].late += self->latency > LATE_NS;
                tallies[i].slowest =
                    self->latency > tallies[i].slowest ? self->latency : tallies[i].slowest;
            }
        }
    }
}

/* Whether enough of each kind, and of all, count. */
static bool sum_up(const tally *tallies, tally *all)
{
    bool enough = true;

    *all = (tally){0, 0, 0, 0};
    for (int i = 0; i < KINDS; i++) {
        enough = enough && tallies[i].counted >= kinds[i].enough;
        all->taken += tallies[i].taken;
        all->counted += tallies[i].counted;
        all->late += tallies[i].late;
    }
    return enough && all->counted >= SAMPLES_MIN;
}

static void print_tallies(const tally *tallies, const tally *all)
{
    for (int i = 0; i < KINDS; i++) {
        printf("%s: %d of %d count, %d late, %lld us at most\n", kinds[i].name, tallies[i].counted,
               tallies[i].taken, tallies[i].late, (long long)(tallies[i].slowest / 1000));
    }
    printf("all: %d of %d count, %d late\n", all->counted, all->taken, all->late);
}

static void check_latency(bool event_loop)
{
    int64_t end = brood_os_now() + SECONDS * 1000 * NS_PER_MS;
    tally tallies[KINDS] = {{0, 0, 0, 0}};
    tally all = {0, 0, 0, 0};
    bool enough = false;
    stand self;
    stand mortal;

    if (support_is_wine() || support_is_sanitized()) {
        harness_skip("only a native build is so fast");
    }
    start_canaries();
    start_second();
    open_stand(&self, event_loop);
    open_stand(&mortal, event_loop);
    self.mortal = &mortal;
    while ((!enough || all.counted < SAMPLES_MAX) && brood_os_now() < end) {
        take_turn(&self, tallies);
        enough = sum_up(tallies, &all);
    }
    close_stand(&self);
    close_stand(&mortal);
    stop_second();
    stop_canaries();
    print_tallies(tallies, &all);
    assert_in_range(all.late, 0, (all.counted > SAMPLES_MIN ? all.counted : SAMPLES_MIN) / 1000);
    if (!enough) {
        harness_skip("the machine is too busy: too few samples count");
    }
}

static void from_event_to_return(void **state)
{
    (void)state;
    check_latency(false);
}

static void from_event_to_return_with_an_event_loop(void **state)
{
    (void)state;
    check_latency(true);
}

/* ---- close ----------------------------------------------------------------------------------- */

static void close_pool(void *data)
{
    stand *self = data;

    apr_sleep(5000);
    note_event(self);
    brood_pool_close(self->pool);
}

/* Who waits for room is told that there will be none. */
static void from_close_to_return(void **state)
{
    int late = 0;

    (void)state;
    if (support_is_wine() || support_is_sanitized()) {
        harness_skip("only a native build is so fast");
    }
    start_canaries();
    for (int i = 0; i < 20; i++) {
        brood_task_options options = BROOD_TASK_OPTIONS_INIT;
        support_thread *thread = NULL;
        stand self;

        open_stand(&self, i % 2 == 1);
        options.try_submit = true;
        while (brood_pool_apply_async(self.pool, NULL, task_gated, "x", 1, &options) == BROOD_OK) {
        }
        was_calm();
        thread = support_thread_start(close_pool, &self);
        assert_status(brood_pool_apply_async(self.pool, NULL, task_gated, "x", 1, NULL),
                      BROOD_ERR_STATE);
        late += since_event(&self) > LATE_NS && was_calm();
        support_thread_join(thread);
        close_stand(&self);
    }
    stop_canaries();
    assert_in_range(late, 0, 5); /* a fault makes each late */
}

/* ---- nothing to do ---------------------------------------------------------------------------- */

static uint64_t count_sleeps(brood_pool *const *pools, size_t count)
{
    uint64_t sum = support_count_sleeps(support_pid());

    for (size_t i = 0; i < count; i++) {
        int64_t pids[8];
        size_t workers = brood_pool_pids(pools[i], pids, 8);

        for (size_t k = 0; k < workers; k++) {
            sum += support_count_sleeps(pids[k]);
        }
    }
    return sum;
}

/* Used, and calm again. */
static brood_pool *idle_pool(bool event_loop)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options limit = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.workers = 2;
    options.event_loop = event_loop;
    limit.timeout_ms = 1000;
    assert_ok(brood_pool_create(&pool, &options));
    for (int i = 0; i < 100; i++) {
        assert_ok(brood_pool_apply(pool, task_echo, "x", 1, NULL, 0, i % 2 ? &limit : NULL));
    }
    return pool;
}

static void idle_pools_do_not_wake_up(void **state)
{
    brood_pool *pools[2] = {idle_pool(false), idle_pool(true)};
    brood_handle handle = BROOD_HANDLE_NONE;
    uint64_t before = 0;

    (void)state;
    if (support_count_sleeps(support_pid()) == 0 || support_is_sanitized()) {
        end_pool(pools[0]);
        end_pool(pools[1]);
        harness_skip("nothing tells how often threads sleep, or a sanitizer has threads");
    }
    assert_ok(brood_pool_handle(pools[1], &handle));
    for (int64_t end = brood_os_now() + 2000 * NS_PER_MS; brood_os_now() < end;) {
        support_wait_handle(handle, 100); /* workers come up, and look again and again at first */
        assert_ok(brood_pool_run(pools[1]));
    }
    assert_int_equal(brood_pool_timeout_ms(pools[1]), BROOD_FOREVER);
    before = count_sleeps(pools, 2);
    assert_false(support_wait_handle(handle, IDLE_MS));
    assert_int_equal(count_sleeps(pools, 2) - before, 0);
    assert_int_equal(brood_pool_timeout_ms(pools[1]), BROOD_FOREVER);
    end_pool(pools[0]);
    end_pool(pools[1]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(from_event_to_return),
    cmocka_unit_test(from_event_to_return_with_an_event_loop),
    cmocka_unit_test(from_close_to_return),
    cmocka_unit_test(idle_pools_do_not_wake_up),
};

BROOD_TEST_MAIN(tests)
