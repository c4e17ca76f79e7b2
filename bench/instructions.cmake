# How many instructions a small task takes, in the program and in its workers together, by Valgrind's
# callgrind: cmake [-DBUILDS=build/bench;other] [-DROUNDS=3] -P bench/instructions.cmake
#
# Each of BUILDS is a folder that the preset bench was built in. A run of FEW tasks is taken off one of
# MANY, so that starts and ends do not count. Spinning does: it is a few per cent, and not the same in
# each round, so the least of ROUNDS is printed.
cmake_minimum_required(VERSION 3.25)

set(FEW 20000)
set(MANY 80000)
if(NOT ROUNDS)
    set(ROUNDS 3)
endif()
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
if(NOT BUILDS)
    set(BUILDS "${root}/build/bench")
endif()
find_program(VALGRIND valgrind REQUIRED)

# What the processes of a run of count tasks have executed: program and workers.
function(count_run program_out workers_out program count)
    set(folder "${root}/build/instructions")
    file(REMOVE_RECURSE "${folder}")
    file(MAKE_DIRECTORY "${folder}")
    execute_process(COMMAND ${VALGRIND} --tool=callgrind --trace-children=yes
            "--callgrind-out-file=${folder}/%p" "${program}" ${count}
        OUTPUT_QUIET ERROR_VARIABLE output RESULT_VARIABLE result TIMEOUT 600)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${program}: ${result}\n${output}")
    endif()
    set(of_program 0)
    set(of_workers 0)
    file(GLOB files "${folder}/*")
    foreach(file IN LISTS files)
        file(STRINGS "${file}" lines REGEX "^(cmd|totals):")
        string(REGEX REPLACE ".*totals: ([0-9]+).*" "\\1" total "${lines}")
        if(lines MATCHES "counted_tasks ${count}") # a worker has no argument
            math(EXPR of_program "${of_program} + ${total}")
        else()
            math(EXPR of_workers "${of_workers} + ${total}")
        endif()
    endforeach()
    set(${program_out} ${of_program} PARENT_SCOPE)
    set(${workers_out} ${of_workers} PARENT_SCOPE)
endfunction()

foreach(build IN LISTS BUILDS)
    set(least_program 999999)
    set(least_workers 999999)
    foreach(round RANGE 1 ${ROUNDS})
        count_run(few_program few_workers "${build}/bench/counted_tasks" ${FEW})
        count_run(many_program many_workers "${build}/bench/counted_tasks" ${MANY})
        foreach(of IN ITEMS program workers)
            math(EXPR each "(${many_${of}} - ${few_${of}}) / (${MANY} - ${FEW})")
            if(each LESS least_${of})
                set(least_${of} ${each})
            endif()
        endforeach()
    endforeach()
    message("${build}: ${least_program} in the program, ${least_workers} in its workers")
endforeach()
