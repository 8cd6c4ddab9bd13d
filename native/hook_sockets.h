/* The interface between the parts of the hook: the state of each socket, and its use for each datagram. */
#ifndef PKTINFO_HOOK_SOCKETS_H
#define PKTINFO_HOOK_SOCKETS_H

#include <stdatomic.h>
#include <stdint.h>

#include "hook.h"
#include "peers.h"

/*
 * The state of a descriptor is one word. It holds the mode, the chooser of the port, and a count of all sockets that
 * identifies the socket. An old word therefore does not match a later socket with the same number.
 */
enum { MODE_UNKNOWN, MODE_LEAVE, MODE_CHOOSE, MODE_FRESH };
enum { MODE_BITS = 3, COUNT_SHIFT = 8 };

struct place {
    _Atomic uint64_t state;
    _Atomic(struct peers *) peers; /* shared by successive sockets with this number */
    _Atomic uint64_t number;       /* the cookie of the socket examined; 0: of any, UINT64_MAX: of none */
    _Atomic uint64_t pinned, unknown, gone;
    _Atomic uint32_t verdict;      /* enum verdict */
    _Atomic uint32_t told;
    _Atomic uint32_t port;
    _Atomic uint32_t remembers; /* the memory holds peers */
    _Atomic uint32_t transfers; /* it is bound to one of the ports for transfers */
};

/*
 * Returns the place of a descriptor, allocated if necessary and never freed; NULL if the number is out of range or
 * there is no memory.
 */
struct place *hook_place(int fd);

/* Returns the state of the socket that has the number now, which is examined first if it is unknown. */
uint64_t hook_look(int fd, struct place *place);

/* Decides on a fresh socket that serves no transfer. Returns the new state. */
uint64_t hook_decide(int fd, struct place *place, uint64_t state);

/* Makes a socket choose its source even if its port is not handled. The returned mode shows if it can. */
uint64_t hook_take(int fd, struct place *place, uint64_t state);

/* Stores the decision on a socket, unless another socket has the number by now. Returns the current state. */
uint64_t hook_enter(int fd, struct place *place, uint64_t state, enum verdict verdict, uint64_t mode);

/* Returns 1 if there are ports for transfers, so that sockets can be fresh. */
int hook_has_transfers(void);

/*
 * Finds the destination of a recent request from the peer to one of the ports for transfers. Returns 0 if there is
 * none. A program that answers from a new socket, as TFTP servers do, sends to that peer first.
 */
int transfer_find(const struct peer *peer, struct reply_source *source);

/* Registers a socket that chooses its source and is bound to one of the ports for transfers. */
void transfer_add(int fd);

/* Return the current time and the expiry in seconds, for peers.h. */
uint32_t hook_seconds(void);
uint32_t hook_expiry(void);

#endif
