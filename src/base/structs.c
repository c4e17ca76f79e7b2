#include "base/structs.h"

#include <string.h>

#define SIZE_MAX_GIVEN 65536

brood_status brood_struct_take(void *known, size_t size, const void *given, size_t least)
{
    const char *bytes = given;
    size_t given_size = 0;

    if (given != NULL) {
        memcpy(&given_size, given, sizeof given_size);
        if (given_size == size) { /* mostly */
            memcpy(known, given, size);
            return BROOD_OK;
        }
    }
    memset(known, 0, size);
    memcpy(known, &size, sizeof size);
    if (given == NULL) {
        return BROOD_OK;
    }
    if (given_size < least || given_size > SIZE_MAX_GIVEN || given_size % sizeof(void *) != 0) {
        return BROOD_ERR_ARGUMENT; /* not even the first fields can be trusted */
    }
    memcpy(known, given, given_size < size ? given_size : size);
    memcpy(known, &size, sizeof size);
    for (size_t i = size; i < given_size; i++) {
        if (bytes[i] != 0) {
            return BROOD_ERR_NOT_SUPPORTED;
        }
    }
    return BROOD_OK;
}

brood_status brood_struct_check(const void *given, size_t least)
{
    size_t given_size = 0;

    if (given != NULL) {
        memcpy(&given_size, given, sizeof given_size);
    }
    return given_size < least || given_size > SIZE_MAX_GIVEN ? BROOD_ERR_ARGUMENT : BROOD_OK;
}

brood_status brood_struct_give(void *given, const void *known, size_t size, size_t least)
{
    size_t given_size = 0;

    if (brood_struct_check(given, least) != BROOD_OK) {
        return BROOD_ERR_ARGUMENT;
    }
    memcpy(&given_size, given, sizeof given_size);
    memcpy(given, known, given_size < size ? given_size : size);
    memcpy(given, &given_size, sizeof given_size);
    return BROOD_OK;
}

const char *brood_struct_rule(brood_status status, const void *given)
{
    size_t given_size = 1;

    if (status == BROOD_ERR_NOT_SUPPORTED) {
        return "has a field that this version of brood does not know";
    }
    if (status == BROOD_ERR_ARGUMENT) {
        memcpy(&given_size, given, sizeof given_size);
    }
    return given_size == 0 ? "must begin with its INIT: its struct_size is 0" : NULL;
}
