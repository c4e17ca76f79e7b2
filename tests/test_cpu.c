/* U1: quotas, affinity and the user's word on how many cores there are. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "cgroup.h"
#include "file_tree.h"

static tree make_v2(const char *path)
{
    char line[PATH_BYTES];
    tree made = make_tree();

    snprintf(line, sizeof line, "0::%s\n", path);
    put(&made, "/proc/self/cgroup", line);
    put(&made, "/proc/self/mountinfo",
        "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "30 21 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
    return made;
}

static tree make_v1(const char *path)
{
    char lines[PATH_BYTES];
    tree made = make_tree();

    snprintf(lines, sizeof lines,
             "12:cpuset:/other\n11:cpu,cpuacct:%s\n10:memory:/other\n1:name=systemd:/other\n",
             path);
    put(&made, "/proc/self/cgroup", lines);
    put(&made, "/proc/self/mountinfo",
        "30 21 0:26 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
        "31 21 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "32 21 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    return made;
}

static void put_v1(const tree *in, const char *directory, const char *quota, const char *period)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu,cpuacct%s/cpu.cfs_quota_us", directory);
    put(in, path, quota);
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu,cpuacct%s/cpu.cfs_period_us", directory);
    put(in, path, period);
}

static int cpus_of(tree *in)
{
    int cpus = brood_cgroup_cpus(in->root);

    support_remove_tree(in->root);
    return cpus;
}

/* ---- version 2 --------------------------------------------------------------------------- */

static int v2_with(const char *text)
{
    tree made = make_v2("/a");

    put(&made, "/sys/fs/cgroup/a/cpu.max", text);
    return cpus_of(&made);
}

static void u1_v2_quota_is_rounded_up(void **state)
{
    (void)state;
    assert_int_equal(v2_with("150000 100000\n"), 2);
    assert_int_equal(v2_with("100000 100000\n"), 1);
    assert_int_equal(v2_with("100001 100000\n"), 2);
    assert_int_equal(v2_with("1000 100000\n"), 1);
    assert_int_equal(v2_with("400000 100000"), 4);
    assert_int_equal(v2_with("50000 10000\n"), 5);
}

static void u1_v2_max_is_no_quota(void **state)
{
    (void)state;
    assert_int_equal(v2_with("max 100000\n"), 0);
    assert_int_equal(v2_with("max\n"), 0);
}

static void u1_v2_malformed_files_are_no_quota(void **state)
{
    static const char *const texts[] = {"",
                                        "\n",
                                        " ",
                                        "x",
                                        "100000",
                                        "100000\n",
                                        "100000 \n",
                                        "100000 x",
                                        "-1 100000",
                                        "0 100000",
                                        "100000 0",
                                        "100000 -5",
                                        "1e5 100000",
                                        "100000\t100",
                                        "0x10 100000",
                                        " 100000 100000",
                                        "99999999999999999999999 100000",
                                        "100000 99999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int cpus = v2_with(texts[i]);

        if (cpus != 0) {
            fail_msg("\"%s\" gives %d", texts[i], cpus);
        }
    }
}

static void u1_v2_a_huge_quota_does_not_overflow(void **state)
{
    (void)state;
    assert_int_equal(v2_with("9223372036854775806 1\n"), INT32_MAX);
}

static void u1_v2_a_smaller_ancestor_counts(void **state)
{
    tree made = make_v2("/a/b/c");

    (void)state;
    put(&made, "/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
    put(&made, "/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put(&made, "/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
    assert_int_equal(cpus_of(&made), 2);
}

static void u1_v2_a_larger_ancestor_does_not(void **state)
{
    tree made = make_v2("/a/b");

    (void)state;
    put(&made, "/sys/fs/cgroup/a/cpu.max", "800000 100000\n");
    put(&made, "/sys/fs/cgroup/a/b/cpu.max", "300000 100000\n");
    put(&made, "/sys/fs/cgroup/b/cpu.max", "100000 100000\n"); /* somebody else's */
    assert_int_equal(cpus_of(&made), 3);
}

static void u1_v2_the_mounted_root_counts(void **state)
{
    tree made = make_v2("/");

    (void)state;
    put(&made, "/sys/fs/cgroup/cpu.max", "500000 100000\n");
    assert_int_equal(cpus_of(&made), 5);
}

/* ---- version 1, and both ----------------------------------------------------------------- */

static int v1_with(const char *quota, const char *period)
{
    tree made = make_v1("/a");

    put_v1(&made, "/a", quota, period);
    return cpus_of(&made);
}

static void u1_v1_quota_is_rounded_up(void **state)
{
    (void)state;
    assert_int_equal(v1_with("150000\n", "100000\n"), 2);
    assert_int_equal(v1_with("200000\n", "100000\n"), 2);
    assert_int_equal(v1_with("1\n", "100000\n"), 1);
}

static void u1_v1_minus_one_and_malformed_files_are_no_quota(void **state)
{
    (void)state;
    assert_int_equal(v1_with("-1\n", "100000\n"), 0);
    assert_int_equal(v1_with("0\n", "100000\n"), 0);
    assert_int_equal(v1_with("100000\n", "0\n"), 0);
    assert_int_equal(v1_with("100000\n", ""), 0);
    assert_int_equal(v1_with("", "100000\n"), 0);
    assert_int_equal(v1_with("max\n", "100000\n"), 0);
}

static void u1_v1_a_smaller_ancestor_counts(void **state)
{
    tree made = make_v1("/a/b");

    (void)state;
    put_v1(&made, "/a/b", "-1\n", "100000\n");
    put_v1(&made, "/a", "300000\n", "100000\n");
    put_v1(&made, "", "-1\n", "100000\n");
    assert_int_equal(cpus_of(&made), 3);
}

/* systemd's hybrid: controllers in version 1, and a version 2 beside them without any. */
static void u1_hybrid_takes_the_smaller(void **state)
{
    tree made = make_tree();

    (void)state;
    put(&made, "/proc/self/cgroup", "4:cpu,cpuacct:/one\n0::/two\n");
    put(&made, "/proc/self/mountinfo",
        "31 21 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "32 21 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put_v1(&made, "/one", "400000\n", "100000\n");
    assert_int_equal(brood_cgroup_cpus(made.root), 4);
    put(&made, "/sys/fs/cgroup/unified/two/cpu.max", "200000 100000\n");
    assert_int_equal(brood_cgroup_cpus(made.root), 2);
    put(&made, "/sys/fs/cgroup/unified/two/cpu.max", "900000 100000\n");
    assert_int_equal(cpus_of(&made), 4);
}

/* ---- mounts ------------------------------------------------------------------------------ */

/* One version 2 mount, our group, and a quota of 3 somewhere. */
static int mounted(const char *root, const char *point, const char *group, const char *file)
{
    char line[PATH_BYTES];
    tree made = make_tree();

    snprintf(line, sizeof line, "30 21 0:26 %s %s rw shared:1 master:2 - cgroup2 cgroup rw\n", root,
             point);
    put(&made, "/proc/self/mountinfo", line);
    snprintf(line, sizeof line, "0::%s\n", group);
    put(&made, "/proc/self/cgroup", line);
    put(&made, "/cg/cgroup.procs", "1\n");
    put(&made, file, "300000 100000\n");
    return cpus_of(&made);
}

/* Without a cgroup namespace docker mounts the container's own group: /proc still says all of it. */
static void u1_a_mount_of_our_own_group(void **state)
{
    (void)state;
    assert_int_equal(mounted("/docker/abc", "/cg", "/docker/abc", "/cg/cpu.max"), 3);
    assert_int_equal(mounted("/docker/abc", "/cg", "/docker/abc/x", "/cg/x/cpu.max"), 3);
    /* a name that only begins alike is not ours */
    assert_int_equal(mounted("/docker/abc", "/cg", "/docker/abcd", "/cgd/cpu.max"), 0);
}

/* What is visible is the best that is known. */
static void u1_a_group_outside_of_the_mount(void **state)
{
    (void)state;
    assert_int_equal(mounted("/docker/abc", "/cg", "/elsewhere", "/cg/cpu.max"), 3);
    assert_int_equal(mounted("/", "/cg", "/../../other", "/cg/cpu.max"), 3);
    assert_int_equal(mounted("/", "/cg", "/../up", "/up/cpu.max"), 0);
}

static void u1_mount_points_are_unescaped(void **state)
{
    (void)state;
    assert_int_equal(mounted("/", "/with\\040a\\040space", "/", "/with a space/cpu.max"), 3);
    assert_int_equal(mounted("/one\\040group", "/cg", "/one group/x", "/cg/x/cpu.max"), 3);
    assert_int_equal(mounted("/", "/no\\04escape", "/", "/cg/cpu.max"), 0);
}

static void u1_malformed_tables_are_no_quota(void **state)
{
    static const char *const mounts[] = {
        "",
        "\n\n",
        "30",
        "30 21 0:26 / /cg rw",
        "30 21 0:26 / /cg rw - cgroup2",
        "30 21 0:26 / /cg rw - cgroup2 cgroup",
        " - cgroup2 cgroup rw",
        "30 21 0:26 - cgroup2 cgroup rw",
        "30 21 0:26 / /cg rw - ext4 cgroup rw",
        "- - - - - - - - -",
    };
    static const char *const groups[] = {"", "\n", "0", "0:", "0::", ":", "::", "0:/a", "x::/none"};

    (void)state;
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        tree made = make_tree();

        put(&made, "/proc/self/cgroup", "0::/a\n");
        put(&made, "/proc/self/mountinfo", mounts[i]);
        put(&made, "/cg/a/cpu.max", "300000 100000\n");
        assert_int_equal(cpus_of(&made), 0);
    }
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        tree made = make_tree();

        put(&made, "/proc/self/cgroup", groups[i]);
        put(&made, "/proc/self/mountinfo", "30 21 0:26 / /cg rw - cgroup2 cgroup rw\n");
        put(&made, "/cg/a/cpu.max", "300000 100000\n");
        assert_int_equal(cpus_of(&made), 0);
    }
}

static void u1_missing_files_are_no_quota(void **state)
{
    tree made = make_tree();

    (void)state;
    assert_int_equal(brood_cgroup_cpus(made.root), 0);
    put(&made, "/proc/self/cgroup", "0::/a\n");
    assert_int_equal(brood_cgroup_cpus(made.root), 0);
    put(&made, "/proc/self/mountinfo", "30 21 0:26 / /cg rw - cgroup2 cgroup rw\n");
    assert_int_equal(cpus_of(&made), 0);
}

/* Longer than any buffer: cut nowhere, and no crash. */
static void u1_a_group_with_a_very_long_path(void **state)
{
    enum {
        LENGTH = 10000
    };
    char *line = malloc(LENGTH + 8);
    tree made = make_tree();

    (void)state;
    assert_non_null(line);
    memcpy(line, "0::", 3);
    memset(line + 3, 'a', LENGTH);
    for (size_t i = 3; i < LENGTH; i += 100) {
        line[i] = '/';
    }
    line[LENGTH] = '\n';
    line[LENGTH + 1] = '\0';
    put(&made, "/proc/self/cgroup", line);
    put(&made, "/proc/self/mountinfo", "30 21 0:26 / /cg rw - cgroup2 cgroup rw\n");
    put(&made, "/cg/cpu.max", "300000 100000\n");
    assert_true(brood_cgroup_cpus(made.root) == 0 || brood_cgroup_cpus(made.root) == 3);
    support_remove_tree(made.root);
    free(line);
}

/* ---- this machine ------------------------------------------------------------------------ */

static void u1_counts_are_at_least_one(void **state)
{
    (void)state;
    assert_true(brood_cpu_count() >= 1);
    assert_true(brood_cpu_usable() >= 1);
}

static int count_on_one_core(brood_task *task, const void *arg, size_t size)
{
    int before = brood_cpu_count();

    (void)task;
    (void)arg;
    (void)size;
    if (!support_use_one_core()) {
        return -1;
    }
    return brood_cpu_count() == before ? brood_cpu_usable() : -2;
}

static void u1_affinity_counts(void **state)
{
    brood_process *process = NULL;
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    const char *environment[] = {"BROOD_CPU_COUNT", NULL};

    (void)state;
#if defined(BROOD_GENERIC_POSIX) || defined(__APPLE__)
    harness_skip("POSIX has no affinity");
#endif
    options.environment = environment;
    assert_ok(brood_process_start(&process, count_on_one_core, NULL, 0, &options));
    assert_ends(process, BROOD_EXIT_CODE, 1);
    brood_process_destroy(process);
}

static int count(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return brood_cpu_usable();
}

static int64_t count_with(const char *variable)
{
    brood_process *process = NULL;
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    const char *environment[] = {variable, NULL};

    options.environment = environment;
    assert_ok(brood_process_start(&process, count, NULL, 0, &options));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    brood_process_destroy(process);
    return info.code;
}

static void u1_the_environment_overrides(void **state)
{
    (void)state;
    assert_int_equal(count_with("BROOD_CPU_COUNT=1"), 1);
    assert_int_equal(count_with("BROOD_CPU_COUNT=7"), 7);
    assert_int_equal(count_with("BROOD_CPU_COUNT=4321"), 4321);
    assert_int_equal(count_with("BROOD_CPU_COUNT=65536"), 65536);
}

static void u1_nonsense_in_the_environment_is_ignored(void **state)
{
    static const char *const values[] = {
        "",     "0",  "-1", "+3",  " 3",    "3 ",         "3x",
        "0x10", "3.", "x",  "1,2", "65537", "4294967297", "99999999999999999999999"};
    int64_t without = count_with("BROOD_CPU_COUNT");

    (void)state;
    assert_true(without >= 1);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char variable[64];
        int64_t with = 0;

        snprintf(variable, sizeof variable, "BROOD_CPU_COUNT=%s", values[i]);
        with = count_with(variable);
        if (with != without) {
            fail_msg("%s gives %d, not %d", variable, (int)with, (int)without);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(u1_v2_quota_is_rounded_up),
    cmocka_unit_test(u1_v2_max_is_no_quota),
    cmocka_unit_test(u1_v2_malformed_files_are_no_quota),
    cmocka_unit_test(u1_v2_a_huge_quota_does_not_overflow),
    cmocka_unit_test(u1_v2_a_smaller_ancestor_counts),
    cmocka_unit_test(u1_v2_a_larger_ancestor_does_not),
    cmocka_unit_test(u1_v2_the_mounted_root_counts),
    cmocka_unit_test(u1_v1_quota_is_rounded_up),
    cmocka_unit_test(u1_v1_minus_one_and_malformed_files_are_no_quota),
    cmocka_unit_test(u1_v1_a_smaller_ancestor_counts),
    cmocka_unit_test(u1_hybrid_takes_the_smaller),
    cmocka_unit_test(u1_a_mount_of_our_own_group),
    cmocka_unit_test(u1_a_group_outside_of_the_mount),
    cmocka_unit_test(u1_mount_points_are_unescaped),
    cmocka_unit_test(u1_malformed_tables_are_no_quota),
    cmocka_unit_test(u1_missing_files_are_no_quota),
    cmocka_unit_test(u1_a_group_with_a_very_long_path),
    cmocka_unit_test(u1_counts_are_at_least_one),
    cmocka_unit_test(u1_affinity_counts),
    cmocka_unit_test(u1_the_environment_overrides),
    cmocka_unit_test(u1_nonsense_in_the_environment_is_ignored),
};

BROOD_TEST_MAIN(tests)
