#include "pool/blame.h"

#include "pool/job.h"
#include "pool/worker.h"

#define UNCLAIMED_DEATHS_MAX 8

uint64_t brood_worker_read_last_begun(brood_worker *worker)
{
    uint64_t begun = brood_worker_read_begun(worker);

    return begun == UINT64_MAX && worker->backlog.chunks.first != NULL
               ? worker->backlog.chunks.first->id
               : begun;
}

/*
 * How many items of its last chunk the worker had begun, by its page. A lost worker still runs, and
 * may begin one more item before it sees the interrupt, unless it is held.
 */
static uint64_t item_of(const brood_worker *worker, const brood_chunk *chunk)
{
    bool is_held = worker->notice.is_held && worker->notice.id == chunk->id;

    return worker->rest.item + (worker->life.fate == BROOD_FATE_LOSE && !is_held);
}

/* Of the chunk that the worker had begun last: how many items after those done it had begun. */
static uint64_t count_begun(const brood_worker *worker, const brood_chunk *chunk)
{
    uint64_t item = item_of(worker, chunk);
    uint64_t left = chunk->count - chunk->done;
    bool is_untouched = item == 0 && chunk->done == 0;

    if (item <= chunk->done) {
        return worker->rest.is_received && !is_untouched ? 0 : 1;
    }
    return item - chunk->done < left ? item - chunk->done : left;
}

/* The table: the first row whose condition holds says how many items may have run. */
static uint64_t find_begun(const brood_worker *worker, const brood_chunk *chunk, uint64_t last)
{
    bool is_whole = chunk->id != worker->life.partly_sent_id;
    bool has_gone_on = worker->notice.is_held && worker->notice.id == chunk->id &&
                       worker->rest.item > worker->notice.item;
    bool is_last = chunk->id == last && is_whole && !has_gone_on;
    const struct {
        bool is_so;
        uint64_t begun;
    } rows[] = {
        /* The chunk is done, but not all of its items were reported. */
        {chunk->id < last && is_whole, chunk->count - chunk->done},
        /* The chunk ran last. */
        {is_last && count_begun(worker, chunk) > 0, count_begun(worker, chunk)},
        /* Too many workers have ended with the chunk, and each denies that it had begun it. */
        {chunk == worker->backlog.chunks.first && chunk->unclaimed_deaths >= UNCLAIMED_DEATHS_MAX,
         1},
        /* The chunk was not begun or not wholly sent, or the item to be killed had just ended. */
        {true, 0},
    };
    size_t row = 0;

    while (!rows[row].is_so) {
        row++;
    }
    return rows[row].begun;
}

static brood_status status_of_end(const brood_worker *worker, const brood_chunk *chunk)
{
    if (chunk->job->cancel_status != BROOD_OK) {
        return chunk->job->cancel_status;
    }
    if (worker->life.fate == BROOD_FATE_LOSE && !worker->ops->is_left_to_run) {
        return BROOD_ERR_DIED; /* whatever it was killed for: it may run still */
    }
    if (worker->notice.id == chunk->id &&
        (worker->notice.item == 0 || worker->notice.item == chunk->done + 1)) {
        return worker->notice.why;
    }
    return worker->life.dropped == BROOD_ERR_NO_MEMORY ? BROOD_ERR_NO_MEMORY : BROOD_ERR_DIED;
}

brood_blame brood_worker_blame(const brood_worker *worker, const brood_chunk *chunk, uint64_t last)
{
    bool is_range = chunk->job->kind == BROOD_JOB_RANGE;
    brood_blame blame = {.begun = find_begun(worker, chunk, last)};

    blame.is_death = blame.begun > 0 && chunk->id >= last;
    blame.ran = blame.begun;
    if (is_range && blame.begun > 0) {
        blame.begun = blame.ran = chunk->count - chunk->done;
    } else if (blame.is_death) {
        blame.ran = 1;
    }
    blame.status = status_of_end(worker, chunk);
    return blame;
}
