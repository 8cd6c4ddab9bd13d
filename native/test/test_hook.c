/*
 * The hook without a JVM, on real sockets on loopback: the sockets that it handles, and the source addresses of their
 * replies.
 */
#define _GNU_SOURCE
#include "hook.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "arena.h"
#include "expect.h"
#include "hook_sockets.h"
#include "kernel.h"
#include "linux_errno.h"
#include "sockets.h"
#include "test_hook.h"

enum { MEMORY = 1000, EXPIRY = 60, NOW = 5000 };

struct hook_settings usual(void)
{
    return (struct hook_settings){.memory = MEMORY, .expiry = EXPIRY, .most_bytes = 1 << 30};
}

void begin(struct hook_settings settings)
{
    hook_begin(&settings);
    hook_now(NOW);
}

union name name_of(const char *address, uint16_t port)
{
    union name name = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};

    if (strchr(address, ':')) {
        must(inet_pton(AF_INET6, address, &name.in6.sin6_addr) == 1, "address");
    } else {
        name.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        must(inet_pton(AF_INET, address, &name.in.sin_addr) == 1, "address");
    }
    return name;
}

static socklen_t length_of(const union name *name)
{
    return name->any.sa_family == AF_INET ? sizeof(name->in) : sizeof(name->in6);
}

uint16_t port_of(int fd)
{
    union name name;
    socklen_t length = sizeof(name);

    must(getsockname(fd, &name.any, &length) == 0, "getsockname");
    return ntohs(name.in.sin_port);
}

/* Makes a socket as the JVM does: the hook is notified of the socket, and of the address that it is bound to. */
int new_server(const char *address, int only_ipv6, int by_program)
{
    union name name = name_of(address, 0);
    int fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    must(fd >= 0, "socket");
    hook_new_socket(fd);
    if (name.any.sa_family == AF_INET6) {
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, only_ipv6);
    }
    must(bind(fd, &name.any, length_of(&name)) == 0, "bind");
    hook_bound(fd, by_program ? port_of(fd) : 0);
    return fd;
}

int new_client(const char *destination)
{
    int fd = socket(strchr(destination, ':') ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    must(fd >= 0, "socket of a client");
    return fd;
}

void ask(int client, const char *destination, uint16_t port)
{
    union name name = name_of(destination, port);

    must(sendto(client, "ask", 3, 0, &name.any, length_of(&name)) == 3, "sendto");
}

/* Receives a datagram that is queued or arrives soon; returns the hook's result, and the sender. */
int hear(int fd, union name *peer, socklen_t *length)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    char bytes[16];

    must(poll(&readable, 1, PATIENCE_MILLIS) == 1, "poll");
    *length = sizeof(*peer);
    int result = hook_receive(fd, bytes, sizeof(bytes), peer, length);
    if (result == HOOK_NOT_MINE) {
        must(recvfrom(fd, bytes, sizeof(bytes), 0, &peer->any, length) == 3, "recvfrom");
    } else {
        EXPECT_EQUAL(3, result);
        EXPECT_BYTES("ask", bytes, 3);
    }
    return result;
}

int reply(int fd, const union name *peer, socklen_t length)
{
    int error = 0;

    return hook_send(fd, "reply", 5, peer, length, &error);
}

void expect_reply(int client, const char *source, uint16_t port)
{
    struct pollfd readable = {.fd = client, .events = POLLIN};
    union name expected = name_of(source, port), name = {0};
    socklen_t length = sizeof(name);
    char bytes[16];

    EXPECT_EQUAL(1, poll(&readable, 1, PATIENCE_MILLIS));
    EXPECT_EQUAL(5, recvfrom(client, bytes, sizeof(bytes), MSG_DONTWAIT, &name.any, &length));
    EXPECT_EQUAL(port, ntohs(name.in.sin_port));
    if (expected.any.sa_family == AF_INET) {
        EXPECT_BYTES(&expected.in.sin_addr, &name.in.sin_addr, 4);
    } else {
        EXPECT_BYTES(&expected.in6.sin6_addr, &name.in6.sin6_addr, 16);
    }
}

void expect_nothing(int client)
{
    struct pollfd readable = {.fd = client, .events = POLLIN};

    EXPECT_EQUAL(0, poll(&readable, 1, 0));
}

struct hook_counters counters(void)
{
    struct hook_counters counters;

    hook_count(&counters, 1);
    return counters;
}

uint32_t verdict_on(int fd)
{
    return atomic_load(&hook_place(fd)->verdict);
}

void ask_and_reply(int server, const char *destination)
{
    int client = new_client(destination);
    union name peer;
    socklen_t length;

    ask(client, destination, port_of(server));
    EXPECT_EQUAL(3, hear(server, &peer, &length));
    EXPECT_EQUAL(5, reply(server, &peer, length));
    expect_reply(client, destination, port_of(server));
    close(client);
}

/* Checks that the hook leaves both directions to the JDK. */
void expect_left_alone(int server, const char *destination)
{
    int client = new_client(destination);
    union name peer;
    socklen_t length;

    ask(client, destination, port_of(server));
    EXPECT_EQUAL(HOOK_NOT_MINE, hear(server, &peer, &length));
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, &peer, length));
    expect_nothing(client);
    close(client);
}

static void a_reply_leaves_from_the_request_destination(const char *wildcard, const char *const *addresses)
{
    begin(usual());
    int server = new_server(wildcard, addresses[1] == NULL, 1);

    EXPECT_EQUAL(VERDICT_CHOOSES, verdict_on(server));
    uint64_t count = 0;
    for (; addresses[count] != NULL; count++) {
        ask_and_reply(server, addresses[count]);
    }
    EXPECT_EQUAL(1, counters().sockets);
    EXPECT_EQUAL(count, counters().peers);
    EXPECT_EQUAL(count, counters().pinned);
    EXPECT_EQUAL(0, counters().unknown);
    EXPECT_EQUAL(0, counters().gone);
    close(server);
    EXPECT_EQUAL(0, counters().peers);
    EXPECT_EQUAL(count, counters().pinned);
}

/* The address that the tests of a reply would see if nothing worked: another one. */
static void a_reply_of_a_socket_left_alone_leaves_from_another_address(void)
{
    begin(usual());
    int server = new_server("0.0.0.0", 0, 0), client = new_client("127.0.0.9");
    union name peer;
    socklen_t length;

    ask(client, "127.0.0.9", port_of(server));
    EXPECT_EQUAL(HOOK_NOT_MINE, hear(server, &peer, &length));
    EXPECT_EQUAL(5, sendto(server, "reply", 5, 0, &peer.any, length));
    expect_reply(client, "127.0.0.1", port_of(server));
    close(client);
    close(server);
}

static void a_peer_that_has_moved_on_is_answered_from_its_latest(void)
{
    begin(usual());
    int server = new_server("0.0.0.0", 0, 1), client = new_client("127.0.0.9");
    const char *source[] = {"127.0.0.9", "127.0.0.8", "127.0.0.9"};
    union name peer;
    socklen_t length;

    for (int i = 0; i < 3; i++) {
        ask(client, source[i], port_of(server));
        EXPECT_EQUAL(3, hear(server, &peer, &length));
        for (int reply_count = 0; reply_count < 2; reply_count++) {
            EXPECT_EQUAL(5, reply(server, &peer, length));
            expect_reply(client, source[i], port_of(server));
        }
    }
    EXPECT_EQUAL(1, counters().peers);
    close(client);
    close(server);
}

static void a_silent_peer_expires(void)
{
    begin(usual());
    int server = new_server("0.0.0.0", 0, 1), client = new_client("127.0.0.9");
    union name peer;
    socklen_t length;

    ask(client, "127.0.0.9", port_of(server));
    EXPECT_EQUAL(3, hear(server, &peer, &length));
    hook_now(NOW + EXPIRY);
    EXPECT_EQUAL(5, reply(server, &peer, length));
    hook_now(NOW + EXPIRY + 1);
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, &peer, length));
    EXPECT_EQUAL(0, counters().peers);
    EXPECT_EQUAL(1, counters().unknown);
    close(client);
    close(server);
}

static void an_unknown_peer_is_the_jdks(void)
{
    static const uint8_t no_name[28] = {0};
    begin(usual());
    int server = new_server("0.0.0.0", 0, 1), client = new_client("127.0.0.1");
    union name stranger = name_of("127.0.0.1", 9), portless = name_of("127.0.0.1", 0);
    struct sockaddr_storage local = {.ss_family = AF_UNIX};

    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, &stranger, sizeof(stranger.in)));
    EXPECT_EQUAL(1, counters().unknown);
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, &portless, sizeof(portless.in)));
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, (const void *)&local, sizeof(local)));
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, (const void *)no_name, sizeof(no_name)));
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, &stranger, 3));
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, NULL, 0));
    EXPECT_EQUAL(6, counters().unknown);
    EXPECT_EQUAL(0, counters().pinned);
    expect_nothing(client);
    close(client);
    close(server);
}

static void errors_are_linuxs_and_nothing_is_remembered(void)
{
    begin(usual());
    int server = new_server("0.0.0.0", 0, 1), client = new_client("127.0.0.9"), error = 0;
    static const char large[70000];
    union name peer, other;
    socklen_t length, other_length = sizeof(other);
    char bytes[16];

    ask(client, "127.0.0.9", port_of(server));
    EXPECT_EQUAL(3, hear(server, &peer, &length));
    EXPECT_EQUAL(-LINUX_EMSGSIZE, hook_send(server, large, sizeof(large), &peer, length, &error));
    EXPECT_EQUAL(5, reply(server, &peer, length)); /* it is not forgotten because of that */
    expect_reply(client, "127.0.0.9", port_of(server));
    must(fcntl(server, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    EXPECT_EQUAL(-LINUX_EAGAIN, hook_receive(server, bytes, sizeof(bytes), &other, &other_length));
    EXPECT_EQUAL(1, counters().peers);
    close(client);
    close(server);
    EXPECT_EQUAL(HOOK_NOT_MINE, hook_receive(-1, bytes, sizeof(bytes), &other, &other_length));
    EXPECT_EQUAL(HOOK_NOT_MINE, hook_receive(INT32_MAX, bytes, sizeof(bytes), &other, &other_length));
    EXPECT_EQUAL(HOOK_NOT_MINE, hook_send(-1, bytes, sizeof(bytes), &peer, length, &error));
    hook_new_socket(-1);
    hook_other(-1);
    hook_bound(INT32_MAX, 1);
    hook_disconnected(-1);
}

/* As if the host had had the address and lost it: 198.51.100.7 and 2001:db8::7 are reserved for documentation. */
static void a_source_that_is_gone_sends_nothing(const char *wildcard, const char *loopback, const char *gone, int said)
{
    begin(usual());
    int server = new_server(wildcard, 0, 1), client = new_client(loopback), error = 0;
    struct place *place = hook_place(server);
    uint64_t owner = atomic_load(&place->state) >> COUNT_SHIFT;
    union name peer, address = name_of(gone, 0);
    socklen_t length;
    struct reply_source source = {
        .high = 0,
        .form = strchr(gone, ':') ? FORM_IN6_PKTINFO : FORM_IN_PKTINFO,
        .unicast = 1,
    };
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};

    ask(client, loopback, port_of(server));
    EXPECT_EQUAL(3, hear(server, &peer, &length));
    if (strchr(gone, ':')) {
        memcpy(bytes, &address.in6.sin6_addr, 16);
    } else {
        memcpy(bytes + 12, &address.in.sin_addr, 4);
    }
    memcpy(&source.high, bytes, 8);
    memcpy(&source.low, bytes + 8, 8);
    struct peer key = peer_named(&peer, length);
    peers_remember(atomic_load(&place->peers), owner, &key, &source, NOW, EXPIRY);
    EXPECT_EQUAL(HOOK_SOURCE_GONE, hook_send(server, "reply", 5, &peer, length, &error));
    EXPECT_EQUAL(1, error == said || error == LINUX_EINVAL || error == LINUX_EADDRNOTAVAIL);
    expect_nothing(client);
    EXPECT_EQUAL(1, counters().gone);
    EXPECT_EQUAL(0, counters().pinned);
    EXPECT_EQUAL(0, counters().peers);
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, &peer, length));
    EXPECT_EQUAL(1, counters().unknown);
    ask(client, loopback, port_of(server));
    EXPECT_EQUAL(3, hear(server, &peer, &length));
    EXPECT_EQUAL(5, reply(server, &peer, length));
    expect_reply(client, loopback, port_of(server));
    close(client);
    close(server);
}

static void test_ipv4(void)
{
    static const char *const addresses[] = {"127.0.0.9", "127.0.0.1", "127.9.8.7", NULL};

    a_reply_leaves_from_the_request_destination("0.0.0.0", addresses);
    a_reply_of_a_socket_left_alone_leaves_from_another_address();
    a_peer_that_has_moved_on_is_answered_from_its_latest();
    a_silent_peer_expires();
    an_unknown_peer_is_the_jdks();
    errors_are_linuxs_and_nothing_is_remembered();
    if (!left_out("a_source_that_is_gone_sends_nothing")) {
        a_source_that_is_gone_sends_nothing("0.0.0.0", "127.0.0.1", "198.51.100.7", LINUX_ENETUNREACH);
    }
    sockets_and_verdicts();
    reply_rule();
    transfers();
}

static void test_ipv6(void)
{
    static const char *const both[] = {"127.0.0.9", "::1", "127.0.0.1", NULL}, *const six[] = {"::1", NULL};

    a_reply_leaves_from_the_request_destination("::", both);
    a_reply_leaves_from_the_request_destination("::", six);
    if (!left_out("a_source_that_is_gone_sends_nothing")) {
        a_source_that_is_gone_sends_nothing("::", "::1", "2001:db8::7", LINUX_EINVAL);
        a_source_that_is_gone_sends_nothing("::", "127.0.0.1", "198.51.100.7", LINUX_ENETUNREACH);
    }
    transfers_of_ipv6();
}

int main(void)
{
    peers_key(1, 2);
    test_ipv4();
    int six = socket(AF_INET6, SOCK_DGRAM, 0);
    if (six == -1 && errno == EAFNOSUPPORT) {
        puts("skipped: no IPv6");
        return expect_failures > 0 ? 1 : SKIPPED;
    }
    close(six);
    test_ipv6();
    return expect_failures > 0;
}
