# FindAPR: the Apache Portable Runtime 1.x.
#
# Defines the imported target APR::apr, and APR_FOUND, APR_VERSION.
# Looks for a CMake package (vcpkg has one, and APR from 1.8 on), then asks pkg-config, then the
# usual folders. Steer it with CMAKE_PREFIX_PATH, or with APR_INCLUDE_DIR and APR_LIBRARY.
# Installed with brood, because its package file needs the same target.

include(FindPackageHandleStandardArgs)

set(_apr_hints "")
set(_apr_private_libs "")

# 1. A CMake package. GLOBAL, so that a parent project that links brood from a subdirectory sees it.
set(_apr_package_target "")
set(_apr_saved_global "${CMAKE_FIND_PACKAGE_TARGETS_GLOBAL}")
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL TRUE)
if(NOT APR_LIBRARY)
    foreach(_apr_package IN ITEMS apr unofficial-apr unofficial-apr-1) # the older names warn
        find_package(${_apr_package} CONFIG QUIET)
        mark_as_advanced(${_apr_package}_DIR)
        if(${_apr_package}_FOUND)
            break()
        endif()
    endforeach()
    foreach(_apr_candidate IN ITEMS
            apr::libapr-1 apr::apr-1
            unofficial::apr::libapr-1 unofficial::apr::apr-1
            unofficial::apr-1::libapr-1 unofficial::apr-1::apr-1)
        if(TARGET ${_apr_candidate})
            set(_apr_package_target ${_apr_candidate})
            break()
        endif()
    endforeach()
endif()
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL "${_apr_saved_global}")

# 2. pkg-config. When cross-compiling it speaks of the build machine, unless it was told otherwise.
if(NOT _apr_package_target AND (NOT CMAKE_CROSSCOMPILING OR DEFINED ENV{PKG_CONFIG_LIBDIR}))
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(PC_APR QUIET apr-1)
        set(_apr_hints ${PC_APR_INCLUDE_DIRS} ${PC_APR_LIBRARY_DIRS})
        set(_apr_private_libs ${PC_APR_STATIC_LIBRARIES})
        list(REMOVE_ITEM _apr_private_libs apr-1)
    endif()
endif()

# 3. The header and the library, near the hints or in the usual folders. vcpkg's target does not
# name its headers, so they are looked for in any case. Homebrew keeps APR out of its common folder.
if(APPLE)
    list(APPEND _apr_hints /opt/homebrew/opt/apr /usr/local/opt/apr)
endif()
find_path(APR_INCLUDE_DIR apr_version.h HINTS ${_apr_hints}
    PATH_SUFFIXES apr-1.0 apr-1 include/apr-1 libexec/include/apr-1)
if(NOT _apr_package_target)
    find_library(APR_LIBRARY NAMES apr-1 libapr-1 HINTS ${_apr_hints} PATH_SUFFIXES libexec/lib)
endif()
mark_as_advanced(APR_INCLUDE_DIR APR_LIBRARY)

set(APR_VERSION "")
if(APR_INCLUDE_DIR AND EXISTS "${APR_INCLUDE_DIR}/apr_version.h")
    file(STRINGS "${APR_INCLUDE_DIR}/apr_version.h" _apr_lines REGEX "#define +APR_[A-Z]+_VERSION +")
    foreach(_apr_part IN ITEMS MAJOR MINOR PATCH)
        if(_apr_lines MATCHES "APR_${_apr_part}_VERSION +([0-9]+)")
            list(APPEND APR_VERSION ${CMAKE_MATCH_1})
        endif()
    endforeach()
    list(JOIN APR_VERSION "." APR_VERSION)
endif()

set(_apr_how "APR 1.7 or newer was not found (set CMAKE_PREFIX_PATH if it is in an unusual place). ")
if(BROOD_DEPS_COMMAND)
    string(APPEND _apr_how "For this target, build it with:  ${BROOD_DEPS_COMMAND}")
elseif(DEFINED ENV{MSYSTEM})
    string(APPEND _apr_how "On MSYS2:  pacman -S $ENV{MINGW_PACKAGE_PREFIX}-apr")
elseif(CMAKE_SYSTEM_NAME STREQUAL "Windows")
    string(APPEND _apr_how "With vcpkg:  vcpkg install apr  "
        "(and -DCMAKE_TOOLCHAIN_FILE=<vcpkg>/scripts/buildsystems/vcpkg.cmake)")
elseif(APPLE)
    string(APPEND _apr_how "With Homebrew:  brew install apr")
else()
    string(APPEND _apr_how "On Debian and Ubuntu:  apt-get install libapr1-dev  "
        "On Fedora:  dnf install apr-devel")
endif()

if(_apr_package_target)
    set(_apr_required APR_INCLUDE_DIR)
else()
    set(_apr_required APR_LIBRARY APR_INCLUDE_DIR)
endif()
find_package_handle_standard_args(APR
    REQUIRED_VARS ${_apr_required}
    VERSION_VAR APR_VERSION
    REASON_FAILURE_MESSAGE "${_apr_how}")

if(APR_FOUND AND NOT TARGET APR::apr)
    if(_apr_package_target)
        add_library(APR::apr INTERFACE IMPORTED GLOBAL)
        target_link_libraries(APR::apr INTERFACE ${_apr_package_target})
        get_target_property(_apr_type ${_apr_package_target} TYPE)
        string(COMPARE EQUAL "${_apr_type}" STATIC_LIBRARY _apr_static)
    else()
        add_library(APR::apr UNKNOWN IMPORTED GLOBAL)
        set_target_properties(APR::apr PROPERTIES IMPORTED_LOCATION "${APR_LIBRARY}")
        # Static are libapr-1.a, and apr-1.lib beside the DLL's libapr-1.lib and libapr-1.dll.a.
        get_filename_component(_apr_file "${APR_LIBRARY}" NAME)
        string(REGEX MATCH "^(libapr-1\\.a|apr-1\\.lib)$" _apr_static "${_apr_file}")
    endif()
    target_include_directories(APR::apr INTERFACE "${APR_INCLUDE_DIR}")

    if(CMAKE_SYSTEM_NAME STREQUAL "Windows") # its headers ask for this, which -std=c11 leaves out
        target_compile_definitions(APR::apr INTERFACE WIN32)
    endif()
    if(_apr_static AND CMAKE_SYSTEM_NAME STREQUAL "Windows")
        target_compile_definitions(APR::apr INTERFACE APR_DECLARE_STATIC)
        target_link_libraries(APR::apr INTERFACE
            ws2_32 iphlpapi rpcrt4 mswsock advapi32 shell32)
    elseif(_apr_static)
        target_link_libraries(APR::apr INTERFACE ${_apr_private_libs})
    endif()

    # A 32-bit APR may be built for large files, and then its header needs the type off64_t.
    file(STRINGS "${APR_INCLUDE_DIR}/apr.h" _apr_lines REGEX "typedef +off64_t +apr_off_t")
    if(_apr_lines)
        target_compile_definitions(APR::apr INTERFACE _LARGEFILE64_SOURCE)
    endif()
endif()
