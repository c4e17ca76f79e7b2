#include "base/error.h"
#include "base/memory.h"
#include "process/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <brood/task.h>

#define SLOT_MIN 256
#define CODE_REFUSED 120 /* what a function returns whose value was not taken */

const char *brood_task_name(const brood_task *task)
{
    return task == NULL ? "" : task->start->name;
}

size_t brood_task_handle_count(const brood_task *task)
{
    return task == NULL ? 0 : task->start->handle_count - task->own_handles;
}

brood_handle brood_task_handle(const brood_task *task, size_t index)
{
    return index < brood_task_handle_count(task) ? task->start->handles[task->own_handles + index]
                                                 : BROOD_HANDLE_NONE;
}

/* ---- values ------------------------------------------------------------------------------ */

static void refuse(brood_task *task, brood_status status, const char *message)
{
    brood_task_leave_place(task);
    task->state = BROOD_TASK_REFUSED | BROOD_TASK_HAS_MESSAGE;
    task->status = status;
    snprintf(task->message, sizeof task->message, "%s", message);
}

/* The slot of values of any size; an earlier value is replaced. */
static bool grow(brood_task *task, size_t size)
{
    size_t room = size > SLOT_MIN ? size : SLOT_MIN;

    if (task->slot_size >= room) {
        return true;
    }
    brood_free(task->slot);
    task->slot = brood_malloc(room);
    task->slot_size = task->slot == NULL ? 0 : room;
    return task->slot != NULL;
}

void *brood_return_buffer(brood_task *task, size_t size)
{
    char text[80];
    size_t wanted = 0;

    if (task == NULL || task->value_kind == BROOD_VALUE_REFUSED) {
        return NULL;
    }
    wanted = task->value_kind == BROOD_VALUE_FIXED ? task->slot_size : task->exact_size;
    if (wanted != 0 && size != wanted) {
        snprintf(text, sizeof text, "the value has %zu bytes, not %zu", size, wanted);
        refuse(task, BROOD_ERR_TOO_LARGE, text);
        return NULL;
    }
    if (task->value_kind != BROOD_VALUE_FIXED && !grow(task, size)) {
        refuse(task, BROOD_ERR_NO_MEMORY, "out of memory for the value");
        return NULL;
    }
    brood_task_leave_place(task);
    task->state = BROOD_TASK_HAS_VALUE;
    task->value_size = size;
    return task->slot;
}

/* What the inline form could not do by itself. */
int(brood_return)(brood_task *task, const void *data, size_t size)
{
    void *slot = NULL;

    if (task != NULL && task->value_kind == BROOD_VALUE_DROPPED) {
        return 0;
    }
    if (data == NULL && size > 0) {
        return CODE_REFUSED;
    }
    slot = brood_return_buffer(task, size);
    if (slot != NULL && size > 0) {
        memmove(slot, data, size); /* it may lie in what brood_return_buffer gave */
    }
    return slot != NULL ? 0 : CODE_REFUSED;
}

int brood_task_fail(brood_task *task, int code, const char *format, ...)
{
    va_list args;

    if (task != NULL && format != NULL) {
        brood_task_leave_place(task);
        va_start(args, format);
        vsnprintf(task->message, sizeof task->message, format, args);
        va_end(args);
        brood_text_clean(task->message);
        task->state |= BROOD_TASK_HAS_MESSAGE;
    }
    return code != 0 ? code : 1;
}

/* ---- what it is -------------------------------------------------------------------------- */

bool brood_task_cancelled(const brood_task *task)
{
    brood_wire_page *page = NULL;
    uint64_t item = 0;

    if (task == NULL || task->page == NULL) {
        return false;
    }
    if (task->host != NULL) {
        task->host->look(task->host->pool);
    }
    page = (brood_wire_page *)(uintptr_t)task->page;
    if (brood_load64(&page->cancel_id) != task->id) {
        return false;
    }
    item = brood_load64(&page->cancel_item);
    return item == 0 || item == brood_task_ordinal(task);
}

uint64_t brood_task_index(const brood_task *task)
{
    return task == NULL || task->page == NULL ? 0 : task->first + brood_task_ordinal(task) - 1;
}

uint32_t brood_task_attempt(const brood_task *task)
{
    return task == NULL || task->page == NULL ? 1 : task->attempt;
}

const char *brood_task_tag(const brood_task *task)
{
    return task == NULL || task->tag == NULL ? "" : task->tag;
}

void *brood_task_shared(const brood_task *task, size_t index, size_t *size)
{
    const brood_mapping *mapping =
        task != NULL && index < task->shared_count ? task->shared[index] : NULL;

    if (size != NULL) {
        *size = mapping == NULL ? 0 : mapping->size;
    }
    return mapping == NULL ? NULL : mapping->segment.base;
}
