# U7: every public header compiles alone, in C11 and in C++17, and behind what others may have put
# before it. The build of the tests is the test.

file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include
    ${PROJECT_SOURCE_DIR}/include/brood/*.h)

# A cross toolchain that names no C++ compiler has none.
include(CheckLanguage)
if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CXX_COMPILER)
    check_language(CXX)
endif()
set(languages c)
if(CMAKE_CXX_COMPILER)
    enable_language(CXX)
    list(APPEND languages cpp)
endif()

if(MSVC)
    set(header_warnings /W4 /WX /utf-8)
else()
    set(header_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual
        -Wundef -Werror $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast -Wzero-as-null-pointer-constant>)
endif()
set(before_alone "")
set(before_hostile "#include \"${CMAKE_CURRENT_SOURCE_DIR}/hostile_macros.h\"\n")
set(before_windows "#include <windows.h>\n") # all of it: WIN32_LEAN_AND_MEAN leaves rpcndr.h out
set(befores alone hostile)
if(WIN32)
    list(APPEND befores windows)
endif()

function(compile_headers language before)
    set(sources "")
    foreach(header IN LISTS headers)
        string(REGEX REPLACE "[/.]" "_" name ${header})
        set(source ${CMAKE_CURRENT_BINARY_DIR}/headers/${before}_${name}.${language})
        file(CONFIGURE OUTPUT ${source} @ONLY CONTENT # ISO C wants something in a file
            "@before_${before}@#include <@header@>\ntypedef int something;\n")
        list(APPEND sources ${source})
    endforeach()
    add_library(headers_${before}_${language} OBJECT ${sources})
    target_include_directories(headers_${before}_${language} PRIVATE ${PROJECT_SOURCE_DIR}/include)
    target_compile_options(headers_${before}_${language} PRIVATE ${header_warnings})
    set_target_properties(headers_${before}_${language} PROPERTIES
        C_STANDARD 11 C_EXTENSIONS OFF C_STANDARD_REQUIRED ON
        CXX_STANDARD 17 CXX_EXTENSIONS OFF CXX_STANDARD_REQUIRED ON)
endfunction()

foreach(language IN LISTS languages)
    foreach(before IN LISTS befores)
        compile_headers(${language} ${before})
    endforeach()
endforeach()

if(CMAKE_CXX_COMPILER)
    add_executable(headers_program headers.cpp)
    target_link_libraries(headers_program PRIVATE brood::brood_static)
    target_compile_options(headers_program PRIVATE ${header_warnings})
    set_target_properties(headers_program PROPERTIES CXX_STANDARD 17 CXX_EXTENSIONS OFF)
    if(BROOD_SANITIZE)
        target_link_options(headers_program PRIVATE -fsanitize=${BROOD_SANITIZE})
    endif()
    add_test(NAME headers.u7_a_program_in_cxx COMMAND headers_program)
    set_tests_properties(headers.u7_a_program_in_cxx PROPERTIES LABELS headers TIMEOUT 60
        PASS_REGULAR_EXPRESSION "u7 from C\\+\\+: fine")
endif()
