# Runs the benchmarks one after the other, prints a table, and writes a list of
# {name, value, unit, yardstick, ratio}. A benchmark prints a line for each figure, with "-" for
# what there is not:
#   name <tab> value <tab> unit <tab> yardstick <tab> ratio
cmake_minimum_required(VERSION 3.25)

# What the figures should be: name | what counts | how | must be | aim.
set(targets
    "apply_awake|ratio|<=|0.5|0.05"
    "apply_awake_loose|ratio|<=|0.5|-"
    "apply_asleep|ratio|<=|1.5|1.1"
    "apply_asleep_loose|ratio|<=|1.5|-"
    "apply_vs_python|ratio|>=|50|200"
    "tasks_per_s|value|>=|1000000|5000000"
    "tasks_with_shared|ratio|>=|0.9|-"
    "tasks_vs_python|ratio|>=|40|-"
    "tasks_vs_ring|ratio|>=|0.25|0.5"
    "tasks_deep_per_s|ratio|>=|0.2|0.4"
    "apply_vs_words|ratio|<=|4|2"
    "map_plain_vs_openmp|ratio|>=|0.3|0.5"
    "map_shared_vs_openmp|ratio|>=|0.4|0.8"
    "for_vs_openmp|ratio|>=|0.9|1.0"
    "arg_64mib_vs_memcpy|ratio|>=|0.3|0.8"
    "pool_start|ratio|<=|1.5|1.1"
    "task_bytes|value|<=|256|160"
    "idle_private_kib|value|<=|1024|512"
    "idle_cpu_ms|value|<=|10|0" # 10: what a tick of the system's clock is
    "apply_1000_workers|ratio|<=|1.5|-"
    "tasks_1000_workers|ratio|<=|1.5|-")

set(TIMEOUT_S 900)

# "must <= 0.5: yes", or nothing without a number to compare.
function(judge out word number how target)
    set(${out} "" PARENT_SCOPE)
    if(number STREQUAL "-" OR target STREQUAL "-")
        return()
    endif()
    set(verdict "MISS")
    if((how STREQUAL "<=" AND number LESS_EQUAL target)
       OR (how STREQUAL ">=" AND number GREATER_EQUAL target))
        set(verdict "pass")
    endif()
    set(${out} "${word} ${how} ${target}: ${verdict}" PARENT_SCOPE)
endfunction()

function(pad out text width)
    string(LENGTH "${text}" length)
    math(EXPR room "${width} - ${length}")
    if(room GREATER 0)
        string(REPEAT " " ${room} spaces)
        string(APPEND text "${spaces}")
    endif()
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

# A line of the table.
function(row out name value unit yardstick ratio)
    set(must "")
    set(aim "")
    foreach(target IN LISTS targets)
        string(REPLACE "|" ";" target "${target}")
        list(GET target 0 target_name)
        if(target_name STREQUAL name)
            list(GET target 1 counts)
            list(GET target 2 how)
            list(GET target 3 target_must)
            list(GET target 4 target_aim)
            judge(must must ${${counts}} ${how} ${target_must})
            judge(aim aim ${${counts}} ${how} ${target_aim})
        endif()
    endforeach()
    set(compared "")
    if(NOT yardstick STREQUAL "-")
        set(compared "${ratio} x ${yardstick}")
    endif()
    pad(name "${name}" 22)
    pad(value "${value} ${unit}" 24)
    pad(compared "${compared}" 46)
    pad(must "${must}" 24)
    string(STRIP "${name}${value}${compared}${must}${aim}" line)
    set(${out} "${line}" PARENT_SCOPE)
endfunction()

# The same for results.json.
function(entry out name value unit yardstick ratio)
    if(ratio STREQUAL "-")
        set(ratio null)
    endif()
    if(yardstick STREQUAL "-")
        set(yardstick "")
    endif()
    string(JSON object SET "{}" name "\"${name}\"")
    string(JSON object SET "${object}" value "${value}")
    string(JSON object SET "${object}" unit "\"${unit}\"")
    string(JSON object SET "${object}" yardstick "\"${yardstick}\"")
    string(JSON object SET "${object}" ratio "${ratio}")
    set(${out} "${object}" PARENT_SCOPE)
endfunction()

set(results "[]")
set(count 0)
set(table "")
set(failed "")
foreach(program IN LISTS PROGRAMS)
    get_filename_component(program_name "${program}" NAME)
    message(STATUS "${program_name}")
    execute_process(COMMAND ${program} OUTPUT_VARIABLE lines RESULT_VARIABLE result
        TIMEOUT ${TIMEOUT_S} OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT result EQUAL 0)
        list(APPEND failed "${program_name} (${result})")
    endif()
    string(REPLACE "\n" ";" lines "${lines}")
    foreach(line IN LISTS lines)
        string(REPLACE "\t" ";" fields "${line}")
        list(LENGTH fields length)
        if(NOT length EQUAL 5)
            message(FATAL_ERROR "${program} printed no figure: ${line}")
        endif()
        row(text ${fields})
        string(APPEND table "${text}\n")
        entry(object ${fields})
        string(JSON results SET "${results}" ${count} "${object}")
        math(EXPR count "${count} + 1")
    endforeach()
endforeach()
file(WRITE ${RESULTS} "${results}\n")
message("\n${table}\nwritten to ${RESULTS}")
if(failed)
    list(JOIN failed ", " failed)
    message(FATAL_ERROR "these failed: ${failed}")
endif()
