/* The beginning of what the library stands on. */
#ifndef BROOD_SRC_RUNTIME_BEGIN_H
#define BROOD_SRC_RUNTIME_BEGIN_H

#include <brood/status.h>

/*
 * Begins APR, and makes the locks of brood_here(), once; from any thread. Nothing else may use those
 * locks before. BROOD_ERR_NO_MEMORY: it may be tried again.
 */
brood_status brood_begin(void);

#endif
