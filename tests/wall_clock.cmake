# F22: no source of the library asks the wall clock for anything, or lets the system wait by it.
# (The time of sigtimedwait is a duration.)
# cmake -DSOURCES=directory -P wall_clock.cmake
file(GLOB_RECURSE files ${SOURCES}/*.c ${SOURCES}/*.h)
if(NOT files)
    message(FATAL_ERROR "there are no sources in ${SOURCES}")
endif()
foreach(file IN LISTS files)
    file(STRINGS ${file} lines
        REGEX "[^g]timedwait|CLOCK_REALTIME|gettimeofday|apr_time_now|GetSystemTime|[^_a-z]time\\(")
    if(lines)
        message(FATAL_ERROR "${file} uses the wall clock: ${lines}")
    endif()
endforeach()
message("brood-test passed: f22_no_wall_clock")
