# cmake -DPKTINFO_HEADERS=... -DPKTINFO_CLASSES=... -DPKTINFO_VERSION=... -DPKTINFO_JDK=... -DPKTINFO_BUILD=...
#     -DPKTINFO_OUTPUT=... -DPKTINFO_AGENT_OUTPUT=... -P release.cmake
# Builds and checks the library and the agent's library for every platform of the release jars, each in a folder of its
# own under PKTINFO_BUILD.
foreach(processor x86_64 aarch64 riscv64)
    set(build "${PKTINFO_BUILD}/${processor}")
    execute_process(
        COMMAND ${CMAKE_COMMAND} -S "${CMAKE_CURRENT_LIST_DIR}/../native" -B "${build}" -DCMAKE_BUILD_TYPE=Release
            "-DCMAKE_TOOLCHAIN_FILE=${CMAKE_CURRENT_LIST_DIR}/linux-${processor}.cmake"
            "-DPKTINFO_HEADERS=${PKTINFO_HEADERS}" "-DPKTINFO_JDK=${PKTINFO_JDK}" "-DPKTINFO_OUTPUT=${PKTINFO_OUTPUT}"
            "-DPKTINFO_CLASSES=${PKTINFO_CLASSES}" "-DPKTINFO_VERSION=${PKTINFO_VERSION}"
            "-DPKTINFO_AGENT_OUTPUT=${PKTINFO_AGENT_OUTPUT}"
        RESULT_VARIABLE failed)
    if(NOT failed)
        execute_process(
            COMMAND ${CMAKE_COMMAND} --build "${build}" --target pktinfo pktinfo-agent RESULT_VARIABLE failed)
    endif()
    if(failed)
        message(FATAL_ERROR "The release jar needs the library for ${processor}; why there is none stands above.")
    endif()
endforeach()
