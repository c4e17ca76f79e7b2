/* The rest of the seam: what a pool asks of a system, answered in the simplest way that may be. */
#include "five.h"

#include <stdio.h>

#include "channel.h"
#include "base/error.h"
#include "sim.h"

/* What neither a pool nor its workers call. */
static brood_status refuse(const char *step, brood_error *error)
{
    return brood_fail(error, BROOD_ERR_NOT_SUPPORTED, 0, step, "the simulator has no such thing");
}

/* ---- clock, threads, signals ------------------------------------------------------------------- */

int64_t brood_os_now(void)
{
    sim_step(SIM_CLOCK);
    return sim_now();
}

void brood_os_sleep(int64_t duration)
{
    brood_sleep(duration);
}

uint64_t brood_os_thread_id(void)
{
    return sim.self->id;
}

bool brood_os_is_ending(void)
{
    return false;
}

void brood_os_signals_hold(brood_os_signals *before)
{
    (void)before;
}

void brood_os_signals_release(const brood_os_signals *before)
{
    (void)before;
}

int brood_os_cancel_hold(void)
{
    return 0;
}

void brood_os_cancel_release(int held)
{
    (void)held;
}

size_t brood_os_default_stack(void)
{
    return 0;
}

/* ---- files, pipes, terminals --------------------------------------------------------------------- */

brood_status brood_os_null_open(brood_handle *handle, brood_error *error)
{
    *handle = BROOD_HANDLE_NONE;
    return refuse("null_open", error);
}

brood_status brood_os_file_open(brood_handle *handle, const char *path, brood_stdio_mode mode,
                                bool to_read, brood_error *error)
{
    (void)path;
    (void)mode;
    (void)to_read;
    *handle = BROOD_HANDLE_NONE;
    return refuse("file_open", error);
}

FILE *brood_os_file_read(const char *path)
{
    (void)path;
    return NULL;
}

brood_status brood_os_channel_pipe(brood_os_channel **channel, brood_handle *child,
                                   bool child_writes, brood_error *error)
{
    (void)child_writes;
    *channel = NULL;
    *child = BROOD_HANDLE_NONE;
    return refuse("channel_pipe", error);
}

bool brood_os_ends_may_leak(void)
{
    return false;
}

int brood_os_terminal_width(FILE *file)
{
    (void)file;
    return 0;
}

/* ---- what a start takes -------------------------------------------------------------------------- */

struct brood_os_origin {
    int unused;
};

brood_status brood_os_origin_take(brood_os_origin **origin, brood_error *error)
{
    *origin = brood_calloc(1, sizeof **origin);
    return *origin != NULL ? BROOD_OK : brood_fail_memory(error, "origin");
}

void brood_os_origin_free(brood_os_origin *origin)
{
    brood_free(origin);
}

int brood_os_origin_nice(const brood_os_origin *origin, int nice)
{
    (void)origin;
    return nice;
}

bool brood_os_child_may_limit(int nice, uint32_t cpu_time_limit_s)
{
    (void)nice;
    (void)cpu_time_limit_s;
    return true;
}

bool brood_os_command_needs_guard(void)
{
    return false;
}

/* ---- code and programs ----------------------------------------------------------------------------- */

brood_status brood_os_code_locate(brood_os_code *code, brood_os_function *function,
                                  brood_error *error)
{
    *code = (brood_os_code){.module = brood_strdup(""), .offset = (uint64_t)(uintptr_t)function};
    return code->module != NULL ? BROOD_OK : brood_fail_memory(error, "code_locate");
}

brood_status brood_os_code_resolve(const brood_os_code *code, brood_os_function **function,
                                   brood_error *error)
{
    (void)error;
    *function = (brood_os_function *)(uintptr_t)code->offset;
    return BROOD_OK;
}

void brood_os_code_keep(void)
{
}

static brood_status give_path(char **path, const char *text, brood_error *error)
{
    *path = brood_strdup(text);
    return *path != NULL ? BROOD_OK : brood_fail_memory(error, "path");
}

brood_status brood_os_self_find(char **path, const char *argv0, brood_error *error)
{
    (void)argv0;
    return give_path(path, "/program", error);
}

const char *brood_os_self_path(const char *path)
{
    return path;
}

const char *const *brood_os_self_arguments(void)
{
    return NULL;
}

brood_status brood_os_program_find(char **file, const char *name, const char *path_list,
                                   brood_error *error)
{
    (void)path_list;
    return give_path(file, name, error);
}

brood_status brood_os_path_absolute(char **absolute, const char *path, bool is_program,
                                    brood_error *error)
{
    (void)is_program;
    return give_path(absolute, path, error);
}

brood_status brood_os_worker_find(char **path, brood_error *error)
{
    return give_path(path, "/worker", error);
}

const char *brood_os_signal_name(int64_t code)
{
    return code == 9 ? "SIGKILL" : "";
}

int brood_os_cpu_count(void)
{
    return 2;
}

int brood_os_cpu_usable(void)
{
    return 2;
}

/* ---- the environment ---------------------------------------------------------------------------------- */

bool brood_os_environment_same(const char *a, const char *b, size_t length)
{
    return memcmp(a, b, length) == 0;
}

/* The place of a variable in the own environment, or of its end. */
static char **find_variable(const char *name)
{
    char **at = sim_own()->environment;
    size_t length = strlen(name);

    while (*at != NULL && (strncmp(*at, name, length) != 0 || (*at)[length] != '=')) {
        at++;
    }
    return at;
}

/* One block: the pointers, and behind them the strings. */
brood_status brood_os_environment_copy(char ***environment, brood_error *error)
{
    char **own = sim_own()->environment;
    size_t count = 0;
    size_t size = 0;
    char *text = NULL;

    for (; own[count] != NULL; count++) {
        size += strlen(own[count]) + 1;
    }
    *environment = brood_malloc((count + 1) * sizeof **environment + size);
    if (*environment == NULL) {
        return brood_fail_memory(error, "environment");
    }
    text = (char *)(*environment + count + 1);
    for (size_t i = 0; i < count; i++) {
        (*environment)[i] = strcpy(text, own[i]);
        text += strlen(own[i]) + 1;
    }
    (*environment)[count] = NULL;
    return BROOD_OK;
}

void brood_os_environment_free(char **environment)
{
    brood_free(environment);
}

size_t brood_os_environment_get(const char *name, char *value, size_t size)
{
    const char *found = *find_variable(name);
    const char *text = found != NULL ? found + strlen(name) + 1 : NULL;

    sim_call("environment_get");
    if (text != NULL && strlen(text) + 1 <= size) {
        strcpy(value, text);
    }
    return text == NULL ? 0 : strlen(text) + 1;
}

void brood_os_environment_remove(const char *name)
{
    char **found = find_variable(name);

    if (*found != NULL) {
        free(*found);
        for (; *found != NULL; found++) {
            found[0] = found[1];
        }
    }
}

/* There is room for one more, see sim_process_new. */
void brood_os_environment_set(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char **at = NULL;
    size_t count = 0;

    brood_os_environment_remove(name);
    at = sim_own()->environment;
    for (; at[count] != NULL; count++) {
    }
    sim_own()->environment = at = realloc(at, (count + 2) * sizeof *at);
    at[count] = malloc(size);
    snprintf(at[count], size, "%s=%s", name, value);
    at[count + 1] = NULL;
}

/* ---- being a child ------------------------------------------------------------------------------------ */

void brood_os_child_begin(const char *name)
{
    (void)name;
}

void brood_os_child_limit(int nice, uint32_t cpu_time_limit_s)
{
    (void)nice;
    (void)cpu_time_limit_s;
}

void brood_os_child_watch_memory(uint64_t memory_limit_bytes, void (*report)(void))
{
    (void)memory_limit_bytes;
    (void)report;
}

bool brood_os_child_out_of_memory(void)
{
    return false;
}

uint64_t brood_os_child_peak_memory(void)
{
    return 0;
}

bool brood_os_child_needs_watch(void)
{
    return true;
}

void brood_os_child_ignore_interrupt(void)
{
}

void brood_os_child_raise_terminate(void)
{
    sim_process_die(sim_own(), true, 15);
}

bool brood_os_child_detach(void)
{
    return false;
}

int64_t brood_os_self_pid(void)
{
    return sim_own()->pid;
}

int64_t brood_os_parent_pid(const brood_os_channel *channel, int64_t said)
{
    (void)channel;
    return said;
}

brood_os_process *brood_os_parent_open(int64_t pid, bool *is_gone)
{
    const sim_process *parent = sim_process_find(pid);

    *is_gone = parent == NULL || parent->state == SIM_DEAD;
    return NULL; /* the channel tells */
}

void brood_os_parent_forget(brood_os_process *parent)
{
    (void)parent;
}

void brood_os_child_keep(brood_os_channel *channel, brood_os_process *parent)
{
    (void)channel;
    (void)parent;
}

bool brood_os_is_child_of(int64_t pid, brood_handle channel)
{
    (void)channel;
    return sim_own()->parent == pid;
}

bool brood_os_is_privileged(void)
{
    return false;
}
