/* Structs of the caller's that begin with their size: older, newer, and not begun at all. */
#ifndef BROOD_SRC_BASE_STRUCTS_H
#define BROOD_SRC_BASE_STRUCTS_H

#include <stddef.h>

#include <brood/status.h>

/*
 * Copies a struct of the caller's that begins with its size, at least that long (NULL: zeros), into
 * known. BROOD_ERR_ARGUMENT: its size cannot be; nothing of it was taken. BROOD_ERR_NOT_SUPPORTED:
 * it goes on with something that is not zero.
 */
brood_status brood_struct_take(void *known, size_t size, const void *given, size_t least);

/*
 * Copies the `size` bytes of known into the caller's struct, which begins with its own size: as many
 * bytes as both structs have. The fields that only a newer program knows are left alone.
 * BROOD_ERR_ARGUMENT: the caller's struct is NULL, or its size cannot be; nothing was written.
 */
brood_status brood_struct_give(void *given, const void *known, size_t size, size_t least);

/* Whether brood_struct_give would accept the caller's struct. Writes nothing. */
brood_status brood_struct_check(const void *given, size_t least);

/*
 * The rule that brood_struct_take has found broken, for a message that names the struct. NULL:
 * there is none, or not even the caller's place for the message can be trusted.
 */
const char *brood_struct_rule(brood_status status, const void *given);

#endif
