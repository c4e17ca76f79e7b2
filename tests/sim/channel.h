/* What waits for channels knows of them. */
#ifndef BROOD_TESTS_SIM_CHANNEL_H
#define BROOD_TESTS_SIM_CHANNEL_H

#include "platform.h"
#include "sim.h"

#define SIM_PASSED_MAX 128

typedef struct sim_passed {
    sim_thing *thing;
    uint64_t position; /* of the byte with which it came */
} sim_passed;

typedef struct sim_flow {
    unsigned char *bytes;
    size_t used, room;
    uint64_t position; /* of the first byte */
    sim_passed passed[SIM_PASSED_MAX];
    uint32_t passed_count;
} sim_flow;

typedef struct sim_stream {
    sim_flow flows[2]; /* from side 0, from side 1 */
    bool is_open[2];
    size_t bell_room; /* for single bytes */
    size_t room;      /* for others */
} sim_stream;

typedef struct sim_end_thing {
    sim_thing thing;
    sim_stream *stream;
    int side;
    sim_thing *stash[SIM_PASSED_MAX]; /* came with bytes that were read */
    uint32_t stash_count;
    bool is_settled; /* nothing is on its way to other readers */
} sim_end_thing;

struct brood_os_channel {
    brood_handle handle;
    sim_end_thing *end;
};

bool sim_end_can_read(sim_end_thing *end);
bool sim_end_can_write(sim_end_thing *end);

/* Whether a reap would find the end of the process. */
bool sim_is_known_dead(const brood_os_process *process);

#endif
