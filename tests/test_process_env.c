/* P8: the environment of a child is what the options say, and never shows the token. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "process/environment.h"
#include "platform.h"
#include "process/protocol.h"

#define PATH_ROOM 1024

/* What this process has, as lines; also the answer of the command --tell. */
static char *own_environment(void)
{
    char **list = NULL;
    size_t size = 1;
    char *text = NULL;

    if (brood_os_environment_copy(&list, NULL) != BROOD_OK) {
        abort();
    }
    for (size_t i = 0; list[i] != NULL; i++) {
        size += strlen(list[i]) + 1;
    }
    text = calloc(size, 1);
    for (size_t i = 0; text != NULL && list[i] != NULL; i++) {
        strcat(strcat(text, list[i]), "\n");
    }
    brood_os_environment_free(list);
    return text;
}

static int tell(brood_task *task, const void *arg, size_t size)
{
    char *text = own_environment();
    size_t left = strlen(text);
    const char *at = text;

    (void)task;
    (void)arg;
    (void)size;
    while (left > 0) {
        long put = support_write(support_stdio(1), at, left);

        if (put <= 0) {
            free(text);
            return 9;
        }
        at += put;
        left -= (size_t)put;
    }
    free(text);
    return 0;
}

/* The environment that a child sees: a function's, or a command's. */
static brood_output ask(bool command, brood_process_options *options)
{
    const char *argv[] = {harness_self, "--tell", NULL};
    brood_process *process = NULL;
    brood_output out = {NULL, 0};

    options->stdout_to.mode = BROOD_STDIO_PIPE;
    if (command) {
        assert_ok(brood_command_start(&process, argv, options));
    } else {
        assert_ok(brood_process_start(&process, tell, NULL, 0, options));
    }
    assert_ok(brood_process_communicate(process, NULL, 0, &out, NULL, SOON_MS));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
    return out;
}

static bool has_line(const char *text, const char *line)
{
    size_t length = strlen(line);

    for (const char *at = text; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1) {
        if (strncmp(at, line, length) == 0 && at[length] == '\n') {
            return true;
        }
    }
    return false;
}

static bool has_name(const char *text, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = text; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1) {
        if (strncmp(at, name, length) == 0 && at[length] == '=') {
            return true;
        }
    }
    return false;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

/* Without SystemRoot some libraries of Windows do not work; Wine has more of its own. */
static void expect_only(const char *text, size_t count)
{
    assert_false(has_name(text, "BROOD_OF_PARENT"));
    if (support_is_windows()) {
        assert_true(has_name(text, "SystemRoot") || has_name(text, "SYSTEMROOT"));
        count++;
    }
    if (!support_is_wine()) {
        assert_int_equal(count_lines(text), count);
    }
}

static void skip_where_path_is_needed(void)
{
    if (support_needs_path()) {
        harness_skip("the DLLs of this program are found by PATH");
    }
}

static void p8_an_empty_environment(void **state)
{
    static const char *const none[] = {NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    skip_where_path_is_needed();
    support_set_environment("BROOD_OF_PARENT", "1");
    options.environment_mode = BROOD_ENVIRONMENT_REPLACE;
    for (int i = 0; i < 4; i++) {
        brood_output out = {NULL, 0};

        options.environment = i % 2 == 0 ? none : NULL;
        out = ask(i >= 2, &options);
        expect_only(out.data, 0);
        brood_free(out.data);
    }
}

static void the_given_variables_and_no_other(void **state)
{
    static const char *const two[] = {"BROOD_A=1", "BROOD_B=x=y", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    skip_where_path_is_needed();
    support_set_environment("BROOD_OF_PARENT", "1");
    options.environment_mode = BROOD_ENVIRONMENT_REPLACE;
    options.environment = two;
    for (int i = 0; i < 2; i++) {
        brood_output out = ask(i == 1, &options);

        assert_true(has_line(out.data, "BROOD_A=1"));
        assert_true(has_line(out.data, "BROOD_B=x=y"));
        expect_only(out.data, 2);
        brood_free(out.data);
    }
}

static void variables_are_added_changed_and_removed(void **state)
{
    static const char *const changes[] = {"BROOD_NEW=1",  "BROOD_OLD=changed",   "BROOD_GONE",
                                          "BROOD_EMPTY=", "BROOD_NEVER_WAS_SET", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    support_set_environment("BROOD_OLD", "as it was");
    support_set_environment("BROOD_GONE", "1");
    support_set_environment("BROOD_KEPT", "1");
    options.environment = changes;
    for (int i = 0; i < 2; i++) {
        brood_output out = ask(i == 1, &options);

        assert_true(has_line(out.data, "BROOD_NEW=1"));
        assert_true(has_line(out.data, "BROOD_OLD=changed"));
        assert_true(has_line(out.data, "BROOD_EMPTY="));
        assert_true(has_line(out.data, "BROOD_KEPT=1"));
        assert_false(has_name(out.data, "BROOD_GONE"));
        assert_false(has_name(out.data, "BROOD_NEVER_WAS_SET"));
        brood_free(out.data);
    }
}

static void the_last_of_two_values_counts(void **state)
{
    static const char *const twice[] = {"BROOD_A=1", "BROOD_A=2", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_output out = {NULL, 0};

    (void)state;
    options.environment = twice;
    out = ask(true, &options);
    assert_true(has_line(out.data, "BROOD_A=2"));
    assert_false(has_line(out.data, "BROOD_A=1"));
    brood_free(out.data);
}

/* As some shells and loaders leave it. POSIX: on Windows a name stands once. */
static void r18_a_name_that_stands_twice_is_changed_or_removed_as_one(void **state)
{
    static const char *const changes[] = {"BROOD_OLD=changed", "BROOD_GONE", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_output out = {NULL, 0};

    (void)state;
    if (!support_double_environment("BROOD_OLD=1", "BROOD_GONE=1")) {
        harness_skip("a name cannot stand twice in an environment of Windows");
    }
    options.environment = changes;
    out = ask(true, &options);
    assert_true(has_line(out.data, "BROOD_OLD=changed"));
    assert_false(has_line(out.data, "BROOD_OLD=1"));
    assert_false(has_name(out.data, "BROOD_GONE"));
    assert_true(has_line(out.data, "PATH=/bin"));
    brood_free(out.data);
}

#define MANY 100000
#define MANY_BYTES 16

/* Each replaces one of the parent's: with a search for each it would be 5,000,000,000 comparisons. */
static void r18_many_variables(void **state)
{
    char(*texts)[MANY_BYTES] = calloc(MANY, MANY_BYTES);
    const char **list = calloc(MANY + 1, sizeof *list);
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    char **environment = NULL;
    int64_t begun = 0;

    (void)state;
    if (texts == NULL || list == NULL) {
        free(texts);
        free((void *)list);
        fail();
        return;
    }
    for (size_t i = 0; i < MANY; i++) {
        snprintf(texts[i], MANY_BYTES, "BROOD_%zu=%d", i % (MANY / 2), i < MANY / 2 ? 1 : 2);
        list[i] = texts[i];
    }
    options.environment = list;
    begun = brood_os_now();
    assert_ok(brood_environment_build(&environment, NULL, &options, NULL, NULL));
    assert_true(brood_os_now() - begun < SOON_MS / 2 * INT64_C(1000000));
    assert_string_equal(brood_environment_get(environment, "BROOD_0"), "2");
    assert_string_equal(brood_environment_get(environment, "BROOD_49999"), "2");
    free((void *)environment);
    free((void *)list);
    free(texts);
}

static void a_value_in_utf_8_arrives(void **state)
{
    static const char *const names[] = {"BROOD_TEXT=gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xa3", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    options.environment = names;
    for (int i = 0; i < 2; i++) {
        brood_output out = ask(i == 1, &options);

        assert_true(has_line(out.data, names[0]));
        brood_free(out.data);
    }
}

/* ---- PATH -------------------------------------------------------------------------------- */

static void p8_path_unset(void **state)
{
    const char *argv[] = {"no-such-program-in-the-path", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    skip_where_path_is_needed();
    support_set_environment("PATH", NULL);
    for (int i = 0; i < 2; i++) {
        brood_output out = ask(i == 1, &options);

        assert_false(has_name(out.data, "PATH"));
        brood_free(out.data);
    }
    assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_NOT_FOUND);
}

/* A name is looked for where the child would look. */
static void p8_a_name_is_found_in_the_path_of_the_child(void **state)
{
    char directory[PATH_ROOM];
    char file[PATH_ROOM + 32];
    char path[PATH_ROOM + 64];
    const char *argv[] = {"brood-test-helper", "--tell", NULL};
    const char *environment[] = {path, NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    const char *mark = support_is_windows() ? ";" : ":";

    (void)state;
    skip_where_path_is_needed();
    support_make_directory(directory, sizeof directory);
    snprintf(file, sizeof file, "%s/brood-test-helper%s", directory,
             support_is_windows() ? ".exe" : "");
    snprintf(path, sizeof path, "PATH=/no/such/directory%s%s%s", mark, mark, directory);
    assert_true(support_copy_program(harness_self, file));
    assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_NOT_FOUND);
    options.environment = environment;
    options.stdout_to.mode = BROOD_STDIO_NULL;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
    support_remove_tree(directory);
}

/* An empty entry of PATH is the current directory, wherever it stands (man 3 execvp). */
static void r26_an_empty_entry_ends_the_path(void **state)
{
    static const char *const paths[] = {"PATH=/no/such/directory:", "PATH=:/no/such/directory",
                                        "PATH="};
    char directory[PATH_ROOM];
    char before[PATH_ROOM];
    const char *argv[] = {"brood-test-helper", "--tell", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows looks in the current directory only when it is named");
    }
    support_current_directory(before, sizeof before);
    support_make_directory(directory, sizeof directory);
    support_change_directory(directory);
    assert_true(support_copy_program(harness_self, "brood-test-helper"));
    options.stdout_to.mode = BROOD_STDIO_NULL;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const char *environment[] = {paths[i], NULL};
        brood_process *process = NULL;

        options.environment = environment;
        assert_ok(brood_command_start(&process, argv, &options));
        assert_ends(process, BROOD_EXIT_CODE, 0);
        brood_process_destroy(process);
    }
    support_change_directory(before);
    support_remove_tree(directory);
}

/* ---- the token --------------------------------------------------------------------------- */

/* Neither in the function, nor in what it starts. */
static int look_for_token(brood_task *task, const void *arg, size_t size)
{
    const char *argv[] = {arg, "--tell-token", NULL};
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    char *text = own_environment();
    bool seen = has_name(text, BROOD_TOKEN_VARIABLE) || getenv(BROOD_TOKEN_VARIABLE) != NULL;

    (void)task;
    (void)size;
    free(text);
    if (seen || brood_command_start(&process, argv, NULL) != BROOD_OK ||
        brood_process_join(process, SOON_MS) != BROOD_OK) {
        return 1;
    }
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    return info.code == 20 ? 0 : 2;
}

static void the_token_never_shows(void **state)
{
    brood_process *process = NULL;

    (void)state;
    assert_ok(brood_process_start(&process, look_for_token, harness_self, strlen(harness_self) + 1,
                                  NULL));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

/* A variable of that name would make a command believe that it is a child of ours. */
static void a_token_of_the_caller_is_not_passed_on(void **state)
{
    static const char *const environment[] = {BROOD_TOKEN_VARIABLE "=1.2.3", NULL};
    const char *argv[] = {harness_self, "--tell-token", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    options.environment = environment;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ends(process, BROOD_EXIT_CODE, 20);
    brood_process_destroy(process);
    assert_ok(brood_process_start(&process, look_for_token, harness_self, strlen(harness_self) + 1,
                                  &options));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(p8_an_empty_environment),
    cmocka_unit_test(the_given_variables_and_no_other),
    cmocka_unit_test(variables_are_added_changed_and_removed),
    cmocka_unit_test(the_last_of_two_values_counts),
    cmocka_unit_test(r18_a_name_that_stands_twice_is_changed_or_removed_as_one),
    cmocka_unit_test(r18_many_variables),
    cmocka_unit_test(a_value_in_utf_8_arrives),
    cmocka_unit_test(p8_path_unset),
    cmocka_unit_test(p8_a_name_is_found_in_the_path_of_the_child),
    cmocka_unit_test(r26_an_empty_entry_ends_the_path),
    cmocka_unit_test(the_token_never_shows),
    cmocka_unit_test(a_token_of_the_caller_is_not_passed_on),
};

/* Looks for the token before brood_init would take it away. */
int main(int argc, char **argv)
{
    bool has_token = getenv(BROOD_TOKEN_VARIABLE) != NULL;

    if (argc == 2 && strcmp(argv[1], "--tell-token") == 0) {
        return has_token ? 21 : 20;
    }
    if (brood_init(argc, argv) != BROOD_OK) {
        return 3;
    }
    if (argc == 2 && strcmp(argv[1], "--tell") == 0) {
        return tell(NULL, NULL, 0);
    }
    return harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
