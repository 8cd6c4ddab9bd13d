/*
 * Control messages and socket addresses to and from a slot, on every system. No socket, no Java, no memory of its own.
 */
#ifndef PKTINFO_PKTINFO_H
#define PKTINFO_PKTINFO_H

#include <stddef.h>

#include "arena.h"

/*
 * Room for one of every control message that is understood (248 bytes on Linux) and one more, so that an unknown option
 * on a wrapped socket does not crowd out packet information.
 */
enum { CONTROL_CAPACITY = 288 };

/* Room for either socket address. */
enum { NAME_CAPACITY = 28 };

/* Forgets what the slot's last datagram left behind, before the next one is received into it. */
void slot_clear(struct slot *slot);

/* Reads the sender's address; leaves the peer all zero, port 0, if it is not an Internet address. */
void slot_read_name(struct slot *slot, const void *name, size_t length);

/* Reads all control messages; what is unknown, short or malformed is skipped. */
void slot_read_control(struct slot *slot, const void *control, size_t length);

/* Writes the receiver's socket address for a socket of the family; returns its length. */
size_t slot_write_name(const struct slot *slot, int socket_family, void *name);

/*
 * Writes the one control message that names the source, or for an experiment all packet information that the slot was
 * received with; returns the length, 0 if there is none to send.
 */
size_t slot_write_control(const struct slot *slot, void *control);

/* Whether two slots have the same peer and leave from the same source. */
int slots_share_way(const struct slot *one, const struct slot *other);

/*
 * Appends, behind control messages of length bytes, the size of the datagrams that the kernel is to segment the payload
 * into; returns the length of all.
 */
size_t append_segment_size(void *control, size_t length, size_t segment_size);

#endif
