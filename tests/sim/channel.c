/*
 * Channels: two flows of bytes, in which handles travel, too. Reads may be short, and writes of more
 * bytes than go whole; a flow that has a few single bytes has no room for one more, so that bells are
 * full at times.
 */
#include "five.h"

#include "base/error.h"
#include "explore.h"
#include "fault.h"
#include "sim.h"

#include "channel.h"

/* ---- flows ------------------------------------------------------------------------------------ */

#define FLOW_MAX ((size_t)1 << 16)

static void flow_free(sim_flow *flow)
{
    while (flow->passed_count > 0) {
        sim_thing_drop(flow->passed[--flow->passed_count].thing);
    }
    free(flow->bytes);
}

static void flow_append(sim_flow *flow, const void *data, size_t size)
{
    if (flow->used + size > flow->room) {
        flow->room = 2 * (flow->used + size);
        flow->bytes = realloc(flow->bytes, flow->room);
    }
    memcpy(flow->bytes + flow->used, data, size);
    flow->used += size;
}

/* Handles that came with the bytes up to there are for whoever takes them. */
static void keep_passed(sim_end_thing *end, sim_flow *flow, size_t size)
{
    uint32_t taken = 0;

    while (taken < flow->passed_count && flow->passed[taken].position < flow->position + size) {
        if (end->stash_count == SIM_PASSED_MAX) {
            sim_fail("too many handles are kept");
        }
        end->stash[end->stash_count++] = flow->passed[taken++].thing;
    }
    flow->passed_count -= taken;
    memmove(flow->passed, flow->passed + taken, flow->passed_count * sizeof flow->passed[0]);
}

static void flow_take(sim_end_thing *end, sim_flow *flow, void *into, size_t size)
{
    keep_passed(end, flow, size);
    memcpy(into, flow->bytes, size);
    flow->used -= size;
    memmove(flow->bytes, flow->bytes + size, flow->used);
    flow->position += size;
}

/* ---- streams and their ends ------------------------------------------------------------------- */

static sim_flow *flow_to_read(sim_end_thing *end)
{
    return &end->stream->flows[!end->side];
}

static sim_flow *flow_to_write(sim_end_thing *end)
{
    return &end->stream->flows[end->side];
}

static bool is_closed(const sim_end_thing *end)
{
    return !end->stream->is_open[!end->side];
}

bool sim_end_can_read(sim_end_thing *end)
{
    return flow_to_read(end)->used > 0 || is_closed(end);
}

static size_t room_for(sim_end_thing *end, size_t size)
{
    const sim_flow *flow = flow_to_write(end);
    size_t room = flow->used < end->stream->room ? end->stream->room - flow->used : 0;

    if (size == 1) {
        return flow->used < end->stream->bell_room;
    }
    return size <= BROOD_OS_WHOLE_MAX && size > room ? 0 : room;
}

/* A single byte goes where the bells have room, another write where the frames have. */
bool sim_end_can_write(sim_end_thing *end)
{
    return is_closed(end) || (room_for(end, 1) > 0 && room_for(end, BROOD_OS_WHOLE_MAX) > 0);
}

static void end_destroy(sim_thing *thing)
{
    sim_end_thing *end = (sim_end_thing *)thing;
    sim_stream *stream = end->stream;

    if (sim.scenario != NULL) {
        sim_explore_close(stream);
    }
    stream->is_open[end->side] = false;
    while (end->stash_count > 0) {
        sim_thing_drop(end->stash[--end->stash_count]);
    }
    if (!stream->is_open[0] && !stream->is_open[1]) {
        flow_free(&stream->flows[0]);
        flow_free(&stream->flows[1]);
        free(stream);
    }
    free(end);
    sim.epoch++;
}

static sim_end_thing *end_new(sim_stream *stream, int side)
{
    sim_end_thing *end = calloc(1, sizeof *end);

    end->thing = (sim_thing){SIM_THING_END, 0, end_destroy};
    end->stream = stream;
    end->side = side;
    stream->is_open[side] = true;
    return end;
}

/* ---- the calls ---------------------------------------------------------------------------------- */

/* NULL: no memory; the handle is still the caller's. */
static brood_os_channel *channel_new(brood_handle number)
{
    brood_os_channel *channel = brood_malloc(sizeof *channel);

    if (channel != NULL) {
        *channel = (brood_os_channel){number, (sim_end_thing *)sim_handle_thing(sim_own(), number)};
    }
    return channel;
}

brood_status brood_os_channel_pair(brood_os_channel **channel, brood_handle *child,
                                   brood_error *error)
{
    sim_stream *stream = NULL;
    brood_handle own = BROOD_HANDLE_NONE;

    sim_call("channel_pair");
    *channel = NULL;
    *child = BROOD_HANDLE_NONE;
    if (sim_fails(SIM_FAULT_CHANNEL)) {
        return sim_refuse(BROOD_ERR_LIMIT, "channel_pair", error);
    }
    stream = calloc(1, sizeof *stream);
    stream->bell_room = (size_t)sim_between(1, sim.rates.bells > 0 ? sim.rates.bells : 40);
    stream->room = (size_t)sim_between(BROOD_OS_FIRST_MAX, FLOW_MAX);
    own = sim_handle_new(sim_own(), &end_new(stream, 0)->thing);
    *child = sim_handle_new(sim_own(), &end_new(stream, 1)->thing);
    if (own < 0 || *child < 0) {
        sim_fail("too many handles");
    }
    *channel = channel_new(own);
    if (*channel == NULL) {
        brood_os_handle_close(own);
        brood_os_handle_close(*child);
        *child = BROOD_HANDLE_NONE;
        return brood_fail_memory(error, "channel_pair");
    }
    return BROOD_OK;
}

brood_status brood_os_channel_adopt(brood_os_channel **channel, brood_handle handle,
                                    brood_error *error)
{
    sim_thing *thing = sim_handle_thing(sim_own(), handle);

    sim_call("channel_adopt");
    *channel = NULL;
    if (thing == NULL || thing->kind != SIM_THING_END) {
        return brood_fail(error, BROOD_ERR_PROTOCOL, 0, "channel_adopt", "it is no channel");
    }
    if (sim_fails(SIM_FAULT_ADOPT)) {
        return sim_refuse(BROOD_ERR_OS, "channel_adopt", error);
    }
    *channel = channel_new(handle);
    return *channel != NULL ? BROOD_OK : brood_fail_memory(error, "channel_adopt");
}

static size_t some_of(size_t size)
{
    return sim_happens(sim.rates.shorts) ? 1 + (size_t)sim_below(size) : size;
}

brood_status brood_os_channel_read(brood_os_channel *channel, void *buffer, size_t size,
                                   size_t *got, brood_error *error)
{
    sim_flow *flow = NULL;

    sim_call_on("channel_read", channel->end->stream);
    flow = flow_to_read(channel->end);
    *got = 0;
    if (sim_fails(SIM_FAULT_TRANSFER)) {
        return sim_refuse(BROOD_ERR_OS, "read", error);
    }
    if (flow->used == 0) {
        return sim_refuse(is_closed(channel->end) ? BROOD_ERR_CLOSED : BROOD_ERR_TIMEOUT, "read",
                          error);
    }
    if (!channel->end->is_settled && sim_happens(sim.rates.late)) {
        return sim_refuse(BROOD_ERR_TIMEOUT, "read", error); /* on its way to another reader */
    }
    *got = some_of(size < flow->used ? size : flow->used);
    flow_take(channel->end, flow, buffer, *got);
    sim_values(buffer, *got);
    sim_note("  %zu bytes of handle %lld", *got, (long long)channel->handle);
    return BROOD_OK;
}

void brood_os_channel_settle(brood_os_channel *channel)
{
    sim_call_on("channel_settle", channel->end->stream);
    channel->end->is_settled = true;
}

/* What more than BROOD_OS_WHOLE_MAX bytes give of themselves when they are not the first. */
static size_t part_of(const sim_flow *flow, size_t size)
{
    bool is_whole = size <= BROOD_OS_WHOLE_MAX || flow->position + flow->used == 0;

    return is_whole ? size : some_of(size);
}

brood_status brood_os_channel_write(brood_os_channel *channel, const void *buffer, size_t size,
                                    size_t *put, brood_error *error)
{
    size_t room = 0;

    sim_call_on("channel_write", channel->end->stream);
    *put = 0;
    if (sim_fails(SIM_FAULT_TRANSFER)) {
        return sim_refuse(BROOD_ERR_OS, "write", error);
    }
    if (is_closed(channel->end)) {
        return sim_refuse(BROOD_ERR_CLOSED, "write", error);
    }
    room = room_for(channel->end, size);
    if (room == 0) {
        return sim_refuse(BROOD_ERR_TIMEOUT, "write", error);
    }
    *put = part_of(flow_to_write(channel->end), size < room ? size : room);
    flow_append(flow_to_write(channel->end), buffer, *put);
    sim_values(buffer, *put);
    sim_note("  %zu bytes to handle %lld", *put, (long long)channel->handle);
    return BROOD_OK;
}

void brood_os_channel_close(brood_os_channel *channel)
{
    if (channel != NULL) {
        brood_os_handle_close(channel->handle);
        brood_free(channel);
    }
}

bool brood_os_channel_is_lost(const brood_os_channel *channel)
{
    (void)channel;
    return false;
}

brood_status brood_os_channel_check_peer(brood_handle end, brood_error *error)
{
    (void)end;
    (void)error;
    return BROOD_OK;
}

/* ---- handles for a running process ----------------------------------------------------------- */

brood_status brood_os_handle_give(brood_os_channel *channel, brood_os_process *process,
                                  brood_handle handle, brood_handle *number, brood_error *error)
{
    sim_flow *flow = NULL;
    sim_thing *thing = NULL;

    (void)process;
    sim_call_on("handle_give", channel->end->stream);
    flow = flow_to_write(channel->end);
    thing = sim_handle_thing(sim_own(), handle);
    *number = BROOD_HANDLE_NONE;
    if (sim_fails(SIM_FAULT_HANDLE)) {
        return sim_refuse(sim_below(2) == 0 ? BROOD_ERR_LIMIT : BROOD_ERR_OS, "give", error);
    }
    if (is_closed(channel->end)) {
        return sim_refuse(BROOD_ERR_CLOSED, "give", error);
    }
    if (room_for(channel->end, 1) == 0 || flow->passed_count == SIM_PASSED_MAX) {
        return sim_refuse(BROOD_ERR_TIMEOUT, "give", error);
    }
    flow->passed[flow->passed_count++] =
        (sim_passed){sim_thing_hold(thing), flow->position + flow->used};
    flow_append(flow, "", 1);
    *number = 0;
    return BROOD_OK;
}

/* Throws away the bytes before the first handle, and that handle's own. */
static void take_passed(sim_end_thing *end)
{
    sim_flow *flow = flow_to_read(end);
    unsigned char byte = 0;

    while (end->stash_count == 0 && flow->used > 0) {
        flow_take(end, flow, &byte, 1);
    }
}

static bool can_read(void *data)
{
    return sim_end_can_read(data);
}

brood_status brood_os_handle_take(brood_os_channel *channel, brood_handle number, int64_t deadline,
                                  brood_handle *handle, brood_error *error)
{
    sim_end_thing *end = channel->end;

    (void)number;
    sim_call("handle_take");
    *handle = BROOD_HANDLE_NONE;
    for (take_passed(end); end->stash_count == 0; take_passed(end)) {
        if (is_closed(end)) {
            return sim_refuse(BROOD_ERR_CLOSED, "take", error);
        }
        if (!sim_block("a handle", can_read, end, deadline)) {
            return sim_refuse(BROOD_ERR_TIMEOUT, "take", error);
        }
    }
    if (!sim_fails(SIM_FAULT_HANDLE)) {
        *handle = sim_handle_new(sim_own(), end->stash[0]);
    }
    sim_thing_drop(end->stash[0]);
    memmove(end->stash, end->stash + 1, --end->stash_count * sizeof end->stash[0]);
    return *handle != BROOD_HANDLE_NONE ? BROOD_OK : sim_refuse(BROOD_ERR_LIMIT, "take", error);
}
