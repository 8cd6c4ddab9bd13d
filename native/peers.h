/*
 * The memory of a socket's peers: which address of this host each has asked. Its room is fixed, its pages are the
 * kernel's until somebody asks. One thread remembers at a time, any may look, forget and clear. No Java, no socket.
 */
#ifndef PKTINFO_PEERS_H
#define PKTINFO_PEERS_H

#include <stddef.h>
#include <stdint.h>

/* Addresses are the bytes of the wire, in two words as they lie in memory; IPv4 as IPv4-mapped. */
struct peer {
    uint64_t high;
    uint64_t low;
    uint32_t scope;
    uint16_t port;
};

/* The source of what is sent to a peer. */
struct asked {
    uint64_t high;
    uint64_t low;
    uint32_t interface; /* 0: any */
    uint16_t form;      /* FORM_* */
    uint16_t unicast;   /* 0: the peer has asked a group or a broadcast address */
};

enum { LEAST_PEERS = 8, MOST_PEERS = 1 << 24 };

struct peers;

/* Nobody else can tell which peers meet in a place. Who was remembered under other keys is not found any more. */
void peers_key(uint64_t first, uint64_t second);

/* Makes an empty one with room for so many peers; NULL if the system has no memory. It is never given back. */
struct peers *peers_new(uint32_t capacity);

/* Returns the bytes of address space that one with room for so many peers takes. */
size_t peers_size(uint32_t capacity);

/* Returns the bytes of address space that this one takes. */
size_t peers_room(const struct peers *peers);

/* Forgets everybody. It takes as long as the memory is large, and its pages stay. */
void peers_clear(struct peers *peers);

/*
 * owner tells the sockets apart that have had this memory one after another; now and expiry are seconds, an expiry of 0
 * is never. What a peer has asked by unicast stays when it asks a group.
 */
void peers_remember(struct peers *peers, uint64_t owner, const struct peer *peer, const struct asked *asked,
    uint32_t now, uint32_t expiry);

/* Returns 1 and what the peer has asked, 0 if it is not known. */
int peers_find(struct peers *peers, uint64_t owner, const struct peer *peer, uint32_t now, uint32_t expiry,
    struct asked *asked);

/* Forgets a peer that has asked this, and not if it has asked something else meanwhile. */
void peers_forget(struct peers *peers, uint64_t owner, const struct peer *peer, const struct asked *asked);

/* Returns how many are known that are not expired. */
uint32_t peers_count(const struct peers *peers, uint32_t now, uint32_t expiry);

#endif
