/* Tasks come in. */
#ifndef BROOD_SRC_POOL_SUBMIT_H
#define BROOD_SRC_POOL_SUBMIT_H

#include "pool/types.h"

/* An item of an imap, with the library's own hook. BROOD_ERR_FULL is not tried twice. */
brood_status brood_pool_submit_item(brood_pool *pool, brood_result **result,
                                    brood_function *function, const void *data, size_t size,
                                    const brood_task_options *options,
                                    void (*on_finish)(brood_result *, void *), void *finish_data);

#endif
