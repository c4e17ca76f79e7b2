#include "serve/link.h"

#include "process/watch.h"
#include "runtime/sync.h"

#define LINK_PROBE_EVERY 64 /* waits, whether spinning pays again */

void brood_link_break(brood_link *link, int code)
{
    if (!link->is_broken) {
        link->is_broken = true;
        link->code = code;
    }
}

void brood_link_fail(brood_link *link)
{
    brood_link_break(link, BROOD_EXIT_ORPHAN);
}

/* ---- waiting ----------------------------------------------------------------------------- */

#define RETRY_NS INT64_C(1000000) /* the system may have memory again by then */

static void ring_bell(brood_link *link)
{
    size_t put = 0;
    brood_status status = brood_os_channel_write(link->bell, "", 1, &put, NULL);

    while ((status == BROOD_ERR_LIMIT || status == BROOD_ERR_NO_MEMORY) &&
           brood_load32(&link->page->ends) == 0) {
        brood_sleep(RETRY_NS); /* nobody else would say that the answer is there */
        status = brood_os_channel_write(link->bell, "", 1, &put, NULL);
    }
    /* TIMEOUT, no room: enough rings are under way. A worker that cannot ring must end. */
    if (status != BROOD_OK && status != BROOD_ERR_TIMEOUT) {
        brood_link_fail(link);
    }
}

/* After each sleep: whoever tells it to end writes the word, and then rings. */
static void look_for_end(brood_link *link)
{
    if (brood_load32(&link->page->ends) != 0) {
        brood_link_break(link, 0);
    }
}

/* Until the pool rings; with a host, until that has done what it can. Spurious wake-ups are possible. */
static void sleep_until_bell(brood_link *link)
{
    brood_os_wait_item item = {NULL, link->bell, false, false};
    int64_t begun = brood_os_now();
    int64_t deadline = link->keep_ns > 0 ? begun + link->keep_ns : BROOD_OS_NO_DEADLINE;
    char bytes[64];
    size_t got = 0;
    brood_status status = BROOD_OK;

    if (link->host != NULL) {
        link->host->turn(link->host->pool);
        look_for_end(link);
        return;
    }
    status = brood_os_wait(&item, 1, deadline, NULL);
    if (status == BROOD_OK) {
        status = brood_os_channel_read(link->bell, bytes, sizeof bytes, &got, NULL);
    } else if (status == BROOD_ERR_TIMEOUT) {
        link->keep_ns = 0;
        link->idle(link->data);
    }
    if (status == BROOD_ERR_LIMIT || status == BROOD_ERR_NO_MEMORY) {
        brood_sleep(RETRY_NS);
    } else if (status != BROOD_OK && status != BROOD_ERR_TIMEOUT) {
        brood_link_fail(link);
    }
    look_for_end(link);
    link->woken_at = brood_os_now();
    brood_spin_note_sleep(&link->habit, link->woken_at - begun, 2 * link->spin_ns);
}

static bool has_bytes(brood_link *link, size_t size)
{
    size_t available = (size_t)(link->in.other - link->in.own);

    if (available >= size) {
        return true;
    }
    if (brood_ring_available(&link->in, &available) != BROOD_OK) {
        brood_link_fail(link);
    }
    return available >= size;
}

static bool has_ring_room(brood_link *link, size_t size)
{
    size_t room = link->out.capacity - (size_t)(link->out.own - link->out.other);

    if (room >= size) {
        return true;
    }
    if (brood_ring_room(&link->out, &room) != BROOD_OK) {
        brood_link_fail(link);
    }
    return room >= size;
}

/* Whether the pool allows spinning, and it was of use lately. */
static bool may_link_spin(brood_link *link)
{
    return link->spin_ns > 0 && brood_load32(&link->page->may_spin) != 0 &&
           brood_spin_try(&link->habit, LINK_PROBE_EVERY);
}

/* Spins for spin_ns at most. Returns whether has_come was true. */
static bool spin_for(brood_link *link, bool (*has_come)(brood_link *, size_t), size_t size)
{
    int64_t end = brood_os_now() + link->spin_ns;

    do {
        for (int i = 0; i < 4 * BROOD_SPIN_PAUSES; i++) {
            brood_pause();
            if (i % BROOD_SPIN_PAUSES == 0 && has_come(link, size)) {
                brood_spin_note(&link->habit, true);
                return true;
            }
        }
        brood_yield();
    } while (brood_os_now() < end && brood_load32(&link->page->may_spin) != 0);
    brood_spin_note(&link->habit, false);
    return has_come(link, size);
}

static bool wait_for_bytes(brood_link *link, size_t size)
{
    brood_link_release(link);
    if (may_link_spin(link) && spin_for(link, has_bytes, size)) {
        return !link->is_broken;
    }
    while (!link->is_broken && !has_bytes(link, size)) {
        if (brood_ring_sleep_to_read(&link->in, (size_t)(link->in.other - link->in.own))) {
            sleep_until_bell(link);
            brood_ring_wake_to_read(&link->in);
        }
    }
    return !link->is_broken;
}

bool brood_link_has(brood_link *link, size_t size)
{
    look_for_end(link);
    return !link->is_broken && has_bytes(link, size);
}

bool brood_link_await(brood_link *link, size_t size)
{
    return has_bytes(link, size) || wait_for_bytes(link, size);
}

static bool wait_for_ring_room(brood_link *link, size_t size)
{
    if (may_link_spin(link) && spin_for(link, has_ring_room, size)) {
        return true;
    }
    while (!link->is_broken && !has_ring_room(link, size)) {
        size_t room = link->out.capacity - (size_t)(link->out.own - link->out.other);

        if (brood_ring_sleep_to_write(&link->out, room)) {
            sleep_until_bell(link);
            brood_ring_wake_to_write(&link->out);
        }
    }
    return !link->is_broken;
}

bool brood_link_make_room(brood_link *link, size_t size)
{
    return has_ring_room(link, size) || wait_for_ring_room(link, size);
}

/* ---- reading ----------------------------------------------------------------------------- */

void brood_link_release(brood_link *link)
{
    if (!link->is_broken && brood_ring_release(&link->in)) {
        ring_bell(link);
    }
}

/* How much of size can be had now, at least one byte; 0: the link is broken. */
static size_t await_some(brood_link *link, size_t size)
{
    size_t available = 0;

    if (!brood_link_await(link, size < BROOD_WIRE_ALIGN ? size : BROOD_WIRE_ALIGN)) {
        return 0;
    }
    available = (size_t)(link->in.other - link->in.own);
    return available < size ? available : size;
}

bool brood_link_read(brood_link *link, void *data, size_t size)
{
    unsigned char *at = data;

    while (size > 0 && !link->is_broken) {
        size_t part = await_some(link, size);

        brood_ring_get(&link->in, at, part);
        brood_link_release(link);
        at += part;
        size -= part;
    }
    return !link->is_broken;
}

bool brood_link_skip(brood_link *link, size_t size)
{
    while (size > 0 && !link->is_broken) {
        size_t part = await_some(link, size);

        brood_ring_advance(&link->in, part);
        brood_link_release(link);
        size -= part;
    }
    return !link->is_broken;
}

/* ---- writing ----------------------------------------------------------------------------- */

void brood_link_publish(brood_link *link)
{
    if (!link->is_broken && brood_ring_publish(&link->out)) {
        ring_bell(link);
    }
}

static void put_pad(brood_link *link, size_t size)
{
    brood_wire_answer pad = {.kind = BROOD_WIRE_PAD};
    size_t body = size > sizeof pad ? size - sizeof pad : 0;

    pad.size = body;
    if (!brood_link_make_room(link, sizeof pad + body)) {
        return;
    }
    brood_ring_put(&link->out, &pad, sizeof pad);
    brood_ring_advance(&link->out, body);
    brood_link_publish(link);
}

unsigned char *brood_link_place(brood_link *link, size_t size)
{
    unsigned char *place = brood_ring_place(&link->out, size);

    if (place == NULL) {
        put_pad(link, link->out.capacity - (size_t)(link->out.own & (link->out.capacity - 1)));
        place = brood_ring_place(&link->out, size);
    }
    return brood_link_make_room(link, size) ? place : NULL;
}

static void write_long(brood_link *link, const void *data, size_t size)
{
    const unsigned char *at = data;
    size_t most = link->out.capacity / 4;

    while (size > 0) {
        size_t part = size < most ? size : most;

        if (!brood_link_make_room(link, part)) {
            return;
        }
        brood_ring_put(&link->out, at, part);
        brood_link_publish(link);
        at += part;
        size -= part;
    }
}

void brood_link_send(brood_link *link, const brood_wire_answer *answer, const void *body)
{
    static const char zeros[BROOD_WIRE_ALIGN] = {0};
    size_t size = (size_t)answer->size;
    size_t padding = (size_t)brood_wire_padded(size) - size;

    if (sizeof *answer + size + padding <= link->out.capacity / 4) {
        if (!brood_link_make_room(link, sizeof *answer + size + padding)) {
            return;
        }
        brood_ring_put(&link->out, answer, sizeof *answer);
        if (size > 0) {
            brood_ring_put(&link->out, body, size);
        }
        brood_ring_put(&link->out, zeros, padding);
        brood_link_publish(link);
        return;
    }
    write_long(link, answer, sizeof *answer);
    write_long(link, body, size);
    write_long(link, zeros, padding);
}
