/* Bytes into the ring of a worker. */
#ifndef BROOD_SRC_POOL_SEND_BYTES_H
#define BROOD_SRC_POOL_SEND_BYTES_H

#include "pool/pool_impl.h"

static const char brood_send_zeros[BROOD_WIRE_ALIGN]; /* padding */

/* Whether a chunk can be begun to be sent. */
bool brood_worker_can_send(const brood_worker *worker);

/* What is being sent is void: the worker gets so many bytes, but nobody's. */
void brood_worker_void(brood_worker *worker);

/* Goes on. */
void brood_worker_go_on(brood_worker *worker);

/*
 * From now on it rings when it answers, or has room for what is left to be sent. False: there is
 * something to do now.
 */
bool brood_worker_arm(brood_worker *worker);

/* The job's arrays are the caller's again: copies what of them is being sent. */
void brood_worker_detach(brood_worker *worker, const brood_result *job);

void brood_sending_free(brood_sending *sending);

/* Room for size bytes more. One that failed may have memory the next time. */
bool brood_send_make_room(brood_buffer *buffer, size_t size);

size_t brood_send_size_of_functions(const brood_worker *worker, uint32_t count);

/* The functions that the worker does not know yet, up to, but not with, that number. */
void brood_send_append_functions(brood_worker *worker, uint32_t count);

void brood_send_publish(brood_worker *worker);

void brood_send_append_order(brood_buffer *buffer, brood_wire_kind kind, uint32_t function,
                             const void *body, size_t size);

#endif
