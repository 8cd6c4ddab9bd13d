/* The source address of a sent datagram on each kernel that the emulator knows, and the sources that it refuses. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "expect.h"
#include "sockets.h"
#include "test_emulator.h"

static void an_in6_pktinfo_to_an_ipv4_peer_counts_since_3_15(void)
{
    struct pair pair = new_pair(0);
    const char *source = kernel->in6_counts ? "::ffff:127.0.0.2" : "::ffff:127.0.0.1";

    EXPECT_EQUAL(0, answer(pair, and_in6(none(), "::ffff:127.0.0.2")));
    expect_from(pair, source);
    EXPECT_EQUAL(0, answer(pair, and_in6(and_in4(none(), "127.0.0.3", 0), "::ffff:127.0.0.2")));
    expect_from(pair, kernel->in6_counts ? "::ffff:127.0.0.2" : "::ffff:127.0.0.3");
    EXPECT_EQUAL(kernel->in6_counts ? EINVAL : 0, answer(pair, and_in6(none(), "2001:db8::7")));
    if (!kernel->in6_counts) {
        expect_from(pair, source);
    }
    expect_nothing(pair);
    close_pair(pair);
}

static void so_it_does_on_a_connected_socket(void)
{
    struct pair pair = new_pair(0);
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(pair.client_port)};
    struct control control = and_in6(none(), "::ffff:127.0.0.2");
    struct iovec payload = {.iov_base = "hi", .iov_len = 2};

    must(inet_pton(AF_INET6, "::ffff:127.0.0.1", &name.sin6_addr) == 1, "address");
    must(connect(pair.server, (struct sockaddr *)&name, sizeof(name)) == 0, "connect");
    struct msghdr message = message_to(NULL, &payload, &control);
    message.msg_namelen = 0;
    EXPECT_EQUAL(2, sendmsg(pair.server, &message, MSG_DONTWAIT));
    expect_from(pair, kernel->in6_counts ? "::ffff:127.0.0.2" : "::ffff:127.0.0.1");
    close_pair(pair);
}

static void an_in_pktinfo_counts_always(void)
{
    struct pair pair = new_pair(0);

    EXPECT_EQUAL(0, answer(pair, none()));
    expect_from(pair, "::ffff:127.0.0.1");
    EXPECT_EQUAL(0, answer(pair, and_in4(none(), "127.0.0.2", 0)));
    expect_from(pair, "::ffff:127.0.0.2");
    EXPECT_EQUAL(0, answer(pair, and_in4(and_in6(none(), "::ffff:127.0.0.3"), "127.0.0.2", 0)));
    expect_from(pair, "::ffff:127.0.0.2");
    EXPECT_EQUAL(ENODEV, answer(pair, and_in4(none(), "127.0.0.2", 999999)));
    close_pair(pair);
}

/* Otherwise a source that is not the host's would not be refused. */
static void an_in6_pktinfo_to_an_ipv6_peer_counts_always(void)
{
    struct pair pair = new_pair(1);

    EXPECT_EQUAL(0, answer(pair, and_in6(none(), "::1")));
    expect_from(pair, "::1");
    EXPECT_EQUAL(EINVAL, answer(pair, and_in6(none(), "2001:db8::7")));
    expect_nothing(pair);
    close_pair(pair);
}

static void a_source_that_is_not_the_hosts_has_its_own_error_since_later(void)
{
    struct pair pair = new_pair(0);

    EXPECT_EQUAL(kernel->foreign, answer(pair, and_in4(none(), "192.0.2.7", 0)));
    EXPECT_EQUAL(kernel->foreign, answer(pair, and_in4(none(), "127.255.255.255", 0)));
    EXPECT_EQUAL(kernel->foreign, answer(pair, and_in4(none(), "192.0.2.7", 999999)));
    EXPECT_EQUAL(EINVAL, answer(pair, and_in4(none(), "239.1.2.3", 0)));
    expect_nothing(pair);
    close_pair(pair);
}

/* Receives the datagram that was sent last, and checks the field of its header. */
static void expect_field(struct pair pair, int level, int type, int expected)
{
    struct iovec payload = {.iov_base = (char[8]){0}, .iov_len = 8};
    struct control control = {.length = sizeof(control.bytes)};
    struct msghdr message = message_to(NULL, &payload, &control);
    int value = 0;
    int found = 0;

    message.msg_namelen = 0;
    struct pollfd readable = {.fd = pair.client, .events = POLLIN};
    EXPECT_EQUAL(1, poll(&readable, 1, PATIENCE_MILLIS));
    EXPECT_EQUAL(2, recvmsg(pair.client, &message, MSG_DONTWAIT));
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level == level && at->cmsg_type == type) {
            memcpy(&value, CMSG_DATA(at), at->cmsg_len == CMSG_LEN(1) ? 1 : sizeof(value)); /* little-endian */
            found++;
        }
    }
    EXPECT_EQUAL(1, found);
    EXPECT_EQUAL(expected, value);
}

/* Behind packet information as well as alone; the message of IPv6 is ignored on every kernel. */
static void header_fields_to_an_ipv4_peer_are_taken_since_3_13_and_as_a_byte_since_4_9(void)
{
    struct pair pair = new_pair(0);
    const int traffic_class = 0xb8;
    const int hop_limit = 77;
    struct control in4 = and_in4(none(), "127.0.0.2", 0);
    const struct control befores[] = {none(), in4};

    set(pair.client, IPPROTO_IP, IP_RECVTOS, 1);
    set(pair.client, IPPROTO_IP, IP_RECVTTL, 1);
    for (int i = 0; i < 2; i++) {
        EXPECT_EQUAL(kernel->field, answer(pair, and_message(befores[i], IPPROTO_IP, IP_TOS, &traffic_class, 4)));
        if (kernel->field == 0) {
            expect_field(pair, IPPROTO_IP, IP_TOS, traffic_class);
        }
        EXPECT_EQUAL(kernel->field, answer(pair, and_message(befores[i], IPPROTO_IP, IP_TTL, &hop_limit, 4)));
        if (kernel->field == 0) {
            expect_field(pair, IPPROTO_IP, IP_TTL, hop_limit);
        }
        EXPECT_EQUAL(kernel->byte_field, answer(pair, and_message(befores[i], IPPROTO_IP, IP_TOS, &traffic_class, 1)));
        if (kernel->byte_field == 0) {
            expect_field(pair, IPPROTO_IP, IP_TOS, traffic_class);
        }
        EXPECT_EQUAL(0, answer(pair, and_message(befores[i], IPPROTO_IPV6, IPV6_TCLASS, &traffic_class, 4)));
        expect_field(pair, IPPROTO_IP, IP_TOS, 0);
    }
    expect_nothing(pair);
    close_pair(pair);
}

static void header_fields_to_an_ipv6_peer_are_taken_always(void)
{
    struct pair pair = new_pair(1);
    const int traffic_class = 0xb8;
    const int hop_limit = 77;

    set(pair.client, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set(pair.client, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    EXPECT_EQUAL(0, answer(pair, and_message(none(), IPPROTO_IPV6, IPV6_TCLASS, &traffic_class, 4)));
    expect_field(pair, IPPROTO_IPV6, IPV6_TCLASS, traffic_class);
    EXPECT_EQUAL(0, answer(pair, and_message(and_in6(none(), "::1"), IPPROTO_IPV6, IPV6_HOPLIMIT, &hop_limit, 4)));
    expect_field(pair, IPPROTO_IPV6, IPV6_HOPLIMIT, hop_limit);
    expect_nothing(pair);
    close_pair(pair);
}

static void malformed_control_data_is_refused_by_the_kernel(void)
{
    struct pair pair = new_pair(0);
    struct control cut = and_in4(none(), "127.0.0.2", 0);
    struct control behind = and_in6(none(), "::ffff:127.0.0.2");

    cut.length -= 8;
    EXPECT_EQUAL(EINVAL, answer(pair, cut));
    behind = and_in4(behind, "127.0.0.2", 0);
    behind.length -= 8;
    EXPECT_EQUAL(EINVAL, answer(pair, behind));
    close_pair(pair);
}

/* Of three datagrams, of which the second one has a source that is not the host's. */
static void sendmmsg_stops_at_the_first_error_or_does_not_exist(void)
{
    struct pair pair = new_pair(0);
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(pair.client_port)};
    struct iovec payload = {.iov_base = "hi", .iov_len = 2};
    struct control controls[3] = {
        and_in6(none(), "::ffff:127.0.0.2"), and_in4(none(), "192.0.2.7", 0), and_in4(none(), "127.0.0.3", 0)};
    struct mmsghdr messages[3];

    must(inet_pton(AF_INET6, "::ffff:127.0.0.1", &name.sin6_addr) == 1, "address");
    for (int i = 0; i < 3; i++) {
        messages[i] = (struct mmsghdr){.msg_hdr = message_to(&name, &payload, &controls[i])};
    }
    EXPECT_EQUAL(kernel->mmsg ? 1 : -1, syscall(SYS_sendmmsg, pair.server, messages, 3, MSG_DONTWAIT));
    if (kernel->mmsg) {
        EXPECT_EQUAL(2, messages[0].msg_len);
        expect_from(pair, kernel->in6_counts ? "::ffff:127.0.0.2" : "::ffff:127.0.0.1");
    }
    EXPECT_EQUAL(-1, syscall(SYS_sendmmsg, pair.server, messages + 1, 2, MSG_DONTWAIT));
    EXPECT_EQUAL(kernel->mmsg ? kernel->foreign : ENOSYS, errno);
    EXPECT_EQUAL(kernel->mmsg ? 1 : -1, syscall(SYS_sendmmsg, pair.server, messages + 2, 1, MSG_DONTWAIT));
    if (kernel->mmsg) {
        expect_from(pair, "::ffff:127.0.0.3");
    }
    expect_nothing(pair);
    close_pair(pair);
}

void sending(void)
{
    an_in6_pktinfo_to_an_ipv4_peer_counts_since_3_15();
    so_it_does_on_a_connected_socket();
    an_in_pktinfo_counts_always();
    an_in6_pktinfo_to_an_ipv6_peer_counts_always();
    a_source_that_is_not_the_hosts_has_its_own_error_since_later();
    header_fields_to_an_ipv4_peer_are_taken_since_3_13_and_as_a_byte_since_4_9();
    header_fields_to_an_ipv6_peer_are_taken_always();
    malformed_control_data_is_refused_by_the_kernel();
    sendmmsg_stops_at_the_first_error_or_does_not_exist();
}
