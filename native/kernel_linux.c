#define _GNU_SOURCE
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "kernel_linux.h"
#include "linux_errno.h"

/* The structure is passed to recvmmsg(2) and sendmmsg(2) unchanged. */
_Static_assert(sizeof(struct message) == sizeof(struct mmsghdr), "message");
_Static_assert(offsetof(struct message, header) == offsetof(struct mmsghdr, msg_hdr), "header");
_Static_assert(offsetof(struct message, length) == offsetof(struct mmsghdr, msg_len), "length");

/* errno is returned unchanged. This fails on alpha, mips, parisc and sparc, which have numbers of their own. */
_Static_assert(LINUX_EIO == EIO && LINUX_EAGAIN == EAGAIN && LINUX_EINVAL == EINVAL, "errno");
_Static_assert(LINUX_ENOSYS == ENOSYS && LINUX_EMSGSIZE == EMSGSIZE && LINUX_EOPNOTSUPP == EOPNOTSUPP, "errno");

/* From linux/udp.h, which old systems lack. */
enum { SOL_UDP_LEVEL = 17 };

/*
 * From asm/socket.h and linux/sock_diag.h, which old systems lack too. SO_MEMINFO returns 4-byte numbers, of which the
 * ninth is the last one used.
 */
enum { SO_MEMINFO_OPTION = 55, MEMINFO_DROPS = 8, SO_COOKIE_OPTION = 57, SO_NETNS_COOKIE_OPTION = 71 };

/* From linux/netlink.h and linux/rtnetlink.h, which are not in the include path of a musl compiler. */
enum { ROUTING = 0, IS_REQUEST = 1 };                         /* protocol, flag */
enum { FAILURE = 2, NEW_ROUTE = 24, GET_ROUTE = 26 };         /* message types */
enum { DESTINATION = 1, OUTPUT_INTERFACE = 4 };               /* attribute types */

struct netlink_header {
    uint32_t length;
    uint16_t type;
    uint16_t flags;
    uint32_t sequence;
    uint32_t port;
};

struct route_header {
    uint8_t family;
    uint8_t destination_bits;
    uint8_t unused[5];
    uint8_t type;
    uint32_t flags;
};

struct attribute {
    uint16_t length;
    uint16_t type;
};

/* A query for the route to an address, by an interface unless that is 0. */
struct route_question {
    struct netlink_header netlink;
    struct route_header route;
    struct attribute interface_is;
    uint32_t interface;
    struct attribute destination_is;
    uint8_t destination[16];
};

union route_answer {
    struct netlink_header netlink;
    struct {
        struct netlink_header netlink;
        struct route_header route;
    } found;
    struct {
        struct netlink_header netlink;
        int32_t error;
    } failed;
    uint8_t bytes[1024]; /* attributes */
};

static int or_errno(long result)
{
    return result == -1 ? -errno : (int)result;
}

/*
 * These are system calls by number. glibc's functions of these names are cancellation points (pthreads(7)), which cost
 * two atomic operations each that no Java thread needs. Also, glibc 2.12 (RHEL 6) lacks sendmmsg(2), which its kernel
 * has.
 */
static inline int repeated(long number, int fd, const void *message, unsigned third, int fourth)
{
    long result;

    do {
        result = kernel_call(number, fd, message, third, fourth);
    } while (result == -EINTR);
    return (int)result;
}

int kernel_receive(int fd, struct msghdr *message)
{
    return repeated(SYS_recvmsg, fd, message, MSG_DONTWAIT | MSG_TRUNC, 0);
}

int kernel_receive_error(int fd, struct msghdr *message)
{
    return repeated(SYS_recvmsg, fd, message, MSG_DONTWAIT | MSG_ERRQUEUE, 0);
}

int kernel_receive_many(int fd, struct message *messages, unsigned count)
{
    return repeated(SYS_recvmmsg, fd, messages, count, MSG_DONTWAIT | MSG_TRUNC);
}

int kernel_send(int fd, const struct msghdr *message)
{
    return repeated(SYS_sendmsg, fd, message, MSG_DONTWAIT | MSG_NOSIGNAL, 0);
}

int kernel_check_message(int fd, const struct msghdr *message)
{
    enum { PROBE = 0x10 }; /* MSG_PROBE of linux/socket.h */

    return repeated(SYS_sendmsg, fd, message, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CONFIRM | PROBE, 0);
}

int kernel_send_many(int fd, struct message *messages, unsigned count)
{
    return repeated(SYS_sendmmsg, fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int kernel_datagram_name(int fd, struct sockaddr_storage *name)
{
    socklen_t length = sizeof(*name), type_length = sizeof(int);
    int type = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0) {
        return -errno;
    }
    if (type != SOCK_DGRAM) {
        return -ENOPROTOOPT;
    }
    return or_errno(syscall(SYS_getsockname, fd, name, &length));
}

int kernel_peer_name(int fd, struct sockaddr_storage *name)
{
    socklen_t length = sizeof(*name);

    return or_errno(syscall(SYS_getpeername, fd, name, &length));
}

int kernel_bind(int fd, const struct sockaddr_storage *name, socklen_t length)
{
    return or_errno(syscall(SYS_bind, fd, name, length));
}

int kernel_connect(int fd, const struct sockaddr_storage *name, socklen_t length)
{
    return or_errno(syscall(SYS_connect, fd, name, length));
}

int kernel_disconnect(int fd)
{
    struct sockaddr_storage none = {.ss_family = AF_UNSPEC};

    return kernel_connect(fd, &none, sizeof(none));
}

/* Not retried on EINTR: only the caller knows its remaining time. */
int kernel_wait(int fd, int event_fd, int events, int timeout_millis)
{
    struct pollfd fds[2] = {
        {.fd = fd, .events = (short)(events == WAIT_READABLE ? POLLIN : POLLOUT)},
        {.fd = event_fd, .events = POLLIN},
    };
    int result = poll(fds, 2, timeout_millis);

    if (result == -1) {
        return errno == EINTR ? 0 : -errno;
    }
    return fds[0].revents & POLLERR ? result | WAIT_ERROR : result;
}

/*
 * The options whose value is an int. The numbers are from linux/in.h, linux/in6.h, linux/udp.h and asm/socket.h, of
 * which old systems lack some.
 */
static const struct {
    int level;
    int name;
} OPTIONS[] = {
    [OPTION_IP_PKTINFO] = {IPPROTO_IP, IP_PKTINFO},
    [OPTION_IPV6_RECVPKTINFO] = {IPPROTO_IPV6, IPV6_RECVPKTINFO},
    [OPTION_IPV6_V6ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY},
    [OPTION_UDP_SEGMENT] = {SOL_UDP_LEVEL, 103},
    [OPTION_UDP_GRO] = {SOL_UDP_LEVEL, 104},
    [OPTION_RXQ_OVFL] = {SOL_SOCKET, SO_RXQ_OVFL},
    [OPTION_IP_MTU_DISCOVER] = {IPPROTO_IP, IP_MTU_DISCOVER},
    [OPTION_IP_MULTICAST_ALL] = {IPPROTO_IP, 49},
    [OPTION_IPV6_MULTICAST_ALL] = {IPPROTO_IPV6, 29},
    [OPTION_IP_RECVTOS] = {IPPROTO_IP, IP_RECVTOS},
    [OPTION_IPV6_RECVTCLASS] = {IPPROTO_IPV6, IPV6_RECVTCLASS},
    [OPTION_IP_RECVTTL] = {IPPROTO_IP, IP_RECVTTL},
    [OPTION_IPV6_RECVHOPLIMIT] = {IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
    [OPTION_TIMESTAMPNS] = {SOL_SOCKET, SO_TIMESTAMPNS},
    [OPTION_TIMESTAMPING] = {SOL_SOCKET, SO_TIMESTAMPING},
    [OPTION_IP_RECVORIGDSTADDR] = {IPPROTO_IP, 20},
    [OPTION_IPV6_RECVORIGDSTADDR] = {IPPROTO_IPV6, 74},
    [OPTION_RCVMARK] = {SOL_SOCKET, 75},
    [OPTION_IP_TOS] = {IPPROTO_IP, IP_TOS},
    [OPTION_IPV6_TCLASS] = {IPPROTO_IPV6, IPV6_TCLASS},
    [OPTION_IPV6_MTU_DISCOVER] = {IPPROTO_IPV6, IPV6_MTU_DISCOVER},
    [OPTION_IPV6_DONTFRAG] = {IPPROTO_IPV6, 62},
    [OPTION_IP_TRANSPARENT] = {IPPROTO_IP, 19},
    [OPTION_IPV6_TRANSPARENT] = {IPPROTO_IPV6, 75},
    [OPTION_MARK] = {SOL_SOCKET, SO_MARK},
    [OPTION_RCVBUF] = {SOL_SOCKET, SO_RCVBUF},
    [OPTION_RCVBUFFORCE] = {SOL_SOCKET, SO_RCVBUFFORCE},
    [OPTION_BUSY_POLL] = {SOL_SOCKET, 46},
    [OPTION_INCOMING_CPU] = {SOL_SOCKET, 49},
    [OPTION_IPV6_FREEBIND] = {IPPROTO_IPV6, 78},
    [OPTION_IP_RECVERR] = {IPPROTO_IP, IP_RECVERR},
    [OPTION_IPV6_RECVERR] = {IPPROTO_IPV6, IPV6_RECVERR},
    [OPTION_IP_MTU] = {IPPROTO_IP, IP_MTU},
    [OPTION_IPV6_MTU] = {IPPROTO_IPV6, IPV6_MTU},
    [OPTION_ERROR] = {SOL_SOCKET, SO_ERROR},
};

/* A level of 0 is IPPROTO_IP, of which no option has the name 0. */
static int is_int_option(int option)
{
    return option >= 0 && option < (int)(sizeof(OPTIONS) / sizeof(OPTIONS[0])) && OPTIONS[option].name != 0;
}

static int64_t get_int(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof(value);

    return getsockopt(fd, level, name, &value, &length) == -1 ? -errno : (int64_t)(uint32_t)value;
}

/* Returns the index of the interface that SO_BINDTODEVICE names, 0 if none; ENOPROTOOPT before Linux 3.8. */
static int get_bound_interface(int fd)
{
    char name[IF_NAMESIZE + 1] = {0};
    socklen_t length = IF_NAMESIZE;

    if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == -1) {
        return -errno;
    }
    return name[0] == '\0' ? 0 : (int)if_nametoindex(name);
}

/* By name, because SO_BINDTOIFINDEX came only with Linux 5.1. */
static int set_bound_interface(int fd, int interface)
{
    char name[IF_NAMESIZE] = {0};

    if (interface != 0 && if_indextoname((unsigned)interface, name) == NULL) {
        return -ENODEV;
    }
    return or_errno(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, sizeof(name)));
}

int kernel_set_option(int fd, int option, int value)
{
    if (option == OPTION_BOUND_INTERFACE) {
        return set_bound_interface(fd, value);
    }
    return is_int_option(option)
        ? or_errno(setsockopt(fd, OPTIONS[option].level, OPTIONS[option].name, &value, sizeof(value)))
        : -ENOPROTOOPT;
}

/* AF_INET and AF_INET6 differ between systems; the shared numbers are 4 and 6. */
static int64_t get_family(int fd)
{
    int64_t domain = get_int(fd, SOL_SOCKET, SO_DOMAIN);

    switch (domain) {
    case AF_INET:
        return FAMILY_IPV4;
    case AF_INET6:
        return FAMILY_IPV6;
    default:
        return domain < 0 ? domain : -EAFNOSUPPORT;
    }
}

int64_t kernel_get_option(int fd, int option)
{
    switch (option) {
    case OPTION_FAMILY:
        return get_family(fd);
    case OPTION_BOUND_INTERFACE:
        return get_bound_interface(fd);
    default:
        return is_int_option(option) ? get_int(fd, OPTIONS[option].level, OPTIONS[option].name) : -ENOPROTOOPT;
    }
}

int64_t kernel_drops(int fd)
{
    uint32_t information[MEMINFO_DROPS + 1] = {0};
    socklen_t length = sizeof(information);

    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO_OPTION, information, &length) == -1) {
        return -errno;
    }
    if (length < sizeof(information)) {
        return -ENOPROTOOPT;
    }
    return information[MEMINFO_DROPS];
}

/* A cookie of 0 is invalid: the kernel counts from 1. */
static int64_t get_cookie(int fd, int name)
{
    int64_t cookie = 0;
    socklen_t length = sizeof(cookie);

    return getsockopt(fd, SOL_SOCKET, name, &cookie, &length) == -1 ? -errno : cookie;
}

int64_t kernel_cookie(int fd)
{
    return get_cookie(fd, SO_COOKIE_OPTION);
}

int64_t kernel_namespace(int fd)
{
    return get_cookie(fd, SO_NETNS_COOKIE_OPTION);
}

/* Sends a query. The kernel has queued the answer when send(2) returns. */
static int ask_for_route(int fd, const struct route_question *question)
{
    union route_answer answer;
    ssize_t length;

    do {
        length = send(fd, question, question->netlink.length, 0);
    } while (length == -1 && errno == EINTR);
    if (length == -1) {
        return -errno;
    }
    do {
        length = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
    } while (length == -1 && errno == EINTR);
    if (length == -1) {
        return -errno;
    }
    if ((size_t)length < sizeof(answer.netlink) || answer.netlink.sequence != question->netlink.sequence) {
        return -EPROTO;
    }
    if (answer.netlink.type == NEW_ROUTE && (size_t)length >= sizeof(answer.found)) {
        return answer.found.route.type;
    }
    if (answer.netlink.type == FAILURE && (size_t)length >= sizeof(answer.failed)) {
        return answer.failed.error == -EOPNOTSUPP ? -EOPNOTSUPP : 0;
    }
    return -EPROTO;
}

int kernel_new_route_socket(void)
{
    return or_errno(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, ROUTING));
}

int kernel_route_type(int fd, int number, int family, const uint8_t *address, int interface)
{
    size_t size = family == FAMILY_IPV4 ? 4 : 16;
    struct route_question question = {
        .netlink = {
            .length = (uint32_t)(offsetof(struct route_question, destination) + size),
            .type = GET_ROUTE,
            .flags = IS_REQUEST,
            .sequence = (uint32_t)number,
        },
        .route = {
            .family = family == FAMILY_IPV4 ? AF_INET : AF_INET6,
            .destination_bits = (uint8_t)(8 * size),
        },
        .interface_is = {.length = sizeof(struct attribute) + sizeof(uint32_t), .type = OUTPUT_INTERFACE},
        .interface = (uint32_t)interface,
        .destination_is = {.length = (uint16_t)(sizeof(struct attribute) + size), .type = DESTINATION},
    };

    memcpy(question.destination, address + 16 - size, size);
    return ask_for_route(fd, &question);
}

int kernel_duplicate(int fd)
{
    return or_errno(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

int kernel_replace(int fd, int by)
{
    int result;

    do {
        result = dup3(by, fd, O_CLOEXEC);
    } while (result == -1 && errno == EINTR);
    return or_errno(result);
}

int kernel_closes_on_exec(int fd)
{
    int flags = or_errno(fcntl(fd, F_GETFD));

    return flags < 0 ? flags : (flags & FD_CLOEXEC) != 0;
}

int kernel_recvfrom_number(void)
{
    return SYS_recvfrom;
}

/* Uses the signal of sun.nio.ch.NativeThread, SIGRTMAX - 2, whose handler does nothing. */
int kernel_interrupt(int thread)
{
    enum { SIGNAL = 62, SET_BYTES = 8 };
    uintptr_t action[8] = {0}; /* struct kernel_sigaction: the handler is first on all processors */

    if (syscall(SYS_rt_sigaction, SIGNAL, NULL, action, SET_BYTES) != 0) {
        return -errno;
    }
    return action[0] == 0 ? -ENOPROTOOPT : or_errno(syscall(SYS_tgkill, syscall(SYS_getpid), thread, SIGNAL));
}

/* Not retried: Linux has released the descriptor even if close(2) fails with EINTR. */
int kernel_close(int fd)
{
    return or_errno(close(fd));
}

int kernel_new_event(void)
{
    return or_errno(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

int kernel_signal(int event_fd)
{
    uint64_t one = 1;
    ssize_t result;

    do {
        result = write(event_fd, &one, sizeof(one));
    } while (result == -1 && errno == EINTR);
    return result == -1 ? -errno : 0;
}

int kernel_calm(int event_fd)
{
    uint64_t signals;
    ssize_t result;

    do {
        result = read(event_fd, &signals, sizeof(signals));
    } while (result == -1 && errno == EINTR);
    return result == -1 && errno != EAGAIN ? -errno : 0;
}

int libc_glibc_version(void)
{
#ifdef _CS_GNU_LIBC_VERSION
    char text[64] = {0};
    int major = 0;
    int minor = 0;

    if (confstr(_CS_GNU_LIBC_VERSION, text, sizeof(text)) == 0) {
        return 0;
    }
    for (const char *at = text + strcspn(text, "0123456789"); *at >= '0' && *at <= '9'; at++) {
        major = major * 10 + (*at - '0');
    }
    const char *dot = strchr(text, '.');
    for (const char *at = dot == NULL ? "" : dot + 1; *at >= '0' && *at <= '9'; at++) {
        minor = minor * 10 + (*at - '0');
    }
    return major * 1000 + minor;
#else
    return 0;
#endif
}
