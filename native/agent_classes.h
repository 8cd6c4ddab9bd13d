/* The class files of the agent, as they are in this library. */
#ifndef PKTINFO_AGENT_CLASSES_H
#define PKTINFO_AGENT_CLASSES_H

#include <stdint.h>

/* One after another: 4 bytes of length, the file, filled up to a multiple of 4; a length of 0 ends them. */
extern const uint8_t agent_classes[] __attribute__((visibility("hidden")));

#endif
