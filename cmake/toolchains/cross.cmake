# What the toolchain files share. BROOD_TARGET names the target; its APR and cmocka come from
# build/deps/<target>, which  cmake -P cmake/deps.cmake <target>  builds.
get_filename_component(_brood_root "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
set(BROOD_DEPS_COMMAND "cmake -P cmake/deps.cmake ${BROOD_TARGET}")
set(_brood_deps "${_brood_root}/build/deps/${BROOD_TARGET}")

# Libraries, headers and packages of the target only, programs of this machine only.
list(APPEND CMAKE_FIND_ROOT_PATH "${_brood_deps}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} "${_brood_deps}/lib/pkgconfig")
