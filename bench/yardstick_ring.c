/*
 * Two processes with a core each, which share memory and do not sleep during a run: "spin" sends a number forth and
 * back through a word each way; "tasks" sends frames of 64 bytes through a ring each way, a thousand
 * under way, and allocates and frees memory for each; "deep" does so with all that it was told at once.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "answer.h"

#define WINDOW 1000 /* as in pools.c */
#define PLACES 16384
#define LINE 64

typedef struct frame {
    uint64_t value;
    unsigned char rest[LINE - sizeof(uint64_t)];
} frame;

typedef struct ring {
    _Alignas(LINE) atomic_size_t written;
    _Alignas(LINE) atomic_size_t taken;
    _Alignas(LINE) frame frames[PLACES];
} ring;

typedef struct memory {
    _Alignas(LINE) atomic_uint_fast64_t there;
    _Alignas(LINE) atomic_uint_fast64_t back;
    _Alignas(LINE) atomic_uint_fast64_t over; /* so many runs */
    ring to, from;
} memory;

static memory *shared;

static int put(ring *self, const frame *one)
{
    size_t at = atomic_load_explicit(&self->written, memory_order_relaxed);

    if (at - atomic_load_explicit(&self->taken, memory_order_acquire) == PLACES) {
        return 0;
    }
    self->frames[at % PLACES] = *one;
    atomic_store_explicit(&self->written, at + 1, memory_order_release);
    return 1;
}

static int take(ring *self, frame *one)
{
    size_t at = atomic_load_explicit(&self->taken, memory_order_relaxed);

    if (at == atomic_load_explicit(&self->written, memory_order_acquire)) {
        return 0;
    }
    *one = self->frames[at % PLACES];
    atomic_store_explicit(&self->taken, at + 1, memory_order_release);
    return 1;
}

/* One run: until it is over, or the parent has ended. */
static void serve(pid_t parent, uint64_t number)
{
    static uint64_t seen;
    frame one;

    for (uint64_t turns = 1; turns % (1 << 20) != 0 || getppid() == parent; turns++) {
        uint64_t there = atomic_load_explicit(&shared->there, memory_order_acquire);

        if (there != seen) {
            seen = there;
            atomic_store_explicit(&shared->back, there, memory_order_release);
        }
        if (take(&shared->to, &one)) {
            one.value++;
            while (!put(&shared->from, &one) && getppid() == parent) {
            }
        } else if (atomic_load_explicit(&shared->over, memory_order_acquire) >= number) {
            return;
        }
    }
    _exit(0);
}

/* Sleeps between the runs, when others are measured. */
static void be_the_peer(pid_t parent, int begins)
{
    char byte;

    for (uint64_t number = 1; read(begins, &byte, 1) == 1; number++) {
        serve(parent, number);
    }
    _exit(0);
}

static void spin(int count)
{
    static uint64_t number;

    for (int i = 0; i < count; i++) {
        atomic_store_explicit(&shared->there, ++number, memory_order_release);
        while (atomic_load_explicit(&shared->back, memory_order_acquire) != number) {
        }
    }
}

/* Takes what has come of those that were sent. Returns how many were taken in all. */
static size_t take_some(uint64_t **items, size_t taken, size_t sent)
{
    frame one;

    while (taken < sent && take(&shared->from, &one)) {
        if (one.value != *items[taken++] + 1) {
            abort();
        }
    }
    return taken;
}

static void run_window(uint64_t **items, size_t count)
{
    size_t taken = 0;

    for (size_t i = 0; i < count; i++) {
        frame one = {.value = i};

        items[i] = malloc(LINE);
        if (items[i] == NULL) {
            abort();
        }
        *items[i] = i;
        while (!put(&shared->to, &one)) {
            taken = take_some(items, taken, i);
        }
    }
    while (taken < count) {
        taken = take_some(items, taken, count);
    }
    for (size_t i = 0; i < count; i++) {
        free(items[i]);
    }
}

static int begin_run[2]; /* a pipe */

static double run(const char *what, int count)
{
    static uint64_t number;
    size_t window = strcmp(what, "deep") == 0 ? (size_t)count : WINDOW;
    double begin = 0;

    if (write(begin_run[1], "", 1) != 1) {
        return -1;
    }
    begin = answer_now_us();
    if (strcmp(what, "spin") == 0) {
        spin(count);
    } else if (strcmp(what, "deep") == 0 || strcmp(what, "tasks") == 0) {
        uint64_t **items = malloc(window * sizeof *items);

        for (size_t done = 0; items != NULL && done < (size_t)count; done += window) {
            run_window(items, window);
        }
        free((void *)items);
    } else {
        return -1;
    }
    begin = answer_now_us() - begin;
    atomic_store_explicit(&shared->over, ++number, memory_order_release);
    return begin;
}

int main(void)
{
    pid_t parent = getpid();
    pid_t pid = -1;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || pipe(begin_run) != 0 || (pid = fork()) < 0) {
        return 1;
    }
    answer_use_core(pid == 0);
    if (pid == 0) {
        close(begin_run[1]);
        be_the_peer(parent, begin_run[0]);
    }
    return answer_lines(run);
}
