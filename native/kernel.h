/*
 * The system calls, which kernel_linux.c implements for Linux. Each returns the kernel's result or, on every operating
 * system, minus Linux's error number (linux_errno.h). A missing call is ENOSYS, a missing option ENOPROTOOPT. EINTR is
 * retried, except by kernel_wait(). The functions share no state, so any threads may call them at once.
 */
#ifndef PKTINFO_KERNEL_H
#define PKTINFO_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "org_pktinfo_internal_Layout.h"

/* One message of a call for many: Linux's struct mmsghdr, which few other systems have. */
struct message {
    struct msghdr header;
    unsigned length; /* bytes received or sent */
};

/* The events to wait for, and the project's own numbers of socket options. */
enum {
    WAIT_READABLE = org_pktinfo_internal_Layout_WAIT_READABLE,
    WAIT_WRITABLE = org_pktinfo_internal_Layout_WAIT_WRITABLE,
    WAIT_ERROR = org_pktinfo_internal_Layout_WAIT_ERROR,
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
    OPTION_IP_RECVTOS = org_pktinfo_internal_Layout_OPTION_IP_RECVTOS,
    OPTION_IPV6_RECVTCLASS = org_pktinfo_internal_Layout_OPTION_IPV6_RECVTCLASS,
    OPTION_IP_RECVTTL = org_pktinfo_internal_Layout_OPTION_IP_RECVTTL,
    OPTION_IPV6_RECVHOPLIMIT = org_pktinfo_internal_Layout_OPTION_IPV6_RECVHOPLIMIT,
    OPTION_TIMESTAMPNS = org_pktinfo_internal_Layout_OPTION_TIMESTAMPNS,
    OPTION_TIMESTAMPING = org_pktinfo_internal_Layout_OPTION_TIMESTAMPING,
    OPTION_IP_RECVORIGDSTADDR = org_pktinfo_internal_Layout_OPTION_IP_RECVORIGDSTADDR,
    OPTION_IPV6_RECVORIGDSTADDR = org_pktinfo_internal_Layout_OPTION_IPV6_RECVORIGDSTADDR,
    OPTION_RCVMARK = org_pktinfo_internal_Layout_OPTION_RCVMARK,
    OPTION_IP_TOS = org_pktinfo_internal_Layout_OPTION_IP_TOS,
    OPTION_IPV6_TCLASS = org_pktinfo_internal_Layout_OPTION_IPV6_TCLASS,
    OPTION_IPV6_MTU_DISCOVER = org_pktinfo_internal_Layout_OPTION_IPV6_MTU_DISCOVER,
    OPTION_IPV6_DONTFRAG = org_pktinfo_internal_Layout_OPTION_IPV6_DONTFRAG,
    OPTION_IP_TRANSPARENT = org_pktinfo_internal_Layout_OPTION_IP_TRANSPARENT,
    OPTION_IPV6_TRANSPARENT = org_pktinfo_internal_Layout_OPTION_IPV6_TRANSPARENT,
    OPTION_MARK = org_pktinfo_internal_Layout_OPTION_MARK,
    OPTION_RCVBUF = org_pktinfo_internal_Layout_OPTION_RCVBUF,
    OPTION_RCVBUFFORCE = org_pktinfo_internal_Layout_OPTION_RCVBUFFORCE,
    OPTION_BUSY_POLL = org_pktinfo_internal_Layout_OPTION_BUSY_POLL,
    OPTION_INCOMING_CPU = org_pktinfo_internal_Layout_OPTION_INCOMING_CPU,
    OPTION_IPV6_FREEBIND = org_pktinfo_internal_Layout_OPTION_IPV6_FREEBIND,
    OPTION_IP_RECVERR = org_pktinfo_internal_Layout_OPTION_IP_RECVERR,
    OPTION_IPV6_RECVERR = org_pktinfo_internal_Layout_OPTION_IPV6_RECVERR,
    OPTION_IP_MTU = org_pktinfo_internal_Layout_OPTION_IP_MTU,
    OPTION_IPV6_MTU = org_pktinfo_internal_Layout_OPTION_IPV6_MTU,
    OPTION_ERROR = org_pktinfo_internal_Layout_OPTION_ERROR,
};

/*
 * Receive and send without waiting. A truncated datagram sets MSG_TRUNC, and its whole length is returned if the kernel
 * reports it. To send without control messages, msg_control must be NULL: some kernels refuse an empty one.
 */
int kernel_receive(int fd, struct msghdr *message);
int kernel_receive_many(int fd, struct message *messages, unsigned count);
int kernel_send(int fd, const struct msghdr *message);
int kernel_send_many(int fd, struct message *messages, unsigned count);

/* Has the kernel check a message without payload and find its route, but send nothing. */
int kernel_check_message(int fd, const struct msghdr *message);

/* Receives one message of the socket's error queue, as kernel_receive() does a datagram. */
int kernel_receive_error(int fd, struct msghdr *message);

struct sockaddr_storage;

/* Reads the local address of a datagram socket. Returns ENOPROTOOPT, negated, if fd is not one. */
int kernel_datagram_name(int fd, struct sockaddr_storage *name);

/* Reads the address that a socket is connected to. */
int kernel_peer_name(int fd, struct sockaddr_storage *name);

/* As bind(2) and connect(2). The third function dissolves the association of a connected socket. */
int kernel_bind(int fd, const struct sockaddr_storage *name, socklen_t length);
int kernel_connect(int fd, const struct sockaddr_storage *name, socklen_t length);
int kernel_disconnect(int fd);

/*
 * Waits for an event (WAIT_*) on fd, a signal on event_fd, or the timeout. Returns 0 on timeout, and also on EINTR. If
 * the socket has an error pending or in its error queue, the result has WAIT_ERROR.
 */
int kernel_wait(int fd, int event_fd, int events, int timeout_millis);

/*
 * Set and get an option by the project's own number (OPTION_*), with Linux's values. OPTION_BOUND_INTERFACE is the
 * index of an interface, 0 for none. A value read is returned as unsigned: -1 as 4294967295.
 */
int kernel_set_option(int fd, int option, int value);
int64_t kernel_get_option(int fd, int option);

/* Returns the number of datagrams that the socket has dropped, modulo 2^32; ENOPROTOOPT before Linux 4.12. */
int64_t kernel_drops(int fd);

/* Returns the socket's cookie, a number that no other socket has or will have; ENOPROTOOPT before Linux 4.12. */
int64_t kernel_cookie(int fd);

/* Returns the number of the socket's network namespace; ENOPROTOOPT before Linux 5.14. */
int64_t kernel_namespace(int fd);

/* Opens a socket for kernel_route_type(), which handles one query at a time. The caller closes it. */
int kernel_new_route_socket(void);

/*
 * Returns the type (RTN_* of rtnetlink(7)) of the route to address, by interface unless that is 0; 0 if there is no
 * route, negative if the query failed. address is 16 bytes, of which an IPv4 address is the last four. number is unique
 * to the query.
 */
int kernel_route_type(int fd, int number, int family, const uint8_t *address, int interface);

int kernel_duplicate(int fd);

/* Makes fd refer to the same open file as by, as dup3(2) does. */
int kernel_replace(int fd, int by);

int kernel_close(int fd);

/* Returns 1 if the descriptor is close-on-exec, otherwise 0. */
int kernel_closes_on_exec(int fd);

int kernel_new_event(void);
int kernel_signal(int event_fd);

/* Clears pending signals, if there are any. */
int kernel_calm(int event_fd);

/* Returns the number of the system call recvfrom(2) on this processor. */
int kernel_recvfrom_number(void);

/* Interrupts a system call of a thread of this process with the JDK's signal; ENOPROTOOPT if the JDK has no handler. */
int kernel_interrupt(int thread);

/* Returns the version of the C library: 1000 * major + minor for glibc, 0 for any other. */
int libc_glibc_version(void);

#endif
