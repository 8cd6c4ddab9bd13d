/*
 * The replacement for recvfrom(2) and sendto(2) on the JVM's own datagram sockets once it is switched on: a reply
 * leaves from the request destination. It knows descriptor numbers and their observed state, and nothing of Java.
 *
 * All functions may be called from any thread, and none but hook_receive() and hook_send() on a blocking socket waits.
 */
#ifndef PKTINFO_HOOK_H
#define PKTINFO_HOOK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { MOST_RANGES = 64 };

/* A range of ports, both ends included. */
struct range {
    uint16_t first;
    uint16_t last;
};

struct hook_settings {
    struct range ranges[MOST_RANGES];
    uint32_t range_count;   /* 0: the ports that the program has bound itself, or all */
    struct range ephemeral; /* the ephemeral ports, to classify sockets that were bound unseen */
    struct range transfers[MOST_RANGES]; /* peers of these ports may be answered from a new socket */
    uint32_t transfer_count;
    int all;
    uint32_t memory;      /* the number of peers that each socket remembers */
    uint32_t expiry;      /* seconds until a silent peer is forgotten; 0: never */
    uint64_t most_bytes;  /* the limit of address space of all memories */
};

/* The decision on a socket, and its reason. */
enum verdict {
    VERDICT_NONE,
    VERDICT_CHOOSES,   /* replies leave from the request destination */
    VERDICT_EPHEMERAL, /* not handled: the system has chosen its port, as for a client */
    VERDICT_PORT,      /* not handled: its port is not among the configured ones */
    VERDICT_ONE,       /* not handled: bound or connected to one address */
    VERDICT_REFUSED,   /* not handled: no packet information from the kernel, or no memory */
    VERDICT_FOREIGN,   /* out of reach: not one of the JDK's sockets */
};

struct hook_counters {
    uint64_t sockets; /* sockets with VERDICT_CHOOSES since it was switched on */
    uint64_t peers;   /* peers known now */
    uint64_t pinned;  /* datagrams sent from the request destination */
    uint64_t unknown; /* datagrams to peers that were not known */
    uint64_t gone;    /* datagrams not sent, because the request destination has left the host */
};

/* Begins anew and discards the state of all sockets and peers. The settings are copied; the caller keeps ownership. */
void hook_begin(const struct hook_settings *settings);

/* Sets the current time in seconds, which expiry is measured in. The caller must call it once a second. */
void hook_now(uint32_t seconds);

/* Notes that the JDK has created a datagram socket with this descriptor, or (hook_other) a socket of another kind. */
void hook_new_socket(int fd);
void hook_other(int fd);

/* Notes that the program has bound a socket. port is the argument of the bind; 0 means that the system chose one. */
void hook_bound(int fd, int port);

/* Notes that a socket has been disconnected. Its local address has changed, and it may be another socket. */
void hook_disconnected(int fd);

/*
 * Notes that the JDK has connected a socket. A fresh one is bound to the request destination, see settings.transfers.
 */
void hook_connected(int fd);

/* HOOK_NOT_MINE: nothing was done, and the JDK's own function must be called. HOOK_SOURCE_GONE: see hook_send(). */
enum { HOOK_NOT_MINE = INT32_MIN, HOOK_SOURCE_GONE = INT32_MIN + 1 };

/*
 * Receives as recvfrom(2) does; waits if the socket is blocking. name has room for *name_length bytes. Returns the
 * number of bytes, minus Linux's error number, or HOOK_NOT_MINE.
 */
int hook_receive(int fd, void *buffer, size_t length, void *name, socklen_t *name_length);

/*
 * Sends from the destination of the peer's last request. Returns the number of bytes, minus Linux's error number, or
 * HOOK_NOT_MINE. HOOK_SOURCE_GONE means that the host no longer has the address: nothing was sent, the peer is
 * forgotten, and *error is the kernel's error. It never sends from another address instead.
 */
int hook_send(int fd, const void *buffer, size_t length, const void *name, socklen_t name_length, int *error);

/* Fills in the counters. Peers are counted only if with_peers is not 0, because that reads each memory entirely. */
void hook_count(struct hook_counters *counters, int with_peers);

/* The verdict on one socket. */
struct hook_news {
    int32_t fd;
    uint32_t port;
    uint32_t verdict;
};

/* Finds the first descriptor at or above from whose verdict has not been reported yet. Returns 0 if there is none. */
int hook_tell(int from, struct hook_news *news);

/*
 * Examines any descriptor, and decides on it if it is a bound UDP socket; returns 0 if it is not. A descriptor that is
 * close-on-exec, or was not seen since the beginning, is not the JDK's. The JDK's sockets from before the beginning
 * must be adopted first.
 */
enum unseen { UNSEEN_IS_FOREIGN, UNSEEN_IS_ADOPTED };
int hook_find(int fd, enum unseen unseen, struct hook_news *news);

#endif
