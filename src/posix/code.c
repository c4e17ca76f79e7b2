#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <apr_dso.h>
#include <apr_pools.h>

#include "posix/system.h"

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#include <mach-o/loader.h>
#else
#include <elf.h>
#include <link.h>
#if !defined(ElfW) && defined(__ElfN) /* FreeBSD: sys/elf_generic.h */
#define ElfW(type) __ElfN(type)
#endif
#endif

/* A loaded module: where it is, and which build of it. */
typedef struct module {
    char path[PATH_MAX]; /* "" for the program */
    uintptr_t base;
    uint8_t build_id[BROOD_OS_BUILD_ID_MAX];
    size_t build_id_size;
} module;

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* FNV-1a, eight bytes at a time. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t word = 0;

        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    for (; size > 0; size--, bytes++) {
        hash = (hash ^ *bytes) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* A module is listed under the name by which it was loaded; path is a realpath, or "". */
static bool is_path_of(const char *name, const char *path)
{
    char resolved[PATH_MAX];

    return strcmp(name, path) == 0 ||
           (name[0] != '\0' && path[0] != '\0' && realpath(name, resolved) != NULL &&
            strcmp(resolved, path) == 0);
}

static void set_id(module *found, const void *id, size_t size)
{
    found->build_id_size = size < BROOD_OS_BUILD_ID_MAX ? size : BROOD_OS_BUILD_ID_MAX;
    memcpy(found->build_id, id, found->build_id_size);
}

#if !defined(__APPLE__)

/* ---- ELF (man 3 dl_iterate_phdr); it works in static programs too ------------------------- */

/* What is looked for: the module that has an address in its code, or the one of a path. */
typedef struct search {
    uintptr_t address; /* 0: by path */
    const char *path;
    bool is_program; /* the first module of the iteration */
    bool found;
    module *module;
} search;

static bool has_code_at(const struct dl_phdr_info *info, uintptr_t address)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0 && address >= begin &&
            address - begin < segment->p_memsz) {
            return true;
        }
    }
    return false;
}

/* The linker's build id (ld --build-id), of size 0 when it made none. */
static void read_notes(module *found, const char *at, size_t size)
{
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        size_t name = 0;
        size_t whole = 0;

        memcpy(&note, at, sizeof note);
        name = sizeof note + ((size_t)note.n_namesz + 3) / 4 * 4;
        whole = name + ((size_t)note.n_descsz + 3) / 4 * 4;
        if (whole > size) {
            return;
        }
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(at + sizeof note, "GNU", 4) == 0) {
            set_id(found, at + name, note.n_descsz);
            return;
        }
        at += whole;
        size -= whole;
    }
}

/* Without a build id, the code itself tells builds apart: it is the same at every address. */
static void hash_code(module *found, const struct dl_phdr_info *info)
{
    uint64_t hash = HASH_BEGIN;

    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0 &&
            (segment->p_flags & PF_R) != 0) {
            hash = hash_bytes(hash, (const void *)(info->dlpi_addr + segment->p_vaddr),
                              segment->p_filesz);
        }
    }
    set_id(found, &hash, sizeof hash);
}

static void describe(module *found, const struct dl_phdr_info *info, bool is_program)
{
    const char *name = is_program || info->dlpi_name == NULL ? "" : info->dlpi_name;
    size_t length = strlen(name);

    memset(found, 0, sizeof *found);
    memcpy(found->path, name, length < sizeof found->path ? length : sizeof found->path - 1);
    found->base = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum && found->build_id_size == 0; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type == PT_NOTE) {
            read_notes(found, (const char *)(info->dlpi_addr + segment->p_vaddr), segment->p_memsz);
        }
    }
    if (found->build_id_size == 0) {
        hash_code(found, info);
    }
}

static int visit(struct dl_phdr_info *info, size_t size, void *data)
{
    search *wanted = data;
    bool is_program = wanted->is_program;
    const char *name = is_program || info->dlpi_name == NULL ? "" : info->dlpi_name;

    (void)size;
    wanted->is_program = false;
    if (wanted->address != 0 ? !has_code_at(info, wanted->address)
                             : !is_path_of(name, wanted->path)) {
        return 0;
    }
    describe(wanted->module, info, is_program);
    wanted->found = true;
    return 1;
}

static bool find_module(module *found, uintptr_t address, const char *path)
{
    search wanted = {address, path, true, false, found};

    dl_iterate_phdr(visit, &wanted);
    return wanted.found;
}

#else

/* ---- Mach-O (man 3 dyld) ------------------------------------------------------------------ */

/* Its LC_UUID; one that was linked without has the hash of its text segment. */
static void identify(module *found, const struct mach_header_64 *header)
{
    const char *at = (const char *)(header + 1);
    uint64_t hash = HASH_BEGIN;

    for (uint32_t i = 0; i < header->ncmds; i++) {
        const struct load_command *command = (const struct load_command *)at;
        const struct segment_command_64 *segment = (const struct segment_command_64 *)command;

        if (command->cmd == LC_UUID) {
            set_id(found, ((const struct uuid_command *)command)->uuid, 16);
            return;
        }
        if (command->cmd == LC_SEGMENT_64 && strcmp(segment->segname, "__TEXT") == 0) {
            hash = hash_bytes(hash, header, segment->filesize);
        }
        at += command->cmdsize;
    }
    set_id(found, &hash, sizeof hash);
}

/* The text segment holds the header and the code. */
static bool has_code_at(const struct mach_header_64 *header, uintptr_t address)
{
    const char *at = (const char *)(header + 1);

    for (uint32_t i = 0; i < header->ncmds; i++) {
        const struct load_command *command = (const struct load_command *)at;
        const struct segment_command_64 *segment = (const struct segment_command_64 *)command;

        if (command->cmd == LC_SEGMENT_64 && strcmp(segment->segname, "__TEXT") == 0) {
            return address >= (uintptr_t)header && address - (uintptr_t)header < segment->vmsize;
        }
        at += command->cmdsize;
    }
    return false;
}

static bool find_module(module *found, uintptr_t address, const char *path)
{
    for (uint32_t i = 0; i < _dyld_image_count(); i++) {
        const struct mach_header_64 *header =
            (const struct mach_header_64 *)_dyld_get_image_header(i);
        const char *name = NULL;
        size_t length = 0;

        if (header == NULL) { /* unloaded meanwhile (man 3 dyld) */
            continue;
        }
        name = header->filetype == MH_EXECUTE ? "" : _dyld_get_image_name(i);
        length = name == NULL ? 0 : strlen(name);
        if (name == NULL) {
            continue;
        }
        if (address != 0 ? !has_code_at(header, address) : !is_path_of(name, path)) {
            continue;
        }
        memset(found, 0, sizeof *found);
        memcpy(found->path, name, length < sizeof found->path ? length : sizeof found->path - 1);
        found->base = (uintptr_t)header;
        identify(found, header);
        return true;
    }
    return false;
}

#endif

/* ---- both --------------------------------------------------------------------------------- */

brood_status brood_os_code_locate(brood_os_code *code, brood_os_function *function,
                                  brood_error *error)
{
    module found;
    char *absolute = NULL;

    memset(code, 0, sizeof *code);
    if (!find_module(&found, (uintptr_t)function, NULL)) {
        return brood_fail_argument(error, "function", "is not in the code of a loaded module");
    }
    absolute = found.path[0] == '\0' ? NULL : realpath(found.path, NULL);
    code->module = absolute != NULL ? absolute : brood_strdup(found.path);
    if (code->module == NULL) {
        return brood_fail_memory(error, "module path");
    }
    code->offset = (uintptr_t)function - found.base;
    code->build_id_size = found.build_id_size;
    memcpy(code->build_id, found.build_id, found.build_id_size);
    return BROOD_OK;
}

/* Loads a library for good: its functions may leave anything behind. */
static brood_status load(module *found, const char *path, brood_error *error)
{
    apr_pool_t *pool = NULL;
    apr_dso_handle_t *library = NULL;
    char text[150] = "";

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return brood_fail_memory(error, "dlopen");
    }
    if (apr_dso_load(&library, path, pool) != APR_SUCCESS) {
        brood_fail(error, BROOD_ERR_NOT_FOUND, 0, "dlopen", "%s",
                   apr_dso_error(library, text, sizeof text));
        apr_pool_destroy(pool);
        return BROOD_ERR_NOT_FOUND;
    }
    return find_module(found, 0, path)
               ? BROOD_OK
               : brood_fail(error, BROOD_ERR_NOT_FOUND, 0, "dlopen",
                            "the library %.150s is loaded and cannot be found", path);
}

brood_status brood_os_code_resolve(const brood_os_code *code, brood_os_function **function,
                                   brood_error *error)
{
    module found;
    uintptr_t base = 0;
    uintptr_t address = 0;
    brood_status status =
        find_module(&found, 0, code->module) ? BROOD_OK : load(&found, code->module, error);

    *function = NULL;
    if (status != BROOD_OK) {
        return status;
    }
    if (found.build_id_size != code->build_id_size ||
        memcmp(found.build_id, code->build_id, code->build_id_size) != 0) {
        return brood_fail(error, BROOD_ERR_OTHER_BUILD, 0, "build identity",
                          "%.120s is another build than the parent's",
                          code->module[0] == '\0' ? "the child's executable" : code->module);
    }
    base = found.base;
    address = base + (uintptr_t)code->offset;
    if (!find_module(&found, address, NULL) || found.base != base) {
        return brood_fail(error, BROOD_ERR_NO_FUNCTION, 0, "function offset",
                          "the function is not in the code of its module");
    }
    *function = (brood_os_function *)address;
    return BROOD_OK;
}

/* One reference that is never given back; the program itself needs none. */
void brood_os_code_keep(void)
{
    module own;

    if (find_module(&own, (uintptr_t)brood_os_code_keep, NULL) && own.path[0] != '\0') {
        dlopen(own.path, RTLD_NOW | RTLD_NOLOAD);
    }
}
