# Only for the tests: programs over musl, which share this machine's kernel and nothing else with glibc's.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER musl-gcc)
