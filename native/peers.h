/*
 * The memory of a socket's peers: for each, the destination of its last request. Its capacity is fixed, and its pages
 * are allocated on first use. One thread at a time may call peers_remember(); all other functions are thread-safe. It
 * depends neither on Java nor on sockets.
 */
#ifndef PKTINFO_PEERS_H
#define PKTINFO_PEERS_H

#include <stddef.h>
#include <stdint.h>

/* A peer. Addresses are two words with the bytes in network order, IPv4 as IPv4-mapped. */
struct peer {
    uint64_t high;
    uint64_t low;
    uint32_t scope;
    uint16_t port;
};

/* The source of datagrams to a peer. */
struct reply_source {
    uint64_t high;
    uint64_t low;
    uint32_t interface; /* 0: any */
    uint16_t form;      /* FORM_* */
    uint16_t unicast;   /* 0: the request destination was a group or broadcast */
};

enum { LEAST_PEERS = 8, MOST_PEERS = 1 << 24 };

struct peers;

/*
 * Sets the secret keys of the hash, without which collisions are unpredictable. Peers remembered with other keys are
 * not found any more.
 */
void peers_key(uint64_t first, uint64_t second);

/* Allocates an empty memory for capacity peers; NULL if the system has no memory. It is never freed. */
struct peers *peers_new(uint32_t capacity);

/* Returns the address space in bytes of a memory for capacity peers. */
size_t peers_size(uint32_t capacity);

/* Returns the address space in bytes of this memory. */
size_t peers_room(const struct peers *peers);

/* Forgets all peers. This takes time in proportion to the memory's size, and does not release its pages. */
void peers_clear(struct peers *peers);

/*
 * Remembers the destination of a peer's request. owner identifies the socket, as successive sockets with one descriptor
 * number share a memory. now and expiry are seconds; an expiry of 0 is never. A unicast destination is not replaced by
 * a group's.
 */
void peers_remember(struct peers *peers, uint64_t owner, const struct peer *peer, const struct reply_source *source,
    uint32_t now, uint32_t expiry);

/* Returns 1 and the destination of the peer's last request, 0 if the peer is not known or has expired. */
int peers_find(struct peers *peers, uint64_t owner, const struct peer *peer, uint32_t now, uint32_t expiry,
    struct reply_source *source);

/* Forgets a peer if its destination is still the given one; a request to another destination since then is kept. */
void peers_forget(struct peers *peers, uint64_t owner, const struct peer *peer, const struct reply_source *source);

/* Returns the number of known peers that have not expired. */
uint32_t peers_count(const struct peers *peers, uint32_t now, uint32_t expiry);

#endif
