/*
 * H13, R7: a program with more rights than whoever calls it believes nothing of its environment, and
 * its children have the rights that it has, no more. Needs root, to be somebody else.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/xattr.h>
#endif

#include "helpers/helper_rights.h"

#define CALLER 65534 /* the user and the group who attacks */
#define OTHER 65533  /* neither root nor the caller */
#define PATH_ROOM 512

/* A copy of the helper where everybody can execute it. */
typedef struct stage {
    char directory[PATH_ROOM / 2];
    char target[PATH_ROOM];
} stage;

static void stage_open(stage *made, uid_t user, gid_t group, mode_t mode)
{
    struct statvfs about;

    if (geteuid() != 0) {
        harness_skip("only root can be somebody else");
    }
    if (support_is_sanitized()) {
        harness_skip("a sanitizer cannot look at leaks where a program may not be debugged");
    }
    support_make_directory(made->directory, sizeof made->directory);
    if (statvfs(made->directory, &about) == 0 && (about.f_flag & ST_NOSUID) != 0) {
        support_remove_tree(made->directory);
        harness_skip("the place for temporary files is mounted nosuid");
    }
    snprintf(made->target, sizeof made->target, "%s/target", made->directory);
    assert_true(support_copy_program(HELPER_RIGHTS, made->target));
    assert_int_equal(chmod(made->directory, 0755), 0);
    assert_int_equal(chown(made->target, user, group), 0); /* takes the bits away */
    assert_int_equal(chmod(made->target, mode), 0);
}

static void stage_close(stage *made)
{
    support_remove_tree(made->directory);
}

static int64_t run(const char *const *argv, const char *const *environment)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    options.environment = environment;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    brood_process_destroy(process);
    return info.code;
}

/* What becomes of the target when the caller executes it with a start of his own. */
static int64_t attack(const stage *made, const char *kind, const char *library, const char *mode)
{
    char caller[16];
    char file[PATH_ROOM + 32];
    char name[PATH_ROOM + 32];
    const char *environment[] = {name, library != NULL ? file : NULL, NULL};
    const char *argv[] = {HELPER_RIGHTS, "attack", kind, caller, caller, made->target, mode, NULL};

    snprintf(caller, sizeof caller, "%d", CALLER);
    snprintf(name, sizeof name, "RIGHTS_SOCKET=%s/socket", made->directory);
    snprintf(file, sizeof file, "RIGHTS_LIBRARY=%s", library != NULL ? library : "");
    return run(argv, environment);
}

/* ---- H13 --------------------------------------------------------------------------------- */

static void expect_unmoved(uid_t user, gid_t group, mode_t mode, const char *kind)
{
    stage made;

    stage_open(&made, user, group, mode);
    assert_int_equal(attack(&made, kind, NULL, "quiet"), RIGHTS_OWN_MAIN);
    stage_close(&made);
}

static void h13_a_set_user_id_program_believes_no_start_of_its_caller(void **state)
{
    (void)state;
    expect_unmoved(0, 0, 04755, "caller");
    expect_unmoved(OTHER, CALLER, 04755, "caller");
}

static void h13_a_set_group_id_program_believes_no_start_of_its_caller(void **state)
{
    (void)state;
    expect_unmoved(OTHER, OTHER, 02755, "caller");
}

/* The proof: code of the caller's own, loaded from where he put it. */
static void h13_no_library_of_the_caller_is_loaded(void **state)
{
#if defined(PLUGIN)
    char library[PATH_ROOM];
    stage made;

    (void)state;
    stage_open(&made, 0, 0, 04755);
    snprintf(library, sizeof library, "%s/library.so", made.directory);
    assert_true(support_copy_program(PLUGIN, library));
    assert_int_equal(chmod(library, 0755), 0);
    assert_int_equal(attack(&made, "caller", library, "quiet"), RIGHTS_OWN_MAIN);
    stage_close(&made);
#else
    (void)state;
    harness_skip("a static build loads no libraries");
#endif
}

/* Whoever listens there has the rights, but did not start anything. */
static void h13_a_connection_is_no_channel(void **state)
{
    (void)state;
    expect_unmoved(0, 0, 06755, "connection");
}

static void h13_variables_that_name_files_are_ignored_and_removed(void **state)
{
    stage made;

    (void)state;
    stage_open(&made, 0, 0, 04755);
    assert_int_equal(attack(&made, "caller", NULL, "variables"), RIGHTS_OWN_MAIN);
    assert_int_equal(attack(&made, "caller", NULL, "hosted"), RIGHTS_OWN_MAIN);
    stage_close(&made);
}

/* Where only argv[0] tells what a child is to execute, the caller would choose that. */
static void h13_a_name_of_the_caller_is_not_executed(void **state)
{
    static const char *const names[] = {HELPER_RIGHTS, "/bin/sh"};
    stage made;

    (void)state;
    stage_open(&made, 0, 0, 04755);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        support_set_environment("RIGHTS_NAME", names[i]);
        assert_int_equal(attack(&made, "caller", NULL, "child"),
                         support_is_linux() ? RIGHTS_CHILD_AS_IT_SHOULD
                                            : RIGHTS_STATUS + BROOD_ERR_PERMISSION);
    }
    support_set_environment("RIGHTS_NAME", NULL);
    stage_close(&made);
}

/* Another user's environment, without any sign that the program has more rights (su -m). */
static void h13_another_users_start_is_refused(void **state)
{
    stage made;

    (void)state;
    stage_open(&made, 0, 0, 0755);
    assert_int_equal(attack(&made, "inherited", NULL, "quiet"),
                     RIGHTS_STATUS + BROOD_ERR_PERMISSION);
    stage_close(&made);
}

static void h13_children_of_a_set_user_id_program_have_its_rights(void **state)
{
    static const struct {
        uid_t user;
        gid_t group;
        mode_t mode;
    } files[] = {
        {0, 0, 04755}, {OTHER, OTHER, 04755}, {OTHER, OTHER, 02755}, {OTHER, OTHER, 06755}};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        stage made;

        stage_open(&made, files[i].user, files[i].group, files[i].mode);
        assert_int_equal(attack(&made, "caller", NULL, "child"), RIGHTS_CHILD_AS_IT_SHOULD);
        stage_close(&made);
    }
}

/* ---- R7 ---------------------------------------------------------------------------------- */

/* A child that would have them is not started where the system cannot prevent that. */
static void expect_no_more_rights(const char *mode)
{
    int64_t expected =
        support_is_linux() ? RIGHTS_CHILD_AS_IT_SHOULD : RIGHTS_STATUS + BROOD_ERR_PERMISSION;
    stage made;

    stage_open(&made, 0, 0, 06755);
    assert_int_equal(attack(&made, "caller", NULL, mode), expected);
    stage_close(&made);
}

static void r7_rights_that_were_dropped_do_not_come_back_in_a_child(void **state)
{
    (void)state;
    expect_no_more_rights("drop");
}

static void r7_rights_that_are_put_aside_are_not_in_a_child(void **state)
{
    (void)state;
    expect_no_more_rights("lend");
}

/* ---- file capabilities ------------------------------------------------------------------- */

/* The bytes of struct vfs_cap_data, version 2: effective, CAP_NET_BIND_SERVICE. */
static void stage_open_capable(stage *made)
{
    stage_open(made, CALLER, CALLER, 0755);
#if defined(__linux__)
    static const unsigned char value[20] = {1, 0, 0, 2, 0, 4};

    if (support_is_linux() &&
        setxattr(made->target, "security.capability", value, sizeof value, 0) == 0) {
        return;
    }
#endif
    stage_close(made);
    harness_skip("files have no capabilities here");
}

/* The caller is the same user, so the channel does not tell him from a parent. */
static void h13_a_program_with_capabilities_believes_no_start_of_its_caller(void **state)
{
    stage made;

    (void)state;
    stage_open_capable(&made);
    assert_int_equal(attack(&made, "caller", NULL, "quiet"), RIGHTS_OWN_MAIN);
    stage_close(&made);
}

static void h13_children_of_a_program_with_capabilities_have_them(void **state)
{
    stage made;

    (void)state;
    stage_open_capable(&made);
    assert_int_equal(attack(&made, "caller", NULL, "child"), RIGHTS_CHILD_AS_IT_SHOULD);
    stage_close(&made);
}

static void r7_capabilities_that_were_dropped_do_not_come_back(void **state)
{
    stage made;

    (void)state;
    stage_open_capable(&made);
    assert_int_equal(attack(&made, "caller", NULL, "drop"), RIGHTS_CHILD_AS_IT_SHOULD);
    stage_close(&made);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(h13_a_set_user_id_program_believes_no_start_of_its_caller),
    cmocka_unit_test(h13_a_set_group_id_program_believes_no_start_of_its_caller),
    cmocka_unit_test(h13_no_library_of_the_caller_is_loaded),
    cmocka_unit_test(h13_a_connection_is_no_channel),
    cmocka_unit_test(h13_variables_that_name_files_are_ignored_and_removed),
    cmocka_unit_test(h13_a_name_of_the_caller_is_not_executed),
    cmocka_unit_test(h13_another_users_start_is_refused),
    cmocka_unit_test(h13_children_of_a_set_user_id_program_have_its_rights),
    cmocka_unit_test(r7_rights_that_were_dropped_do_not_come_back_in_a_child),
    cmocka_unit_test(r7_rights_that_are_put_aside_are_not_in_a_child),
    cmocka_unit_test(h13_a_program_with_capabilities_believes_no_start_of_its_caller),
    cmocka_unit_test(h13_children_of_a_program_with_capabilities_have_them),
    cmocka_unit_test(r7_capabilities_that_were_dropped_do_not_come_back),
};

BROOD_TEST_MAIN(tests)
