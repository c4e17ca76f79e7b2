# Findcmocka: the unit test library cmocka. Defines the imported target cmocka::cmocka.
#
# Newer releases bring a CMake package with that target; older ones bring a package with variables
# only (whose library path is wrong for a static build), or pkg-config's file, or nothing.

include(FindPackageHandleStandardArgs)

find_package(cmocka CONFIG QUIET)
mark_as_advanced(cmocka_DIR)
if(TARGET cmocka::cmocka)
    find_package_handle_standard_args(cmocka CONFIG_MODE)
    return()
endif()

find_path(cmocka_INCLUDE_DIR cmocka.h HINTS ${CMOCKA_INCLUDE_DIR})
find_library(cmocka_LIBRARY NAMES cmocka cmocka-static)
mark_as_advanced(cmocka_INCLUDE_DIR cmocka_LIBRARY)

set(_cmocka_how "The tests need cmocka (-DBROOD_BUILD_TESTS=OFF builds without them). ")
if(BROOD_DEPS_COMMAND)
    string(APPEND _cmocka_how "For this target, build it with:  ${BROOD_DEPS_COMMAND}")
else()
    string(APPEND _cmocka_how "Packages: libcmocka-dev (Debian, Ubuntu), libcmocka-devel (Fedora), "
        "cmocka (Homebrew, vcpkg), $MINGW_PACKAGE_PREFIX-cmocka (MSYS2)")
endif()
find_package_handle_standard_args(cmocka
    REQUIRED_VARS cmocka_LIBRARY cmocka_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "${_cmocka_how}")

if(cmocka_FOUND AND NOT TARGET cmocka::cmocka)
    add_library(cmocka::cmocka UNKNOWN IMPORTED)
    set_target_properties(cmocka::cmocka PROPERTIES
        IMPORTED_LOCATION "${cmocka_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${cmocka_INCLUDE_DIR}")
endif()
