/* The metadata of a datagram on a real socket: traffic class, hop limit, time, drops and the size of segments. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arenas.h"
#include "expect.h"
#include "kernel.h"
#include "test_socket.h"

enum { UDP_LEVEL = 17, SEGMENT_OPTION = 103, GRO_OPTION = 104 };

static void traffic_class_and_hop_limit_are_received(int family, const char *destination)
{
    struct server server = new_server(family);
    void *arena = new_arena(1, CAPACITY, family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6);
    int client = new_client(destination);
    int six = strchr(destination, ':') != NULL;

    set(server.fd, IPPROTO_IP, IP_RECVTOS, 1);
    set(server.fd, IPPROTO_IP, IP_RECVTTL, 1);
    if (family == AF_INET6) {
        set(server.fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
        set(server.fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    }
    set(client, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_TCLASS : IP_TOS, 0xb9);
    set(client, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_UNICAST_HOPS : IP_TTL, 77);
    ask(client, destination, server.port, "hello", 5);
    EXPECT_EQUAL(1, receive(arena, server.fd, 1));
    const struct slot *slot = slot_of(arena, 0);
    EXPECT_EQUAL(FLAG_TRAFFIC_CLASS | FLAG_HOP_LIMIT, slot->flags & (FLAG_TRAFFIC_CLASS | FLAG_HOP_LIMIT));
    if (!six || !left_out("the_traffic_class_of_ipv6")) {
        EXPECT_EQUAL(0xb9, slot->traffic_class);
    }
    EXPECT_EQUAL(77, slot->hop_limit);
    close(client);
    close(server.fd);
    free(arena);
}

static void the_receive_time_is_that_of_the_arrival(void)
{
    struct server server = new_server(AF_INET);
    void *arena = new_arena(1, CAPACITY, FAMILY_IPV4);
    int client = new_client("127.0.0.1");

    set(server.fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    int64_t before = now(CLOCK_REALTIME);
    ask(client, "127.0.0.1", server.port, "hello", 5);
    EXPECT_EQUAL(1, receive(arena, server.fd, 1));
    int64_t after = now(CLOCK_REALTIME);
    EXPECT_EQUAL(FLAG_IN_PKTINFO | FLAG_RECEIVE_TIME, slot_of(arena, 0)->flags);
    EXPECT_EQUAL(1, slot_of(arena, 0)->receive_time >= before - 1000000000);
    EXPECT_EQUAL(1, slot_of(arena, 0)->receive_time <= after + 1000000000);
    close(client);
    close(server.fd);
    free(arena);
}

/*
 * The count is delivered with the first datagram queued after the loss; a kernel since 4.12 can also be queried for it.
 */
static void lost_datagrams_are_counted(void)
{
    struct server server = new_server(AF_INET);
    void *arena = new_arena(16, CAPACITY, FAMILY_IPV4);
    int client = new_client("127.0.0.1");
    uint32_t received = 0;

    set(server.fd, SOL_SOCKET, SO_RCVBUF, 1);
    set(server.fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    for (int i = 0; i < 500; i++) {
        ask(client, "127.0.0.1", server.port, "flood", 5);
    }
    for (int count; (count = arena_receive(arena, server.fd, 16)) > 0; received += (uint32_t)count) {
    }
    EXPECT_EQUAL(1, received > 0 && received < 500);
    ask(client, "127.0.0.1", server.port, "last", 4);
    EXPECT_EQUAL(1, receive(arena, server.fd, 1));
    EXPECT_EQUAL(4, slot_of(arena, 0)->length);
    EXPECT_EQUAL(FLAG_IN_PKTINFO | FLAG_DROP_COUNT, slot_of(arena, 0)->flags);
    EXPECT_EQUAL(500 - received, slot_of(arena, 0)->drop_count);
    set(server.fd, SOL_SOCKET, SO_RXQ_OVFL, 0);
    ask(client, "127.0.0.1", server.port, "last", 4);
    EXPECT_EQUAL(1, receive(arena, server.fd, 1));
    EXPECT_EQUAL(FLAG_IN_PKTINFO, slot_of(arena, 0)->flags);
    EXPECT_EQUAL(500 - received, (uint32_t)kernel_drops(server.fd));
    EXPECT_EQUAL(1, kernel_drops(STDERR_FILENO) < 0);
    close(client);
    close(server.fd);
    free(arena);
}

/* UDP_SEGMENT came with Linux 4.18, UDP_GRO with 5.0. */
static void coalesced_datagrams_come_with_their_size(void)
{
    struct server server = new_server(AF_INET);
    void *arena = new_arena(1, 2000, FAMILY_IPV4);
    int client = new_client("127.0.0.1");
    const int size = 100;
    const uint8_t three[3 * 100] = {[100] = 1, [200] = 2};

    if (setsockopt(client, UDP_LEVEL, SEGMENT_OPTION, &size, sizeof(size)) == -1
        || setsockopt(server.fd, UDP_LEVEL, GRO_OPTION, &(int){1}, sizeof(int)) == -1) {
        EXPECT_EQUAL(ENOPROTOOPT, errno);
        puts("skipped: no UDP_SEGMENT and UDP_GRO");
    } else {
        ask(client, "127.0.0.1", server.port, three, sizeof(three));
        EXPECT_EQUAL(1, receive(arena, server.fd, 1));
        EXPECT_EQUAL(FLAG_IN_PKTINFO | FLAG_SEGMENT_SIZE, slot_of(arena, 0)->flags);
        EXPECT_EQUAL(100, slot_of(arena, 0)->segment_size);
        EXPECT_EQUAL(300, slot_of(arena, 0)->length);
        EXPECT_BYTES(three, payload_of(arena, 0), 300);
    }
    close(client);
    close(server.fd);
    free(arena);
}

/* Without a redirection it is the port that the socket is bound to. */
static void the_original_port_is_told(int family, const char *destination)
{
    struct server server = new_server(family);
    void *arena = new_arena(1, CAPACITY, family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6);
    int client = new_client(destination);

    EXPECT_EQUAL(0, kernel_set_option(server.fd, OPTION_IP_RECVORIGDSTADDR, 1));
    if (family == AF_INET6) {
        EXPECT_EQUAL(0, kernel_set_option(server.fd, OPTION_IPV6_RECVORIGDSTADDR, 1));
    }
    ask(client, destination, server.port, "hello", 5);
    EXPECT_EQUAL(1, receive(arena, server.fd, 1));
    EXPECT_EQUAL(FLAG_ORIGINAL_PORT, slot_of(arena, 0)->flags & FLAG_ORIGINAL_PORT);
    EXPECT_EQUAL(server.port, slot_of(arena, 0)->original_port);
    close(client);
    close(server.fd);
    free(arena);
}

/* SO_RCVMARK came with Linux 5.19; to set a mark needs a privilege, to be told one does not. */
static void the_mark_is_told_and_is_zero_without_one(int family, const char *destination)
{
    struct server server = new_server(family);
    void *arena = new_arena(1, CAPACITY, family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6);
    int client = new_client(destination);
    int result = kernel_set_option(server.fd, OPTION_RCVMARK, 1);

    if (result != 0) {
        EXPECT_EQUAL(-ENOPROTOOPT, result);
        puts("skipped: no SO_RCVMARK");
    } else {
        int marked = kernel_set_option(client, OPTION_MARK, 0x12345678);
        EXPECT_EQUAL(1, marked == 0 || marked == -EPERM);
        ask(client, destination, server.port, "hello", 5);
        EXPECT_EQUAL(1, receive(arena, server.fd, 1));
        EXPECT_EQUAL(FLAG_MARK, slot_of(arena, 0)->flags & FLAG_MARK);
        EXPECT_EQUAL(marked == 0 ? 0x12345678 : 0, slot_of(arena, 0)->mark);
    }
    close(client);
    close(server.fd);
    free(arena);
}

/* Switches on all that the kernel has; returns the facts that a datagram must come with. */
static uint32_t switch_all_on(int fd, int family)
{
    static const struct { int option; int value; int six; uint32_t flag; } facts[] = {
        {OPTION_IP_RECVTOS, 1, 0, FLAG_TRAFFIC_CLASS}, {OPTION_IPV6_RECVTCLASS, 1, 1, FLAG_TRAFFIC_CLASS},
        {OPTION_IP_RECVTTL, 1, 0, FLAG_HOP_LIMIT}, {OPTION_IPV6_RECVHOPLIMIT, 1, 1, FLAG_HOP_LIMIT},
        {OPTION_IP_RECVORIGDSTADDR, 1, 0, FLAG_ORIGINAL_PORT}, {OPTION_IPV6_RECVORIGDSTADDR, 1, 1, FLAG_ORIGINAL_PORT},
        {OPTION_TIMESTAMPNS, 1, 0, FLAG_RECEIVE_TIME}, {OPTION_TIMESTAMPING, 1 << 2 | 1 << 6, 0, 0},
        {OPTION_RCVMARK, 1, 0, FLAG_MARK}, {OPTION_RXQ_OVFL, 1, 0, 0}, {OPTION_UDP_GRO, 1, 0, FLAG_SEGMENT_SIZE}};
    uint32_t expected = 0;

    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        if ((family == AF_INET6 || !facts[i].six) && kernel_set_option(fd, facts[i].option, facts[i].value) == 0) {
            expected |= facts[i].flag;
        }
    }
    return expected;
}

/* Drops some datagrams, so that the count of these comes too: it comes only if it is not zero. */
static void overflow(int client, struct server server, void *arena, const char *destination)
{
    set(server.fd, SOL_SOCKET, SO_RCVBUF, 1);
    for (int i = 0; i < 100; i++) {
        ask(client, destination, server.port, "flood", 5);
    }
    while (arena_receive(arena, server.fd, 1) > 0) {
    }
    set(server.fd, SOL_SOCKET, SO_RCVBUF, 100000);
}

static void all_facts_at_once_are_told_without_truncation(int family, const char *destination)
{
    struct server server = new_server(family);
    void *arena = new_arena(1, 2000, family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6);
    int client = new_client(destination);
    uint32_t expected = switch_all_on(server.fd, family) | FLAG_DROP_COUNT;
    const uint8_t three[3 * 100] = {0};

    overflow(client, server, arena, destination);
    if (kernel_set_option(client, OPTION_UDP_SEGMENT, 100) != 0) {
        expected &= ~(uint32_t)FLAG_SEGMENT_SIZE;
    }
    ask(client, destination, server.port, three, sizeof(three));
    EXPECT_EQUAL(1, receive(arena, server.fd, 1));
    const uint32_t facts = slot_of(arena, 0)->flags
        & ~(uint32_t)(FLAG_IN_PKTINFO | FLAG_IN6_PKTINFO | FLAG_IN6_PKTINFO_FIRST);
    EXPECT_EQUAL(expected, facts); /* FLAG_CONTROL_TRUNCATED is not among them */
    EXPECT_EQUAL(1, (slot_of(arena, 0)->flags & (FLAG_IN_PKTINFO | FLAG_IN6_PKTINFO)) != 0);
    EXPECT_EQUAL(server.port, slot_of(arena, 0)->original_port);
    close(client);
    close(server.fd);
    free(arena);
}

static void new_facts(int family, const char *destination)
{
    if (!left_out("every_option_exists")) { /* qemu-user has none of them */
        the_original_port_is_told(family, destination);
        the_mark_is_told_and_is_zero_without_one(family, destination);
        all_facts_at_once_are_told_without_truncation(family, destination);
    }
}

void facts_of_ipv4(void)
{
    new_facts(AF_INET, "127.0.0.1");
    traffic_class_and_hop_limit_are_received(AF_INET, "127.0.0.1");
    if (!left_out("the_receive_time_is_that_of_the_arrival")) {
        the_receive_time_is_that_of_the_arrival();
    }
    if (!left_out("lost_datagrams_are_counted")) {
        lost_datagrams_are_counted();
    }
    if (!left_out("coalesced_datagrams_come_with_their_size")) {
        coalesced_datagrams_come_with_their_size();
    }
}

void facts_of_ipv6(void)
{
    traffic_class_and_hop_limit_are_received(AF_INET6, "127.0.0.1");
    traffic_class_and_hop_limit_are_received(AF_INET6, "::1");
    new_facts(AF_INET6, "127.0.0.1");
    new_facts(AF_INET6, "::1");
}
