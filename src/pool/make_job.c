#include "pool/make_job.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "pool/job.h"
#include "pool/pool_impl.h"
#include "pool/request.h"

/* The shared memory in which a plain array lies, or NULL; with a reference. */
static brood_shared *find_shared(const void *data, size_t size, uint64_t count)
{
    return size == BROOD_SIZE_VARIES || size == 0 ? NULL
                                                  : brood_shared_find(data, size * (size_t)count);
}

static void take_shared(brood_result *job, const brood_request *asked)
{
    const brood_task_options *options = asked->options;
    brood_job_extras *more = job->more;

    for (size_t i = 0; i < options->shared_count; i++) {
        brood_shared_hold(options->shared[i]);
        more->shared[more->shared_count++] = options->shared[i];
    }
    if (job->kind == BROOD_JOB_MAP && more->count > 0) {
        more->in_shared = find_shared(job->in, job->in_size, more->count);
        more->out_shared = find_shared(job->out, job->out_size, more->count);
        job->flags |= (more->in_shared != NULL ? BROOD_WIRE_IN_SHARED : 0u) |
                      (more->out_shared != NULL ? BROOD_WIRE_OUT_SHARED : 0u);
    }
}

/*
 * Whether the job has extras of its own. Most have not: they are single tasks, and none of these
 * options is set.
 */
static bool has_extras(const brood_request *asked)
{
    const brood_task_options *options = asked->options;

    return asked->kind != BROOD_JOB_TASK || asked->on_finish != NULL || options->retries != 0 ||
           options->timeout_ms != 0 || options->deadline_ms != 0 || options->done != NULL ||
           options->failed != NULL || options->progress != NULL || options->tag != NULL ||
           options->shared_count != 0;
}

/* What lies behind the job: all of it at multiples of 16 bytes, the argument last. */
typedef struct job_room {
    size_t shared, tag, meter, argument; /* where each begins */
    size_t size;
} job_room;

static job_room plan_room(const brood_request *asked)
{
    const brood_task_options *options = asked->options;
    bool has_tag = options->tag != NULL && options->tag[0] != '\0';
    job_room room = {0};

    room.shared = has_extras(asked) ? (size_t)brood_wire_padded(sizeof(brood_job_extras)) : 0;
    room.tag =
        room.shared + (size_t)brood_wire_padded(options->shared_count * sizeof(brood_shared *));
    room.meter = room.tag + (has_tag ? BROOD_TAG_MAX : 0);
    room.argument =
        room.meter +
        (options->progress != NULL ? (size_t)brood_wire_padded(sizeof(brood_meter)) : 0);
    room.size =
        room.argument + (asked->copies_in ? asked->in_size + 1 : 0); /* of a value, a zero */
    return room;
}

static void fill_extras(brood_result *job, const brood_request *asked, const job_room *room)
{
    const brood_task_options *options = asked->options;
    unsigned char *memory = brood_job_behind(job);
    brood_job_extras *more = (brood_job_extras *)(void *)memory;

    job->more = more;
    *more = asked->pool->jobs.plain;
    more->shared = (brood_shared **)(void *)(memory + room->shared);
    if (room->meter > room->tag) {
        more->tag = memset(memory + room->tag, 0, BROOD_TAG_MAX); /* all of it is sent */
        snprintf(more->tag, BROOD_TAG_MAX, "%s", options->tag);
        brood_text_clean(more->tag);
    }
    if (room->argument > room->meter) {
        more->meter = (brood_meter *)(void *)(memory + room->meter);
        *more->meter = brood_meter_begin(options->progress, options->progress_user);
    }
}

static void fill_room(brood_result *job, const brood_request *asked, const job_room *room)
{
    job->more = &asked->pool->jobs.plain;
    if (room->argument > 0) {
        fill_extras(job, asked, room);
    }
    job->in = asked->in;
    if (asked->copies_in) {
        job->in = brood_job_behind(job) + room->argument;
    }
    if (asked->copies_in && asked->in_size > 0) {
        memcpy(brood_job_behind(job) + room->argument, asked->in, asked->in_size);
    }
}

static void take_task_options(brood_result *job, const brood_request *asked)
{
    const brood_task_options *options = asked->options;
    brood_job_extras *more = job->more;

    more->first = asked->first;
    more->count = asked->count;
    more->on_finish = asked->on_finish;
    more->finish_data = asked->finish_data;
    more->chunk_size = options->chunk_size;
    if (options->retries != 0) {
        more->retries = options->retries;
    }
    more->timeout_ns = (int64_t)options->timeout_ms * BROOD_NS_PER_MS;
    if (options->deadline_ms != 0) {
        more->deadline = brood_os_now() + (int64_t)options->deadline_ms * BROOD_NS_PER_MS;
    }
    more->on_done = options->done;
    more->on_failed = options->failed;
    more->user = options->user;
    if (more->timeout_ns > 0) {
        job->flags |= BROOD_WIRE_TIMED;
    }
    if (options->progress != NULL) {
        job->flags |= BROOD_WIRE_WATCHED;
    }
}

brood_result *brood_job_make(const brood_request *asked)
{
    job_room room = plan_room(asked);
    brood_result *job = brood_job_cache_take(&asked->pool->job_cache, room.size);

    if (job == NULL) {
        return NULL;
    }
    brood_release32(&job->references, 2); /* the caller's and the pool's */
    job->pool = asked->pool;
    job->kind = (unsigned char)asked->kind;
    job->priority = (signed char)asked->options->priority;
    fill_room(job, asked, &room);
    job->in_size = asked->in_size;
    job->left = asked->count;
    job->out = asked->out;
    job->out_size = asked->out_size;
    job->flags = asked->kind == BROOD_JOB_RANGE ? BROOD_WIRE_RANGE : 0;
    if (job->more != &asked->pool->jobs.plain) {
        take_task_options(job, asked);
        take_shared(job, asked);
    }
    brood_add32(&asked->pool->references, 1);
    return job;
}

void brood_job_unmake(brood_result *job)
{
    brood_pool *pool = job->pool;

    brood_job_give_back_shared(job);
    brood_job_cache_put(&pool->job_cache, job);
    brood_pool_release(pool);
}
