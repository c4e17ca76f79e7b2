# Shows brood at work, on a machine that has nothing but CMake:  cmake -P cmake/demo.cmake
# Installs what is missing (see provision.cmake), builds the library, and runs the examples.

include("${CMAKE_CURRENT_LIST_DIR}/provision.cmake")

get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

# In this order, and what they are given.
set(examples hello_process hello_pool processes_vs_threads wordfreq)
if(IS_DIRECTORY /usr/share/common-licenses)
    set(wordfreq_arguments --top 10 /usr/share/common-licenses)
else()
    set(wordfreq_arguments --top 10 docs)
endif()

provision(demo)
configure_arguments(release arguments)
# Without the tests, which would need cmocka.
execute_process(COMMAND ${CMAKE_COMMAND} --preset release -DBROOD_BUILD_TESTS=OFF ${arguments}
    WORKING_DIRECTORY "${root}" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build --preset release
    WORKING_DIRECTORY "${root}" COMMAND_ERROR_IS_FATAL ANY)

if(CMAKE_HOST_WIN32)
    set(suffix .exe)
endif()
foreach(example IN LISTS examples)
    set(program "build/release/examples/${example}${suffix}")
    list(JOIN ${example}_arguments " " line)
    message("\n$ ${program} ${line}")
    execute_process(COMMAND "${root}/${program}" ${${example}_arguments} WORKING_DIRECTORY "${root}"
        COMMAND_ERROR_IS_FATAL ANY)
endforeach()
