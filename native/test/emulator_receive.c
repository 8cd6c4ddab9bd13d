/* Receiving as on an old kernel: an in6_pktinfo is not delivered with an IPv4 datagram, and needs no room. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "calls.h"
#include "emulator.h"

/*
 * Saves the caller's control buffer while the kernel fills a larger one: messages that an old kernel omits need no
 * room.
 */
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

/* An IPv4-mapped destination belongs to an IPv4 datagram: only ip6_datagram_recv_common_ctl() maps one. */
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

/* As put_cmsg() in net/core/scm.c: data that does not fit is truncated and marked. */
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

    if (!emulated()->old_receive) {
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
    if (emulated()->without_mmsg) {
        return (int)fail(ENOSYS);
    }
    if (!emulated()->old_receive || count == 0) {
        return __real_recvmmsg(fd, messages, count, flags, timeout);
    }
    return receive_many(fd, messages, count < MANY_LIMIT ? count : MANY_LIMIT, flags, timeout);
}
