/*
 * H1, H4, H5, H11: shared memory on a system that has limits, and with somebody who wants to do harm
 * with it. What cannot be had is an error at once; what was had stays.
 */
#include "harness.h"

#include <stdlib.h>

#include "cgroup.h"
#include "file_tree.h"
#include "platform.h"

#define MIB ((size_t)1 << 20)

/* ---- what there is, in faked files -------------------------------------------------------- */

#define PLENTY "MemTotal: 64000000 kB\nMemFree: 1 kB\nMemAvailable: 32000000 kB\n"

static tree make_machine(const char *meminfo, const char *groups)
{
    tree made = make_tree();

    put(&made, "/proc/meminfo", meminfo);
    put(&made, "/proc/self/cgroup", groups);
    put(&made, "/proc/self/mountinfo",
        "30 21 0:26 / /cg2 rw - cgroup2 cgroup2 rw\n"
        "32 21 0:28 / /cg1 rw - cgroup cgroup rw,memory\n");
    return made;
}

static uint64_t free_in(tree *in)
{
    uint64_t bytes = brood_memory_free(in->root);

    support_remove_tree(in->root);
    return bytes;
}

static void h4_what_the_machine_has_left(void **state)
{
    tree made = make_machine("MemTotal: 9 kB\nMemAvailable:     1000 kB\nSwapFree: 24 kB\n", "");

    (void)state;
    assert_int_equal(free_in(&made), 1024 * 1024);
    made = make_machine("nonsense", "");
    assert_true(free_in(&made) == UINT64_MAX);
    made = make_machine("", "0::/a\n");
    assert_true(free_in(&made) == UINT64_MAX);
    made = make_tree();
    assert_true(free_in(&made) == UINT64_MAX);
}

static void h4_groups_of_version_2(void **state)
{
    tree made = make_machine(PLENTY, "0::/a/b\n");

    (void)state;
    put(&made, "/cg2/a/b/memory.max", "max\n");
    put(&made, "/cg2/a/memory.max", "104857600\n");
    put(&made, "/cg2/a/memory.current", "94371840\n");
    assert_int_equal(brood_memory_free(made.root), 10 * MIB);
    put(&made, "/cg2/a/memory.stat",
        "anon 5\nfile 99\nactive_file 1048576\ninactive_file 1048576\n");
    assert_int_equal(brood_memory_free(made.root), 12 * MIB); /* the cache of files gives way */
    put(&made, "/cg2/a/b/memory.max", "4194304\n");
    assert_int_equal(brood_memory_free(made.root), 4 * MIB);
    put(&made, "/cg2/a/memory.current", "904857600\n"); /* more than it may have */
    put(&made, "/cg2/a/memory.stat", "");
    assert_int_equal(brood_memory_free(made.root), 0);
    support_remove_tree(made.root);
}

static void h4_swap_of_groups(void **state)
{
    tree made = make_machine(PLENTY "SwapFree: 8192 kB\n", "0::/a\n4:memory:/b\n");

    (void)state;
    put(&made, "/cg2/a/memory.max", "4194304\n");
    assert_int_equal(brood_memory_free(made.root), 12 * MIB);
    put(&made, "/cg2/a/memory.swap.max", "3145728\n");
    put(&made, "/cg2/a/memory.swap.current", "1048576\n");
    assert_int_equal(brood_memory_free(made.root), 6 * MIB);
    put(&made, "/cg2/a/memory.swap.current", "0\n");
    put(&made, "/cg2/a/memory.swap.max", "0\n"); /* none is allowed */
    assert_int_equal(brood_memory_free(made.root), 4 * MIB);
    put(&made, "/cg2/a/memory.swap.max", "3145728\n");
    put(&made, "/cg2/a/memory.swap.current", "1048576\n");
    put(&made, "/cg2/a/memory.max", "max\n");
    put(&made, "/cg1/b/memory.limit_in_bytes", "4194304\n");
    put(&made, "/cg1/b/memory.usage_in_bytes", "1048576\n");
    assert_int_equal(brood_memory_free(made.root), 11 * MIB);
    put(&made, "/cg1/b/memory.memsw.limit_in_bytes", "5242880\n");
    put(&made, "/cg1/b/memory.memsw.usage_in_bytes", "1048576\n");
    assert_int_equal(brood_memory_free(made.root), 4 * MIB);
    support_remove_tree(made.root);
}

static void h4_groups_of_version_1(void **state)
{
    tree made = make_machine(PLENTY, "4:memory:/a\n2:cpu:/none\n");

    (void)state;
    put(&made, "/cg1/a/memory.limit_in_bytes", "9223372036854771712\n");
    put(&made, "/cg1/memory.limit_in_bytes", "10485760\n");
    put(&made, "/cg1/memory.usage_in_bytes", "9437184\n");
    put(&made, "/cg1/memory.stat", "active_file 7\ntotal_active_file 1048576\n");
    assert_int_equal(free_in(&made), 2 * MIB);
}

static void h4_malformed_files_are_no_limit(void **state)
{
    static const char *const limits[] = {"", "\n", "x", "-1", "max", "18446744073709551616"};

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        tree made = make_machine(PLENTY, "0::/a\n");

        put(&made, "/cg2/a/memory.max", limits[i]);
        put(&made, "/cg2/a/memory.current", "99\n");
        put(&made, "/cg2/a/memory.stat", "active_file\ninactive_file x\n");
        assert_true(free_in(&made) == UINT64_C(32000000) * 1024);
    }
}

static void h4_whether_memory_is_counted(void **state)
{
    tree made = make_tree();

    (void)state;
    assert_false(brood_memory_is_counted(made.root));
    put(&made, "/proc/sys/vm/overcommit_memory", "0\n");
    assert_false(brood_memory_is_counted(made.root));
    put(&made, "/proc/sys/vm/overcommit_memory", "1\n");
    assert_false(brood_memory_is_counted(made.root));
    put(&made, "/proc/sys/vm/overcommit_memory", "2\n");
    assert_true(brood_memory_is_counted(made.root));
    support_remove_tree(made.root);
}

/* ---- what follows from it ----------------------------------------------------------------- */

static void expect_no_room(size_t size, brood_status status)
{
    brood_os_segment segment;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_shared *shared = NULL;

    assert_status(brood_os_segment_create(&segment, size, false, &error), status);
    assert_null(segment.base);
    assert_status(error.status, status);
    assert_status(brood_shared_create(&shared, size, &error), status);
    assert_null(shared);
}

static void expect_room(size_t size)
{
    brood_os_segment segment;

    assert_ok(brood_os_segment_create(&segment, size, false, NULL));
    memset(segment.base, 1, size);
    brood_os_segment_close(&segment);
}

static void skip_on_windows(void)
{
    if (support_is_windows()) {
        harness_skip("Windows promises no memory that it has not: there are no such files");
    }
}

static void h4_more_than_a_container_has(void **state)
{
    tree made;

    (void)state;
    skip_on_windows();
    made = make_machine(PLENTY, "0::/a\n");
    put(&made, "/cg2/a/memory.max", "16777216\n");
    put(&made, "/cg2/a/memory.current", "4194304\n");
    brood_memory_root = made.root;
    expect_no_room(13 * MIB, BROOD_ERR_NO_MEMORY);
    expect_no_room(512 * MIB, BROOD_ERR_NO_MEMORY);
    expect_room(11 * MIB);
    brood_memory_root = "";
    support_remove_tree(made.root);
}

static void h4_more_than_the_machine_has_left(void **state)
{
    tree made;

    (void)state;
    skip_on_windows();
    made = make_machine("MemAvailable: 20480 kB\n", "");
    brood_memory_root = made.root;
    expect_no_room(21 * MIB, BROOD_ERR_NO_MEMORY);
    expect_room(20 * MIB);
    brood_memory_root = "";
    support_remove_tree(made.root);
}

/* Where memory is counted, none of it is lazy. */
static void h4_counted_memory_is_taken_at_once(void **state)
{
    tree made[2]; /* a system that has not counted is not asked again */
    brood_os_segment segment;

    (void)state;
    if (!support_is_linux()) {
        harness_skip("only the memory of a memfd is lazy");
    }
    for (int counted = 0; counted < 2; counted++) {
        made[counted] = make_tree();
        put(&made[counted], "/proc/sys/vm/overcommit_memory", counted ? "2\n" : "0\n");
        brood_memory_root = made[counted].root;
        assert_ok(brood_os_segment_create(&segment, 2 * MIB, true, NULL));
        assert_int_equal(support_bytes_taken(segment.handle), counted ? 2 * (int64_t)MIB : 0);
        brood_os_segment_close(&segment);
    }
    brood_memory_root = "";
    support_remove_tree(made[0].root);
    support_remove_tree(made[1].root);
}

static int echo(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

/* SIGXFSZ would end us. Where the limit is not for memory, there is room. */
static void h5_more_than_a_file_may_have(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_os_segment segment;
    brood_pool *pool = NULL;
    brood_status status = BROOD_OK;
    char byte = 1;

    (void)state;
    if (!support_limit_file_size(64 * 1024)) {
        harness_skip("there is no such limit here");
    }
    expect_room(64 * 1024);
    status = brood_os_segment_create(&segment, MIB, false, NULL);
    brood_os_segment_close(&segment);
    if (status == BROOD_OK && !support_is_linux()) {
        return;
    }
    expect_no_room(MIB, BROOD_ERR_LIMIT);
    options.workers = 1;
    options.crash_limit = 1;
    status = brood_pool_create(&pool, &options);
    if (status == BROOD_OK) {
        status = brood_pool_apply(pool, echo, &byte, 1, &byte, 1, NULL);
        assert_null(brood_pool_destroy(pool));
    }
    assert_true(status == BROOD_ERR_LIMIT || status == BROOD_ERR_BROKEN);
}

/* A timer that comes more often than it takes to take the room; see old_fallocate.c. */
static void h11_signals_all_the_while(void **state)
{
    brood_os_segment segment;

    (void)state;
    if (support_memory_free() < 1024 * MIB) {
        harness_skip("there is not enough free memory");
    }
    if (!support_bombard(200)) {
        harness_skip("there are no signals here");
    }
    assert_ok(brood_os_segment_create(&segment, 512 * MIB, false, NULL));
    support_end_bombard();
    brood_os_segment_close(&segment);
}

/* ---- somebody who wants to do harm -------------------------------------------------------- */

static void h1_nobody_can_shorten_it(void **state)
{
    brood_os_segment segment;
    brood_handle copy = BROOD_HANDLE_NONE;

    (void)state;
    if (!support_is_linux() && !support_is_windows()) {
        harness_skip("POSIX has nothing against it");
    }
    for (int lazy = 0; lazy < 2; lazy++) {
        assert_ok(brood_os_segment_create(&segment, MIB, lazy != 0, NULL));
        assert_ok(brood_os_handle_duplicate(&copy, segment.handle, NULL));
        assert_false(support_truncate(copy, 0));
        assert_false(support_truncate(copy, MIB / 2));
        memset(segment.base, 1, MIB); /* SIGBUS would end us */
        brood_os_handle_close(copy);
        brood_os_segment_close(&segment);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(h1_nobody_can_shorten_it),
    cmocka_unit_test(h4_what_the_machine_has_left),
    cmocka_unit_test(h4_groups_of_version_2),
    cmocka_unit_test(h4_groups_of_version_1),
    cmocka_unit_test(h4_swap_of_groups),
    cmocka_unit_test(h4_malformed_files_are_no_limit),
    cmocka_unit_test(h4_whether_memory_is_counted),
    cmocka_unit_test(h4_more_than_a_container_has),
    cmocka_unit_test(h4_more_than_the_machine_has_left),
    cmocka_unit_test(h4_counted_memory_is_taken_at_once),
    cmocka_unit_test(h5_more_than_a_file_may_have),
    cmocka_unit_test(h11_signals_all_the_while),
};

BROOD_TEST_MAIN(tests)
