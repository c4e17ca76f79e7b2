# On a Mac CMake sets it by the version of the system (Platform/Darwin.cmake); without it nothing
# that is built has a run path.
set(CMAKE_SHARED_LIBRARY_RUNTIME_C_FLAG "-Wl,-rpath,")
