# Threads are started, wait for each other, sleep and yield through src/runtime/sync.h: no other file
# of the core includes a header of APR's threads, or calls what stands below that one.
# cmake -DSOURCES=directory -P sync.cmake
file(GLOB files ${SOURCES}/*.c ${SOURCES}/*.h ${SOURCES}/*/*.c ${SOURCES}/*/*.h)
list(FILTER files EXCLUDE REGEX "/(posix|win32)/|/runtime/sync\\.[ch]$")
if(NOT files)
    message(FATAL_ERROR "there are no sources in ${SOURCES}")
endif()
foreach(file IN LISTS files)
    set(below "apr_thread|apr_portable|apr_sleep|<pthread|pthread_[a-z_]+\\(|nanosleep|(^|[^a-z_])u?[sS]leep\\(")
    if(NOT file MATCHES "/platform\\.h$") # which declares them
        string(APPEND below "|brood_os_sleep|brood_os_thread_id")
    endif()
    file(STRINGS ${file} lines REGEX "${below}")
    if(lines)
        message(FATAL_ERROR "${file} does not use runtime/sync.h: ${lines}")
    endif()
endforeach()
message("brood-test passed: threads_are_in_one_place")
