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

/* From linux/udp.h, which old systems lack. */
enum { SOL_UDP_LEVEL = 17, UDP_SEGMENT_OPTION = 103, UDP_GRO_OPTION = 104 };

/* From asm/socket.h and linux/sock_diag.h, which old systems lack too: numbers of 4 bytes, the last that is looked at is the ninth. */
enum { SO_MEMINFO_OPTION = 55, MEMINFO_DROPS = 8, SO_COOKIE_OPTION = 57 };

static int or_errno(long result)
{
    return result == -1 ? -errno : (int)result;
}

/*
 * By number: glibc's functions of these names are cancellation points (pthreads(7)), which costs two atomic operations each that no Java
 * thread needs; and glibc 2.12, of RHEL 6, does not have sendmmsg(2), its kernel does.
 */
int kernel_receive(int fd, struct msghdr *message)
{
    long result;

    do {
        result = syscall(SYS_recvmsg, fd, message, MSG_DONTWAIT | MSG_TRUNC);
    } while (result == -1 && errno == EINTR);
    return or_errno(result);
}

int kernel_receive_many(int fd, struct mmsghdr *messages, unsigned count)
{
    long result;

    do {
        result = syscall(SYS_recvmmsg, fd, messages, count, MSG_DONTWAIT | MSG_TRUNC, NULL);
    } while (result == -1 && errno == EINTR);
    return or_errno(result);
}

int kernel_send(int fd, const struct msghdr *message)
{
    long result;

    do {
        result = syscall(SYS_sendmsg, fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (result == -1 && errno == EINTR);
    return or_errno(result);
}

int kernel_send_many(int fd, struct mmsghdr *messages, unsigned count)
{
    long result;

    do {
        result = syscall(SYS_sendmmsg, fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (result == -1 && errno == EINTR);
    return or_errno(result);
}

/* Not retried on EINTR: only the caller knows how much of its time is left. */
int kernel_wait(int fd, int event_fd, int events, int timeout_millis)
{
    struct pollfd fds[2] = {
        {.fd = fd, .events = (short)(events == WAIT_READABLE ? POLLIN : POLLOUT)},
        {.fd = event_fd, .events = POLLIN},
    };
    int result = poll(fds, 2, timeout_millis);

    return result == -1 && errno == EINTR ? 0 : or_errno(result);
}

static int set_int(int fd, int level, int name, int value)
{
    return or_errno(setsockopt(fd, level, name, &value, sizeof(value)));
}

static int get_int(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof(value);

    return getsockopt(fd, level, name, &value, &length) == -1 ? -errno : value;
}

/* The index of the interface that SO_BINDTODEVICE names, 0 if none; kernels before 3.8 cannot tell: ENOPROTOOPT. */
static int get_bound_interface(int fd)
{
    char name[IF_NAMESIZE + 1] = {0};
    socklen_t length = IF_NAMESIZE;

    if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == -1) {
        return -errno;
    }
    return name[0] == '\0' ? 0 : (int)if_nametoindex(name);
}

int kernel_set_option(int fd, int option, int value)
{
    switch (option) {
    case OPTION_IP_PKTINFO:
        return set_int(fd, IPPROTO_IP, IP_PKTINFO, value);
    case OPTION_IPV6_RECVPKTINFO:
        return set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, value);
    case OPTION_IPV6_V6ONLY:
        return set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, value);
    case OPTION_UDP_GRO:
        return set_int(fd, SOL_UDP_LEVEL, UDP_GRO_OPTION, value);
    case OPTION_RXQ_OVFL:
        return set_int(fd, SOL_SOCKET, SO_RXQ_OVFL, value);
    case OPTION_IP_MTU_DISCOVER:
        return set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, value);
    default:
        return -ENOPROTOOPT;
    }
}

/* AF_INET and AF_INET6 have other numbers elsewhere: ours are 4 and 6. */
static int get_family(int fd)
{
    int domain = get_int(fd, SOL_SOCKET, SO_DOMAIN);

    switch (domain) {
    case AF_INET:
        return FAMILY_IPV4;
    case AF_INET6:
        return FAMILY_IPV6;
    default:
        return domain < 0 ? domain : -EAFNOSUPPORT;
    }
}

int kernel_get_option(int fd, int option)
{
    switch (option) {
    case OPTION_IP_PKTINFO:
        return get_int(fd, IPPROTO_IP, IP_PKTINFO);
    case OPTION_IPV6_RECVPKTINFO:
        return get_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    case OPTION_IPV6_V6ONLY:
        return get_int(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    case OPTION_FAMILY:
        return get_family(fd);
    case OPTION_BOUND_INTERFACE:
        return get_bound_interface(fd);
    case OPTION_UDP_SEGMENT:
        return get_int(fd, SOL_UDP_LEVEL, UDP_SEGMENT_OPTION);
    case OPTION_UDP_GRO:
        return get_int(fd, SOL_UDP_LEVEL, UDP_GRO_OPTION);
    case OPTION_RXQ_OVFL:
        return get_int(fd, SOL_SOCKET, SO_RXQ_OVFL);
    case OPTION_IP_MTU_DISCOVER:
        return get_int(fd, IPPROTO_IP, IP_MTU_DISCOVER);
    default:
        return -ENOPROTOOPT;
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

/* The kernel counts from 1. */
int64_t kernel_cookie(int fd)
{
    int64_t cookie = 0;
    socklen_t length = sizeof(cookie);

    return getsockopt(fd, SOL_SOCKET, SO_COOKIE_OPTION, &cookie, &length) == -1 ? -errno : cookie;
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

/* Not retried: Linux has released the descriptor even where close(2) fails with EINTR. */
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
