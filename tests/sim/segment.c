/* Memory that processes share. It lies at one address in all of them. */
#include "five.h"

#include "base/error.h"
#include "fault.h"
#include "sim.h"

#include <sys/mman.h>

typedef struct segment_thing {
    sim_thing thing;
    void *base;
    size_t size;
} segment_thing;

static void thing_destroy(sim_thing *thing)
{
    segment_thing *segment = (segment_thing *)thing;

    munmap(segment->base, segment->size);
    free(segment);
}

static void map(segment_thing *segment)
{
    sim_process *self = sim_own();

    for (int i = 0; i < SIM_MAPPINGS_MAX; i++) {
        if (self->mappings[i].thing == NULL) {
            self->mappings[i] = (sim_mapping){sim_thing_hold(&segment->thing), segment->base};
            return;
        }
    }
    sim_fail("too many segments are mapped");
}

static void unmap(const void *base)
{
    sim_process *self = sim_own();

    for (int i = 0; i < SIM_MAPPINGS_MAX; i++) {
        if (self->mappings[i].thing != NULL && self->mappings[i].base == base) {
            sim_thing *thing = self->mappings[i].thing;

            self->mappings[i].thing = NULL;
            sim_thing_drop(thing);
            return;
        }
    }
    sim_fail("a segment is unmapped that is not mapped");
}

brood_status brood_os_segment_create(brood_os_segment *segment, size_t size, bool is_lazy,
                                     brood_error *error)
{
    segment_thing *made = NULL;

    (void)is_lazy;
    sim_call("segment_create");
    *segment = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0};
    if (sim_fails(SIM_FAULT_SEGMENT)) {
        return sim_refuse(sim_below(2) == 0 ? BROOD_ERR_NO_MEMORY : BROOD_ERR_LIMIT, "segment",
                          error);
    }
    made = calloc(1, sizeof *made);
    made->thing = (sim_thing){SIM_THING_SEGMENT, 0, thing_destroy};
    made->size = size;
    made->base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made->base == MAP_FAILED) {
        sim_fail("no memory for a segment");
    }
    *segment = (brood_os_segment){sim_handle_new(sim_own(), &made->thing), made->base, size};
    map(made);
    return BROOD_OK;
}

brood_status brood_os_segment_adopt(brood_os_segment *segment, brood_handle handle, size_t size,
                                    brood_error *error)
{
    segment_thing *given = (segment_thing *)sim_handle_thing(sim_own(), handle);

    sim_call("segment_adopt");
    *segment = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0};
    if (given == NULL || given->thing.kind != SIM_THING_SEGMENT || given->size < size) {
        return brood_fail(error, BROOD_ERR_PROTOCOL, 0, "segment_adopt", "it is no such segment");
    }
    if (sim_fails(SIM_FAULT_ADOPT)) {
        return sim_refuse(sim_below(2) == 0 ? BROOD_ERR_NO_MEMORY : BROOD_ERR_LIMIT,
                          "segment_adopt", error);
    }
    map(given);
    *segment = (brood_os_segment){handle, given->base, size};
    return BROOD_OK;
}

void brood_os_segment_close(brood_os_segment *segment)
{
    if (segment->base != NULL) {
        sim_call("segment_close");
        unmap(segment->base);
        brood_os_handle_close(segment->handle);
        *segment = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0};
    }
}
