# The core reaches the system through src/platform.h, and threads through src/runtime/sync.h, which
# alone includes headers of APR's threads. Exit, at-exit functions and the environment are the seam's.
# Its memory is that of src/base/memory.h, where it also goes back to.
# cmake -DSOURCES=directory -P seam.cmake
file(GLOB files ${SOURCES}/*.c ${SOURCES}/*.h ${SOURCES}/*/*.c ${SOURCES}/*/*.h)
list(FILTER files EXCLUDE REGEX "/(posix|win32)/|/runtime/sync\\.[ch]$")
if(NOT files)
    message(FATAL_ERROR "there are no sources in ${SOURCES}")
endif()
set(not_a_name "(^|[^a-zA-Z_.>])")
set(threads "apr_thread|apr_portable|apr_sleep|<pthread|pthread_[a-z_]+\\(")
set(sleeps "${not_a_name}(u|nano)?[sS]leep\\(")
set(ends "${not_a_name}(_exit|_Exit|quick_exit|exit|atexit|abort)\\(")
set(environment "apr_env|${not_a_name}(getenv|_wgetenv|setenv|unsetenv|putenv|environ)[^a-z_]")
set(allocations "(free|malloc|calloc|realloc|strn?dup|apr_pool_create|apr_initialize)\\(")
foreach(file IN LISTS files)
    set(past "${threads}|${sleeps}|${ends}|${environment}")
    if(NOT file MATCHES "/platform\\.h$") # which declares these two for runtime/sync.h
        string(APPEND past "|brood_os_sleep|brood_os_thread_id")
    endif()
    if(NOT file MATCHES "/(platform\\.h|process/(child|guard_run|watch)\\.c|serve/process\\.c)$")
        string(APPEND past "|brood_os_(child_end|exit_process)") # all else returns
    endif()
    if(NOT file MATCHES "/memory\\.h$")
        string(APPEND past "|${not_a_name}${allocations}")
    endif()
    file(STRINGS ${file} lines REGEX "${past}")
    list(FILTER lines EXCLUDE REGEX "^(/\\*| \\*)") # comments
    if(lines)
        message(FATAL_ERROR "${file} goes past the seam: ${lines}")
    endif()
endforeach()
message("brood-test passed: nothing_goes_past_it")
