/* The server and the clients of test-socket: their requests and replies, and the checks. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "arenas.h"
#include "expect.h"
#include "kernel.h"
#include "test_socket.h"

struct server new_server(int family)
{
    struct sockaddr_in6 name = {.sin6_family = (sa_family_t)family};
    socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(name);
    struct server server = {.fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};

    must(server.fd >= 0, "socket");
    EXPECT_EQUAL(0, kernel_set_option(server.fd, OPTION_IP_PKTINFO, 1));
    if (family == AF_INET6) {
        EXPECT_EQUAL(0, kernel_set_option(server.fd, OPTION_IPV6_V6ONLY, 0));
        EXPECT_EQUAL(0, kernel_set_option(server.fd, OPTION_IPV6_RECVPKTINFO, 1));
    }
    must(bind(server.fd, (struct sockaddr *)&name, length) == 0, "bind");
    must(getsockname(server.fd, (struct sockaddr *)&name, &length) == 0, "getsockname");
    server.port = ntohs(name.sin6_port); /* at the same offset in both families */
    return server;
}

/* An unconnected socket: it accepts a reply from any address. */
int new_client(const char *destination)
{
    int fd = socket(strchr(destination, ':') ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    must(fd >= 0, "socket of a client");
    return fd;
}

void ask(int client, const char *destination, uint16_t port, const void *payload, size_t length)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int six = strchr(destination, ':') != NULL;

    void *address = six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr;
    must(inet_pton(six ? AF_INET6 : AF_INET, destination, address) == 1, "address");
    const struct sockaddr *name = six ? (void *)&in6 : (void *)&in;
    must(sendto(client, payload, length, 0, name, six ? sizeof(in6) : sizeof(in)) == (ssize_t)length, "sendto");
}

void bytes_of(const char *text, uint8_t *bytes)
{
    static const uint8_t prefix[12] = {[10] = 0xff, 0xff};

    memcpy(bytes, prefix, sizeof(prefix));
    int ok = strchr(text, ':') ? inet_pton(AF_INET6, text, bytes) : inet_pton(AF_INET, text, bytes + 12);
    must(ok == 1, "address");
}

/* Checks that the next reply is from this address and port and has this payload. */
void expect_answer(int client, const char *source, uint16_t port, const void *payload, size_t length)
{
    struct sockaddr_in6 name = {0};
    socklen_t name_length = sizeof(name);
    struct pollfd readable = {.fd = client, .events = POLLIN};
    uint8_t actual[2048] = {0};
    uint8_t expected[16];
    const uint8_t *address = (const uint8_t *)&name + (strchr(source, ':') ? 8 : 4);

    EXPECT_EQUAL(1, poll(&readable, 1, PATIENCE_MILLIS));
    EXPECT_EQUAL(
        length, recvfrom(client, actual, sizeof(actual), MSG_DONTWAIT, (struct sockaddr *)&name, &name_length));
    EXPECT_BYTES(payload, actual, length);
    bytes_of(source, expected);
    EXPECT_BYTES(strchr(source, ':') ? expected : expected + 12, address, strchr(source, ':') ? 16 : 4);
    EXPECT_EQUAL(port, ntohs(name.sin6_port));
}

void expect_no_answer(int client)
{
    struct pollfd readable = {.fd = client, .events = POLLIN};

    EXPECT_EQUAL(0, poll(&readable, 1, 0));
}

int receive(void *arena, int fd, int count)
{
    EXPECT_EQUAL(1, kernel_wait(fd, -1, WAIT_READABLE, PATIENCE_MILLIS));
    return arena_receive(arena, fd, count);
}

/* The request destination, as the policy in Java chooses it for unicast. */
void answer(struct slot *slot)
{
    static const uint8_t prefix[12] = {[10] = 0xff, 0xff};

    if (slot->flags & FLAG_IN_PKTINFO) {
        memcpy(slot->source_address, prefix, 12);
        memcpy(slot->source_address + 12, slot->in_local, 4);
        slot->source_form = FORM_IN_PKTINFO;
    } else {
        memcpy(slot->source_address, slot->in6_address, 16);
        slot->source_form = FORM_IN6_PKTINFO;
    }
    slot->send_state = STATE_PENDING;
}

static void expect_interface(uint32_t expected, uint32_t actual)
{
    if (!left_out("the_arrival_interface")) {
        EXPECT_EQUAL(expected, actual);
    }
}

/* in_pktinfo for IPv4 on any kernel; in6_pktinfo beside it only if the kernel delivers it, and then both agree. */
void expect_facts(const struct slot *slot, const char *destination, const char *peer)
{
    uint8_t address[16];
    uint32_t loopback = if_nametoindex("lo");

    bytes_of(peer, address);
    EXPECT_BYTES(address, slot->peer_address, 16);
    bytes_of(destination, address);
    if (strchr(destination, ':') == NULL) {
        EXPECT_EQUAL(FLAG_IN_PKTINFO, slot->flags & FLAG_IN_PKTINFO);
        EXPECT_BYTES(address + 12, slot->in_address, 4);
        EXPECT_BYTES(address + 12, slot->in_local, 4);
        expect_interface(loopback, slot->in_interface);
    } else {
        EXPECT_EQUAL(FLAG_IN6_PKTINFO | FLAG_IN6_PKTINFO_FIRST, slot->flags);
    }
    if (slot->flags & FLAG_IN6_PKTINFO) {
        EXPECT_BYTES(address, slot->in6_address, 16);
        expect_interface(loopback, slot->in6_interface);
    }
}

void ask_and_answer(struct server server, int family, const char *destination, const char *peer)
{
    void *arena = new_arena(1, CAPACITY, family);
    int client = new_client(destination);

    ask(client, destination, server.port, "hello", 5);
    EXPECT_EQUAL(1, receive(arena, server.fd, 1));
    struct slot *slot = slot_of(arena, 0);
    expect_facts(slot, destination, peer);
    EXPECT_EQUAL(5, slot->length);
    EXPECT_EQUAL(5, slot->wire_length);
    EXPECT_BYTES("hello", payload_of(arena, 0), 5);
    answer(slot);
    EXPECT_EQUAL(1, arena_send(arena, server.fd, 1));
    EXPECT_EQUAL(0, slot->error);
    expect_answer(client, destination, server.port, "hello", 5);
    EXPECT_EQUAL(-EAGAIN, arena_receive(arena, server.fd, 1));
    close(client);
    free(arena);
}

/* Receives several batches: not all datagrams need to be there when the first one is. */
void serve(struct server server, void *arena, int slots, int requests)
{
    for (int served = 0; served < requests;) {
        int received = receive(arena, server.fd, slots);
        must(received > 0, "receive");
        for (int i = 0; i < received; i++) {
            answer(slot_of(arena, i));
        }
        EXPECT_EQUAL(received, arena_send(arena, server.fd, received));
        for (int i = 0; i < received; i++) {
            EXPECT_EQUAL(0, slot_of(arena, i)->error);
        }
        served += received;
    }
}

int64_t now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
