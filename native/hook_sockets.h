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
enum { MODE_UNKNOWN, MODE_LEAVE, MODE_CHOOSE, MODE_FRESH };
enum { MODE_BITS = 3, COUNT_SHIFT = 8 };

struct place {
    _Atomic uint64_t state;
    _Atomic(struct peers *) peers; /* of all sockets that have had the number, one after another */
    _Atomic uint64_t number;       /* the kernel's, of the socket that was looked at; 0: of any, UINT64_MAX: of none */
    _Atomic uint64_t pinned, unknown, gone;
    _Atomic uint32_t verdict;      /* enum verdict */
    _Atomic uint32_t told;
    _Atomic uint32_t port;
    _Atomic uint32_t remembers; /* somebody is in the memory */
    _Atomic uint32_t transfers; /* it is bound to one of the ports for transfers */
};

/* Returns what there is for a number; NULL if it is none, or if there is no memory. */
struct place *hook_place(int fd);

/* Returns what is known of the socket that has the number now; it is looked at if nothing is. */
uint64_t hook_look(int fd, struct place *place);

/* Decides about a socket that was fresh: it is none any more. */
uint64_t hook_decide(int fd, struct place *place, uint64_t state);

/* Has a socket choose that would be left alone by its port; the mode tells whether it can. */
uint64_t hook_take(int fd, struct place *place, uint64_t state);

/* Notes what has become of a socket, unless its number has another one now; returns the word that is there. */
uint64_t hook_enter(int fd, struct place *place, uint64_t state, enum verdict verdict, uint64_t mode);

/* Returns 1 if a fresh socket may be there at all. */
int hook_has_transfers(void);

/*
 * Finds the destination of a request that a peer has sent to one of the ports for transfers lately. A program that
 * answers from a new socket, as TFTP servers do, sends to that peer first.
 */
int transfer_find(const struct peer *peer, struct asked *asked);

/* A socket that chooses is bound to one of the ports for transfers. */
void transfer_add(int fd);

/* The settings and the time, for peers.h. */
uint32_t hook_seconds(void);
uint32_t hook_expiry(void);

#endif
