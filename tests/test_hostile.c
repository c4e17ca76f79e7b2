/* What comes from outside is trusted by nobody: tokens, START bodies, the frames of a child. */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "process/protocol.h"

#define MUTATIONS 100000
#define LONG_TOKEN 20000

/* ---- decoding ---------------------------------------------------------------------------- */

/* The same numbers each time, so that a find can be repeated. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void make_body(brood_buffer *body)
{
    static const char arg[] = "an argument of some bytes";
    static char module[] = "/usr/lib/library.so";
    brood_start start = {.daemon = true,
                         .name = "a name",
                         .function = {"", {module, 4711, {1, 2, 3, 4, 5, 6, 7, 8}, 20}},
                         .handle_count = 3,
                         .handles = {4, 5, 6},
                         .arg = arg,
                         .arg_size = sizeof arg};

    brood_start_encode(body, &start);
    brood_buffer_append(body, arg, sizeof arg);
    assert_false(body->failed);
}

static bool is_inside(const void *part, size_t size, const void *whole, size_t whole_size)
{
    const char *begin = whole;
    const char *at = part;

    return at >= begin && at <= begin + whole_size && size <= (size_t)(begin + whole_size - at);
}

static void assert_text(const char *text, const void *data, size_t size)
{
    assert_true(is_inside(text, 1, data, size));
    assert_true(is_inside(text, strlen(text) + 1, data, size));
}

/* Everything that a decoded body points to is in it. */
static void assert_sound(const brood_start *start, const void *data, size_t size)
{
    assert_text(start->name, data, size);
    assert_text(start->function.name, data, size);
    assert_text(start->function.code.module, data, size);
    assert_true(start->function.code.build_id_size <= sizeof start->function.code.build_id);
    assert_true(start->handle_count <= BROOD_HANDLES_MAX);
    if (start->arg_size > 0) {
        assert_true(is_inside(start->arg, start->arg_size, data, size));
        assert_int_equal((size_t)((const char *)start->arg - (const char *)data) % 16, 0);
    } else {
        assert_null(start->arg);
    }
}

/* In memory of exactly that size, so that a sanitizer sees one byte too many. */
static brood_status decode(const void *data, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);
    brood_start start;
    brood_status status = BROOD_OK;

    assert_non_null(copy);
    memcpy(copy, data, size);
    status = brood_start_decode(&start, copy, size);
    if (status == BROOD_OK) {
        assert_sound(&start, copy, size);
    } else {
        assert_status(status, BROOD_ERR_PROTOCOL);
    }
    free(copy);
    return status;
}

static void hostile_start_bodies_that_are_cut_are_refused(void **state)
{
    brood_buffer body = BROOD_BUFFER_INIT;

    (void)state;
    make_body(&body);
    assert_ok(decode(body.data, body.size));
    for (size_t size = 0; size < body.size; size++) {
        assert_status(decode(body.data, size), BROOD_ERR_PROTOCOL);
    }
    brood_buffer_append(&body, "", 1);
    assert_status(decode(body.data, body.size), BROOD_ERR_PROTOCOL);
    brood_buffer_free(&body);
}

/* A text is as long as it says: nothing can hide behind its end. */
static void hostile_texts_with_a_zero_in_them_are_refused(void **state)
{
    static const char *const texts[] = {"a name", "/usr/lib/library.so"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        brood_buffer body = BROOD_BUFFER_INIT;
        char *at = NULL;

        make_body(&body);
        for (at = body.data; memcmp(at, texts[i], strlen(texts[i])) != 0; at++) {
        }
        at[1] = '\0';
        assert_status(decode(body.data, body.size), BROOD_ERR_PROTOCOL);
        brood_buffer_free(&body);
    }
}

static void mutate(char *bytes, size_t size, uint32_t *seed)
{
    static const unsigned char telling[] = {0, 1, 0x7f, 0x80, 0xff};
    size_t changes = 1 + next_random(seed) % 4;

    for (size_t i = 0; i < changes; i++) {
        char *at = &bytes[next_random(seed) % size];

        *at = (char)(next_random(seed) % 2 == 0 ? next_random(seed)
                                                : telling[next_random(seed) % sizeof telling]);
    }
}

static void hostile_start_bodies_are_read_safely(void **state)
{
    brood_buffer body = BROOD_BUFFER_INIT;
    uint32_t seed = 2026;
    char bytes[1024];

    (void)state;
    make_body(&body);
    assert_true(body.size <= sizeof bytes);
    for (int i = 0; i < MUTATIONS; i++) {
        size_t size = i % 8 == 0 ? next_random(&seed) % body.size + 1 : body.size;

        memcpy(bytes, body.data, size);
        mutate(bytes, size, &seed);
        decode(bytes, size);
    }
    brood_buffer_free(&body);
}

/* Lengths near the largest number, where a sum would begin at 0 again. */
static void hostile_lengths_do_not_wrap(void **state)
{
    static const uint64_t lengths[] = {UINT64_MAX,       UINT64_MAX - 1,  UINT64_MAX - 24,
                                       UINT64_MAX - 25,  UINT64_MAX - 31, UINT64_MAX / 2,
                                       UINT64_C(1) << 32};
    brood_buffer body = BROOD_BUFFER_INIT;
    char bytes[1024];

    (void)state;
    make_body(&body);
    for (size_t at = 0; at + 8 <= body.size; at++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            memcpy(bytes, body.data, body.size);
            memcpy(bytes + at, &lengths[i], 8);
            decode(bytes, body.size);
        }
    }
    brood_buffer_free(&body);
}

static brood_status peek(const void *data, size_t size, size_t most)
{
    void *copy = malloc(size > 0 ? size : 1);
    brood_frame_head head = {0, 0, 0, 0, 0};
    brood_status status = BROOD_OK;

    assert_non_null(copy);
    memcpy(copy, data, size);
    status = brood_frame_peek(copy, size, most, &head);
    if (status == BROOD_OK) {
        assert_true(head.size <= most && head.size <= size - sizeof head);
    } else {
        assert_true(status == BROOD_ERR_TIMEOUT || status == BROOD_ERR_PROTOCOL);
    }
    free(copy);
    return status;
}

static void hostile_frames_are_read_safely(void **state)
{
    brood_buffer frame = BROOD_BUFFER_INIT;
    char bytes[128];
    uint32_t seed = 1;

    (void)state;
    brood_frame_put(&frame, BROOD_FRAME_ENDED, "sixteen bytes ..", 16);
    assert_int_equal(frame.size, sizeof(brood_frame_head) + 16);
    assert_ok(peek(frame.data, frame.size, 16));
    assert_status(peek(frame.data, frame.size, 15), BROOD_ERR_PROTOCOL);
    for (size_t size = 0; size < frame.size; size++) {
        assert_status(peek(frame.data, size, 16), BROOD_ERR_TIMEOUT);
    }
    for (int i = 0; i < MUTATIONS; i++) {
        memcpy(bytes, frame.data, frame.size);
        mutate(bytes, frame.size, &seed);
        peek(bytes, frame.size, 1 + next_random(&seed) % 64);
    }
    brood_buffer_free(&frame);
}

/* ---- the token --------------------------------------------------------------------------- */

/* What brood_init says in a program with that token; the program goes on by itself. */
static int64_t init_with_token(const char *token, const brood_process_options *options)
{
    const char *argv[] = {HELPER_TOKEN, token, NULL};
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    assert_ok(brood_command_start(&process, argv, options));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    if (info.reason != BROOD_EXIT_CODE) {
        fail_msg("the token \"%.40s\": %s", token, info.name);
    }
    brood_process_destroy(process);
    return info.code;
}

/* Of a command of this program. */
static const char *own_token(const char *channel)
{
    static char token[BROOD_TOKEN_SIZE];

    snprintf(token, sizeof token, "2:%s:%" PRId64 ":0", channel, support_pid());
    return token;
}

static void expect_refused(const char *const *tokens)
{
    for (; *tokens != NULL; tokens++) {
        int64_t code = init_with_token(*tokens, NULL);

        if (code != BROOD_ERR_PROTOCOL) {
            fail_msg("the token \"%s\" gives %d", *tokens, (int)code);
        }
    }
}

static void hostile_tokens_of_another_form_are_refused(void **state)
{
    static const char *const tokens[] = {
        "x",       "2",       "2:",       "2:3",      "2:3:1",
        "2:3:1:",  ":::",     "2:::",     "2:3:1:0x", "2:3:1:0 ",
        "1:3:1:0", "0:3:1:0", "-2:3:1:0", "%s%s%s%n", "\xc3\xa9\xe2\x82\xac",
        NULL};

    (void)state;
    expect_refused(tokens);
}

/* Whatever they would lead to. */
static void hostile_tokens_are_parsed_strictly(void **state)
{
    static const char *const texts[] = {"1:3:1:0",  "2:3:1:0x", "2:3:1:0:", "2:3:1",   "2:3:1:-1",
                                        "2:-3:1:0", "2:3:0:0",  "2:3:-1:0", "2;3;1;0", ""};
    const brood_token whole = {7, 8, 2147483647};
    brood_token token = {0, 0, 0};
    char variable[BROOD_TOKEN_SIZE];

    (void)state;
    brood_token_format(variable, &whole);
    assert_ok(brood_token_parse(&token, strchr(variable, '=') + 1));
    assert_memory_equal(&token, &whole, sizeof whole);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_status(brood_token_parse(&token, texts[i]), BROOD_ERR_PROTOCOL);
    }
}

/* Stdio, numbers of nothing, and numbers that no handle can have. */
static void hostile_tokens_of_no_channel_are_refused(void **state)
{
    static const char *const channels[] = {"0",
                                           "1",
                                           "2",
                                           "3",
                                           "4",
                                           "1000",
                                           "-1",
                                           "-9223372036854775808",
                                           "2147483647",
                                           "2147483648",
                                           "4294967299",
                                           "9223372036854775807",
                                           "99999999999999999999999999"};
    static const char *const tokens[] = {"99999999999999999999:3:1:0",
                                         "2:3:99999999999999999999999999:0",
                                         "2:3:1:99999999999999999999999999", NULL};

    (void)state;
    expect_refused(tokens);
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++) {
        assert_int_equal(init_with_token(own_token(channels[i]), NULL), BROOD_ERR_PROTOCOL);
    }
}

/* What a child of ours started, before it said whose child it is, has the child's token. */
static void r23_tokens_of_another_process_are_passed_over(void **state)
{
    char token[BROOD_TOKEN_SIZE];

    (void)state;
    snprintf(token, sizeof token, "2:3:%" PRId64 ":%" PRId64, support_pid(), support_pid());
    assert_int_equal(init_with_token(token, NULL), BROOD_OK);
    if (support_is_windows()) { /* where nobody else can become a parent */
        snprintf(token, sizeof token, "2:3:%" PRId64 ":0", support_pid() + 1);
        assert_int_equal(init_with_token(token, NULL), BROOD_OK);
    }
}

/* A handle that is open, and the end of something else. */
static void hostile_tokens_of_another_handle_are_refused(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    intptr_t ends[2];
    brood_handle handle = BROOD_HANDLE_NONE;

    (void)state;
#if defined(_WIN32)
    harness_skip("a command on Windows is not told the numbers of its handles");
#endif
    assert_true(support_pipe(ends));
    handle = ends[0];
    options.handles = &handle;
    options.handle_count = 1;
    support_close(ends[1]);
    assert_int_equal(init_with_token(own_token("3"), &options), BROOD_ERR_PROTOCOL);
    support_close(ends[0]);
}

static void hostile_tokens_may_be_long(void **state)
{
    char *token = malloc(LONG_TOKEN + 1);

    (void)state;
    assert_non_null(token);
    memset(token, '2', LONG_TOKEN);
    token[LONG_TOKEN] = '\0';
    assert_int_equal(init_with_token(token, NULL), BROOD_ERR_PROTOCOL);
    free(token);
}

/* ---- a hostile child --------------------------------------------------------------------- */

static brood_process *start_hostile(const char *what, uint32_t handshake_timeout_ms)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    char variable[64];
    const char *environment[] = {variable, NULL};
    brood_process *process = NULL;

    snprintf(variable, sizeof variable, "HELPER_SEND=%s", what);
    options.executable = HELPER_HOSTILE;
    options.function_name = "hostile";
    options.environment = environment;
    options.handshake_timeout_ms = handshake_timeout_ms;
    assert_ok(brood_process_start(&process, NULL, NULL, 0, &options));
    return process;
}

static brood_error start_error(brood_process *process)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_START);
    brood_process_destroy(process);
    return info.error;
}

/* The parent can still do its work. */
static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

static void assert_parent_works(void)
{
    brood_process *process = NULL;

    assert_ok(brood_process_start(&process, nothing, NULL, 0, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

static void hostile_bytes_before_the_hello(void **state)
{
    static const char *const kinds[] = {"rubbish",   "absurd_size",   "other_version",
                                        "truncated", "short_refusal", "nothing"};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_status(start_error(start_hostile(kinds[i], 0)).status, BROOD_ERR_NO_HELLO);
    }
    assert_parent_works();
}

static void hostile_bytes_after_the_hello(void **state)
{
    static const char *const kinds[] = {"hello_then_rubbish", "unknown_type", "lie", "short_end"};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        brood_process *process = start_hostile(kinds[i], 0);

        assert_ends(process, BROOD_EXIT_CODE, 7);
        brood_process_destroy(process);
    }
    assert_parent_works();
}

static void hostile_texts_without_an_end(void **state)
{
    brood_error error;

    (void)state;
    error = start_error(start_hostile("endless_text", 0));
    assert_int_equal(strlen(error.step), sizeof error.step - 1);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_status(error.status, BROOD_ERR_PROTOCOL); /* it has sent one that there is not */
}

static void r10_foreign_texts_of_a_refusal(void **state)
{
    brood_error error;

    (void)state;
    error = start_error(start_hostile("foreign_text", 0));
    assert_status(error.status, BROOD_ERR_NO_FUNCTION);
    assert_string_equal(error.step, "??b");
    assert_string_equal(error.message, "B?r??");
}

static void hostile_frames_in_pieces_are_put_together(void **state)
{
    brood_process *process = start_hostile("byte_by_byte", 0);

    (void)state;
    assert_ends(process, BROOD_EXIT_CODE, 7);
    brood_process_destroy(process);
}

static void hostile_refusal_by_one_that_stays(void **state)
{
    (void)state;
    assert_status(start_error(start_hostile("refuse_and_stay", 1000)).status,
                  BROOD_ERR_NO_FUNCTION);
}

static void hostile_channel_closed_by_one_that_stays(void **state)
{
    (void)state;
    assert_status(start_error(start_hostile("close_and_stay", 300)).status, BROOD_ERR_NO_HELLO);
}

/* Who never stops to talk must not hold its parent. */
static void hostile_flood_of_frames(void **state)
{
    brood_process *process = start_hostile("flood", 0);
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_status(brood_process_join(process, 50), BROOD_ERR_TIMEOUT);
        assert_true(brood_process_is_alive(process));
    }
    assert_ok(brood_process_kill(process));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_KILLED);
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(hostile_start_bodies_that_are_cut_are_refused),
    cmocka_unit_test(hostile_texts_with_a_zero_in_them_are_refused),
    cmocka_unit_test(hostile_start_bodies_are_read_safely),
    cmocka_unit_test(hostile_lengths_do_not_wrap),
    cmocka_unit_test(hostile_frames_are_read_safely),
    cmocka_unit_test(hostile_tokens_are_parsed_strictly),
    cmocka_unit_test(hostile_tokens_of_another_form_are_refused),
    cmocka_unit_test(hostile_tokens_of_no_channel_are_refused),
    cmocka_unit_test(hostile_tokens_of_another_handle_are_refused),
    cmocka_unit_test(r23_tokens_of_another_process_are_passed_over),
    cmocka_unit_test(hostile_tokens_may_be_long),
    cmocka_unit_test(hostile_bytes_before_the_hello),
    cmocka_unit_test(hostile_bytes_after_the_hello),
    cmocka_unit_test(hostile_texts_without_an_end),
    cmocka_unit_test(r10_foreign_texts_of_a_refusal),
    cmocka_unit_test(hostile_frames_in_pieces_are_put_together),
    cmocka_unit_test(hostile_refusal_by_one_that_stays),
    cmocka_unit_test(hostile_channel_closed_by_one_that_stays),
    cmocka_unit_test(hostile_flood_of_frames),
};

BROOD_TEST_MAIN(tests)
