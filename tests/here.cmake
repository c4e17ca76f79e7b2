# All that a process has once lies in brood_here() (src/runtime/here.h): no other object of the core
# has a static that is written. Exempt: what belongs to the system or a thread, and the faults that tests
# inject.
# cmake -DNM=program -DOBJECTS=object|object -P here.cmake
string(REPLACE "|" ";" objects "${OBJECTS}")
list(FILTER objects INCLUDE REGEX "\\.dir/")
list(FILTER objects EXCLUDE REGEX "\\.dir/(\\./)?((posix|win32)/|runtime/(here|sync)\\.|faults\\.|cgroup\\.)")
if(NOT objects)
    message(FATAL_ERROR "there are no objects in ${OBJECTS}")
endif()
foreach(object IN LISTS objects)
    execute_process(COMMAND ${NM} --format=sysv ${object} OUTPUT_VARIABLE symbols
        COMMAND_ERROR_IS_FATAL ANY)
    # name | value | class | type | size | line | section; .data.rel.ro is written by the loader only
    string(REGEX MATCHALL "[^\n]+\\| *\\.(data|bss|tdata|tbss)[^\n]*" written "${symbols}")
    list(FILTER written EXCLUDE REGEX "\\.data\\.rel\\.ro")
    string(REGEX MATCHALL "[^\n]+\\| *\\*COM\\*[^\n]*" common "${symbols}")
    if(written OR common)
        message(FATAL_ERROR "${object} has statics that are written: ${written} ${common}")
    endif()
endforeach()
message("brood-test passed: nothing_else_is_written")
