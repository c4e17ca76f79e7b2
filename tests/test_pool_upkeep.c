/* W14: as many workers as were asked for, whatever ends and is started meanwhile. */
#include "pool_tools.h"

#include <stdio.h>

#include <apr_time.h>

#include "base/atomic.h"

enum {
    WORKERS = 8,
    MAPS = 30
};

typedef struct crowd {
    brood_pool *pool;
    brood_atomic32 done; /* threads */
} crowd;

static int rest(brood_task *task, const void *arg, size_t size)
{
    apr_sleep(5000);
    return brood_return(task, arg, size);
}

static int end_slowly(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    apr_sleep(300000);
    return 0;
}

static void map_often(void *data)
{
    crowd *self = data;
    char in[WORKERS] = {0};

    for (uint32_t i = 0; i < MAPS; i++) {
        brood_pool_map(self->pool, rest, in, WORKERS, 1, NULL, 0, NULL);
        brood_pool_resize(self->pool, WORKERS - i % 2);
        apr_sleep(15000); /* they are idle for too long */
    }
    brood_add32(&self->done, 1);
}

/* While both threads run: the most workers that were there at once, with those that leave. */
static uint32_t watch_workers(crowd *self)
{
    uint32_t most = 0;

    while (brood_load32(&self->done) < 2) {
        brood_pool_stats stats = BROOD_POOL_STATS_INIT;

        assert_ok(brood_pool_get_stats(self->pool, &stats));
        assert_in_range(stats.alive - stats.leaving, 0, WORKERS);
        most = stats.alive > most ? stats.alive : most;
        apr_sleep(1000);
    }
    return most;
}

/* Idle ones end while others are started, and two threads look after both. */
static void w14_as_many_workers_as_were_asked_for(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    crowd self = {NULL, 0};
    support_thread *threads[2];
    uint32_t most = 0;

    (void)state;
    options.workers = WORKERS;
    options.lazy = true;
    options.idle_timeout_ms = 10;
    options.finalizer = end_slowly; /* so that those who end would pile up */
    assert_ok(brood_pool_create(&self.pool, &options));
    for (int i = 0; i < 2; i++) {
        threads[i] = support_thread_start(map_often, &self);
    }
    most = watch_workers(&self);
    for (int i = 0; i < 2; i++) {
        support_thread_join(threads[i]);
    }
    printf("%u workers at most\n", most);
    assert_in_range(most, 1, 2 * WORKERS + 1);
    end_pool(self.pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(w14_as_many_workers_as_were_asked_for),
};

BROOD_TEST_MAIN(tests)
