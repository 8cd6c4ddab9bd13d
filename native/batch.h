/* Receives into the slots of an arena, and sends from them. */
#ifndef PKTINFO_BATCH_H
#define PKTINFO_BATCH_H

#include <stddef.h>

#include "arena.h"

/* Returns the size in bytes of an arena of this shape, or 0 if the shape is invalid. */
size_t arena_size(int slot_count, int payload_stride);

/*
 * Receives up to count queued datagrams into the first slots, without waiting. Returns their number, or minus the error
 * if there is none. The arena belongs to the caller; only one thread may use it at a time.
 */
int arena_receive(void *arena, int fd, int count);

/*
 * Sends the pending slots among the first count, without waiting. A slot that fails is marked with its error and does
 * not stop those behind it. Returns the number of slots done, which is less than the number pending if the send buffer
 * is full.
 */
int arena_send(void *arena, int fd, int count);

#endif
