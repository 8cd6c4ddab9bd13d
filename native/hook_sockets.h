/* What the two halves of the hook share: what is known of sockets, and what is done with it for each datagram. */
#ifndef PKTINFO_HOOK_SOCKETS_H
#define PKTINFO_HOOK_SOCKETS_H

#include <stdatomic.h>
#include <stdint.h>

#include "hook.h"
#include "peers.h"

/*
 * What is known of a descriptor number is one word: which socket with that number it is about, by a count of all
 * sockets, and how that one is bound. Whoever holds an old word finds nothing of the socket that has the number now.
 */
enum { MODE_UNKNOWN, MODE_LEAVE, MODE_CHOOSE };
enum { MODE_BITS = 3, COUNT_SHIFT = 8 };

struct place {
    _Atomic uint64_t state;
    _Atomic(struct peers *) peers; /* of all sockets that have had the number, one after another */
    _Atomic uint64_t pinned, unknown, gone;
    _Atomic uint32_t verdict;      /* enum verdict */
    _Atomic uint32_t told;
    _Atomic uint32_t port;
    _Atomic uint32_t remembers; /* somebody is in the memory */
};

/* Returns what there is for a number; NULL if it is none, or if there is no memory. */
struct place *hook_place(int fd);

/* Returns what is known of the socket that has the number now; it is looked at if nothing is. */
uint64_t hook_look(int fd, struct place *place);

/* The settings and the time, for peers.h. */
uint32_t hook_seconds(void);
uint32_t hook_expiry(void);

#endif
