/* Options as the library uses them: full size, checked. */
#ifndef BROOD_SRC_PROCESS_OPTIONS_H
#define BROOD_SRC_PROCESS_OPTIONS_H

#include <brood/process.h>

/*
 * Copies the caller's options (NULL: defaults) into known, which the library's own size fills
 * up: a shorter, older struct is accepted, a longer one only when what we do not know is zero.
 */
brood_status brood_options_take(brood_process_options *known, const brood_process_options *given);

/* The rules that a function and a command share. */
brood_status brood_options_check(const brood_process_options *options);

#endif
