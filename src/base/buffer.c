#include "base/buffer.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

#define SMALLEST 256

bool brood_buffer_reserve(brood_buffer *buffer, size_t size)
{
    size_t wanted = buffer->capacity < SMALLEST ? SMALLEST : buffer->capacity;
    char *data = NULL;

    if (buffer->failed || size > SIZE_MAX / 2 - buffer->size) {
        buffer->failed = true;
        return false;
    }
    if (buffer->size + size <= buffer->capacity) {
        return true;
    }
    while (wanted < buffer->size + size) {
        wanted *= 2;
    }
    data = brood_realloc(buffer->data, wanted);
    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = wanted;
    return true;
}

void brood_buffer_append(brood_buffer *buffer, const void *data, size_t size)
{
    if (size == 0 || !brood_buffer_reserve(buffer, size)) {
        return;
    }
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

void brood_buffer_consume(brood_buffer *buffer, size_t size)
{
    buffer->size -= size;
    if (buffer->size > 0) {
        memmove(buffer->data, buffer->data + size, buffer->size);
    }
}

void brood_buffer_free(brood_buffer *buffer)
{
    brood_free(buffer->data);
    *buffer = (brood_buffer)BROOD_BUFFER_INIT;
}
