/* Receiving into and sending from the slots of an arena. */
#ifndef PKTINFO_BATCH_H
#define PKTINFO_BATCH_H

#include <stddef.h>

#include "arena.h"

/* Bytes that an arena of this shape needs, 0 if the shape is impossible. */
size_t arena_size(int slot_count, int payload_stride);

/*
 * Receives what is there, at most count datagrams, into the first slots; returns how many, or minus the error if none.
 */
int arena_receive(void *arena, int fd, int count);

/*
 * Sends every pending slot among the first count. A slot that fails is marked with its error and holds back nobody
 * behind it. Returns how many slots are done; fewer than were pending if the socket's send buffer is full.
 */
int arena_send(void *arena, int fd, int count);

#endif
