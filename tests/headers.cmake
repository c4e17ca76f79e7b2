# U7: every public header compiles alone, in C11 and in C++17. The build of the tests is the test.

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

foreach(language IN LISTS languages)
    set(sources "")
    foreach(header IN LISTS headers)
        string(REGEX REPLACE "[/.]" "_" name ${header})
        set(source ${CMAKE_CURRENT_BINARY_DIR}/headers/${name}.${language})
        file(CONFIGURE OUTPUT ${source} @ONLY CONTENT # ISO C wants something in a file
            "#include <@header@>\ntypedef int something;\n")
        list(APPEND sources ${source})
    endforeach()
    add_library(headers_${language} OBJECT ${sources})
    target_include_directories(headers_${language} PRIVATE ${PROJECT_SOURCE_DIR}/include)
    if(MSVC)
        target_compile_options(headers_${language} PRIVATE /W4 /WX)
    else()
        target_compile_options(headers_${language} PRIVATE -Wall -Wextra -Wpedantic -Werror)
    endif()
    set_target_properties(headers_${language} PROPERTIES
        C_STANDARD 11 C_EXTENSIONS OFF C_STANDARD_REQUIRED ON
        CXX_STANDARD 17 CXX_EXTENSIONS OFF CXX_STANDARD_REQUIRED ON)
endforeach()

if(CMAKE_CXX_COMPILER)
    add_executable(headers_program headers.cpp)
    target_link_libraries(headers_program PRIVATE brood::brood_static)
    set_target_properties(headers_program PROPERTIES CXX_STANDARD 17 CXX_EXTENSIONS OFF)
    if(BROOD_SANITIZE)
        target_link_options(headers_program PRIVATE -fsanitize=${BROOD_SANITIZE})
    endif()
    add_test(NAME headers.u7_a_program_in_cxx COMMAND headers_program)
    set_tests_properties(headers.u7_a_program_in_cxx PROPERTIES LABELS headers TIMEOUT 60
        PASS_REGULAR_EXPRESSION "u7 from C\\+\\+: fine")
endif()
