/*
 * What the JVM's own datagram sockets do instead of recvfrom(2) and sendto(2), once that is switched on: a reply leaves
 * from the address that the peer has asked. Known are descriptor numbers, and what was seen of them. No Java.
 */
#ifndef PKTINFO_HOOK_H
#define PKTINFO_HOOK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { MOST_RANGES = 64 };

/* Ports from the one to the other, both included. */
struct range {
    uint16_t first;
    uint16_t last;
};

struct hook_settings {
    struct range ranges[MOST_RANGES];
    uint32_t range_count;   /* 0: sockets that the program has bound to a port of its own, or all */
    struct range ephemeral; /* the ports that the system chooses, for sockets that were bound unseen */
    struct range transfers[MOST_RANGES]; /* who asks there may be answered from a new socket */
    uint32_t transfer_count;
    int all;
    uint32_t memory;      /* peers that each socket remembers */
    uint32_t expiry;      /* seconds that a silent one is remembered, 0: for ever */
    uint64_t most_bytes;  /* of address space that all memories take */
};

/* Why a socket is as it is. */
enum verdict {
    VERDICT_NONE,
    VERDICT_CHOOSES,   /* its replies leave from the address asked */
    VERDICT_EPHEMERAL, /* left alone: the system has chosen its port, as a client's */
    VERDICT_PORT,      /* left alone: not one of the ports */
    VERDICT_ONE,       /* left alone: bound or connected to one address */
    VERDICT_REFUSED,   /* left alone: the kernel gives no packet information, or there is no memory */
    VERDICT_FOREIGN,   /* out of reach: not one of the JDK's */
};

struct hook_counters {
    uint64_t sockets; /* that chose, since it was switched on */
    uint64_t peers;   /* known now */
    uint64_t pinned;  /* datagrams that left from the address asked */
    uint64_t unknown; /* datagrams to peers that were not known */
    uint64_t gone;    /* datagrams that did not leave, because the address asked has left the host */
};

/* Begins anew: what was known of sockets and peers is void. The settings are copied. */
void hook_begin(const struct hook_settings *settings);

/* The seconds that expiry counts. Somebody says them once a second. */
void hook_now(uint32_t seconds);

/* A datagram socket was made with this number, or what is at that number is none. */
void hook_new_socket(int fd);
void hook_other(int fd);

/* The program has bound a socket to a port, 0: of the system's choice. */
void hook_bound(int fd, int port);

/* A socket has been disconnected: its address is another now, and it may be another socket. */
void hook_disconnected(int fd);

/* A socket has been connected by the JDK: a new one is bound to the request's destination, see settings.transfers. */
void hook_connected(int fd);

/* HOOK_NOT_MINE: nothing was done, it is the JDK's. Otherwise bytes, or minus Linux's number of the error. */
enum { HOOK_NOT_MINE = INT32_MIN, HOOK_SOURCE_GONE = INT32_MIN + 1 };

/* Receives as recvfrom(2) does, waiting if the socket does; name has room for *name_length bytes. */
int hook_receive(int fd, void *buffer, size_t length, void *name, socklen_t *name_length);

/*
 * Sends from the address that the peer asked. HOOK_SOURCE_GONE: the host has that address no more, nothing was sent,
 * and the peer is forgotten; *error is what the kernel said. A send from another address is never tried instead.
 */
int hook_send(int fd, const void *buffer, size_t length, const void *name, socklen_t name_length, int *error);

/* The peers are counted only if that is wanted: each memory is read from end to end. */
void hook_count(struct hook_counters *counters, int with_peers);

/* Of one socket that was not told of yet. */
struct hook_news {
    int32_t fd;
    uint32_t port;
    uint32_t verdict;
};

/* Finds the next socket from a number on that has a verdict which was not told yet; 0 if there is none. */
int hook_tell(int from, struct hook_news *news);

/*
 * Looks at a descriptor that may be anything, and decides about it; 0 if it is no bound UDP socket. One that is closed
 * on exec, or was not seen since the beginning, is not the JDK's. Those that were there before are to be adopted first.
 */
enum unseen { UNSEEN_IS_FOREIGN, UNSEEN_IS_ADOPTED };
int hook_find(int fd, enum unseen unseen, struct hook_news *news);

#endif
