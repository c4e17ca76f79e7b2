/* Which kind of workers a pool has: its option, or the environment, which overrides it. */
#ifndef BROOD_SRC_POOL_KIND_H
#define BROOD_SRC_POOL_KIND_H

#include "pool/types.h"

#define BROOD_KIND_VARIABLE "BROOD_POOL_KIND"

/*
 * Puts the kind that the environment names, if it does, into the options. *is_variables: it did, and
 * that is another kind than the option's.
 */
brood_status brood_kind_choose(brood_pool_options *options, bool *is_variables);

/*
 * What only a process can have is refused for other kinds; where the environment chose the kind, it is
 * cleared instead, and a line on stderr says so.
 */
brood_status brood_kind_check_process(brood_process_options *process,
                                      const brood_pool_options *options, bool is_variables);

#endif
