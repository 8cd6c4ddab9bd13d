/* The server and the client of test-emulator: their requests and replies, and the control data of these. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "expect.h"
#include "messages.h"
#include "sockets.h"
#include "test_emulator.h"

static uint16_t bind_any_port(int fd, const char *address)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6};
    socklen_t length = sizeof(name);

    must(inet_pton(AF_INET6, address, &name.sin6_addr) == 1, "address");
    must(bind(fd, (struct sockaddr *)&name, length) == 0, "bind");
    must(getsockname(fd, (struct sockaddr *)&name, &length) == 0, "getsockname");
    return ntohs(name.sin6_port);
}

struct pair new_pair(int six)
{
    struct pair pair = {
        .server = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0),
        .client = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0),
        .six = six,
    };

    must(pair.server >= 0 && pair.client >= 0, "socket");
    set(pair.server, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set(pair.client, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set(pair.server, IPPROTO_IP, IP_PKTINFO, 1);
    set(pair.server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    pair.server_port = bind_any_port(pair.server, "::");
    pair.client_port = bind_any_port(pair.client, six ? "::1" : "::ffff:127.0.0.1");
    return pair;
}

void close_pair(struct pair pair)
{
    close(pair.server);
    close(pair.client);
}

void ask(struct pair pair, const char *destination)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(pair.server_port)};

    must(inet_pton(AF_INET6, destination, &name.sin6_addr) == 1, "address");
    must(sendto(pair.client, "hello", 5, 0, (struct sockaddr *)&name, sizeof(name)) == 5, "sendto");
    struct pollfd readable = {.fd = pair.server, .events = POLLIN};
    must(poll(&readable, 1, PATIENCE_MILLIS) == 1, "poll");
}

struct control and_message(struct control before, int level, int type, const void *data, size_t length)
{
    before.length = append_message(before.bytes, before.length, level, type, data, length);
    return before;
}

struct control none(void)
{
    return (struct control){.length = 0};
}

struct control and_in4(struct control before, const char *source, int index)
{
    struct in_pktinfo info = {.ipi_ifindex = index};

    must(inet_pton(AF_INET, source, &info.ipi_spec_dst) == 1, "address");
    return and_message(before, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

struct control and_in6(struct control before, const char *source)
{
    struct in6_pktinfo info = {.ipi6_ifindex = 0};

    must(inet_pton(AF_INET6, source, &info.ipi6_addr) == 1, "address");
    return and_message(before, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

/* A message to send; the caller owns the memory that it points to. */
struct msghdr message_to(struct sockaddr_in6 *name, struct iovec *payload, struct control *control)
{
    return (struct msghdr){
        .msg_name = name,
        .msg_namelen = sizeof(*name),
        .msg_iov = payload,
        .msg_iovlen = 1,
        .msg_control = control->length == 0 ? NULL : control->bytes,
        .msg_controllen = control->length,
    };
}

/* Returns the error of sending to an address, 0 if there is none. */
int send_to(int fd, const char *address, uint16_t port, struct control control)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct iovec payload = {.iov_base = "hi", .iov_len = 2};
    struct msghdr message = message_to(&name, &payload, &control);

    must(inet_pton(AF_INET6, address, &name.sin6_addr) == 1, "address");
    return sendmsg(fd, &message, MSG_DONTWAIT) == 2 ? 0 : errno;
}

int answer(struct pair pair, struct control control)
{
    return send_to(pair.server, pair.six ? "::1" : "::ffff:127.0.0.1", pair.client_port, control);
}

void expect_from(struct pair pair, const char *source)
{
    struct sockaddr_in6 name = {0};
    struct in6_addr expected;
    socklen_t length = sizeof(name);
    char bytes[8];
    struct pollfd readable = {.fd = pair.client, .events = POLLIN};

    must(inet_pton(AF_INET6, source, &expected) == 1, "address");
    EXPECT_EQUAL(1, poll(&readable, 1, PATIENCE_MILLIS));
    EXPECT_EQUAL(2, recvfrom(pair.client, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&name, &length));
    EXPECT_BYTES(&expected, &name.sin6_addr, sizeof(expected));
}

void expect_nothing(struct pair pair)
{
    struct pollfd readable = {.fd = pair.client, .events = POLLIN};

    EXPECT_EQUAL(0, poll(&readable, 1, 0));
}
