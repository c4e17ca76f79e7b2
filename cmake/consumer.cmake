# The library as others get it: installs the preset release, and builds and runs tests/consumer with
# it, shared and static, and as a subdirectory:  cmake -P cmake/consumer.cmake
# (On Debian .ci/run does this and more.) Installs what is missing, see provision.cmake.

include("${CMAKE_CURRENT_LIST_DIR}/provision.cmake")

get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(work "${root}/build/consumer")
set(prefix "${work}/prefix")

function(run)
    execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${root}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# What follows the name is for the configuration.
function(consume name)
    message(STATUS "consumer: ${name}")
    run(${CMAKE_COMMAND} -S tests/consumer -B "${work}/${name}" -G Ninja -DCMAKE_BUILD_TYPE=Release
        ${arguments} ${ARGN})
    run(${CMAKE_COMMAND} --build "${work}/${name}")
    run(${CMAKE_CTEST_COMMAND} --test-dir "${work}/${name}" --output-on-failure --no-tests=error)
endfunction()

provision(release consumer)
file(REMOVE_RECURSE "${work}")
configure_arguments(release arguments)
run(${CMAKE_COMMAND} --preset release "-DCMAKE_INSTALL_PREFIX=${prefix}" ${arguments})
run(${CMAKE_COMMAND} --build --preset release)
run(${CMAKE_COMMAND} --install build/release)

if(CMAKE_HOST_WIN32) # where the DLLs are: ours, and vcpkg's
    _provision_vcpkg(vcpkg)
    _provision_triplet(triplet)
    cmake_path(NATIVE_PATH prefix folder)
    set(ENV{PATH} "${folder}\\bin;${vcpkg}/installed/${triplet}/bin;${root}/build/consumer/subdirectory/brood/src;$ENV{PATH}")
endif()
consume(found "-DCMAKE_PREFIX_PATH=${prefix}")
consume(found-static "-DCMAKE_PREFIX_PATH=${prefix}" -Dbrood_USE_STATIC=ON)
consume(subdirectory "-DBROOD_SOURCE_DIR=${root}")
