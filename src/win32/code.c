#include "win32/system.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CODEVIEW_GUID_END 24 /* "RSDS", the GUID, and its age; then comes a path */
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325) /* FNV-1a */
#define HASH_PRIME UINT64_C(0x100000001b3)

/* A module as the loader has mapped it: everything in it is found by offsets from its base. */
typedef struct image {
    const unsigned char *base;
    const IMAGE_NT_HEADERS *headers;
    const IMAGE_SECTION_HEADER *sections;
    size_t size;
} image;

/*
 * What a build is known by. For a reproducible build GNU ld writes no timestamp, but a checksum of
 * the file; LLVM's lld neither, but a GUID of the contents; Microsoft's link a hash as timestamp.
 * Fields of the same size, so that there is no padding.
 */
typedef struct build_id {
    uint32_t timestamp;
    uint32_t checksum;
    uint32_t image_size;
    uint32_t code_size;
    uint64_t hash;
} build_id;

static image image_of(HMODULE module)
{
    image m;

    m.base = (const unsigned char *)module;
    m.headers =
        (const IMAGE_NT_HEADERS *)(const void *)(m.base +
                                                 ((const IMAGE_DOS_HEADER *)module)->e_lfanew);
    m.sections = IMAGE_FIRST_SECTION(m.headers);
    m.size = m.headers->OptionalHeader.SizeOfImage;
    return m;
}

/* ---- the build id ------------------------------------------------------------------------- */

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * HASH_PRIME;
    }
    return hash;
}

static uint64_t hash_range(uint64_t hash, const image *m, DWORD offset, DWORD size)
{
    if (offset > m->size || size > m->size - offset) {
        return hash;
    }
    return hash_bytes(hash, m->base + offset, size);
}

/* The GUID that a linker gives to a build and its debug data. */
static uint64_t hash_debug_records(uint64_t hash, const image *m)
{
    const IMAGE_DATA_DIRECTORY *directory =
        &m->headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_DEBUG];
    const IMAGE_DEBUG_DIRECTORY *record =
        (const IMAGE_DEBUG_DIRECTORY *)(const void *)(m->base + directory->VirtualAddress);

    if (directory->VirtualAddress > m->size ||
        directory->Size > m->size - directory->VirtualAddress) {
        return hash;
    }
    for (size_t i = 0; i < directory->Size / sizeof *record; i++) {
        if (record[i].Type == IMAGE_DEBUG_TYPE_CODEVIEW &&
            record[i].SizeOfData >= CODEVIEW_GUID_END) {
            hash = hash_range(hash, m, record[i].AddressOfRawData, CODEVIEW_GUID_END);
        }
    }
    return hash;
}

/*
 * Where each function begins and ends, and what each section is. Code itself is not hashed: a
 * breakpoint of a debugger would make another build of it, and relocations do at another base.
 */
static uint64_t hash_layout(uint64_t hash, const image *m)
{
    const IMAGE_DATA_DIRECTORY *functions =
        &m->headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXCEPTION];

    hash = hash_bytes(hash, m->sections,
                      m->headers->FileHeader.NumberOfSections * sizeof *m->sections);
    return hash_range(hash, m, functions->VirtualAddress, functions->Size);
}

/* The same in each process that maps the module, wherever it is mapped. */
static void identify(build_id *id, const image *m)
{
    id->timestamp = m->headers->FileHeader.TimeDateStamp;
    id->checksum = m->headers->OptionalHeader.CheckSum;
    id->image_size = m->headers->OptionalHeader.SizeOfImage;
    id->code_size = m->headers->OptionalHeader.SizeOfCode;
    id->hash = hash_layout(hash_debug_records(HASH_BEGIN, m), m);
}

/* ---- locating ----------------------------------------------------------------------------- */

static brood_status name_module(char **name, HMODULE module, brood_error *error)
{
    wchar_t *path = NULL;
    brood_status status = BROOD_OK;

    if (module == GetModuleHandleW(NULL)) {
        *name = brood_calloc(1, 1);
    } else {
        status = brood_win32_module_path(&path, module, error);
        *name = status == BROOD_OK ? brood_win32_utf8(path) : NULL;
        free(path);
    }
    return status == BROOD_OK && *name == NULL ? brood_fail_memory(error, "brood_os_code_locate")
                                               : status;
}

brood_status brood_os_code_locate(brood_os_code *code, brood_os_function *function,
                                  brood_error *error)
{
    HMODULE module = NULL;
    build_id id;
    image m;

    memset(code, 0, sizeof *code);
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                            (const wchar_t *)(uintptr_t)function, &module)) {
        return brood_win32_fail(error, GetLastError(), "GetModuleHandleExW");
    }
    m = image_of(module);
    identify(&id, &m);
    code->offset = (uintptr_t)function - (uintptr_t)m.base;
    code->build_id_size = sizeof id;
    memcpy(code->build_id, &id, sizeof id);
    return name_module(&code->module, module, error);
}

/* ---- resolving ---------------------------------------------------------------------------- */

static bool is_code(const image *m, uint64_t offset)
{
    for (size_t i = 0; i < m->headers->FileHeader.NumberOfSections; i++) {
        const IMAGE_SECTION_HEADER *section = &m->sections[i];

        if ((section->Characteristics & IMAGE_SCN_MEM_EXECUTE) != 0 &&
            offset >= section->VirtualAddress &&
            offset - section->VirtualAddress < section->Misc.VirtualSize) {
            return true;
        }
    }
    return false;
}

static bool is_absolute(const wchar_t *path)
{
    return (path[0] == L'\\' && path[1] == L'\\') ||
           (path[0] != L'\0' && path[1] == L':' && path[2] == L'\\');
}

/*
 * By its whole path, and what it needs from beside it; never from the current directory.
 * https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-loadlibraryexw
 */
static brood_status load(HMODULE *module, const char *path, brood_error *error)
{
    wchar_t *wide = NULL;
    DWORD code = ERROR_MOD_NOT_FOUND;
    brood_status status = brood_win32_wide(&wide, path, "module", error);

    *module = NULL;
    if (status != BROOD_OK) {
        return status;
    }
    if (is_absolute(wide)) {
        *module = LoadLibraryExW(wide, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
        code = GetLastError();
    }
    free(wide);
    if (*module != NULL) {
        return BROOD_OK;
    }
    return brood_fail(error, BROOD_ERR_NOT_FOUND, (int)code, "LoadLibraryExW",
                      "the library %.150s cannot be loaded", path);
}

static brood_status find_function(brood_os_function **function, HMODULE module,
                                  const brood_os_code *code, brood_error *error)
{
    image m = image_of(module);
    build_id id;

    identify(&id, &m);
    if (code->build_id_size != sizeof id || memcmp(code->build_id, &id, sizeof id) != 0) {
        return brood_fail(error, BROOD_ERR_OTHER_BUILD, 0, "build id", "%.150s is another build",
                          code->module[0] == '\0' ? "the program" : code->module);
    }
    if (!is_code(&m, code->offset)) {
        return brood_fail(error, BROOD_ERR_NO_FUNCTION, 0, "offset",
                          "the module has no code at that place");
    }
    *function = (brood_os_function *)((uintptr_t)m.base + (uintptr_t)code->offset);
    return BROOD_OK;
}

brood_status brood_os_code_resolve(const brood_os_code *code, brood_os_function **function,
                                   brood_error *error)
{
    bool is_library = code->module[0] != '\0';
    HMODULE module = GetModuleHandleW(NULL);
    brood_status status = BROOD_OK;

    *function = NULL;
    if (is_library) {
        status = load(&module, code->module, error);
    }
    if (module == NULL) {
        return status;
    }
    status = find_function(function, module, code, error);
    if (status != BROOD_OK && is_library) {
        FreeLibrary(module);
    }
    return status;
}

void brood_os_code_keep(void)
{
    HMODULE module = NULL;

    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                       (const wchar_t *)(uintptr_t)brood_os_code_keep, &module);
}
