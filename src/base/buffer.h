/* A growing array of bytes. A failed allocation sticks: append on, and ask once at the end. */
#ifndef BROOD_SRC_BASE_BUFFER_H
#define BROOD_SRC_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct brood_buffer {
    char *data;
    size_t size;
    size_t capacity;
    bool failed;
} brood_buffer;

#define BROOD_BUFFER_INIT                                                                          \
    {                                                                                              \
        NULL, 0, 0, false                                                                          \
    }

/* Makes room for size more bytes behind data + size; false when memory is out. */
bool brood_buffer_reserve(brood_buffer *buffer, size_t size);

void brood_buffer_append(brood_buffer *buffer, const void *data, size_t size);

/* Removes size bytes from the front. */
void brood_buffer_consume(brood_buffer *buffer, size_t size);

void brood_buffer_free(brood_buffer *buffer);

#endif
