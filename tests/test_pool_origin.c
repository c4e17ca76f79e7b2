/* R2, R3: workers that are started later are like the first ones, whatever the program has become. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/atomic.h"
#include "pool_tools.h"

#define PATH_ROOM 1024
#define RESTARTS 100

/* ---- what a worker has ---------------------------------------------------------------------- */

typedef struct situation {
    int nice;
    int cores;
    bool is_batch;
    char kept[32], added[32], chosen[32];
    char directory[PATH_ROOM];
} situation;

static void copy_variable(char text[32], const char *name)
{
    const char *value = getenv(name);

    snprintf(text, 32, "%s", value != NULL ? value : "(none)");
}

static int tell(brood_task *task, const void *arg, size_t size)
{
    situation now;

    (void)arg;
    (void)size;
    memset(&now, 0, sizeof now);
    now.nice = support_nice();
    now.cores = brood_cpu_usable();
    now.is_batch = support_has_batch_policy();
    copy_variable(now.kept, "BROOD_TEST_KEPT");
    copy_variable(now.added, "BROOD_TEST_ADDED");
    copy_variable(now.chosen, "BROOD_TEST_CHOSEN");
    support_current_directory(now.directory, sizeof now.directory);
    return brood_return(task, &now, sizeof now);
}

static int die(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_kill_self();
    return 0;
}

static void ask(brood_pool *pool, situation *answer)
{
    assert_ok(brood_pool_apply(pool, tell, NULL, 0, answer, sizeof *answer, NULL));
}

static void ask_another(brood_pool *pool, situation *answer)
{
    assert_status(brood_pool_apply(pool, die, NULL, 0, NULL, 0, NULL), BROOD_ERR_DIED);
    ask(pool, answer);
}

/* ---- the program becomes another ------------------------------------------------------------ */

static brood_pool *pool_with(const brood_process_options *process, bool event_loop)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.workers = 1;
    options.process = process;
    options.event_loop = event_loop; /* then it is the caller's thread that starts them */
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

static void change_everything(const char *directory, bool *less_nice)
{
    support_change_directory(directory);
    support_set_environment("BROOD_TEST_KEPT", "changed");
    support_set_environment("BROOD_TEST_ADDED", "new");
    support_set_environment("BROOD_TEST_CHOSEN", "changed");
    *less_nice = support_become_nicer();
    support_take_batch_policy();
    if (support_can_choose_cpus()) {
        assert_true(support_use_one_core());
    }
}

static void expect_the_same(bool event_loop)
{
    const char *const variables[] = {"BROOD_TEST_CHOSEN=chosen", NULL};
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_pool *pool = NULL;
    situation first;
    situation later;
    bool less_nice = false;
    char directory[PATH_ROOM];

    support_make_directory(directory, sizeof directory);
    support_set_environment("BROOD_TEST_KEPT", "kept");
    process.environment = variables;
    pool = pool_with(&process, event_loop);
    ask(pool, &first);
    assert_string_equal(first.kept, "kept");
    assert_string_equal(first.chosen, "chosen");
    change_everything(directory, &less_nice);
    ask_another(pool, &later);
    assert_string_equal(later.kept, first.kept);
    assert_string_equal(later.added, "(none)");
    assert_string_equal(later.chosen, "chosen");
    assert_string_equal(later.directory, first.directory);
    assert_true(later.is_batch == first.is_batch);
    if (less_nice) {
        assert_int_equal(later.nice, first.nice);
    }
    if (support_can_choose_cpus()) {
        assert_int_equal(later.cores, first.cores);
    }
    end_pool(pool);
    support_change_directory(first.directory);
    support_remove_tree(directory);
}

static void r2_later_workers_are_like_the_first(void **state)
{
    (void)state;
    expect_the_same(false);
}

static void r2_later_workers_of_an_event_loop_are_like_the_first(void **state)
{
    (void)state;
    expect_the_same(true);
}

/* What the options ask for is from where the program was at the create, too. */
static void r2_options_win_and_keep_their_meaning(void **state)
{
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_pool *pool = NULL;
    situation first;
    situation later;
    bool less_nice = false;
    char before[PATH_ROOM];
    char directory[PATH_ROOM];
    char path[PATH_ROOM + 16];

    (void)state;
    support_current_directory(before, sizeof before);
    support_make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/inner", directory);
    assert_true(support_make_subdirectory(path));
    support_change_directory(directory);
    process.working_directory = "inner";
    process.nice = 10;
    process.stdout_to.mode = BROOD_STDIO_APPEND;
    process.stdout_to.path = "log";
    pool = pool_with(&process, true);
    ask(pool, &first);
    change_everything(before, &less_nice);
    ask_another(pool, &later);
    assert_string_equal(later.directory, first.directory);
    assert_true(support_same_directory(later.directory, path));
    assert_int_equal(later.nice, first.nice);
    end_pool(pool);
    assert_false(support_file_exists("log"));
    support_remove_tree(directory);
}

static void r2_a_directory_that_was_removed_holds_up_nobody(void **state)
{
    brood_pool *pool = NULL;
    situation later;
    char before[PATH_ROOM];
    char directory[PATH_ROOM];

    (void)state;
    if (support_is_windows()) {
        harness_skip("a directory that a process works in cannot be removed on Windows");
    }
    support_current_directory(before, sizeof before);
    support_make_directory(directory, sizeof directory);
    support_change_directory(directory);
    pool = pool_with(NULL, false);
    support_change_directory(before);
    support_remove_tree(directory);
    ask_another(pool, &later);
    assert_true(support_same_directory(later.directory, before));
    end_pool(pool);
}

/* ---- R3 ------------------------------------------------------------------------------------- */

static brood_atomic32 is_over;

static void change_the_environment(void *data)
{
    char name[32];

    (void)data;
    for (unsigned i = 0; brood_load32(&is_over) == 0; i++) {
        snprintf(name, sizeof name, "BROOD_TEST_%u", i % 1000);
        support_set_environment(name, i / 1000 % 2 == 0 ? "a value of some length" : NULL);
    }
}

static void r3_the_environment_changes_while_workers_start(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    support_thread *thread = NULL;
    int restarts = support_is_wine() ? RESTARTS / 10 : RESTARTS;

    (void)state;
    options.workers = 2;
    options.max_tasks_per_worker = 1;
    assert_ok(brood_pool_create(&pool, &options));
    thread = support_thread_start(change_the_environment, NULL);
    for (int i = 0; i < restarts; i++) {
        assert_ok(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, NULL));
    }
    brood_add32(&is_over, 1);
    support_thread_join(thread);
    end_pool(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(r2_later_workers_are_like_the_first),
    cmocka_unit_test(r2_later_workers_of_an_event_loop_are_like_the_first),
    cmocka_unit_test(r2_options_win_and_keep_their_meaning),
    cmocka_unit_test(r2_a_directory_that_was_removed_holds_up_nobody),
    cmocka_unit_test(r3_the_environment_changes_while_workers_start),
};

BROOD_TEST_MAIN(tests)
