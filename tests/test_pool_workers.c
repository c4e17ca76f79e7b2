/* What the processes of a pool's workers have: options.process, and their names and numbers. */
#include "pool_tools.h"

#include <stdio.h>
#include <stdlib.h>

#include "platform.h"

static brood_process_options process;
static brood_pool_options options;

static brood_pool *new_pool(uint32_t workers)
{
    brood_pool *pool = NULL;

    options.workers = workers;
    options.process = &process;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

static void begin(void)
{
    const brood_process_options zero = BROOD_PROCESS_OPTIONS_INIT;
    const brood_pool_options none = BROOD_POOL_OPTIONS_INIT;

    process = zero;
    options = none;
}

/* ---- names and numbers --------------------------------------------------------------------- */

static int tell_name(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_return(task, brood_task_name(task), strlen(brood_task_name(task)) + 1);
}

static void workers_have_names_with_numbers(void **state)
{
    char name[201];
    char out[203] = "";
    brood_pool *pool = NULL;

    (void)state;
    begin();
    options.name = "crew";
    pool = new_pool(1);
    assert_ok(brood_pool_apply(pool, tell_name, NULL, 0, out, 7, NULL));
    assert_string_equal(out, "crew-1");
    end_pool(pool);
    memset(name, 'n', 200);
    name[200] = '\0';
    options.name = name;
    pool = new_pool(1);
    memset(name, 'x', 200); /* it was copied */
    assert_ok(brood_pool_apply(pool, tell_name, NULL, 0, out, sizeof out, NULL));
    assert_int_equal(strspn(out, "n"), 200);
    assert_string_equal(out + 200, "-1");
    end_pool(pool);
}

static void the_numbers_of_the_workers(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *results[3];
    int64_t pids[4] = {-7, -7, -7, -7};

    (void)state;
    gate_make(&gate);
    begin();
    process = gate.process;
    pool = new_pool(3);
    for (int i = 0; i < 3; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], task_gated, NULL, 0, NULL));
    }
    gate_await(&gate, 3);
    assert_int_equal(brood_pool_pids(pool, NULL, 0), 3);
    assert_int_equal(brood_pool_pids(pool, pids, 2), 3);
    assert_int_equal(pids[2], -7);
    assert_int_equal(brood_pool_pids(pool, pids, 4), 3);
    assert_int_equal(pids[3], -7);
    for (int i = 0; i < 3; i++) {
        assert_true(support_is_running(pids[i]));
        assert_true(pids[i] != pids[(i + 1) % 3]);
    }
    gate_pass(&gate, 3);
    for (int i = 0; i < 3; i++) {
        int64_t pid = 0;
        bool found = false;

        assert_ok(brood_result_get(results[i], NULL, NULL, SOON_MS));
        brood_result_destroy(results[i]);
        assert_ok(brood_pool_apply(pool, task_tell_pid, NULL, 0, &pid, sizeof pid, NULL));
        for (int k = 0; k < 3; k++) {
            found = found || pids[k] == pid;
        }
        assert_true(found);
    }
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_int_equal(brood_pool_pids(pool, pids, 4), 0);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* ---- directory, environment, stdio --------------------------------------------------------- */

static int tell_directory(brood_task *task, const void *arg, size_t size)
{
    char path[1024];

    (void)arg;
    (void)size;
    support_current_directory(path, sizeof path);
    return support_same_directory(path, arg) ? 0 : brood_task_fail(task, 1, "it is %.150s", path);
}

static void workers_have_a_working_directory(void **state)
{
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;
    char directory[1024];
    char copy[1024];
    brood_pool *pool = NULL;

    (void)state;
    begin();
    support_make_directory(directory, sizeof directory);
    snprintf(copy, sizeof copy, "%s", directory);
    process.working_directory = copy;
    pool = new_pool(1);
    memset(copy, 'x', sizeof copy - 1);
    task.failure = &failure;
    if (brood_pool_apply(pool, tell_directory, directory, strlen(directory) + 1, NULL, 0, &task) !=
        BROOD_OK) {
        fail_msg("%s", failure.message);
    }
    end_pool(pool);
    support_remove_tree(directory);
}

static int tell_variable(brood_task *task, const void *arg, size_t size)
{
    const char *text = getenv(arg);

    (void)size;
    return brood_return(task, text == NULL ? "-" : text, 1);
}

static int suicide(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_exit_at_once(1);
    return 0;
}

/* Also the one that comes after another, when the program's own variables are gone. */
static void workers_have_an_environment(void **state)
{
    char first[] = "POOL_TEST_A=1";
    const char *environment[] = {first, "POOL_TEST_B", NULL};
    brood_pool *pool = NULL;
    char out = 0;

    (void)state;
    begin();
    support_set_environment("POOL_TEST_B", "2");
    process.environment = environment;
    pool = new_pool(1);
    first[0] = 'X';
    environment[1] = NULL;
    for (int i = 0; i < 2; i++) {
        assert_ok(brood_pool_apply(pool, tell_variable, "POOL_TEST_A", 12, &out, 1, NULL));
        assert_int_equal(out, '1');
        assert_ok(brood_pool_apply(pool, tell_variable, "POOL_TEST_B", 12, &out, 1, NULL));
        assert_int_equal(out, '-');
        assert_status(brood_pool_apply(pool, suicide, NULL, 0, NULL, 0, NULL), BROOD_ERR_DIED);
    }
    end_pool(pool);
}

static int say_hello(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    printf("hello\n");
    fprintf(stderr, "world\n");
    return fflush(NULL);
}

static void workers_have_their_stdio(void **state)
{
    char directory[1000];
    char path[1024];
    char text[100] = "";
    FILE *file = NULL;
    brood_pool *pool = NULL;

    (void)state;
    begin();
    support_make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/out", directory);
    process.stdin_to.mode = BROOD_STDIO_NULL;
    process.stdout_to.mode = BROOD_STDIO_APPEND;
    process.stdout_to.path = path;
    process.stderr_to.mode = BROOD_STDIO_STDOUT;
    pool = new_pool(2);
    for (int i = 0; i < 2; i++) {
        assert_ok(brood_pool_apply(pool, say_hello, NULL, 0, NULL, 0, NULL));
    }
    end_pool(pool);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) >= 24);
    fclose(file);
    assert_non_null(strstr(text, "hello"));
    assert_non_null(strstr(text, "world"));
    support_remove_tree(directory);
}

/* ---- handles ------------------------------------------------------------------------------- */

static int check_handles(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    if (brood_task_handle_count(task) != 2 || brood_task_handle(task, 2) != BROOD_HANDLE_NONE) {
        return 1;
    }
    return support_write(brood_task_handle(task, 0), "a", 1) == 1 &&
                   support_write(brood_task_handle(task, 1), "b", 1) == 1
               ? 0
               : 2;
}

/* The program closes its own at once; later workers have them all the same. */
static void workers_have_handles_of_the_program(void **state)
{
    intptr_t first[2];
    intptr_t second[2];
    brood_handle handles[2];
    brood_pool *pool = NULL;

    (void)state;
    begin();
    assert_true(support_pipe(first));
    assert_true(support_pipe(second));
    handles[0] = first[1];
    handles[1] = second[1];
    process.handles = handles;
    process.handle_count = 2;
    pool = new_pool(2);
    support_close(first[1]);
    support_close(second[1]);
    handles[0] = handles[1] = -1;
    for (int i = 0; i < 3; i++) {
        assert_ok(brood_pool_apply(pool, check_handles, NULL, 0, NULL, 0, NULL));
        assert_byte(first[0]);
        assert_byte(second[0]);
        assert_status(brood_pool_apply(pool, suicide, NULL, 0, NULL, 0, NULL), BROOD_ERR_DIED);
    }
    end_pool(pool);
    assert_end(first[0]);
    assert_end(second[0]);
    support_close(first[0]);
    support_close(second[0]);
}

static void as_many_handles_as_go(void **state)
{
    brood_handle handles[254];
    intptr_t ends[2];
    brood_pool *pool = NULL;

    (void)state;
    begin();
    assert_true(support_pipe(ends));
    for (int i = 0; i < 254; i++) {
        handles[i] = ends[1];
    }
    process.handles = handles;
    process.handle_count = 254;
    pool = new_pool(1);
    assert_ok(brood_pool_apply(pool, task_be_there, NULL, 0, NULL, 0, NULL));
    assert_byte(ends[0]);
    end_pool(pool);
    support_close(ends[0]);
    support_close(ends[1]);
}

/* ---- cores, niceness, memory --------------------------------------------------------------- */

static int check_cpu(brood_task *task, const void *arg, size_t size)
{
    unsigned cpu = 0;

    (void)task;
    (void)size;
    memcpy(&cpu, arg, sizeof cpu);
    return support_runs_only_on(cpu) ? 0 : 1;
}

static void workers_run_on_their_cores(void **state)
{
    unsigned cpu = 0;
    brood_pool *pool = NULL;

    (void)state;
    begin();
    if (!support_can_choose_cpus()) {
        harness_skip("this system does not bind processes to cores");
    }
    cpu = support_first_cpu();
    process.cpus = &cpu;
    process.cpu_count = 1;
    pool = new_pool(1);
    assert_ok(brood_pool_apply(pool, check_cpu, &cpu, sizeof cpu, NULL, 0, NULL));
    end_pool(pool);
}

static int tell_nice(brood_task *task, const void *arg, size_t size)
{
    int nice = support_nice();

    (void)arg;
    (void)size;
    return brood_return(task, &nice, sizeof nice);
}

static void workers_are_nice(void **state)
{
    brood_pool *pool = NULL;
    int nice = 0;

    (void)state;
    begin();
    process.nice = 5; /* a step of Windows, too */
    pool = new_pool(1);
    assert_ok(brood_pool_apply(pool, tell_nice, NULL, 0, &nice, sizeof nice, NULL));
    assert_int_equal(nice, support_nice() + 5);
    end_pool(pool);
}

#define MEBIBYTE ((size_t)1024 * 1024)

static int take_memory(brood_task *task, const void *arg, size_t size)
{
    size_t wanted = 0;
    volatile char *memory = NULL;

    (void)task;
    (void)size;
    memcpy(&wanted, arg, sizeof wanted);
    memory = malloc(wanted);
    if (memory == NULL) {
        return 1;
    }
    memory[wanted - 1] = 1;
    free((void *)(uintptr_t)memory);
    return 0;
}

static void workers_have_a_memory_limit(void **state)
{
    size_t little = MEBIBYTE;
    size_t much = 1024 * MEBIBYTE;
    brood_pool *pool = NULL;

    (void)state;
    begin();
    if (support_is_sanitized() || support_is_wine()) {
        harness_skip("sanitizers need more than any limit; Wine does not keep it");
    }
    process.memory_limit_bytes = 512 * MEBIBYTE;
    pool = new_pool(1);
    assert_ok(brood_pool_apply(pool, take_memory, &little, sizeof little, NULL, 0, NULL));
    assert_status(brood_pool_apply(pool, take_memory, &much, sizeof much, NULL, 0, NULL),
                  BROOD_ERR_TASK);
    end_pool(pool);
}

/* ---- another program ----------------------------------------------------------------------- */

/* Registered as "answer", which in the other program answers two more than its argument. */
static int answer_wrongly(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 99;
}

static void expect_answers(brood_pool *pool, brood_function *function, const char *name)
{
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;
    brood_failure failure = BROOD_FAILURE_INIT;
    int minus_two = -2;
    int five = 5;

    task.function_name = name;
    task.failure = &failure;
    assert_ok(brood_pool_apply(pool, function, &minus_two, sizeof(int), NULL, 0, &task));
    assert_status(brood_pool_apply(pool, function, &five, sizeof(int), NULL, 0, &task),
                  BROOD_ERR_TASK);
    assert_int_equal(failure.task_code, 7);
}

static void another_program_and_names(void **state)
{
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = NULL;

    (void)state;
    begin();
    process.executable = HELPER_CHILD;
    process.stdout_to.mode = BROOD_STDIO_NULL;
    pool = new_pool(2);
    expect_answers(pool, NULL, "answer");
    expect_answers(pool, answer_wrongly, NULL);
    task.function_name = "nobody knows this";
    assert_status(brood_pool_apply(pool, NULL, NULL, 0, NULL, 0, &task), BROOD_ERR_NO_FUNCTION);
    assert_status(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, NULL), BROOD_ERR_ARGUMENT);
    expect_answers(pool, NULL, "answer");
    end_pool(pool);
}

static void another_program_that_is_none_of_ours(void **state)
{
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_pool *pool = NULL;

    (void)state;
    begin();
    process.executable = HELPER_NO_INIT;
    process.stdout_to.mode = BROOD_STDIO_NULL;
    options.crash_limit = 2;
    options.backoff_ms = 1;
    pool = new_pool(1);
    task.function_name = "answer";
    task.failure = &failure;
    assert_status(brood_pool_apply(pool, NULL, NULL, 0, NULL, 0, &task), BROOD_ERR_BROKEN);
    assert_int_equal(failure.exit.reason, BROOD_EXIT_START);
    assert_status(failure.exit.error.status, BROOD_ERR_NO_HELLO);
    end_pool(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(workers_have_names_with_numbers),
    cmocka_unit_test(the_numbers_of_the_workers),
    cmocka_unit_test(workers_have_a_working_directory),
    cmocka_unit_test(workers_have_an_environment),
    cmocka_unit_test(workers_have_their_stdio),
    cmocka_unit_test(workers_have_handles_of_the_program),
    cmocka_unit_test(as_many_handles_as_go),
    cmocka_unit_test(workers_run_on_their_cores),
    cmocka_unit_test(workers_are_nice),
    cmocka_unit_test(workers_have_a_memory_limit),
    cmocka_unit_test(another_program_and_names),
    cmocka_unit_test(another_program_that_is_none_of_ours),
};

int main(int argc, char **argv)
{
    if (brood_register("answer", answer_wrongly) != BROOD_OK ||
        brood_init(argc, argv) != BROOD_OK) {
        return 3;
    }
    return harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
