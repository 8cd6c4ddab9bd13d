/*
 * Who has asked, and which address of this host: the rule of AddressAsked.java, of what a slot was received with. No
 * socket, no memory of its own.
 */
#ifndef PKTINFO_ASKED_H
#define PKTINFO_ASKED_H

#include <stdint.h>
#include <sys/socket.h>

#include "arena.h"
#include "peers.h"

/* Which control message is believed, and which source answers. Returns 0 if none does. */
int asked_read(const struct slot *slot, struct asked *asked);

/* The slot's peer; the scope counts only where an address is one of many links. */
struct peer asked_by(const struct slot *slot);

/* Reads a peer from the name that is sent to; 0 if that is no Internet address with a port. */
int peer_read(struct peer *peer, const void *name, socklen_t name_length);

int asked_link_local(const uint8_t address[16]);
int asked_any(const uint8_t address[16]);

#endif
