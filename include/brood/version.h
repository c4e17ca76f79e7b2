/* brood/version.h - the version of the headers and of the library that is linked. */
#ifndef BROOD_VERSION_H
#define BROOD_VERSION_H

#include <brood/export.h>

#define BROOD_VERSION_MAJOR 0
#define BROOD_VERSION_MINOR 1
#define BROOD_VERSION_PATCH 0
#define BROOD_VERSION_STRING "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of the linked library, such as "0.1.0". It lives as long as the program.
 * Any thread, never blocks. Since 0.1.
 */
BROOD_API const char *brood_version(void);

#ifdef __cplusplus
}
#endif

#endif
