/*
 * Linked around the shim with --wrap, makes a kernel since 3.15 keep the packet information rules of an older one, for
 * tests. The environment variable PKTINFO_EMULATE says of which:
 *
 *   legacy   RHEL 6 to 7.3, Linux to 3.13
 *   half     RHEL 7.4 and 7.5, Linux 3.14
 *   modern   none: everything is passed on
 *   deaf     a kernel, gVisor for one, that takes packet information on sending and ignores it, of either family and without an error
 *
 * each perhaps followed by -without-mmsg: without recvmmsg(2) and sendmmsg(2), which came with Linux 2.6.33 and 3.0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

/* From linux/socket.h: the C library names only half of the flags. */
enum { PROBE_FLAG = 0x10 };

/* From asm/socket.h, which old systems lack. */
enum { MEMINFO_OPTION = 55 };

/* From linux/in6.h. */
enum { MULTICAST_ALL_OPTION = 29 };

/* CONTROL_LIMIT: more control data than this is refused when sent, and marked as cut off when received. */
enum { HEADER_SPACE = CMSG_LEN(0), CONTROL_LIMIT = 1024, MANY_LIMIT = 1024 };

struct kernel {
    const char *name;
    int old_receive; /* before 4b261c75a99f "ipv6: make IPV6_RECVPKTINFO work for ipv4 datagrams" */
    int old_send;    /* before c8e6ad0829a7 "ipv6: honor IPV6_PKTINFO with v4 mapped addresses on sendmsg" */
    int without_mmsg;
    int deaf;
};

ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
int __real_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

static const struct kernel kernels[] = {
    {.name = "legacy", .old_receive = 1, .old_send = 1},
    {.name = "legacy-without-mmsg", .old_receive = 1, .old_send = 1, .without_mmsg = 1},
    {.name = "half", .old_send = 1},
    {.name = "half-without-mmsg", .old_send = 1, .without_mmsg = 1},
    {.name = "modern"},
    {.name = "modern-without-mmsg", .without_mmsg = 1},
    {.name = "deaf", .deaf = 1},
};

static const struct kernel *chosen;
static pthread_once_t choice = PTHREAD_ONCE_INIT;

/* Stops the process if it cannot tell which is meant: a test must not pass on another kernel than it names. */
static void choose(void)
{
    const char *name = getenv("PKTINFO_EMULATE");

    for (size_t i = 0; name != NULL && i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        if (strcmp(name, kernels[i].name) == 0) {
            chosen = &kernels[i];
            return;
        }
    }
    fprintf(stderr,
        "pktinfo: this test build emulates the kernel that PKTINFO_EMULATE names: legacy, half or modern, each perhaps"
        " followed by -without-mmsg, or deaf. It is %s%s%s.\n",
        name == NULL ? "not set" : "'", name == NULL ? "" : name, name == NULL ? "" : "'");
    _exit(EXIT_FAILURE);
}

static const struct kernel *kernel(void)
{
    pthread_once(&choice, choose);
    return chosen;
}

/* Copies the header of the control message that begins here; how far it is to the next one, 0 if there is no whole one. */
static size_t read_header(struct cmsghdr *header, const uint8_t *at, size_t left)
{
    if (left < sizeof(*header)) {
        return 0;
    }
    memcpy(header, at, sizeof(*header));
    if (header->cmsg_len < HEADER_SPACE || header->cmsg_len > left) {
        return 0;
    }
    size_t step = CMSG_ALIGN(header->cmsg_len);
    return step < left ? step : left;
}

/* The caller's control buffer, while the kernel fills a larger one: an old kernel needs no room for what it leaves out. */
struct loan {
    uint8_t *control;
    size_t length;
    uint8_t larger[CONTROL_LIMIT];
};

static void lend(struct loan *loan, struct msghdr *message)
{
    size_t length = message->msg_controllen + CMSG_SPACE(sizeof(struct in6_pktinfo));

    loan->control = message->msg_control;
    loan->length = message->msg_controllen;
    message->msg_control = loan->larger;
    message->msg_controllen = length < sizeof(loan->larger) ? length : sizeof(loan->larger);
}

/* The datagram was IPv4 if its destination is IPv4-mapped: ip6_datagram_recv_common_ctl() maps it, and nothing else does. */
static int is_in6_pktinfo_of_ipv4(const struct cmsghdr *header, const uint8_t *data)
{
    struct in6_pktinfo info;

    if (header->cmsg_level != IPPROTO_IPV6 || header->cmsg_type != IPV6_PKTINFO
        || header->cmsg_len != CMSG_LEN(sizeof(info))) {
        return 0;
    }
    memcpy(&info, data, sizeof(info));
    return IN6_IS_ADDR_V4MAPPED(&info.ipi6_addr);
}

/* As put_cmsg() in net/core/scm.c: what does not fit is cut off and marked. */
static void put_message(struct msghdr *message, const struct loan *loan, struct cmsghdr *header, const uint8_t *data)
{
    size_t room = loan->length - message->msg_controllen;
    size_t space = CMSG_ALIGN(header->cmsg_len);

    if (loan->control == NULL || room < sizeof(*header)) {
        message->msg_flags |= MSG_CTRUNC;
        return;
    }
    if (header->cmsg_len > room) {
        message->msg_flags |= MSG_CTRUNC;
        header->cmsg_len = room;
    }
    memcpy(loan->control + message->msg_controllen, header, sizeof(*header));
    memcpy(loan->control + message->msg_controllen + HEADER_SPACE, data, header->cmsg_len - HEADER_SPACE);
    message->msg_controllen += space < room ? space : room;
}

static void give_back_untouched(const struct loan *loan, struct msghdr *message)
{
    message->msg_control = loan->control;
    message->msg_controllen = loan->length;
}

static void give_back(const struct loan *loan, struct msghdr *message)
{
    size_t left = message->msg_controllen;
    const uint8_t *at = loan->larger;
    struct cmsghdr header;

    message->msg_control = loan->control;
    message->msg_controllen = 0;
    for (size_t step = read_header(&header, at, left); step > 0; step = read_header(&header, at, left)) {
        if (!is_in6_pktinfo_of_ipv4(&header, at + HEADER_SPACE)) {
            put_message(message, loan, &header, at + HEADER_SPACE);
        }
        at += step;
        left -= step;
    }
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct loan loan;

    if (!kernel()->old_receive) {
        return __real_recvmsg(fd, message, flags);
    }
    lend(&loan, message);
    ssize_t result = __real_recvmsg(fd, message, flags);
    if (result == -1) {
        give_back_untouched(&loan, message);
    } else {
        give_back(&loan, message);
    }
    return result;
}

static int receive_many(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    struct loan *loans = malloc(count * sizeof(*loans));

    if (loans == NULL) {
        return -1;
    }
    for (unsigned i = 0; i < count; i++) {
        lend(&loans[i], &messages[i].msg_hdr);
    }
    int result = __real_recvmmsg(fd, messages, count, flags, timeout);
    for (unsigned i = 0; i < count; i++) {
        if (result == -1 || i >= (unsigned)result) {
            give_back_untouched(&loans[i], &messages[i].msg_hdr);
        } else {
            give_back(&loans[i], &messages[i].msg_hdr);
        }
    }
    int error = errno;
    free(loans);
    errno = error;
    return result;
}

int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    if (kernel()->without_mmsg) {
        return (int)fail(ENOSYS);
    }
    if (!kernel()->old_receive || count == 0) {
        return __real_recvmmsg(fd, messages, count, flags, timeout);
    }
    return receive_many(fd, messages, count < MANY_LIMIT ? count : MANY_LIMIT, flags, timeout);
}

/* What an old ip_cmsg_send() makes of a message: only what is of level SOL_IP, the last in_pktinfo, its index even if 0. */
struct old_message {
    struct msghdr message;
    struct in_pktinfo info;
    int has_info;
    uint8_t control[CONTROL_LIMIT];
};

static void keep_message(struct old_message *old, const struct cmsghdr *header, const uint8_t *at, size_t length)
{
    if (header->cmsg_level != IPPROTO_IP) {
        return;
    }
    if (header->cmsg_type == IP_PKTINFO && header->cmsg_len == CMSG_LEN(sizeof(old->info))) {
        memcpy(&old->info, at + HEADER_SPACE, sizeof(old->info));
        old->has_info = 1;
    }
    memcpy(old->control + old->message.msg_controllen, at, length);
    old->message.msg_controllen += length;
}

static long make_old(struct old_message *old, const struct msghdr *message)
{
    const uint8_t *at = message->msg_control;
    size_t left = message->msg_controllen;
    struct cmsghdr header;

    if (left > sizeof(old->control)) {
        return fail(ENOBUFS);
    }
    old->message = *message;
    old->message.msg_control = old->control;
    old->message.msg_controllen = 0;
    old->info = (struct in_pktinfo){.ipi_ifindex = 0};
    old->has_info = 0;
    for (size_t step = read_header(&header, at, left); step > 0; step = read_header(&header, at, left)) {
        keep_message(old, &header, at, step);
        at += step;
        left -= step;
    }
    if (left > 0) { /* malformed: the kernel is to say so */
        memcpy(old->control + old->message.msg_controllen, at, left);
        old->message.msg_controllen += left;
    }
    return 0;
}

/* Copies the IPv4 address out of a name, also out of an IPv4-mapped one; 0 if there is none. */
static int read_ipv4(struct in_addr *address, const void *name, size_t length)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (length < sizeof(in)) {
        return 0;
    }
    memcpy(&in, name, sizeof(in));
    if (in.sin_family == AF_INET) {
        *address = in.sin_addr;
        return 1;
    }
    if (in.sin_family != AF_INET6 || length < sizeof(in6)) {
        return 0;
    }
    memcpy(&in6, name, sizeof(in6));
    memcpy(address, &in6.sin6_addr.s6_addr[12], sizeof(*address));
    return IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr);
}

static int has_ipv4_peer(int fd, const struct msghdr *message)
{
    struct in_addr peer;
    struct sockaddr_in6 name = {0};
    socklen_t length = sizeof(name);

    if (message->msg_name != NULL) {
        return read_ipv4(&peer, message->msg_name, message->msg_namelen);
    }
    return getpeername(fd, (struct sockaddr *)&name, &length) == 0 && read_ipv4(&peer, &name, length);
}

/* The source that the message asks for, else the one that the socket is bound to; INADDR_ANY if there is neither. */
static struct in_addr source_of(int fd, const struct old_message *old)
{
    struct in_addr bound = {.s_addr = INADDR_ANY};
    struct sockaddr_in6 name = {0};
    socklen_t length = sizeof(name);

    if (old->has_info) {
        return old->info.ipi_spec_dst;
    }
    if (getsockname(fd, (struct sockaddr *)&name, &length) == 0 && !read_ipv4(&bound, &name, length)) {
        bound.s_addr = INADDR_ANY;
    }
    return bound;
}

/*
 * Whether the host has the address, by the very check that a source undergoes: from the address to itself there is
 * always a route. With these flags and no payload udp_sendmsg() ends before anything is sent. -1 if it cannot be told.
 */
static int is_local(struct in_addr address)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = address};
    struct in_pktinfo info = {.ipi_spec_dst = address};
    struct cmsghdr header = {.cmsg_len = CMSG_LEN(sizeof(info)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
    uint8_t control[CMSG_SPACE(sizeof(info))] = {0};
    struct msghdr message = {
        .msg_name = &name,
        .msg_namelen = sizeof(name),
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }
    memcpy(control, &header, sizeof(header));
    memcpy(control + HEADER_SPACE, &info, sizeof(info));
    int local = __real_sendmsg(fd, &message, PROBE_FLAG | MSG_CONFIRM) == 0 ? 1 : errno == ENETUNREACH ? 0 : -1;
    int error = errno;
    close(fd);
    errno = error;
    return local;
}

/* Today both are ENETUNREACH, in this order: a source that is not the host's, which was EINVAL then, and no route. */
static long fail_as_then(struct in_addr source)
{
    int local = source.s_addr == INADDR_ANY ? 1 : is_local(source);

    return local == -1 ? -1 : fail(local ? ENETUNREACH : EINVAL);
}

static int bind_to_device(int fd, const char *name)
{
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name));
}

/* Index 0 means any interface, whatever the socket is bound to; meanwhile it may also receive from any. */
static ssize_t send_by_any_interface(int fd, const struct msghdr *message, int flags)
{
    char device[IF_NAMESIZE + 1] = {0};
    socklen_t length = IF_NAMESIZE;

    if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &length) == -1) {
        return -1;
    }
    if (device[0] == '\0') {
        return __real_sendmsg(fd, message, flags);
    }
    if (bind_to_device(fd, "") == -1) {
        return -1;
    }
    ssize_t result = __real_sendmsg(fd, message, flags);
    int error = errno;
    if (bind_to_device(fd, device) == -1) {
        return -1;
    }
    errno = error;
    return result;
}

static ssize_t send_to_ipv4_as_then(int fd, const struct msghdr *message, int flags)
{
    struct old_message old;

    if (make_old(&old, message) == -1) {
        return -1;
    }
    ssize_t result = old.has_info && old.info.ipi_ifindex == 0
        ? send_by_any_interface(fd, &old.message, flags)
        : __real_sendmsg(fd, &old.message, flags);
    return result == -1 && errno == ENETUNREACH ? fail_as_then(source_of(fd, &old)) : result;
}

/* Whatever the message says besides, it says nothing about the source: the shim sends no other control messages but the segment size. */
static ssize_t send_deaf(int fd, const struct msghdr *message, int flags)
{
    struct msghdr without = *message;

    without.msg_control = NULL;
    without.msg_controllen = 0;
    return __real_sendmsg(fd, &without, flags);
}

/* One at a time: no other datagram may leave while a socket's binding is lifted. */
static ssize_t send_one(int fd, const struct msghdr *message, int flags)
{
    if (kernel()->deaf) {
        return send_deaf(fd, message, flags);
    }
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&one_at_a_time);
    ssize_t result = has_ipv4_peer(fd, message) ? send_to_ipv4_as_then(fd, message, flags)
                                                : __real_sendmsg(fd, message, flags);
    pthread_mutex_unlock(&one_at_a_time);
    return result;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return kernel()->old_send || kernel()->deaf ? send_one(fd, message, flags) : __real_sendmsg(fd, message, flags);
}

/* As sendmmsg(2): ends at the first that fails, whose error only counts if nothing was sent before. */
static long send_many(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    for (unsigned i = 0; i < count; i++) {
        ssize_t result = send_one(fd, &messages[i].msg_hdr, flags);
        if (result == -1) {
            return i > 0 ? (long)i : -1;
        }
        messages[i].msg_len = (unsigned)result;
    }
    return count;
}

static long send_many_as_then(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if (kernel()->without_mmsg) {
        return fail(ENOSYS);
    }
    if (kernel()->old_send || kernel()->deaf) {
        return send_many(fd, messages, count < MANY_LIMIT ? count : MANY_LIMIT, flags);
    }
    return __real_syscall(SYS_sendmmsg, fd, messages, count, flags);
}

/* The numbers that the shim uses. */
long __wrap_syscall(long number, ...)
{
    va_list arguments;

    va_start(arguments, number);
    struct call call = take_call(number, arguments);
    va_end(arguments);
    switch (number) {
    case SYS_recvmsg:
        return __wrap_recvmsg(call.fd, call.messages, (int)call.third);
    case SYS_recvmmsg:
        return __wrap_recvmmsg(call.fd, call.messages, call.third, call.flags, NULL);
    case SYS_sendmsg:
        return __wrap_sendmsg(call.fd, call.messages, (int)call.third);
    case SYS_sendmmsg:
        return send_many_as_then(call.fd, call.messages, call.third, call.flags);
    default:
        return fail(ENOSYS);
    }
}

/*
 * SO_MEMINFO came with Linux 4.12, UDP_SEGMENT with 4.18, IPV6_MULTICAST_ALL with 4.20 and UDP_GRO with 5.0: a kernel that ignores
 * in6_pktinfo has none of them, and one that ignores all has no UDP_SEGMENT here, which would be lost with the rest.
 */
static int is_newer(int level, int name)
{
    if (level == IPPROTO_UDP) {
        return kernel()->old_send || kernel()->deaf;
    }
    return kernel()->old_send
        && ((level == SOL_SOCKET && name == MEMINFO_OPTION) || (level == IPPROTO_IPV6 && name == MULTICAST_ALL_OPTION));
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    return is_newer(level, name) ? (int)fail(ENOPROTOOPT) : __real_getsockopt(fd, level, name, value, length);
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    return is_newer(level, name) ? (int)fail(ENOPROTOOPT) : __real_setsockopt(fd, level, name, value, length);
}
