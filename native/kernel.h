/* The system calls. Each returns what the kernel does, or -errno; EINTR is retried except by the one that waits. */
#ifndef PKTINFO_KERNEL_H
#define PKTINFO_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "org_pktinfo_Layout.h"

struct mmsghdr;

/* What to wait for, and socket options by our own numbers. */
enum {
    WAIT_READABLE = org_pktinfo_Layout_WAIT_READABLE,
    WAIT_WRITABLE = org_pktinfo_Layout_WAIT_WRITABLE,
    OPTION_IP_PKTINFO = org_pktinfo_Layout_OPTION_IP_PKTINFO,
    OPTION_IPV6_RECVPKTINFO = org_pktinfo_Layout_OPTION_IPV6_RECVPKTINFO,
    OPTION_IPV6_V6ONLY = org_pktinfo_Layout_OPTION_IPV6_V6ONLY,
    OPTION_FAMILY = org_pktinfo_Layout_OPTION_FAMILY,
    OPTION_BOUND_INTERFACE = org_pktinfo_Layout_OPTION_BOUND_INTERFACE,
    OPTION_UDP_SEGMENT = org_pktinfo_Layout_OPTION_UDP_SEGMENT,
    OPTION_UDP_GRO = org_pktinfo_Layout_OPTION_UDP_GRO,
    OPTION_RXQ_OVFL = org_pktinfo_Layout_OPTION_RXQ_OVFL,
    OPTION_IP_MTU_DISCOVER = org_pktinfo_Layout_OPTION_IP_MTU_DISCOVER,
    OPTION_IP_MULTICAST_ALL = org_pktinfo_Layout_OPTION_IP_MULTICAST_ALL,
    OPTION_IPV6_MULTICAST_ALL = org_pktinfo_Layout_OPTION_IPV6_MULTICAST_ALL,
};

/* Never block; a datagram that does not fit reports its whole length and MSG_TRUNC. */
int kernel_receive(int fd, struct msghdr *message);
int kernel_receive_many(int fd, struct mmsghdr *messages, unsigned count);
int kernel_send(int fd, const struct msghdr *message);
int kernel_send_many(int fd, struct mmsghdr *messages, unsigned count);

/* Waits for the events (WAIT_*) on fd or for a signal on event_fd, or for the time to pass; 0 also on EINTR. */
int kernel_wait(int fd, int event_fd, int events, int timeout_millis);

/* Options by our own number (OPTION_*); reading gives a value >= 0. */
int kernel_set_option(int fd, int option, int value);
int kernel_get_option(int fd, int option);

/* How many datagrams the socket has lost, modulo 2^32; kernels before 4.12 cannot tell: -ENOPROTOOPT. */
int64_t kernel_drops(int fd);

/* The socket's number, which no other socket has or will have; kernels before 4.12 cannot tell: -ENOPROTOOPT. */
int64_t kernel_cookie(int fd);

/* The number of the socket's network namespace; kernels before 5.14 cannot tell: -ENOPROTOOPT. */
int64_t kernel_namespace(int fd);

/* For one question at a time. */
int kernel_new_route_socket(void);

/*
 * The type of the route (RTN_* of rtnetlink(7)) that leads to an address of 16 bytes, an IPv4 address being the last four, by an
 * interface if that is not 0. 0 if there is none, negative if it cannot be asked for. The number is the question's own.
 */
int kernel_route_type(int fd, int number, int family, const uint8_t *address, int interface);

int kernel_duplicate(int fd);

/* Has fd stand for what the other stands for, as dup3(2) does. */
int kernel_replace(int fd, int by);

int kernel_close(int fd);
int kernel_new_event(void);
int kernel_signal(int event_fd);

/* Takes the signals back, if there are any. */
int kernel_calm(int event_fd);

/* The C library: 1000 * major + minor for glibc, 0 for any other. */
int libc_glibc_version(void);

#endif
