/* Things of the system, counted, and each process's table of handles for them. */
#include "five.h"

#include "base/error.h"
#include "fault.h"
#include "sim.h"

static uint32_t things;

sim_thing *sim_thing_hold(sim_thing *thing)
{
    things += thing->references == 0;
    thing->references++;
    return thing;
}

void sim_thing_drop(sim_thing *thing)
{
    if (--thing->references == 0) {
        things--;
        thing->destroy(thing);
    }
}

uint32_t sim_things_count(void)
{
    return things;
}

void sim_handle_put(sim_process *process, intptr_t handle, sim_thing *thing)
{
    process->handles[handle] = sim_thing_hold(thing);
}

/* The lowest number that is free, as on POSIX; so a number is soon used again. */
intptr_t sim_handle_new(sim_process *process, sim_thing *thing)
{
    for (intptr_t i = 3; i < SIM_HANDLES_MAX; i++) {
        if (process->handles[i] == NULL) {
            sim_handle_put(process, i, thing);
            return i;
        }
    }
    return -1;
}

sim_thing *sim_handle_thing(sim_process *process, intptr_t handle)
{
    return handle >= 0 && handle < SIM_HANDLES_MAX ? process->handles[handle] : NULL;
}

static void close_in(sim_process *process, intptr_t handle)
{
    sim_thing *thing = sim_handle_thing(process, handle);

    if (thing != NULL) {
        process->handles[handle] = NULL;
        sim_thing_drop(thing);
    }
}

void sim_handles_close(sim_process *process)
{
    for (intptr_t i = 0; i < SIM_HANDLES_MAX; i++) {
        close_in(process, i);
    }
}

void brood_os_handle_close(brood_handle handle)
{
    if (handle == BROOD_HANDLE_NONE) {
        return;
    }
    sim_call("handle_close");
    if (sim_handle_thing(sim_own(), handle) == NULL) {
        sim_fail("handle %lld is closed, and is not open", (long long)handle);
    }
    close_in(sim_own(), handle);
}

brood_status brood_os_handle_duplicate(brood_handle *copy, brood_handle handle, brood_error *error)
{
    sim_thing *thing = sim_handle_thing(sim_own(), handle);

    sim_call("handle_duplicate");
    if (sim_fails(SIM_FAULT_HANDLE)) {
        *copy = BROOD_HANDLE_NONE;
        return sim_refuse(BROOD_ERR_LIMIT, "handle_duplicate", error);
    }
    *copy = thing == NULL ? -1 : sim_handle_new(sim_own(), thing);
    if (*copy < 0) {
        *copy = BROOD_HANDLE_NONE;
        return brood_fail(error, BROOD_ERR_ARGUMENT, 0, "handle_duplicate", "no such handle");
    }
    return BROOD_OK;
}

brood_status brood_os_handle_adopt(brood_handle handle, brood_error *error)
{
    sim_call("handle_adopt");
    return sim_handle_thing(sim_own(), handle) != NULL
               ? BROOD_OK
               : brood_fail(error, BROOD_ERR_PROTOCOL, 0, "handle_adopt", "no such handle");
}

size_t brood_os_handle_count(void)
{
    size_t count = 0;

    for (int i = 0; i < SIM_HANDLES_MAX; i++) {
        count += sim_own()->handles[i] != NULL;
    }
    return count;
}

/* The handles of a spawn are the child's from 3 on, in their order. */
brood_handle brood_os_handle_in_child(const brood_handle *handles, size_t index)
{
    (void)handles;
    return (brood_handle)index + 3;
}
