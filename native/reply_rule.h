/*
 * The rule of ReplyRule.java: derives the peer and the source of the reply from a received slot. It uses no socket and
 * no memory of its own.
 */
#ifndef PKTINFO_REPLY_RULE_H
#define PKTINFO_REPLY_RULE_H

#include <stdint.h>
#include <sys/socket.h>

#include "arena.h"
#include "peers.h"

/* Selects the control message to believe and the source of the reply. Returns 0 if the reply has none. */
int reply_source_read(const struct slot *slot, struct reply_source *source);

/* Returns the slot's peer. Its scope is kept only for a link-local address. */
struct peer request_peer(const struct slot *slot);

/* Reads a peer from the socket address of a send; 0 if that is not an Internet address with a port. */
int peer_read(struct peer *peer, const void *name, socklen_t name_length);

int address_is_link_local(const uint8_t address[16]);
int address_is_unspecified(const uint8_t address[16]);

#endif
