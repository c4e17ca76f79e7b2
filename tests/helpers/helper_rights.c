/*
 * H13, R7: `helper_rights attack KIND USER GROUP TARGET MODE` is somebody with the rights of USER and
 * GROUP who executes the program TARGET with a start of his own making; KIND says how he makes it.
 * `helper_rights MODE` is that program. Its exit code says what became of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include <brood/brood.h>

#include "process/function.h"
#include "process/nesting.h"
#include "helper_rights.h"
#include "process/self.h"
#include "platform.h"
#include "process/protocol.h"
#include "support.h"

#define JOIN_MS 20000
#define CAPABILITY_VERSION_3 0x20080522

/* ---- the program ------------------------------------------------------------------------- */

typedef struct rights {
    uid_t user;
    gid_t group;
    unsigned capabilities;
    uid_t owner; /* of the program's file */
} rights;

static unsigned own_capabilities(void)
{
#if defined(__linux__)
    unsigned head[2] = {CAPABILITY_VERSION_3, 0};
    unsigned sets[6]; /* effective, permitted, inheritable, and the same of higher numbers */

    return syscall(SYS_capget, head, sets) == 0 ? sets[1] : ~0U;
#else
    return 0;
#endif
}

static void drop_capabilities(void)
{
#if defined(__linux__)
    unsigned head[2] = {CAPABILITY_VERSION_3, 0};
    unsigned sets[6] = {0};

    syscall(SYS_capset, head, sets);
#endif
}

static rights own_rights(uid_t owner)
{
    return (rights){geteuid(), getegid(), own_capabilities(), owner};
}

/* Whether it has the rights that it should, and no way to those of the file. */
static int compare(brood_task *task, const void *arg, size_t size)
{
    rights wanted;
    rights own;

    (void)task;
    memcpy(&wanted, arg, size);
    own = own_rights(wanted.owner);
    if (memcmp(&own, &wanted, sizeof own) != 0) {
        fprintf(stderr, "user %u group %u capabilities %x, wanted %u %u %x\n", (unsigned)own.user,
                (unsigned)own.group, own.capabilities, (unsigned)wanted.user,
                (unsigned)wanted.group, wanted.capabilities);
        return 1;
    }
    return wanted.owner != wanted.user && seteuid(wanted.owner) == 0 ? 2 : 0;
}

/* What the start of the caller asks for. */
static int pwned(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return RIGHTS_RAN_FOREIGN;
}

static int run_child(rights wanted)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_status status = brood_process_start(&process, compare, &wanted, sizeof wanted, NULL);

    if (status != BROOD_OK) {
        return RIGHTS_STATUS + (int)status;
    }
    brood_process_join(process, JOIN_MS);
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    if (info.reason == BROOD_EXIT_START) {
        return RIGHTS_STATUS + (int)info.error.status;
    }
    return info.reason == BROOD_EXIT_CODE && info.code == 0 ? RIGHTS_CHILD_AS_IT_SHOULD
                                                            : RIGHTS_CHILD_OTHERWISE;
}

static int run_mode(const char *mode)
{
    uid_t owner = geteuid();
    rights wanted;

    if (strcmp(mode, "quiet") == 0) {
        return RIGHTS_OWN_MAIN;
    }
    if (strcmp(mode, "variables") == 0) {
        bool is_any = getenv("BROOD_WORKER") != NULL || getenv("BROOD_CHILD") != NULL ||
                      getenv("BROOD_NESTING") != NULL;

        return is_any || brood_nesting_here().depth > 0 ? 1 : RIGHTS_OWN_MAIN;
    }
    if (strcmp(mode, "lend") == 0) {
        if (seteuid(getuid()) != 0 || setegid(getgid()) != 0) {
            return 1;
        }
        wanted = own_rights(owner);
        wanted.capabilities = 0; /* what it could take up again, a child cannot */
        return run_child(wanted);
    }
    if (strcmp(mode, "drop") == 0) {
        drop_capabilities();
        if (setgid(getgid()) != 0 || setuid(getuid()) != 0) {
            return 1;
        }
    }
    return run_child(own_rights(owner));
}

/* With no helper but the one that the environment names. */
static int be_hosted(void)
{
    brood_status status = brood_init_hosted(NULL);
    bool is_kept = getenv("BROOD_WORKER") != NULL;

    if (status == BROOD_OK && strstr(brood_child_executable(), "helper_rights") != NULL) {
        return RIGHTS_RAN_FOREIGN;
    }
    return is_kept ? 1 : RIGHTS_OWN_MAIN;
}

static int be_program(int argc, char **argv)
{
    brood_status status = brood_register("pwned", pwned);

    if (argc > 1 && strcmp(argv[1], "hosted") == 0) {
        return be_hosted();
    }
    if (status == BROOD_OK) {
        status = brood_init(argc, argv);
    }
    if (status != BROOD_OK) {
        return RIGHTS_STATUS + (int)status;
    }
    return argc > 1 ? run_mode(argv[1]) : 2;
}

/* ---- the caller -------------------------------------------------------------------------- */

static void become(uid_t user, gid_t group)
{
    if (setgroups(0, NULL) != 0 || setgid(group) != 0 || setuid(user) != 0) {
        perror("setuid");
        exit(1);
    }
}

/* The attacker's own library, or a function of the program's. */
static void choose_function(brood_function_ref *ref)
{
    static char nowhere[] = "";
    const char *library = getenv("RIGHTS_LIBRARY");
    support_function *function =
        library == NULL ? NULL : support_library_function(library, "plugin_answer");

    *ref = (brood_function_ref){.name = "pwned", .code = {.module = nowhere}};
    if (library != NULL &&
        (function == NULL ||
         brood_function_locate(ref, function, NULL, false, "function", NULL) != BROOD_OK)) {
        fprintf(stderr, "cannot use %s\n", library);
        exit(1);
    }
}

static void write_start(int fd)
{
    int number = RIGHTS_RAN_FOREIGN - 2; /* plugin_answer adds 2 */
    brood_start start = {.parent_pid = getpid(), .name = "", .arg_size = sizeof number};
    brood_buffer body = BROOD_BUFFER_INIT;
    brood_buffer frame = BROOD_BUFFER_INIT;

    choose_function(&start.function);
    brood_start_encode(&body, &start);
    brood_buffer_append(&body, &number, sizeof number);
    brood_frame_put(&frame, BROOD_FRAME_START, body.data, body.size);
    if (frame.failed || write(fd, frame.data, frame.size) != (ssize_t)frame.size) {
        perror("write");
        exit(1);
    }
    brood_buffer_free(&body);
    brood_buffer_free(&frame);
}

/* A connection to a socket that somebody with more rights listens on, who says what we like. */
static void connect_to_other(int ends[2], uid_t user, gid_t group)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(name.sun_path, sizeof name.sun_path, "%s", getenv("RIGHTS_SOCKET"));
    ends[1] = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&name, sizeof name) != 0 ||
        chmod(name.sun_path, 0777) != 0 || listen(listener, 1) != 0) {
        perror("listen");
        exit(1);
    }
    become(user, group);
    if (connect(ends[1], (struct sockaddr *)&name, sizeof name) != 0) {
        perror("connect");
        exit(1);
    }
    ends[0] = accept(listener, NULL, NULL);
}

static void make_channel(const char *kind, int ends[2], uid_t user, gid_t group)
{
    if (strcmp(kind, "connection") == 0) {
        connect_to_other(ends, user, group);
        return;
    }
    if (strcmp(kind, "caller") == 0) { /* of a set-user-ID program */
        become(user, group);
        socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
        return;
    }
    /* Its environment and descriptors come from USER, as with su -m. */
    if (setegid(group) != 0 || seteuid(user) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || seteuid(0) != 0 || setegid(0) != 0) {
        perror("seteuid");
        exit(1);
    }
}

static int attack(char **argv)
{
    uid_t user = (uid_t)strtoul(argv[3], NULL, 10);
    gid_t group = (gid_t)strtoul(argv[4], NULL, 10);
    brood_token token = {BROOD_HANDLE_NONE, getpid(), 0};
    char text[BROOD_TOKEN_SIZE];
    char nesting[40];
    const char *name = getenv("RIGHTS_NAME"); /* which the caller chooses */
    int ends[2] = {-1, -1};
    pid_t pid = -1;

    signal(SIGPIPE, SIG_IGN);
    make_channel(argv[2], ends, user, group);
    write_start(ends[0]);
    pid = fork();
    if (pid == 0) {
        token.channel = fcntl(ends[1], F_DUPFD, 10);
        token.pid = getpid();
        brood_token_format(text, &token);
        putenv(text);
        setenv("BROOD_WORKER", argv[0], 1);
        snprintf(nesting, sizeof nesting, "9:1:%d", (int)getpid()); /* it could have no pools */
        setenv("BROOD_NESTING", nesting, 1);
        execl(argv[5], name != NULL ? name : argv[5], argv[6], (char *)NULL);
        perror(argv[5]);
        _exit(1);
    }
    return support_wait_for(pid);
}

int main(int argc, char **argv)
{
    return argc == 7 && strcmp(argv[1], "attack") == 0 ? attack(argv) : be_program(argc, argv);
}
