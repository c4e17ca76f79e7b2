/*
 * A child that has taken its channel into its own hands: HELPER_SEND says what it writes there.
 * It knows the protocol (src/process/protocol.h), in order to break it.
 */
#include <stdlib.h>
#include <string.h>

#include "platform.h"
#include "process/protocol.h"
#include "support.h"

#define EXIT_CODE 7

static brood_os_channel *channel;

static void send_bytes(const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        brood_os_wait_item item = {NULL, channel, true, false};
        size_t put = 0;
        brood_status status = brood_os_channel_write(channel, at, size, &put, NULL);

        if (status == BROOD_ERR_TIMEOUT) {
            status = brood_os_wait(&item, 1, BROOD_OS_NO_DEADLINE, NULL);
        }
        if (status != BROOD_OK) {
            return;
        }
        at += put;
        size -= put;
    }
}

static void send_head(uint16_t version, uint16_t type, uint32_t size)
{
    brood_frame_head head = {BROOD_PROTOCOL_MAGIC, version, type, size, 0};

    send_bytes(&head, sizeof head);
}

static void send_frame(int type, const void *body, size_t size)
{
    send_head(BROOD_PROTOCOL_VERSION, (uint16_t)type, (uint32_t)size);
    send_bytes(body, size);
}

static void send_hello(void)
{
    brood_hello_body hello = {1};

    send_frame(BROOD_FRAME_HELLO, &hello, sizeof hello);
}

/* ---- what it can send -------------------------------------------------------------------- */

static void rubbish(void)
{
    unsigned char bytes[5000];

    srand(1);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)rand(); /* NOLINT: the same each time */
    }
    send_bytes(bytes, sizeof bytes);
}

static void absurd_size(void)
{
    send_head(BROOD_PROTOCOL_VERSION, BROOD_FRAME_HELLO, UINT32_MAX);
}

static void other_version(void)
{
    send_head(BROOD_PROTOCOL_VERSION + 1, BROOD_FRAME_HELLO, 0);
}

static void truncated(void)
{
    send_head(BROOD_PROTOCOL_VERSION, BROOD_FRAME_HELLO, sizeof(brood_hello_body));
    send_bytes("abc", 3);
}

static void hello_then_rubbish(void)
{
    send_hello();
    rubbish();
}

static void unknown_type(void)
{
    send_hello();
    send_frame(99, "ten bytes", 10);
}

static void short_refusal(void)
{
    send_frame(BROOD_FRAME_REFUSED, "four", 4);
}

static void endless_text(void)
{
    brood_error error;

    memset(&error, 'x', sizeof error);
    send_frame(BROOD_FRAME_REFUSED, &error, sizeof error);
}

/* In Latin-1, in two lines. */
static void foreign_text(void)
{
    brood_error error = {BROOD_ERR_NO_FUNCTION, 0, "\xfc\nb", "B\xe4r\n\xfc"};

    send_frame(BROOD_FRAME_REFUSED, &error, sizeof error);
}

static void lie(void)
{
    brood_ended_body ended = {1234567, 0};

    send_hello();
    send_frame(BROOD_FRAME_ENDED, &ended, sizeof ended);
}

/* What its bytes would say as a code cannot be told from the truth by its lowest byte. */
static void short_end(void)
{
    static const char body[5] = {EXIT_CODE, 1, 0, 0, 0};

    send_hello();
    send_frame(BROOD_FRAME_ENDED, body, sizeof body);
}

static void byte_by_byte(void)
{
    brood_frame_head head = {BROOD_PROTOCOL_MAGIC, BROOD_PROTOCOL_VERSION, BROOD_FRAME_HELLO, 0, 0};

    for (size_t i = 0; i < sizeof head; i++) {
        send_bytes((const char *)&head + i, 1);
    }
}

/* In large pieces: faster than the other side can look at them. */
static void flood(void)
{
    brood_hello_body hello = {1};
    brood_buffer frames = BROOD_BUFFER_INIT;

    for (int i = 0; i < 4096; i++) {
        brood_frame_put(&frames, BROOD_FRAME_HELLO, &hello, sizeof hello);
    }
    for (;;) {
        send_bytes(frames.data, frames.size);
    }
}

static void refuse_and_stay(void)
{
    brood_error error = {BROOD_ERR_NO_FUNCTION, 0, "step", "refused, but not gone"};

    send_frame(BROOD_FRAME_REFUSED, &error, sizeof error);
    support_hang();
}

static void close_and_stay(void)
{
    brood_os_channel_close(channel);
    support_hang();
}

static void nothing(void)
{
}

static const struct {
    const char *name;
    void (*send)(void);
} kinds[] = {{"rubbish", rubbish},
             {"absurd_size", absurd_size},
             {"other_version", other_version},
             {"truncated", truncated},
             {"hello_then_rubbish", hello_then_rubbish},
             {"unknown_type", unknown_type},
             {"short_refusal", short_refusal},
             {"endless_text", endless_text},
             {"foreign_text", foreign_text},
             {"lie", lie},
             {"short_end", short_end},
             {"byte_by_byte", byte_by_byte},
             {"flood", flood},
             {"refuse_and_stay", refuse_and_stay},
             {"close_and_stay", close_and_stay},
             {"nothing", nothing}};

int main(void)
{
    const char *text = getenv(BROOD_TOKEN_VARIABLE);
    const char *what = getenv("HELPER_SEND");
    brood_token token;

    if (text == NULL || what == NULL || brood_token_parse(&token, text) != BROOD_OK ||
        brood_os_channel_adopt(&channel, token.channel, NULL) != BROOD_OK) {
        return 1;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, what) == 0) {
            kinds[i].send();
            return EXIT_CODE;
        }
    }
    return 2;
}
