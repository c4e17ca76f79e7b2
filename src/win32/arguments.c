#include "win32/system.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* With the zero at the end; the line's limit of CreateProcessW. */
#define LINE_ROOM 32767

typedef struct line_buffer {
    wchar_t *text;
    size_t length; /* what it should be, also past LINE_ROOM */
} line_buffer;

static void put(line_buffer *line, wchar_t unit, size_t times)
{
    for (; times > 0; times--) {
        if (line->length < LINE_ROOM) {
            line->text[line->length] = unit;
        }
        line->length++;
    }
}

static void put_text(line_buffer *line, const wchar_t *text)
{
    for (; *text != L'\0'; text++) {
        put(line, *text, 1);
    }
}

/* Wildcards too: the C runtime may expand them where they are not quoted. */
static bool needs_quotes(const wchar_t *argument)
{
    return argument[0] == L'\0' || wcspbrk(argument, L" \t\n\v\"*?") != NULL;
}

/*
 * Backslashes are doubled where a quote follows, and only there:
 * https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
 */
static void put_argument(line_buffer *line, const wchar_t *argument)
{
    size_t backslashes = 0;

    if (!needs_quotes(argument)) {
        put_text(line, argument);
        return;
    }
    put(line, L'"', 1);
    for (; *argument != L'\0'; argument++) {
        if (*argument == L'\\') {
            backslashes++;
            continue;
        }
        put(line, L'\\', *argument == L'"' ? 2 * backslashes + 1 : backslashes);
        put(line, *argument, 1);
        backslashes = 0;
    }
    put(line, L'\\', 2 * backslashes);
    put(line, L'"', 1);
}

/* The first one is split off by its own rule: it ends at a quote, which no backslash escapes. */
static void put_program(line_buffer *line, const wchar_t *name)
{
    bool quoted = needs_quotes(name);

    put(line, L'"', quoted);
    put_text(line, name);
    put(line, L'"', quoted);
}

static brood_status put_arguments(line_buffer *line, const char *const *argv, brood_error *error)
{
    for (size_t i = 0; argv[i] != NULL; i++) {
        wchar_t *wide = NULL;
        brood_status status = BROOD_OK;

        if (i == 0 && strchr(argv[0], '"') != NULL) {
            return brood_fail_argument(error, "argv[0]", "has a quote, which Windows cannot pass");
        }
        status = brood_win32_wide(&wide, argv[i], "argv", error);
        if (status != BROOD_OK) {
            return status;
        }
        if (i == 0) {
            put_program(line, wide);
        } else {
            put(line, L' ', 1);
            put_argument(line, wide);
        }
        free(wide);
    }
    put(line, L'\0', 1);
    return BROOD_OK;
}

brood_status brood_win32_command_line(wchar_t **line, const char *const *argv, brood_error *error)
{
    line_buffer buffer = {brood_malloc(LINE_ROOM * sizeof(wchar_t)), 0};
    brood_status status = BROOD_OK;

    *line = NULL;
    if (buffer.text == NULL) {
        return brood_fail_memory(error, "argv");
    }
    status = put_arguments(&buffer, argv, error);
    if (status == BROOD_OK && buffer.length > LINE_ROOM) {
        status =
            brood_fail(error, BROOD_ERR_TOO_LARGE, 0, "argv",
                       "the arguments are longer than the %d characters of Windows", LINE_ROOM - 1);
    }
    if (status != BROOD_OK) {
        free(buffer.text);
        return status;
    }
    *line = buffer.text;
    return BROOD_OK;
}

/* ---- the environment of a child ------------------------------------------------------------ */

static int name_length(const wchar_t *variable)
{
    return (int)wcscspn(variable, L"=");
}

static int compare_variables(const void *a, const void *b)
{
    const wchar_t *left = *(wchar_t *const *)a;
    const wchar_t *right = *(wchar_t *const *)b;

    return CompareStringOrdinal(left, name_length(left), right, name_length(right), TRUE) -
           CSTR_EQUAL;
}

/* Programs that lose SystemRoot cannot load half of the system's DLLs. */
static wchar_t *system_root(void)
{
    static const wchar_t name[] = L"SystemRoot=";
    const size_t start = sizeof name / sizeof name[0] - 1;
    wchar_t *variable = brood_malloc((start + MAX_PATH) * sizeof *variable);

    if (variable != NULL) {
        memcpy(variable, name, sizeof name);
        if (GetSystemWindowsDirectoryW(variable + start, MAX_PATH) >= MAX_PATH) {
            variable[start] = L'\0';
        }
    }
    return variable;
}

static bool has_system_root(wchar_t **variables, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (CompareStringOrdinal(variables[i], name_length(variables[i]), L"SystemRoot", -1,
                                 TRUE) == CSTR_EQUAL) {
            return true;
        }
    }
    return false;
}

/* Fills variables in UTF-16; count says how many there are, also on failure. */
static brood_status convert_variables(wchar_t **variables, size_t *count,
                                      const char *const *environment, brood_error *error)
{
    brood_status status = BROOD_OK;

    for (*count = 0; environment[*count] != NULL; (*count)++) {
        status = brood_win32_wide(&variables[*count], environment[*count], "environment", error);
        if (status != BROOD_OK) {
            return status;
        }
    }
    if (!has_system_root(variables, *count)) {
        variables[*count] = system_root();
        if (variables[*count] == NULL) {
            return brood_fail_memory(error, "environment");
        }
        (*count)++;
    }
    return BROOD_OK;
}

/* Each ends with a zero, and all of them with one more. */
static wchar_t *join_variables(wchar_t **variables, size_t count)
{
    size_t room = 1;
    wchar_t *block = NULL;
    wchar_t *end = NULL;

    for (size_t i = 0; i < count; i++) {
        room += wcslen(variables[i]) + 1;
    }
    block = brood_malloc(room * sizeof *block);
    if (block == NULL) {
        return NULL;
    }
    end = block;
    for (size_t i = 0; i < count; i++) {
        size_t length = wcslen(variables[i]) + 1;

        memcpy(end, variables[i], length * sizeof *end);
        end += length;
    }
    *end = L'\0';
    return block;
}

/*
 * Sorted by name without regard to case, as CreateProcessW wants it:
 * https://learn.microsoft.com/windows/win32/procthread/changing-environment-variables
 */
brood_status brood_win32_environment_block(wchar_t **block, const char *const *environment,
                                           brood_error *error)
{
    wchar_t **variables = NULL;
    size_t count = 0;
    brood_status status = BROOD_OK;

    *block = NULL;
    while (environment[count] != NULL) {
        count++;
    }
    variables = brood_calloc(count + 1, sizeof *variables); /* one more for SystemRoot */
    if (variables == NULL) {
        return brood_fail_memory(error, "environment");
    }
    status = convert_variables(variables, &count, environment, error);
    if (status == BROOD_OK) {
        qsort(variables, count, sizeof *variables, compare_variables);
        *block = join_variables(variables, count);
        status = *block != NULL ? BROOD_OK : brood_fail_memory(error, "environment");
    }
    for (size_t i = 0; i < count; i++) {
        free(variables[i]);
    }
    free(variables);
    return status;
}

/* ---- our own environment ------------------------------------------------------------------- */

/* The pointers and the texts are one piece of memory; "=C:=C:\" is cmd.exe's own affair. */
static char **index_block(const char *block, size_t size, size_t count)
{
    char **environment = brood_malloc((count + 1) * sizeof *environment + size);
    char *text = NULL;
    size_t used = 0;

    if (environment == NULL) {
        return NULL;
    }
    text = (char *)(environment + count + 1);
    memcpy(text, block, size);
    for (; *text != '\0'; text += strlen(text) + 1) {
        if (*text != '=') {
            environment[used++] = text;
        }
    }
    environment[used] = NULL;
    return environment;
}

/* Its length with the zero of its end, and the number of its texts. */
static int measure_block(const wchar_t *block, size_t *count)
{
    const wchar_t *at = block;

    for (*count = 0; *at != L'\0'; (*count)++) {
        at += wcslen(at) + 1;
    }
    return (int)(at - block) + 1;
}

static char **copy_block(const wchar_t *block)
{
    size_t count = 0;
    int length = measure_block(block, &count);
    int size = WideCharToMultiByte(CP_UTF8, 0, block, length, NULL, 0, NULL, NULL);
    char *narrowed = brood_malloc((size_t)size);
    char **environment = NULL;

    if (narrowed != NULL) {
        WideCharToMultiByte(CP_UTF8, 0, block, length, narrowed, size, NULL, NULL);
        environment = index_block(narrowed, (size_t)size, count);
    }
    free(narrowed);
    return environment;
}

brood_status brood_os_environment_copy(char ***environment, brood_error *error)
{
    wchar_t *block = GetEnvironmentStringsW();

    *environment = NULL;
    if (block != NULL) {
        *environment = copy_block(block);
        FreeEnvironmentStringsW(block);
    }
    return *environment != NULL ? BROOD_OK : brood_fail_memory(error, "GetEnvironmentStringsW");
}

void brood_os_environment_free(char **environment)
{
    free(environment);
}

static wchar_t *wide_name(const char *name, size_t length, int *wide_length)
{
    wchar_t *wide = brood_malloc((length + 1) * sizeof *wide);

    if (wide != NULL) {
        *wide_length = MultiByteToWideChar(CP_UTF8, 0, name, (int)length, wide, (int)length);
    }
    return wide;
}

#define NAME_ROOM 64   /* the names are our own */
#define VALUE_ROOM 512 /* longer values need memory */

/* Between the two calls another thread may have made it longer. */
static size_t get_value(const wchar_t *name, wchar_t *wide, DWORD room, char *value, size_t size)
{
    int needed = 0;

    if (GetEnvironmentVariableW(name, wide, room) >= room) {
        return size + 1;
    }
    needed = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    if ((size_t)needed <= size) {
        WideCharToMultiByte(CP_UTF8, 0, wide, -1, value, needed, NULL, NULL);
    }
    return (size_t)needed;
}

size_t brood_os_environment_get(const char *name, char *value, size_t size)
{
    wchar_t wide_name[NAME_ROOM];
    wchar_t few[VALUE_ROOM] = L"";
    wchar_t *many = NULL;
    DWORD length = 0; /* with the zero */
    size_t needed = 0;

    if (MultiByteToWideChar(CP_UTF8, 0, name, -1, wide_name, NAME_ROOM) > 0) {
        length = GetEnvironmentVariableW(wide_name, NULL, 0);
    }
    if (length == 0 || length <= VALUE_ROOM) {
        return length == 0 ? 0 : get_value(wide_name, few, VALUE_ROOM, value, size);
    }
    many = brood_calloc(length, sizeof *many);
    needed = many != NULL ? get_value(wide_name, many, length, value, size) : size + 1;
    free(many);
    return needed;
}

/* The C runtime keeps a copy, and passes its changes on to the system. */
void brood_os_environment_set(const char *name, const char *value)
{
    _putenv_s(name, value);
}

void brood_os_environment_remove(const char *name)
{
    _putenv_s(name, "");
}

/* Without regard to case, as the system compares them. */
bool brood_os_environment_same(const char *a, const char *b, size_t length)
{
    int left_length = 0;
    int right_length = 0;
    wchar_t *left = NULL;
    wchar_t *right = NULL;
    bool same = memcmp(a, b, length) == 0;

    if (same || length > INT_MAX / 2) {
        return same;
    }
    left = wide_name(a, length, &left_length);
    right = wide_name(b, length, &right_length);
    same = left != NULL && right != NULL
               ? CompareStringOrdinal(left, left_length, right, right_length, TRUE) == CSTR_EQUAL
               : _strnicmp(a, b, length) == 0; /* without memory: right for names in ASCII */
    free(right);
    free(left);
    return same;
}
