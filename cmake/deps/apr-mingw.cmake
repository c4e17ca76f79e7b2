# Included by APR's own CMakeLists.txt at project(APR): what it needs to build with MinGW-w64 on
# another system, without a change to its source.

# Headers that MinGW-w64 wants in an order which APR does not give, and atomics and FD_SETSIZE that
# APR's Windows build takes for granted.
add_compile_options(
    -include "${CMAKE_CURRENT_LIST_DIR}/apr-mingw.h" -Wno-incompatible-pointer-types)
add_compile_definitions(
    _WIN32_WINNT=0x0A00 FD_SETSIZE=1024 HAVE_ATOMIC_BUILTINS=1 HAVE_ATOMIC_BUILTINS64=1)

# The build runs gen_test_char: so it is compiled for this machine, ahead of the build.
function(add_executable name)
    if(NOT name STREQUAL "gen_test_char")
        _add_executable(${name} ${ARGN})
        return()
    endif()
    set(program "${CMAKE_CURRENT_BINARY_DIR}/gen_test_char-host")
    execute_process(COMMAND cc -DNEED_ENHANCED_ESCAPES -o "${program}"
        "${CMAKE_CURRENT_SOURCE_DIR}/tools/gen_test_char.c" COMMAND_ERROR_IS_FATAL ANY)
    _add_executable(${name} IMPORTED)
    set_target_properties(${name} PROPERTIES IMPORTED_LOCATION "${program}")
endfunction()
