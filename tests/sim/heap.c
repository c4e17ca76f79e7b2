/* The memory of a process. It goes when the process ends, however that is. */
#include "five.h"

#include "fault.h"
#include "sim.h"

static void link_block(sim_block_head *block)
{
    sim_block_head *list = &sim_own()->heap;

    block->next = list->next;
    block->previous = list;
    list->next->previous = block;
    list->next = block;
    list->size++;
}

static void unlink_block(sim_block_head *block)
{
    block->next->previous = block->previous;
    block->previous->next = block->next;
    sim_own()->heap.size--;
}

void *sim_malloc(size_t size)
{
    sim_block_head *block = NULL;

    sim_step(SIM_HEAP);
    if (sim_fails(SIM_FAULT_MEMORY)) {
        return NULL;
    }
    block = size < SIZE_MAX - sizeof *block ? malloc(sizeof *block + size) : NULL;
    if (block == NULL) {
        return NULL;
    }
    block->size = size;
    link_block(block);
    memset(block + 1, 0xA5, size < 256 ? size : 256); /* what was there is nobody's business */
    return block + 1;
}

void *sim_calloc(size_t count, size_t size)
{
    void *memory = size == 0 || count <= SIZE_MAX / size ? sim_malloc(count * size) : NULL;

    return memory == NULL ? NULL : memset(memory, 0, count * size);
}

void sim_free(void *memory)
{
    sim_block_head *block = memory;

    if (block != NULL) {
        sim_step(SIM_HEAP);
        unlink_block(--block);
        sim_flush_into(memory, block->size);
        free(block);
    }
}

void *sim_realloc(void *memory, size_t size)
{
    void *made = sim_malloc(size);
    size_t before = memory == NULL ? 0 : ((sim_block_head *)memory - 1)->size;

    if (made != NULL) {
        if (before > 0) {
            memcpy(made, memory, before < size ? before : size);
        }
        sim_free(memory);
    }
    return made;
}

char *sim_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = sim_malloc(size);

    return copy == NULL ? NULL : memcpy(copy, text, size);
}

void sim_heap_begin(sim_process *process)
{
    process->heap.next = process->heap.previous = &process->heap;
    apr_pool_create((apr_pool_t **)&process->apr, NULL);
}

void sim_heap_end(sim_process *process)
{
    while (process->heap.next != &process->heap) {
        sim_block_head *block = process->heap.next;

        process->heap.next = block->next;
        free(block);
    }
    process->heap.previous = &process->heap;
    process->heap.size = 0;
    if (process->apr != NULL) {
        apr_pool_destroy(process->apr);
        process->apr = NULL;
    }
}

size_t sim_heap_count(const sim_process *process)
{
    return process->heap.size;
}

static apr_status_t count_down(void *process)
{
    ((sim_process *)process)->apr_count--;
    return APR_SUCCESS;
}

/* A pool of a process goes with the process. */
apr_status_t sim_apr_pool_create(apr_pool_t **pool)
{
    sim_step(SIM_HEAP);
    *pool = NULL;
    if (sim_fails(SIM_FAULT_MEMORY)) {
        return APR_ENOMEM;
    }
    sim_own()->apr_count++;
    apr_pool_create(pool, sim_own()->apr);
    apr_pool_cleanup_register(*pool, sim_own(), count_down, apr_pool_cleanup_null);
    return APR_SUCCESS;
}
