/* The control messages of a received datagram on each kernel that the emulator knows. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "expect.h"
#include "sockets.h"
#include "test_emulator.h"

/* The control messages of a datagram in order, by a letter each, and the addresses in two of them. */
struct came {
    char kinds[8];
    struct in_pktinfo in4;
    struct in6_pktinfo in6;
    size_t in4_length;
    int flags;
    size_t controllen;
    uint8_t control[256];
};

static void read_message(struct came *came, const struct cmsghdr *message)
{
    size_t length = message->cmsg_len - CMSG_LEN(0);
    char *kind = came->kinds + strlen(came->kinds);

    if (message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_PKTINFO) {
        *kind = '6';
        memcpy(&came->in6, CMSG_DATA(message), length < sizeof(came->in6) ? length : sizeof(came->in6));
    } else if (message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_PKTINFO) {
        *kind = '4';
        came->in4_length = length;
        memcpy(&came->in4, CMSG_DATA(message), length < sizeof(came->in4) ? length : sizeof(came->in4));
    } else {
        *kind = message->cmsg_level == SOL_SOCKET && message->cmsg_type == SO_TIMESTAMPNS ? 't' : '?';
    }
}

static void read_control(struct came *came, struct msghdr *message)
{
    came->flags = message->msg_flags;
    came->controllen = message->msg_controllen;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        read_message(came, at);
    }
}

static struct came receive(int fd, size_t room)
{
    struct came came = {.kinds = ""};
    char bytes[8];
    struct iovec payload = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr message = {
        .msg_iov = &payload,
        .msg_iovlen = 1,
        .msg_control = came.control,
        .msg_controllen = room,
    };

    memset(came.control, 0xaa, sizeof(came.control));
    EXPECT_EQUAL(5, recvmsg(fd, &message, MSG_DONTWAIT));
    EXPECT_EQUAL(1, message.msg_control == came.control);
    EXPECT_EQUAL(0xaa, came.control[room]);
    read_control(&came, &message);
    return came;
}

static void expect_kinds(const char *expected, const struct came *came)
{
    if (strcmp(expected, came->kinds) != 0) {
        fprintf(stderr, "%s: control messages '%s', not '%s'\n", kernel->name, came->kinds, expected);
        expect_failed();
    }
}

static void an_ipv4_datagram_comes_with_in6_pktinfo_since_3_14(void)
{
    struct pair pair = new_pair(0);
    struct in_addr asked = {.s_addr = htonl(0x7f000002)};

    ask(pair, "::ffff:127.0.0.2");
    struct came came = receive(pair.server, 200);
    expect_kinds(kernel->in6_comes ? "64" : "4", &came);
    EXPECT_EQUAL(0, came.flags);
    EXPECT_EQUAL(
        (kernel->in6_comes ? CMSG_SPACE(sizeof(came.in6)) : 0) + CMSG_SPACE(sizeof(came.in4)), came.controllen);
    EXPECT_BYTES(&asked, &came.in4.ipi_addr, sizeof(asked));
    EXPECT_BYTES(&asked, &came.in4.ipi_spec_dst, sizeof(asked));
    EXPECT_EQUAL(if_nametoindex("lo"), came.in4.ipi_ifindex);
    close_pair(pair);
}

static void an_ipv6_datagram_comes_with_in6_pktinfo_always(void)
{
    struct pair pair = new_pair(1);

    ask(pair, "::1");
    struct came came = receive(pair.server, 200);
    expect_kinds("6", &came);
    EXPECT_BYTES(&in6addr_loopback, &came.in6.ipi6_addr, sizeof(in6addr_loopback));
    EXPECT_EQUAL(0, came.flags);
    close_pair(pair);
}

static void what_else_was_asked_for_comes_as_well(void)
{
    struct pair pair = new_pair(0);

    set(pair.server, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    ask(pair, "::ffff:127.0.0.2");
    struct came came = receive(pair.server, 200);
    expect_kinds(kernel->in6_comes ? "t64" : "t4", &came);
    set(pair.server, IPPROTO_IP, IP_PKTINFO, 0);
    set(pair.server, SOL_SOCKET, SO_TIMESTAMPNS, 0);
    ask(pair, "::ffff:127.0.0.2");
    came = receive(pair.server, 200);
    expect_kinds(kernel->in6_comes ? "6" : "", &came);
    close_pair(pair);
}

/* Room for one in_pktinfo: too little if an in6_pktinfo comes first, which is then the truncated one. */
static void what_does_not_come_needs_no_room(void)
{
    struct pair pair = new_pair(0);

    ask(pair, "::ffff:127.0.0.2");
    struct came came = receive(pair.server, CMSG_SPACE(sizeof(came.in4)));
    expect_kinds(kernel->in6_comes ? "6" : "4", &came);
    EXPECT_EQUAL(kernel->in6_comes ? MSG_CTRUNC : 0, came.flags);
    ask(pair, "::ffff:127.0.0.2");
    came = receive(pair.server, 0);
    expect_kinds("", &came);
    EXPECT_EQUAL(MSG_CTRUNC, came.flags);
    set(pair.server, IPPROTO_IP, IP_PKTINFO, 0);
    ask(pair, "::ffff:127.0.0.2");
    came = receive(pair.server, 0);
    EXPECT_EQUAL(kernel->in6_comes ? MSG_CTRUNC : 0, came.flags);
    set(pair.server, IPPROTO_IP, IP_PKTINFO, 1);
    set(pair.server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 0);
    ask(pair, "::ffff:127.0.0.2");
    came = receive(pair.server, 0);
    EXPECT_EQUAL(MSG_CTRUNC, came.flags);
    close_pair(pair);
}

static void an_in_pktinfo_without_room_is_cut_off_as_the_kernel_does(void)
{
    struct pair pair = new_pair(0);

    set(pair.server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 0);
    ask(pair, "::ffff:127.0.0.2");
    struct came by_the_kernel = receive(pair.server, 20);
    set(pair.server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    ask(pair, "::ffff:127.0.0.2");
    struct came came = receive(pair.server, kernel->in6_comes ? CMSG_SPACE(sizeof(came.in6)) + 20 : 20);
    expect_kinds(kernel->in6_comes ? "64" : "4", &came);
    EXPECT_EQUAL(4, came.in4_length);
    EXPECT_EQUAL(20, by_the_kernel.controllen);
    EXPECT_EQUAL((kernel->in6_comes ? CMSG_SPACE(sizeof(came.in6)) : 0) + 20, came.controllen);
    EXPECT_EQUAL(by_the_kernel.in4_length, came.in4_length);
    EXPECT_EQUAL(by_the_kernel.flags, came.flags);
    EXPECT_EQUAL(MSG_CTRUNC, came.flags);
    close_pair(pair);
}

static void nothing_to_receive_leaves_the_message_as_it_was(void)
{
    struct pair pair = new_pair(0);
    uint8_t control[64];
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};

    EXPECT_EQUAL(-1, recvmsg(pair.server, &message, MSG_DONTWAIT));
    EXPECT_EQUAL(EAGAIN, errno);
    EXPECT_EQUAL(1, message.msg_control == control);
    EXPECT_EQUAL(sizeof(control), message.msg_controllen);
    close_pair(pair);
}

static void recvmmsg_gives_what_recvmsg_does_or_does_not_exist(void)
{
    struct pair pair = new_pair(0);
    struct came came[3] = {{.kinds = ""}, {.kinds = ""}, {.kinds = ""}};
    struct mmsghdr messages[3];

    for (int i = 0; i < 3; i++) {
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_control = came[i].control, .msg_controllen = 200}};
    }
    ask(pair, "::ffff:127.0.0.2");
    ask(pair, "::ffff:127.0.0.3");
    int received = recvmmsg(pair.server, messages, 3, MSG_DONTWAIT, NULL);
    EXPECT_EQUAL(kernel->mmsg ? 2 : -1, received);
    EXPECT_EQUAL(1, kernel->mmsg || errno == ENOSYS);
    for (int i = 0; i < received; i++) {
        read_control(&came[i], &messages[i].msg_hdr);
        expect_kinds(kernel->in6_comes ? "64" : "4", &came[i]);
        EXPECT_EQUAL(0x7f000002 + i, ntohl(came[i].in4.ipi_addr.s_addr));
    }
    EXPECT_EQUAL(200, messages[2].msg_hdr.msg_controllen);
    EXPECT_EQUAL(1, messages[2].msg_hdr.msg_control == came[2].control);
    close_pair(pair);
}

void receiving(void)
{
    an_ipv4_datagram_comes_with_in6_pktinfo_since_3_14();
    an_ipv6_datagram_comes_with_in6_pktinfo_always();
    what_else_was_asked_for_comes_as_well();
    what_does_not_come_needs_no_room();
    an_in_pktinfo_without_room_is_cut_off_as_the_kernel_does();
    nothing_to_receive_leaves_the_message_as_it_was();
    recvmmsg_gives_what_recvmsg_does_or_does_not_exist();
}
