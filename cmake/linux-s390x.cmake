# Only for the tests: the one big-endian architecture that they run on.
set(CMAKE_SYSTEM_PROCESSOR s390x)
include("${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake")
