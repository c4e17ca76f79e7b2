# Linux with the C library musl, through its gcc wrapper. Programs are static and run here.
# CMAKE_SYSTEM_NAME is set, so CMake counts it as cross-compiling and asks this target's folder only.
set(BROOD_TARGET musl)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${CMAKE_HOST_SYSTEM_PROCESSOR})
set(CMAKE_C_COMPILER musl-gcc)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
include("${CMAKE_CURRENT_LIST_DIR}/cross.cmake")
