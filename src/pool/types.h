/* The objects that all of the pool knows by name. */
#ifndef BROOD_SRC_POOL_TYPES_H
#define BROOD_SRC_POOL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brood/pool.h>

typedef struct brood_chunk brood_chunk;
typedef struct brood_worker brood_worker;

#endif
