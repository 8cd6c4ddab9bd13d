/* The agent's class files, embedded in this library. */
#ifndef PKTINFO_AGENT_CLASSES_H
#define PKTINFO_AGENT_CLASSES_H

#include <stdint.h>

/*
 * A sequence of records: the length in 4 bytes, then the class file, padded to a multiple of 4. A length of 0 ends it.
 */
extern const uint8_t agent_classes[] __attribute__((visibility("hidden")));

#endif
