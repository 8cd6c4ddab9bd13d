# Shared by the toolchain files: Debian's compiler for CMAKE_SYSTEM_PROCESSOR, and qemu-user for its programs. On a
# machine of that architecture the compiler has the same name, and its programs run without an emulator.
set(CMAKE_SYSTEM_NAME Linux)
set(triplet ${CMAKE_SYSTEM_PROCESSOR}-linux-gnu)

find_program(PKTINFO_COMPILER ${triplet}-gcc PATHS ENV PATH NO_DEFAULT_PATH)
if(NOT PKTINFO_COMPILER)
    string(REPLACE "_" "-" package gcc-${triplet})
    message(FATAL_ERROR "No ${triplet}-gcc on the PATH: on Debian and Ubuntu \"apt-get install ${package}\".")
endif()
set(CMAKE_C_COMPILER "${PKTINFO_COMPILER}")

if(NOT CMAKE_HOST_SYSTEM_PROCESSOR STREQUAL CMAKE_SYSTEM_PROCESSOR)
    set(CMAKE_FIND_ROOT_PATH /usr/${triplet})
    set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
    set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
    set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
    set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${CMAKE_SYSTEM_PROCESSOR}-static -L /usr/${triplet})
endif()
