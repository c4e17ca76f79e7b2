/* P7: every argument of a command arrives as it was given. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#define ARGUMENTS_MAX 40
#define ARGUMENT_ROOM 64

/* Starts this program with the arguments, and compares what it says that it got. */
static void expect_round_trip(const char *mode, const char *const *arguments, size_t count)
{
    const char *argv[ARGUMENTS_MAX + 3] = {harness_self, mode};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    size_t at = 0;

    assert_true(count <= ARGUMENTS_MAX);
    memcpy((void *)&argv[2], (const void *)arguments, count * sizeof argv[0]);
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ok(brood_process_communicate(process, NULL, 0, &out, NULL, SOON_MS));
    assert_ends(process, BROOD_EXIT_CODE, (int)count);
    for (size_t i = 0; i < count; i++) {
        assert_true(at < out.size);
        assert_string_equal(out.data + at, arguments[i]);
        at += strlen(arguments[i]) + 1;
    }
    assert_int_equal(at, out.size);
    brood_free(out.data);
    brood_process_destroy(process);
}

/* What a quoting that is not quite right gets wrong, for the C runtime or for a shell. */
static const char *const hostile[] = {
    "",
    " ",
    "a b",
    "\"",
    "\"\"",
    "a\"b",
    "\"a b\"",
    "\\",
    "\\\\",
    "a\\",
    "a b\\",
    "a b\\\\",
    "a\\\"b",
    "a\\\\\"b",
    "\\\"",
    "C:\\Program Files\\",
    "\\\\server\\share\\",
    "tab\there",
    "line\nend",
    "%PATH%",
    "!PATH!",
    "^&|<>()",
    "$HOME",
    "`id`",
    "$(id)",
    "*",
    "?",
    "'single'",
    "-",
    "--",
    "/?",
    ";",
    "",
};

static void p7_hostile_arguments_arrive(void **state)
{
    (void)state;
    expect_round_trip("--tell", hostile, sizeof hostile / sizeof hostile[0]);
}

/* Each as the only and the last one, where it may eat what follows or be eaten. */
static void p7_each_hostile_argument_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        expect_round_trip("--tell", &hostile[i], 1);
    }
}

/* As main gets them: parsed by the C runtime, not by the system. */
static void p7_the_c_runtime_agrees(void **state)
{
    const char *plain[ARGUMENTS_MAX];
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        if (strpbrk(hostile[i], "*?") == NULL) { /* MinGW's main may expand them */
            plain[count++] = hostile[i];
        }
    }
    expect_round_trip("--tell-narrow", plain, count);
}

static void p7_utf_8_arrives(void **state)
{
    static const char *const texts[] = {
        "gr\xc3\xbc\xc3\x9f",                    /* Latin */
        "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2",      /* Cyrillic */
        "\xe6\x97\xa5\xe6\x9c\xac \xe8\xaa\x9e", /* Japanese, with a space */
        "\xf0\x9f\x90\xa3",                      /* beyond 16 bits */
        "e\xcc\x81",                             /* a combining accent: not to be composed */
        "\xef\xbb\xbf",                          /* a byte order mark */
    };

    (void)state;
    expect_round_trip("--tell", texts, sizeof texts / sizeof texts[0]);
}

/* Repeatable noise of the characters that quoting is about. */
static void p7_random_arguments_arrive(void **state)
{
    static const char letters[] = "a \"\\\\\"\t'%^";
    static char texts[ARGUMENTS_MAX][ARGUMENT_ROOM];
    const char *arguments[ARGUMENTS_MAX];
    uint32_t random = 12345;

    (void)state;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < ARGUMENTS_MAX; i++) {
            size_t length = 0;

            random = random * 1664525 + 1013904223;
            length = (random >> 16) % 12;
            for (size_t j = 0; j < length; j++) {
                random = random * 1664525 + 1013904223;
                texts[i][j] = letters[(random >> 16) % (sizeof letters - 1)];
            }
            texts[i][length] = '\0';
            arguments[i] = texts[i];
        }
        expect_round_trip("--tell", arguments, ARGUMENTS_MAX);
    }
}

static void p7_a_long_argument_arrives(void **state)
{
    size_t size = 30000; /* Windows: 32,767 for the whole line */
    char *text = malloc(size + 1);
    const char *arguments[] = {text};

    (void)state;
    assert_non_null(text);
    memset(text, 'y', size);
    text[size] = '\0';
    expect_round_trip("--tell", arguments, 1);
    free(text);
}

/* argv[0] is as given, also when another file is run. */
static void p7_argv0_is_as_given(void **state)
{
    static const char *const names[] = {"other name", "trailing\\", "x"};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    options.executable = harness_self;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *argv[] = {names[i], "--tell-argv0", NULL};
        brood_process *process = NULL;
        brood_output out = {NULL, 0};

        assert_ok(brood_command_start(&process, argv, &options));
        assert_ok(brood_process_communicate(process, NULL, 0, &out, NULL, SOON_MS));
        assert_ends(process, BROOD_EXIT_CODE, 0);
        assert_string_equal(out.data, names[i]);
        brood_free(out.data);
        brood_process_destroy(process);
    }
}

static void p7_a_batch_file_is_refused(void **state)
{
    static const char *const names[] = {"x.bat", "x.CMD", "./dir/x.bat", "x.bat. ."};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};

    (void)state;
    if (!support_is_windows()) {
        harness_skip("batch files are a matter of Windows");
    }
    options.error = &error;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *argv[] = {names[i], "%PATH%", NULL};
        brood_process *process = NULL;

        assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_ARGUMENT);
        assert_null(process);
    }
}

static void say(const char *text, size_t size)
{
    while (size > 0) {
        long put = support_write(support_stdio(1), text, size);

        if (put <= 0) {
            exit(99);
        }
        text += put;
        size -= (size_t)put;
    }
}

static int tell(int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        say(argv[i], strlen(argv[i]) + 1);
    }
    return argc - 2;
}

static int as_command(int argc, char **argv)
{
    if (argc < 2) {
        return -1;
    }
    if (strcmp(argv[1], "--tell") == 0) {
        return tell(argc, support_arguments(argc, argv));
    }
    if (strcmp(argv[1], "--tell-narrow") == 0) {
        return tell(argc, argv);
    }
    return -1;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(p7_hostile_arguments_arrive), cmocka_unit_test(p7_each_hostile_argument_alone),
    cmocka_unit_test(p7_the_c_runtime_agrees),     cmocka_unit_test(p7_utf_8_arrives),
    cmocka_unit_test(p7_random_arguments_arrive),  cmocka_unit_test(p7_a_long_argument_arrives),
    cmocka_unit_test(p7_argv0_is_as_given),        cmocka_unit_test(p7_a_batch_file_is_refused),
};

int main(int argc, char **argv)
{
    int code = 0;

    if (argc == 2 && strcmp(argv[1], "--tell-argv0") == 0) { /* brood_init may need a true one */
        char *name = support_arguments(argc, argv)[0];

        say(name, strlen(name));
        return 0;
    }
    code = brood_init(argc, argv) == BROOD_OK ? as_command(argc, argv) : 3;
    return code >= 0 ? code : harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
