# Compares two builds of brood: cmake -DOLD=X -DNEW=Y [-DPAIRS=9] [-DPROGRAMS=a;b] -P bench/compare.cmake
#
# X and Y are commits, or folders that the preset bench was built in. A commit is built in
# build/compare with the benchmarks of this tree, so that both have every figure. The programs run
# in turns, one build and then the other, PAIRS times, and each pair gives a ratio for each figure:
# above 1 the new build is the better one. A figure is worse when the median of its ratios is below
# 0.95, unless in 7 of 9 pairs the new build was not behind. Fails when one is.
cmake_minimum_required(VERSION 3.25)

set(MEDIAN_MIN 950) # thousandths
set(TIMEOUT_S 900)
if(NOT PAIRS)
    set(PAIRS 9)
endif()
if(NOT PROGRAMS)
    set(PROGRAMS process_start pool_start pool_apply pool_tasks pool_map pool_many pool_switches
        pool_idle)
endif()
if(NOT OLD OR NOT NEW)
    message(FATAL_ERROR "OLD and NEW are needed: commits, or folders of builds")
endif()
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

# ---- two builds ------------------------------------------------------------------------------

function(run)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "IN" "COMMAND")
    execute_process(COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${arg_IN}
        OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        list(JOIN arg_COMMAND " " command)
        message(FATAL_ERROR "${output}\n${command}: ${result}")
    endif()
endfunction()

# The folder with the programs of a build.
function(prepare out name what)
    if(EXISTS "${what}/CMakeCache.txt")
        get_filename_component(what "${what}" ABSOLUTE)
        set(${out} "${what}/bench" PARENT_SCOPE)
        return()
    endif()
    set(source "${root}/build/compare/${name}")
    message(STATUS "${name}: ${what}")
    file(REMOVE_RECURSE "${source}")
    file(MAKE_DIRECTORY "${source}")
    run(IN "${root}" COMMAND git archive --format=tar "--output=${source}.tar" "${what}")
    run(IN "${source}" COMMAND ${CMAKE_COMMAND} -E tar xf "${source}.tar")
    file(REMOVE_RECURSE "${source}/bench")
    file(COPY "${root}/bench" DESTINATION "${source}")
    run(IN "${source}" COMMAND ${CMAKE_COMMAND} --preset bench)
    list(TRANSFORM PROGRAMS PREPEND bench_ OUTPUT_VARIABLE targets) # others may need what OLD has not
    run(IN "${source}" COMMAND ${CMAKE_COMMAND} --build build/bench --target ${targets})
    set(${out} "${source}/build/bench/bench" PARENT_SCOPE)
endfunction()

# ---- numbers: CMake has whole ones only --------------------------------------------------------

# "1.25" to 1250; figures have three digits behind the point.
function(to_thousandths out number)
    string(REGEX MATCH "^([0-9]+)\\.([0-9][0-9][0-9])$" matched "${number}")
    if(NOT matched)
        message(FATAL_ERROR "no figure: ${number}")
    endif()
    string(REGEX REPLACE "^0+([0-9])" "\\1" digits "${CMAKE_MATCH_1}${CMAKE_MATCH_2}")
    set(${out} ${digits} PARENT_SCOPE)
endfunction()

function(to_text out thousandths)
    math(EXPR whole "${thousandths} / 1000")
    math(EXPR rest "${thousandths} % 1000 + 1000")
    string(SUBSTRING ${rest} 1 3 rest)
    set(${out} "${whole}.${rest}" PARENT_SCOPE)
endfunction()

function(median out)
    set(values ${ARGN})
    list(SORT values COMPARE NATURAL)
    list(LENGTH values count)
    math(EXPR middle "${count} / 2")
    list(GET values ${middle} value)
    set(${out} ${value} PARENT_SCOPE)
endfunction()

# ---- running -----------------------------------------------------------------------------------

# Appends what the program prints to the lists SIDE_figure, and new names to figures.
macro(measure side folder program)
    execute_process(COMMAND "${folder}/bench_${program}" OUTPUT_VARIABLE lines
        RESULT_VARIABLE result TIMEOUT ${TIMEOUT_S} OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${folder}/bench_${program}: ${result}")
    endif()
    string(REPLACE "\n" ";" lines "${lines}")
    foreach(line IN LISTS lines)
        string(REPLACE "\t" ";" fields "${line}")
        list(GET fields 0 figure)
        list(GET fields 1 value)
        list(GET fields 2 unit_${figure})
        to_thousandths(value ${value})
        list(APPEND ${side}_${figure} ${value})
        list(APPEND figures ${figure})
    endforeach()
endmacro()

prepare(old old "${OLD}")
prepare(new new "${NEW}")
set(ENV{BROOD_BENCH_ALONE} 1) # no yardsticks
set(figures "")
foreach(program IN LISTS PROGRAMS)
    foreach(pair RANGE 1 ${PAIRS})
        message(STATUS "${program} ${pair}")
        math(EXPR is_odd "${pair} % 2")
        if(is_odd)
            measure(OLD "${old}" ${program})
            measure(NEW "${new}" ${program})
        else()
            measure(NEW "${new}" ${program})
            measure(OLD "${old}" ${program})
        endif()
    endforeach()
endforeach()
list(REMOVE_DUPLICATES figures)

# ---- judging -----------------------------------------------------------------------------------

# Of a pair, in thousandths. 1 more on both sides, so that 0 and 0 are alike.
function(ratio_of out unit before now)
    if(unit MATCHES "/s$")
        math(EXPR ratio "(${now} + 1000) * 1000 / (${before} + 1000)")
    else()
        math(EXPR ratio "(${before} + 1000) * 1000 / (${now} + 1000)")
    endif()
    set(${out} ${ratio} PARENT_SCOPE)
endfunction()

message("\nfigure                    old             new             ratio   pairs below 1")
set(worse "")
math(EXPR not_behind "(${PAIRS} * 7 + 8) / 9")
foreach(figure IN LISTS figures)
    set(ratios "")
    set(below 0)
    foreach(before now IN ZIP_LISTS OLD_${figure} NEW_${figure})
        ratio_of(ratio "${unit_${figure}}" ${before} ${now})
        list(APPEND ratios ${ratio})
        if(ratio LESS 1000)
            math(EXPR below "${below} + 1")
        endif()
    endforeach()
    median(ratio ${ratios})
    median(before ${OLD_${figure}})
    median(now ${NEW_${figure}})
    math(EXPR level "${PAIRS} - ${below}")
    set(verdict "")
    if(ratio LESS MEDIAN_MIN AND level LESS not_behind)
        set(verdict "  WORSE")
        list(APPEND worse ${figure})
    endif()
    to_text(ratio_text ${ratio})
    to_text(before_text ${before})
    to_text(now_text ${now})
    string(SUBSTRING "${figure}                          " 0 26 a)
    string(SUBSTRING "${before_text}                " 0 16 b)
    string(SUBSTRING "${now_text}                " 0 16 c)
    message("${a}${b}${c}${ratio_text}   ${below} of ${PAIRS}  ${unit_${figure}}${verdict}")
endforeach()
if(worse)
    list(JOIN worse ", " worse)
    message(FATAL_ERROR "worse: ${worse}")
endif()
