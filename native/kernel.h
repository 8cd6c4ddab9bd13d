/*
 * The system calls: what kernel_linux.c does for Linux. Each returns what the kernel does, or minus Linux's number of
 * the error (linux_errno.h) on every operating system; a call that the system lacks is ENOSYS, an option ENOPROTOOPT.
 * EINTR is retried except by the one that waits.
 */
#ifndef PKTINFO_KERNEL_H
#define PKTINFO_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "org_pktinfo_internal_Layout.h"

/* A message of those that go through one call: Linux's struct mmsghdr, which few other systems have. */
struct message {
    struct msghdr header;
    unsigned length; /* bytes received or sent */
};

/* What to wait for, and socket options by our own numbers. */
enum {
    WAIT_READABLE = org_pktinfo_internal_Layout_WAIT_READABLE,
    WAIT_WRITABLE = org_pktinfo_internal_Layout_WAIT_WRITABLE,
    OPTION_IP_PKTINFO = org_pktinfo_internal_Layout_OPTION_IP_PKTINFO,
    OPTION_IPV6_RECVPKTINFO = org_pktinfo_internal_Layout_OPTION_IPV6_RECVPKTINFO,
    OPTION_IPV6_V6ONLY = org_pktinfo_internal_Layout_OPTION_IPV6_V6ONLY,
    OPTION_FAMILY = org_pktinfo_internal_Layout_OPTION_FAMILY,
    OPTION_BOUND_INTERFACE = org_pktinfo_internal_Layout_OPTION_BOUND_INTERFACE,
    OPTION_UDP_SEGMENT = org_pktinfo_internal_Layout_OPTION_UDP_SEGMENT,
    OPTION_UDP_GRO = org_pktinfo_internal_Layout_OPTION_UDP_GRO,
    OPTION_RXQ_OVFL = org_pktinfo_internal_Layout_OPTION_RXQ_OVFL,
    OPTION_IP_MTU_DISCOVER = org_pktinfo_internal_Layout_OPTION_IP_MTU_DISCOVER,
    OPTION_IP_MULTICAST_ALL = org_pktinfo_internal_Layout_OPTION_IP_MULTICAST_ALL,
    OPTION_IPV6_MULTICAST_ALL = org_pktinfo_internal_Layout_OPTION_IPV6_MULTICAST_ALL,
};

/*
 * Never block. A datagram that does not fit reports MSG_TRUNC and, where the kernel tells it, its whole length. To
 * send, msg_control is NULL if there is no control message: some kernels refuse an empty one.
 */
int kernel_receive(int fd, struct msghdr *message);
int kernel_receive_many(int fd, struct message *messages, unsigned count);
int kernel_send(int fd, const struct msghdr *message);
int kernel_send_many(int fd, struct message *messages, unsigned count);

struct sockaddr_storage;

/* Reads the own address of a datagram socket; ENOPROTOOPT if fd is none. */
int kernel_datagram_name(int fd, struct sockaddr_storage *name);

/* Reads the address that a socket is connected to. */
int kernel_peer_name(int fd, struct sockaddr_storage *name);

/* As bind(2) and connect(2); the third takes a connection back. */
int kernel_bind(int fd, const struct sockaddr_storage *name, socklen_t length);
int kernel_connect(int fd, const struct sockaddr_storage *name, socklen_t length);
int kernel_disconnect(int fd);

/* Waits for the events (WAIT_*) on fd or for a signal on event_fd, or for the time to pass; 0 also on EINTR. */
int kernel_wait(int fd, int event_fd, int events, int timeout_millis);

/* Options by our own number (OPTION_*), with Linux's values; reading gives a value >= 0. */
int kernel_set_option(int fd, int option, int value);
int kernel_get_option(int fd, int option);

/* Returns how many datagrams the socket has lost, modulo 2^32; Linux before 4.12 cannot tell: ENOPROTOOPT. */
int64_t kernel_drops(int fd);

/* Returns the socket's number, which no other socket has or will have; Linux before 4.12 cannot tell: ENOPROTOOPT. */
int64_t kernel_cookie(int fd);

/* Returns the number of the socket's network namespace; Linux before 5.14 cannot tell: ENOPROTOOPT. */
int64_t kernel_namespace(int fd);

/* Opens a socket for kernel_route_type(), for one question at a time. */
int kernel_new_route_socket(void);

/*
 * Returns the type (RTN_* of Linux's rtnetlink(7)) of the route that leads to address, 16 bytes of which an IPv4
 * address is the last four, by interface if that is not 0. 0 if there is none, negative if it cannot be asked for.
 * number is the question's own.
 */
int kernel_route_type(int fd, int number, int family, const uint8_t *address, int interface);

int kernel_duplicate(int fd);

/* Makes fd refer to what by refers to, as dup3(2) does. */
int kernel_replace(int fd, int by);

int kernel_close(int fd);

/* Returns 1 if the descriptor is closed on exec, 0 if not. */
int kernel_closes_on_exec(int fd);

int kernel_new_event(void);
int kernel_signal(int event_fd);

/* Takes the signals back, if there are any. */
int kernel_calm(int event_fd);

/* Returns the number of recvfrom(2) on this processor. */
int kernel_recvfrom_number(void);

/* Interrupts what a thread of this process waits in, by the JDK's own signal; ENOPROTOOPT if the JDK has no handler. */
int kernel_interrupt(int thread);

/* The C library: 1000 * major + minor for glibc, 0 for any other. */
int libc_glibc_version(void);

#endif
