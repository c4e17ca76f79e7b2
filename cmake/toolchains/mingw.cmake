# Windows x86_64 by MinGW-w64; programs run under Wine.
set(BROOD_TARGET mingw)
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)

# Debian has a compiler for each thread model. That of win32 threads needs no winpthread DLL.
set(_mingw x86_64-w64-mingw32)
find_program(BROOD_MINGW_GCC NAMES ${_mingw}-gcc-win32 ${_mingw}-gcc REQUIRED)
find_program(BROOD_MINGW_GXX NAMES ${_mingw}-g++-win32 ${_mingw}-g++ REQUIRED)
mark_as_advanced(BROOD_MINGW_GCC BROOD_MINGW_GXX)
set(CMAKE_C_COMPILER "${BROOD_MINGW_GCC}")
set(CMAKE_CXX_COMPILER "${BROOD_MINGW_GXX}")
set(CMAKE_RC_COMPILER ${_mingw}-windres)

# A program must start without the compiler's own DLLs beside it.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static-libgcc -static-libstdc++")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-static-libgcc -static-libstdc++")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "-static-libgcc -static-libstdc++")

list(APPEND CMAKE_FIND_ROOT_PATH /usr/${_mingw})
include("${CMAKE_CURRENT_LIST_DIR}/cross.cmake")
if(NOT CMAKE_HOST_WIN32)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${_brood_root}/cmake/wine-run")
endif()
