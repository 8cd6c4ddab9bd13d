/* Sending as on an old kernel: the control data that takes effect for a peer, and the error of each IPv4 source. */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calls.h"
#include "emulator.h"

/* From linux/socket.h: the C library declares only half of the flags. */
enum { PROBE_FLAG = 0x10 };

/* From asm/socket.h. */
enum { NUMBER_TYPE = 81 };

/*
 * The parts of a message that an old kernel uses: only level SOL_IP or SOL_IPV6, because level SOL_SOCKET came with
 * Linux 4.6 and SOL_UDP with 4.18; the last in_pktinfo, its index even if 0.
 */
struct old_message {
    struct msghdr message;
    int level; /* IPPROTO_IP or IPPROTO_IPV6 */
    struct in_pktinfo info;
    int has_info;
    int is_refused;
    uint8_t control[CONTROL_LIMIT];
};

/* A header field is a message of its own type only since 3.13, and as a byte only since e895cdce6831, Linux 4.9. */
static int refuses(const struct cmsghdr *header)
{
    return (header->cmsg_type == IP_TOS || header->cmsg_type == IP_TTL)
        && (emulated()->without_fields || header->cmsg_len != CMSG_LEN(sizeof(int)));
}

static void keep_message(struct old_message *old, const struct cmsghdr *header, const uint8_t *at, size_t length)
{
    if (header->cmsg_level != old->level) {
        return;
    }
    if (old->level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO
        && header->cmsg_len == CMSG_LEN(sizeof(old->info))) {
        memcpy(&old->info, at + HEADER_SPACE, sizeof(old->info));
        old->has_info = 1;
    }
    old->is_refused |= old->level == IPPROTO_IP && refuses(header);
    memcpy(old->control + old->message.msg_controllen, at, length);
    old->message.msg_controllen += length;
}

static long make_old(struct old_message *old, const struct msghdr *message, int level)
{
    const uint8_t *at = message->msg_control;
    size_t left = message->msg_controllen;
    struct cmsghdr header;

    if (left > sizeof(old->control)) {
        return fail(ENOBUFS);
    }
    old->message = *message;
    old->level = level;
    old->message.msg_control = old->control;
    old->message.msg_controllen = 0;
    old->info = (struct in_pktinfo){.ipi_ifindex = 0};
    old->has_info = 0;
    old->is_refused = 0;
    for (size_t step = read_header(&header, at, left); step > 0; step = read_header(&header, at, left)) {
        keep_message(old, &header, at, step);
        at += step;
        left -= step;
    }
    if (left > 0) { /* malformed: the kernel is to report it */
        memcpy(old->control + old->message.msg_controllen, at, left);
        old->message.msg_controllen += left;
    }
    return old->is_refused ? fail(EINVAL) : 0;
}

/* Copies the IPv4 address out of a name, also out of an IPv4-mapped one; returns 0 if there is none. */
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

/* Returns the source in the message, else the one that the socket is bound to; INADDR_ANY if there is neither. */
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
 * Returns 1 if the address is one of the host's, by the same check that a source undergoes: from such an address to
 * itself there is always a route. With these flags and no payload udp_sendmsg() returns before anything is sent.
 * Returns -1 if the result is not clear.
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

/*
 * Current kernels return ENETUNREACH for both, in this order: a source that is not the host's, formerly EINVAL, and no
 * route.
 */
static long fail_as_then(struct in_addr source)
{
    int local = source.s_addr == INADDR_ANY ? 1 : is_local(source);

    return local == -1 ? -1 : fail(local ? ENETUNREACH : EINVAL);
}

static int bind_to_device(int fd, const char *name)
{
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name));
}

/* Index 0 means any interface, whatever the socket is bound to; in the meantime it may also receive from any. */
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

    if (make_old(&old, message, IPPROTO_IP) == -1) {
        return -1;
    }
    ssize_t result = old.has_info && old.info.ipi_ifindex == 0
        ? send_by_any_interface(fd, &old.message, flags)
        : __real_sendmsg(fd, &old.message, flags);
    return result == -1 && errno == ENETUNREACH ? fail_as_then(source_of(fd, &old)) : result;
}

static ssize_t send_to_ipv6_as_then(int fd, const struct msghdr *message, int flags)
{
    struct old_message old;

    return make_old(&old, message, IPPROTO_IPV6) == -1 ? -1 : __real_sendmsg(fd, &old.message, flags);
}

/* Returns 1 if a message has a number for its time of transmission. */
static int has_number(const struct msghdr *message)
{
    const uint8_t *at = message->msg_control;
    size_t left = message->msg_controllen;
    struct cmsghdr header;

    for (size_t step = read_header(&header, at, left); step > 0; step = read_header(&header, at, left)) {
        if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == NUMBER_TYPE) {
            return 1;
        }
        at += step;
        left -= step;
    }
    return 0;
}

/* Sends without any control data: header fields of its own are lost with the packet information. */
static ssize_t send_deaf(int fd, const struct msghdr *message, int flags)
{
    struct msghdr without = *message;

    without.msg_control = NULL;
    without.msg_controllen = 0;
    return __real_sendmsg(fd, &without, flags);
}

/* Sends one at a time: no other datagram may be sent while a socket's binding is lifted. */
static ssize_t send_one(int fd, const struct msghdr *message, int flags)
{
    if (emulated()->deaf) {
        return send_deaf(fd, message, flags);
    }
    if (emulated()->without_numbers) {
        return has_number(message) ? fail(EINVAL) : __real_sendmsg(fd, message, flags);
    }
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&one_at_a_time);
    ssize_t result = has_ipv4_peer(fd, message) ? send_to_ipv4_as_then(fd, message, flags)
                                                : send_to_ipv6_as_then(fd, message, flags);
    pthread_mutex_unlock(&one_at_a_time);
    return result;
}

static int has_rules(void)
{
    return emulated()->old_send || emulated()->without_numbers || emulated()->deaf;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return has_rules() ? send_one(fd, message, flags) : __real_sendmsg(fd, message, flags);
}

/* As sendmmsg(2): stops at the first failure and reports its error only if nothing was sent before. */
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

long send_many_as_then(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if (emulated()->without_mmsg) {
        return fail(ENOSYS);
    }
    if (has_rules()) {
        return send_many(fd, messages, count < MANY_LIMIT ? count : MANY_LIMIT, flags);
    }
    return __real_syscall(SYS_sendmmsg, fd, messages, count, flags);
}
