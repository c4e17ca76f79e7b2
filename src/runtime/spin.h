/*
 * Whether it pays to spin before a sleep: the pool's waits and a worker's have the same habit, each
 * with numbers of its own.
 */
#ifndef BROOD_SRC_RUNTIME_SPIN_H
#define BROOD_SRC_RUNTIME_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define BROOD_SPIN_PAUSES 8 /* between two looks */

#define BROOD_SPIN_MISSES_MAX 3

typedef struct brood_spin_habit {
    uint32_t misses; /* how often in a row spinning was of no use */
} brood_spin_habit;

/* Whether to spin now: it was of use lately, or this is one of `probe_every` tries. */
static inline bool brood_spin_try(brood_spin_habit *habit, uint32_t probe_every)
{
    return habit->misses < BROOD_SPIN_MISSES_MAX || habit->misses++ % probe_every == 0;
}

static inline void brood_spin_note(brood_spin_habit *habit, bool was_of_use)
{
    habit->misses = was_of_use ? 0 : habit->misses + 1;
}

/* A sleep was so short that it would have been better to spin. */
static inline void brood_spin_note_sleep(brood_spin_habit *habit, int64_t slept_ns,
                                         int64_t short_ns)
{
    habit->misses = slept_ns < short_ns ? 0 : habit->misses;
}

#endif
