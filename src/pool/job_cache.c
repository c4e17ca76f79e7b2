#include "pool/job_cache.h"

#include <string.h>

#include "base/memory.h"
#include "pool/pool_impl.h"

#define ROOM_MIN 24   /* bytes behind a job */
#define ROOM_STEP 16  /* of malloc, */
#define MALLOC_HEAD 8 /* which takes so much for itself */
#define ROOM_MAX 512  /* behind one that can be kept: extras, and most arguments, fit */

/*
 * With 0 no job is kept, so that AddressSanitizer reports a program that uses a destroyed result.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEPT_MAX 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define KEPT_MAX 0
#endif
#if !defined(KEPT_MAX)
#define KEPT_MAX 1024 /* less than a MiB */
#endif

static bool enter(brood_job_cache *cache)
{
    return brood_cas32(&cache->in_use, 0, 1);
}

static void leave(brood_job_cache *cache)
{
    brood_release32(&cache->in_use, 0);
}

static brood_result *take_first(brood_job_cache *cache)
{
    brood_result *job = NULL;

    if (enter(cache)) {
        job = cache->first;
        if (job != NULL) {
            cache->first = job->out;
            cache->count--;
        }
        leave(cache);
    }
    return job;
}

/* As much as is asked for, and a small value at least; in steps with which malloc loses nothing. */
static size_t find_room(size_t behind)
{
    size_t room = behind > ROOM_MIN ? behind : ROOM_MIN;

    return room + (ROOM_STEP - (BROOD_JOB_SIZE + room + MALLOC_HEAD) % ROOM_STEP) % ROOM_STEP;
}

/* One that has the room, or NULL. Jobs of a program mostly need the same room. */
static brood_result *take_fitting(brood_job_cache *cache, size_t room)
{
    brood_result *job = room <= ROOM_MAX ? take_first(cache) : NULL;

    if (job != NULL && job->room < room) {
        brood_free(job);
        job = NULL;
    }
    return job;
}

brood_result *brood_job_cache_take(brood_job_cache *cache, size_t behind)
{
    size_t room = find_room(behind);
    brood_result *job = take_fitting(cache, room);

    if (job != NULL) {
        room = job->room;
    } else if (room >= behind && room <= SIZE_MAX - BROOD_JOB_SIZE) {
        job = brood_malloc(BROOD_JOB_SIZE + room);
    }
    if (job != NULL) {
        memset(job, 0, sizeof *job);
        job->room = (uint16_t)(room < UINT16_MAX ? room : UINT16_MAX);
    }
    return job;
}

void brood_job_cache_put(brood_job_cache *cache, brood_result *job)
{
    bool is_kept = false;

    if (job->room <= ROOM_MAX && enter(cache)) {
        is_kept = cache->count != KEPT_MAX; /* "<" would warn where it is 0 */
        if (is_kept) {
            job->out = cache->first; /* while it is kept */
            cache->first = job;
            cache->count++;
        }
        leave(cache);
    }
    if (!is_kept) {
        brood_free(job);
    }
}

void brood_job_cache_clear(brood_job_cache *cache)
{
    while (cache->first != NULL) {
        brood_result *job = cache->first;

        cache->first = job->out;
        brood_free(job);
    }
    cache->count = 0;
}
