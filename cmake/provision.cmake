# What the builds need from the system, and how to get it. Included by demo.cmake, test.cmake and
# deps.cmake; also  cmake -P cmake/provision.cmake <what>...  where <what> is a preset's name, demo,
# lint or consumer.
#
# provision(<what>...) installs what is missing if it may (as root, by sudo without a password, or
# with Homebrew and MSYS2 as the user); else it stops with the one line that does. When nothing is
# missing it does nothing.

cmake_minimum_required(VERSION 3.25)

# One row a need: the users | a program or a file that shows that it is there, or - to ask the
# package manager | its packages with apt | dnf | brew | pacman (MSYS2, without the prefix).
# "native" are the presets that build for this system.
set(provision_table
    "native demo mingw musl|cc|gcc libc6-dev|gcc glibc-devel|-|gcc"
    "consumer bench|c++|g++|gcc-c++|-|-"
    "native demo mingw macos musl|ninja|ninja-build|ninja-build|ninja|ninja"
    "native demo consumer|-|libapr1-dev|apr-devel|apr|apr"
    "native|-|libcmocka-dev|libcmocka-devel|cmocka|cmocka"
    "dev asan-ubsan|-|libboost-context-dev|boost-devel|-|-"
    "bench|-|libtbb-dev|tbb-devel|tbb|tbb"
    "bench|python3|python3|python3|python3|python"
    "asan-ubsan faults|-|-|libasan libubsan|-|-"
    "tsan|-|-|libtsan|-|-"
    "dev-clang mingw-clang|clang|clang|clang|-|clang"
    "mingw-clang|ld.lld|lld|lld|lld|lld"
    "dev-clang|clang++|g++|gcc-c++|-|-"
    "macos musl|make|make|make|-|make"
    "mingw|x86_64-w64-mingw32-gcc|gcc-mingw-w64-x86-64|mingw64-gcc|mingw-w64|-"
    "mingw|x86_64-w64-mingw32-g++|g++-mingw-w64-x86-64|mingw64-gcc-c++|mingw-w64|-"
    "mingw|wine|wine wine64|wine|-|-"
    "macos|npm|npm|npm|-|-"
    "macos|llvm-install-name-tool-14 llvm-install-name-tool|llvm-14|llvm|-|-"
    "musl|musl-gcc|musl-tools|musl-gcc|-|-"
    "lint|clang-format|clang-format|clang-tools-extra|clang-format|clang-tools-extra"
    "lint|clang-tidy|clang-tidy|clang-tools-extra|llvm|clang-tools-extra"
    "consumer|pkg-config|pkg-config|pkgconf-pkg-config|pkgconf|pkgconf")

# The arguments after "-P script".
function(script_arguments out)
    set(arguments "")
    set(skip TRUE)
    math(EXPR last "${CMAKE_ARGC} - 1")
    foreach(i RANGE ${last})
        if(NOT skip)
            list(APPEND arguments "${CMAKE_ARGV${i}}")
        elseif(script_seen)
            set(skip FALSE)
        elseif(CMAKE_ARGV${i} STREQUAL "-P")
            set(script_seen TRUE)
        endif()
    endforeach()
    set(${out} "${arguments}" PARENT_SCOPE)
endfunction()

# Where vcpkg is, or "". The prompt of Visual Studio sets VCPKG_ROOT to a vcpkg of its own, which has
# no classic mode and so no packages of ours; a GitHub runner names its own by the other variable.
function(_provision_vcpkg out)
    set(${out} "" PARENT_SCOPE)
    foreach(variable IN ITEMS VCPKG_INSTALLATION_ROOT VCPKG_ROOT)
        if(DEFINED ENV{${variable}})
            file(TO_CMAKE_PATH "$ENV{${variable}}" vcpkg)
            if(EXISTS "${vcpkg}/vcpkg.exe" AND NOT EXISTS "${vcpkg}/vcpkg-bundle.json")
                set(${out} "${vcpkg}" PARENT_SCOPE)
                return()
            endif()
        endif()
    endforeach()
endfunction()

# That of the compiler's prompt.
function(_provision_triplet out)
    set(architecture "$ENV{VSCMD_ARG_TGT_ARCH}")
    if(NOT architecture)
        set(architecture x64)
    endif()
    set(${out} ${architecture}-windows PARENT_SCOPE)
endfunction()

# What to add to `cmake --preset` on this system: where vcpkg keeps its packages.
function(configure_arguments preset out)
    set(${out} "" PARENT_SCOPE)
    if(CMAKE_HOST_WIN32 AND NOT DEFINED ENV{MSYSTEM})
        _provision_vcpkg(vcpkg)
        _provision_triplet(triplet)
        if(vcpkg)
            set(${out} "-DCMAKE_TOOLCHAIN_FILE=${vcpkg}/scripts/buildsystems/vcpkg.cmake"
                -DVCPKG_TARGET_TRIPLET=${triplet} PARENT_SCOPE)
        endif()
    endif()
endfunction()

function(_provision_manager out)
    find_program(apt_get apt-get NO_CACHE)
    find_program(dnf dnf NO_CACHE)
    if(CMAKE_HOST_APPLE)
        set(${out} brew PARENT_SCOPE)
    elseif(DEFINED ENV{MSYSTEM})
        set(${out} pacman PARENT_SCOPE)
    elseif(CMAKE_HOST_WIN32)
        set(${out} vcpkg PARENT_SCOPE)
    elseif(apt_get)
        set(${out} apt PARENT_SCOPE)
    elseif(dnf)
        set(${out} dnf PARENT_SCOPE)
    else()
        set(${out} none PARENT_SCOPE)
    endif()
endfunction()

function(_provision_installed manager package out)
    if(manager STREQUAL "apt")
        set(query dpkg-query -W "-f=\${db:Status-Status}" ${package})
    elseif(manager STREQUAL "dnf")
        set(query rpm -q ${package})
    elseif(manager STREQUAL "brew")
        set(query brew list --versions ${package})
    else()
        set(query pacman -Q ${package})
    endif()
    execute_process(COMMAND ${query} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_QUIET)
    if(result EQUAL 0 AND (NOT manager STREQUAL "apt" OR output STREQUAL "installed"))
        set(${out} TRUE PARENT_SCOPE)
    else()
        set(${out} FALSE PARENT_SCOPE)
    endif()
endfunction()

# The packages of this manager that the users need and that are not there.
function(_provision_missing manager users out)
    set(managers apt dnf brew pacman)
    list(FIND managers ${manager} column)
    math(EXPR column "${column} + 2")
    set(missing "")
    foreach(row IN LISTS provision_table)
        string(REPLACE "|" ";" row "${row}")
        list(GET row 0 row_users)
        list(GET row 1 probe)
        list(GET row ${column} packages)
        string(REPLACE " " "|" pattern "${row_users}")
        if(packages STREQUAL "-" OR NOT ";${users};" MATCHES ";(${pattern});")
            continue()
        endif()
        separate_arguments(packages)
        if(NOT probe STREQUAL "-")
            separate_arguments(probe)
            unset(found)
            find_program(found NAMES ${probe} NO_CACHE)
            if(NOT found)
                list(APPEND missing ${packages})
            endif()
            continue()
        endif()
        foreach(package IN LISTS packages)
            if(manager STREQUAL "pacman")
                set(package "$ENV{MINGW_PACKAGE_PREFIX}-${package}")
            endif()
            _provision_installed(${manager} ${package} installed)
            if(NOT installed)
                list(APPEND missing ${package})
            endif()
        endforeach()
    endforeach()
    list(REMOVE_DUPLICATES missing)
    set(${out} "${missing}" PARENT_SCOPE)
endfunction()

# Windows without MSYS2: the compiler's own prompt, and vcpkg in classic mode.
function(_provision_windows)
    find_program(cl cl NO_CACHE)
    find_program(ninja ninja NO_CACHE)
    if(NOT cl OR NOT ninja)
        message(FATAL_ERROR "Run this in Visual Studio's \"x64 Native Tools Command Prompt\" "
            "(or in an MSYS2 shell).")
    endif()
    _provision_vcpkg(vcpkg)
    _provision_triplet(triplet)
    if(NOT vcpkg)
        message(FATAL_ERROR "APR and cmocka come from vcpkg: set VCPKG_INSTALLATION_ROOT to where it "
            "is. (VCPKG_ROOT will do, but not with the vcpkg that Visual Studio brings.)")
    endif()
    if(NOT EXISTS "${vcpkg}/installed/${triplet}/include/apr.h"
       OR NOT EXISTS "${vcpkg}/installed/${triplet}/include/cmocka.h")
        execute_process(COMMAND "${vcpkg}/vcpkg" install apr cmocka --triplet ${triplet}
            COMMAND_ERROR_IS_FATAL ANY)
    endif()
endfunction()

# How to become root for a package manager: nothing to add, sudo, or (may = FALSE) not at all.
function(_provision_root out may)
    execute_process(COMMAND id -u OUTPUT_VARIABLE uid OUTPUT_STRIP_TRAILING_WHITESPACE)
    set(${may} TRUE PARENT_SCOPE)
    set(${out} "" PARENT_SCOPE)
    if(NOT uid EQUAL 0)
        set(${out} sudo -n PARENT_SCOPE)
        find_program(sudo sudo NO_CACHE)
        if(sudo)
            execute_process(COMMAND sudo -n true RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
        endif()
        if(NOT sudo OR NOT result EQUAL 0)
            set(${may} FALSE PARENT_SCOPE)
        endif()
    endif()
endfunction()

function(provision)
    _provision_manager(manager)
    if(manager STREQUAL "vcpkg")
        _provision_windows()
        return()
    elseif(manager STREQUAL "none")
        return() # configuring will say what it does not find
    endif()

    set(users ${ARGN})
    foreach(user IN LISTS ARGN)
        if(user MATCHES "^macos-")
            list(APPEND users macos)
        elseif(user STREQUAL "mingw-clang")
            list(APPEND users mingw)
        elseif(NOT user MATCHES "^(mingw|musl|demo|lint|consumer)$")
            list(APPEND users native)
        endif()
    endforeach()
    _provision_missing(${manager} "${users}" missing)
    if(NOT missing)
        return()
    endif()

    set(root "")
    set(may TRUE)
    if(manager STREQUAL "apt")
        _provision_root(root may)
        set(update ${root} apt-get update -q)
        set(install apt-get install -q -y --no-install-recommends ${missing})
    elseif(manager STREQUAL "dnf")
        _provision_root(root may)
        set(install dnf install -y ${missing})
    elseif(manager STREQUAL "brew")
        set(install brew install ${missing})
    else()
        set(install pacman -S --noconfirm --needed ${missing})
    endif()

    list(JOIN install " " line)
    if(NOT may)
        set(first "")
        if(update)
            set(first "sudo apt-get update && ")
        endif()
        message(FATAL_ERROR
            "Some packages are missing. This installs them:\n\n    ${first}sudo ${line}\n")
    endif()
    message(STATUS "Installing: ${line}")
    if(update)
        # A foreign source that cannot be reached must not stop us: the installation decides.
        execute_process(COMMAND ${update})
    endif()
    execute_process(COMMAND ${root} ${CMAKE_COMMAND} -E env DEBIAN_FRONTEND=noninteractive
        ${install} RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "The installation failed (${result}):\n\n    ${line}\n")
    endif()
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
    script_arguments(what)
    provision(${what})
endif()
