# Windows x86_64 by clang, with the headers and libraries of MinGW-w64's gcc; see mingw.cmake, whose
# APR and cmocka it uses.
include("${CMAKE_CURRENT_LIST_DIR}/mingw.cmake")
set(CMAKE_C_COMPILER clang)
set(CMAKE_CXX_COMPILER clang++)
set(CMAKE_C_COMPILER_TARGET x86_64-w64-windows-gnu)
set(CMAKE_CXX_COMPILER_TARGET x86_64-w64-windows-gnu)

# clang 14 does not look where Debian keeps the folders of a gcc for one thread model.
execute_process(COMMAND ${BROOD_MINGW_GCC} -print-libgcc-file-name
    OUTPUT_VARIABLE _gcc_folder OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
cmake_path(GET _gcc_folder PARENT_PATH _gcc_folder)
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES
    "${_gcc_folder}/include/c++" "${_gcc_folder}/include/c++/${_mingw}")
foreach(_kind IN ITEMS EXE SHARED MODULE)
    set(CMAKE_${_kind}_LINKER_FLAGS_INIT "-fuse-ld=lld -static -L${_gcc_folder}")
endforeach()
