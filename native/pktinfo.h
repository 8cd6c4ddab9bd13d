/*
 * Converts control messages and socket addresses to and from a slot, on every system. It uses no socket, no Java, and
 * no memory of its own. A slot and its buffers must not be used by two threads at once.
 */
#ifndef PKTINFO_PKTINFO_H
#define PKTINFO_PKTINFO_H

#include <stddef.h>

#include "arena.h"

/*
 * The room for one of each known control message (416 bytes on Linux, which control_linux.c asserts) and one more, so
 * that an unknown option on a wrapped socket does not displace packet information.
 */
enum { CONTROL_CAPACITY = 456 };

/* The room for a struct sockaddr_in or sockaddr_in6. */
enum { NAME_CAPACITY = 28 };

/* Clears a slot before the next datagram is received into it. */
void slot_clear(struct slot *slot);

/*
 * Reads the sender's address. Leaves the peer unchanged, zero with port 0 after slot_clear(), if it is not an Internet
 * address.
 */
void slot_read_name(struct slot *slot, const void *name, size_t length);

/* Reads all control messages. Unknown, short or malformed ones are ignored. */
void slot_read_control(struct slot *slot, const void *control, size_t length);

/* Writes the receiver's socket address for a socket of the given family. Returns its length. */
size_t slot_write_name(const struct slot *slot, int socket_family, void *name);

/*
 * Writes the control messages of a datagram to send: the source or, for an experiment, all packet information that the
 * slot was received with; and the traffic class and hop limit, if the slot has its own. Returns the length, 0 if there
 * is no control message to send.
 */
size_t slot_write_control(const struct slot *slot, void *control);

/* Returns 1 if two slots have the same peer, source, traffic class and hop limit. */
int slots_share_way(const struct slot *one, const struct slot *other);

/*
 * Appends the request for the datagram's time of transmission to control messages of length bytes, in a form TRANSMIT_*
 * that the kernel has. Returns the total length.
 */
size_t append_transmit_request(void *control, size_t length, int form, uint32_t number);

/* Appends the segment size (UDP_SEGMENT) to control messages of length bytes. Returns the total length. */
size_t append_segment_size(void *control, size_t length, size_t segment_size);

#endif
