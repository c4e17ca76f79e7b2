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
    const brood_task_options *options = &asked->options;

    for (size_t i = 0; i < options->shared_count; i++) {
        brood_shared_hold(options->shared[i]);
        job->shared[job->shared_count++] = options->shared[i];
    }
    if (job->kind == BROOD_JOB_MAP && job->count > 0) {
        job->in_shared = find_shared(job->in, job->in_size, job->count);
        job->out_shared = find_shared(job->out, job->out_size, job->count);
        job->flags |= (job->in_shared != NULL ? BROOD_WIRE_IN_SHARED : 0u) |
                      (job->out_shared != NULL ? BROOD_WIRE_OUT_SHARED : 0u);
    }
}

/* What few jobs have lies behind the job: all of it at multiples of 16 bytes, the argument last. */
typedef struct job_room {
    size_t tag, meter, argument; /* where each begins, behind the list of shared memory */
    size_t size;
} job_room;

static job_room plan_room(const brood_request *asked)
{
    const brood_task_options *options = &asked->options;
    bool has_tag = options->tag != NULL && options->tag[0] != '\0';
    job_room room = {0};

    room.tag = (size_t)brood_wire_padded(options->shared_count * sizeof(brood_shared *));
    room.meter = room.tag + (has_tag ? BROOD_TAG_MAX : 0);
    room.argument =
        room.meter +
        (options->progress != NULL ? (size_t)brood_wire_padded(sizeof(brood_meter)) : 0);
    room.size = room.argument + (asked->copies_in ? asked->in_size : 0);
    return room;
}

static void fill_room(brood_result *job, const brood_request *asked, const job_room *room)
{
    const brood_task_options *options = &asked->options;
    unsigned char *memory = (unsigned char *)(job + 1);

    job->shared = (brood_shared **)(void *)memory;
    if (room->meter > room->tag) {
        job->tag = memset(memory + room->tag, 0, BROOD_TAG_MAX); /* all of it is sent */
        snprintf(job->tag, BROOD_TAG_MAX, "%s", options->tag);
        brood_text_clean(job->tag);
    }
    if (room->argument > room->meter) {
        job->meter = (brood_meter *)(void *)(memory + room->meter);
        *job->meter = brood_meter_begin(options->progress, options->progress_user);
    }
    job->in = asked->in;
    if (room->size > room->argument) {
        job->in = memcpy(memory + room->argument, asked->in, asked->in_size);
    }
}

static void take_task_options(brood_result *job, const brood_request *asked)
{
    const brood_task_options *options = &asked->options;

    job->chunk_size = options->chunk_size;
    job->retries = options->retries != 0 ? options->retries : asked->pool->config.options.retries;
    job->timeout_ns = (int64_t)options->timeout_ms * BROOD_NS_PER_MS;
    job->deadline = BROOD_NEVER;
    if (options->deadline_ms != 0) {
        job->deadline = brood_os_now() + (int64_t)options->deadline_ms * BROOD_NS_PER_MS;
    }
    job->priority = options->priority;
    job->on_done = options->done;
    job->on_failed = options->failed;
    job->user = options->user;
    if (job->timeout_ns > 0) {
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
    brood_exchange32(&job->references, 2); /* the caller's and the pool's */
    job->pool = asked->pool;
    job->kind = asked->kind;
    fill_room(job, asked, &room);
    job->in_size = asked->in_size;
    job->first = asked->first;
    job->count = job->left = asked->count;
    job->out = asked->out;
    job->out_size = asked->out_size;
    job->flags = asked->kind == BROOD_JOB_RANGE ? BROOD_WIRE_RANGE : 0;
    job->on_finish = asked->on_finish;
    job->finish_data = asked->finish_data;
    take_task_options(job, asked);
    take_shared(job, asked);
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
