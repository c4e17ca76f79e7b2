# macOS 11 and newer, for BROOD_MACOS_ARCH (x86_64 or arm64). On a Mac the system's own compiler;
# elsewhere zig's clang, which brings Apple's headers and symbol lists: enough to compile and link.
set(BROOD_TARGET macos-${BROOD_MACOS_ARCH})

if(CMAKE_HOST_APPLE)
    set(CMAKE_OSX_DEPLOYMENT_TARGET 11.0)
    set(CMAKE_OSX_ARCHITECTURES ${BROOD_MACOS_ARCH})
    return()
endif()

set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_VERSION 20)
set(CMAKE_SYSTEM_PROCESSOR ${BROOD_MACOS_ARCH})
include("${CMAKE_CURRENT_LIST_DIR}/cross.cmake")

set(CMAKE_USER_MAKE_RULES_OVERRIDE "${CMAKE_CURRENT_LIST_DIR}/macos-rules.cmake")

# The deps script writes the tools that carry the target in their name.
set(_zig "${_brood_root}/build/deps/zig/bin/${BROOD_TARGET}")
set(CMAKE_C_COMPILER "${_zig}-cc")
set(CMAKE_CXX_COMPILER "${_zig}-c++")
set(CMAKE_AR "${_zig}-ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "${_zig}-ranlib" CACHE FILEPATH "")
find_program(CMAKE_INSTALL_NAME_TOOL NAMES
    llvm-install-name-tool llvm-install-name-tool-19 llvm-install-name-tool-18
    llvm-install-name-tool-17 llvm-install-name-tool-16 llvm-install-name-tool-15
    llvm-install-name-tool-14 REQUIRED)
