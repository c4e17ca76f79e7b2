/*
 * Atomic numbers in memory that processes share. (APR's atomics are full barriers throughout, and
 * its 64-bit ones may take a lock that only one process has.) C11's where the compiler has them;
 * MSVC got them late, and has functions of its own. All are in one order that every process
 * agrees on: of two sides that each store and then load what the other stores, one sees it.
 */
#ifndef BROOD_SRC_BASE_ATOMIC_H
#define BROOD_SRC_BASE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#if defined(_MSC_VER) && !defined(__clang__)

#include <intrin.h>
#include <windows.h>

typedef volatile long long brood_atomic64;
typedef volatile long brood_atomic32;

/*
 * A plain load and a fence behind it; on x86 one of the compiler's is enough, for stores that others
 * wait for are locked there. The functions without an underscore are also there in 32 bits.
 * https://learn.microsoft.com/cpp/intrinsics/arm64-intrinsics (where the loads and stores are, too)
 */
#if defined(_M_ARM64)
#define BROOD_FENCE() __dmb(_ARM64_BARRIER_ISH)
#else
#define BROOD_FENCE() __pragma(warning(suppress : 4996)) _ReadWriteBarrier()
#endif

static inline uint64_t brood_load64(brood_atomic64 *atomic)
{
    uint64_t value = (uint64_t)__iso_volatile_load64(atomic);

    BROOD_FENCE();
    return value;
}

static inline void brood_store64(brood_atomic64 *atomic, uint64_t value)
{
    InterlockedExchange64(atomic, (long long)value);
}

/* Returns the sum. */
static inline uint64_t brood_add64(brood_atomic64 *atomic, uint64_t value)
{
    return (uint64_t)InterlockedExchangeAdd64(atomic, (long long)value) + value;
}

static inline uint32_t brood_load32(brood_atomic32 *atomic)
{
    uint32_t value = (uint32_t)__iso_volatile_load32((const volatile int *)atomic);

    BROOD_FENCE();
    return value;
}

static inline uint64_t brood_hint64(brood_atomic64 *atomic)
{
    return (uint64_t)__iso_volatile_load64(atomic);
}

static inline uint32_t brood_hint32(brood_atomic32 *atomic)
{
    return (uint32_t)__iso_volatile_load32((const volatile int *)atomic);
}

static inline uint32_t brood_exchange32(brood_atomic32 *atomic, uint32_t value)
{
    return (uint32_t)_InterlockedExchange(atomic, (long)value);
}

static inline bool brood_cas64(brood_atomic64 *atomic, uint64_t expected, uint64_t value)
{
    return _InterlockedCompareExchange64(atomic, (long long)value, (long long)expected) ==
           (long long)expected;
}

static inline bool brood_cas32(brood_atomic32 *atomic, uint32_t expected, uint32_t value)
{
    return _InterlockedCompareExchange(atomic, (long)value, (long)expected) == (long)expected;
}

static inline void brood_release64(brood_atomic64 *atomic, uint64_t value)
{
    BROOD_FENCE();
    __iso_volatile_store64(atomic, (long long)value);
}

static inline void brood_release32(brood_atomic32 *atomic, uint32_t value)
{
    BROOD_FENCE();
    __iso_volatile_store32((volatile int *)atomic, (int)value);
}

static inline uint32_t brood_add32(brood_atomic32 *atomic, uint32_t value)
{
    return (uint32_t)_InterlockedExchangeAdd(atomic, (long)value) + value;
}

#else

#include <stdatomic.h>

#if ATOMIC_INT_LOCK_FREE != 2 || ATOMIC_LONG_LOCK_FREE != 2 || ATOMIC_LLONG_LOCK_FREE != 2
#error "processes cannot share atomic numbers here: 64-bit ones need a lock (on x86: -march=i586)"
#endif

typedef _Atomic uint64_t brood_atomic64;
typedef _Atomic uint32_t brood_atomic32;

static inline uint64_t brood_load64(brood_atomic64 *atomic)
{
    return atomic_load(atomic);
}

static inline void brood_store64(brood_atomic64 *atomic, uint64_t value)
{
    atomic_store(atomic, value);
}

static inline uint64_t brood_add64(brood_atomic64 *atomic, uint64_t value)
{
    return atomic_fetch_add(atomic, value) + value;
}

static inline uint32_t brood_load32(brood_atomic32 *atomic)
{
    return atomic_load(atomic);
}

/* For one to whom each value that was ever there is right, if only a later one is seen in the end. */
static inline uint64_t brood_hint64(brood_atomic64 *atomic)
{
    return atomic_load_explicit(atomic, memory_order_relaxed);
}

static inline uint32_t brood_hint32(brood_atomic32 *atomic)
{
    return atomic_load_explicit(atomic, memory_order_relaxed);
}

static inline uint32_t brood_exchange32(brood_atomic32 *atomic, uint32_t value)
{
    return atomic_exchange(atomic, value);
}

/* Stores value if it finds expected there; tells whether it did. */
static inline bool brood_cas64(brood_atomic64 *atomic, uint64_t expected, uint64_t value)
{
    return atomic_compare_exchange_strong(atomic, &expected, value);
}

static inline bool brood_cas32(brood_atomic32 *atomic, uint32_t expected, uint32_t value)
{
    return atomic_compare_exchange_strong(atomic, &expected, value);
}

/* A store that is only behind what was done before it; much cheaper than one that others wait for. */
static inline void brood_release64(brood_atomic64 *atomic, uint64_t value)
{
    atomic_store_explicit(atomic, value, memory_order_release);
}

static inline void brood_release32(brood_atomic32 *atomic, uint32_t value)
{
    atomic_store_explicit(atomic, value, memory_order_release);
}

/* The sum, which wraps. */
static inline uint32_t brood_add32(brood_atomic32 *atomic, uint32_t value)
{
    return atomic_fetch_add(atomic, value) + value;
}

#endif

/*
 * In the product nothing: a place between plain writes to memory that processes share, the next of
 * which go to those size bytes. A simulator may stop or kill the process there.
 */
#if !defined(brood_point)
#define brood_point(at, size) ((void)0)
#endif

#endif
