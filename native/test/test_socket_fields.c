/* The traffic class and hop limit of a sent datagram on real sockets, as its receiver sees them. */
#define _GNU_SOURCE
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

/* Of the socket, and of the datagram: none has a default's value. */
enum { SOCKETS_CLASS = 0x20, SOCKETS_LIMIT = 33, OWN_CLASS = 0xb9, OWN_LIMIT = 77, ALL_FIELDS = 3 };

/* A server with fields of its own, and a client that is told them. */
struct ends {
    struct server server;
    struct server client;
    const char *address; /* of both */
    int server_family;
    int client_family;
};

static void set_fields(int fd, int six, int traffic_class, int hop_limit)
{
    set(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_TCLASS : IP_TOS, traffic_class);
    set(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_UNICAST_HOPS : IP_TTL, hop_limit);
}

static struct ends new_ends(int family, const char *address)
{
    int six = strchr(address, ':') != NULL;
    struct ends ends = {
        .server = new_server(family),
        .client = new_server(six ? AF_INET6 : AF_INET),
        .address = address,
        .server_family = family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6,
        .client_family = six ? FAMILY_IPV6 : FAMILY_IPV4,
    };

    set_fields(ends.server.fd, 0, SOCKETS_CLASS, SOCKETS_LIMIT);
    if (family == AF_INET6) {
        set_fields(ends.server.fd, 1, SOCKETS_CLASS, SOCKETS_LIMIT);
    }
    set(ends.client.fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVTCLASS : IP_RECVTOS, 1);
    set(ends.client.fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1);
    return ends;
}

static void close_ends(struct ends ends)
{
    close(ends.server.fd);
    close(ends.client.fd);
}

/* Makes a datagram of one letter pending; bit 0 of fields is for the traffic class, bit 1 for the hop limit. */
static struct slot *pend(struct ends ends, void *arena, int index, int with_source, int fields)
{
    struct slot *slot = slot_of(arena, index);

    *slot = (struct slot){.peer_port = ends.client.port, .length = 40, .send_state = STATE_PENDING};
    bytes_of(ends.address, slot->peer_address);
    if (with_source) {
        slot->source_form = ends.client_family == FAMILY_IPV4 ? FORM_IN_PKTINFO : FORM_IN6_PKTINFO;
        bytes_of(ends.address, slot->source_address);
    }
    slot->send_flags = (uint16_t)((fields & 1 ? SEND_WITH_TRAFFIC_CLASS : 0) | (fields & 2 ? SEND_WITH_HOP_LIMIT : 0));
    slot->send_traffic_class = fields & 1 ? OWN_CLASS : 0;
    slot->send_hop_limit = fields & 2 ? OWN_LIMIT : 0;
    memset(payload_of(arena, index), 'a' + index, 40);
    return slot;
}

static void expect_received(struct ends ends, char letter, int traffic_class, int hop_limit)
{
    void *arena = new_arena(1, CAPACITY, ends.client_family);
    uint8_t expected[40];

    memset(expected, letter, sizeof(expected));
    EXPECT_EQUAL(1, receive(arena, ends.client.fd, 1));
    const struct slot *slot = slot_of(arena, 0);
    EXPECT_EQUAL(sizeof(expected), slot->length);
    EXPECT_BYTES(expected, payload_of(arena, 0), sizeof(expected));
    EXPECT_EQUAL(FLAG_TRAFFIC_CLASS | FLAG_HOP_LIMIT, slot->flags & (FLAG_TRAFFIC_CLASS | FLAG_HOP_LIMIT));
    EXPECT_EQUAL(traffic_class, slot->traffic_class);
    EXPECT_EQUAL(hop_limit, slot->hop_limit);
    free(arena);
}

static void a_datagram_leaves_with_its_own_fields_and_the_sockets_for_the_others(int family, const char *address)
{
    struct ends ends = new_ends(family, address);
    void *arena = new_arena(1, CAPACITY, ends.server_family);

    for (int fields = 0; fields <= ALL_FIELDS; fields++) {
        for (int with_source = 0; with_source < 2; with_source++) {
            struct slot *slot = pend(ends, arena, 0, with_source, fields);
            EXPECT_EQUAL(1, arena_send(arena, ends.server.fd, 1));
            EXPECT_EQUAL(0, slot->error);
            expect_received(ends, 'a', fields & 1 ? OWN_CLASS : SOCKETS_CLASS, fields & 2 ? OWN_LIMIT : SOCKETS_LIMIT);
        }
    }
    pend(ends, arena, 0, 1, 0);
    EXPECT_EQUAL(1, arena_send(arena, ends.server.fd, 1));
    expect_received(ends, 'a', SOCKETS_CLASS, SOCKETS_LIMIT); /* the socket's are unchanged */
    close_ends(ends);
    free(arena);
}

/* The ends of the ranges: 0 is a traffic class, and the kernel refuses no hop limit from 1 to 255. */
static void every_traffic_class_and_every_hop_limit_can_be_sent(int family, const char *address)
{
    struct ends ends = new_ends(family, address);
    void *arena = new_arena(1, CAPACITY, ends.server_family);

    for (int value = 0; value <= UINT8_MAX; value++) {
        struct slot *slot = pend(ends, arena, 0, 1, ALL_FIELDS);
        slot->send_traffic_class = (uint8_t)value;
        slot->send_hop_limit = (uint8_t)(value == 0 ? 1 : value);
        EXPECT_EQUAL(1, arena_send(arena, ends.server.fd, 1));
        EXPECT_EQUAL(0, slot->error);
        expect_received(ends, 'a', value, value == 0 ? 1 : value);
    }
    close_ends(ends);
    free(arena);
}

/* Slots 0 and 1 have both fields, 2 the hop limit alone, 3 and 4 none, 5 both: four messages if the kernel segments. */
static void neighbours_leave_together_only_with_equal_fields(int family, const char *address)
{
    const int fields[] = {3, 3, 2, 0, 0, 3};
    const int together[] = {1, 1, 0, 1, 1, 0};
    struct ends ends = new_ends(family, address);
    void *arena = new_arena(6, CAPACITY, ends.server_family);
    int segments = kernel_get_option(ends.server.fd, OPTION_UDP_SEGMENT) >= 0;

    ((struct arena_header *)arena)->longest_coalesced = segments ? CAPACITY : 0;
    for (int i = 0; i < 6; i++) {
        pend(ends, arena, i, 1, fields[i]);
    }
    EXPECT_EQUAL(6, arena_send(arena, ends.server.fd, 6));
    for (int i = 0; i < 6; i++) {
        const struct slot *slot = slot_of(arena, i);
        EXPECT_EQUAL(0, slot->error);
        EXPECT_EQUAL(segments && together[i] ? SEND_COALESCED : 0,
            slot->send_flags & (SEND_COALESCED | SEND_SEGMENTATION_REFUSED));
        expect_received(ends, (char)('a' + i), fields[i] & 1 ? OWN_CLASS : SOCKETS_CLASS,
            fields[i] & 2 ? OWN_LIMIT : SOCKETS_LIMIT);
    }
    if (!segments) {
        puts("skipped: no UDP_SEGMENT");
    }
    close_ends(ends);
    free(arena);
}

static void every_segment_of_a_payload_leaves_with_its_fields(int family, const char *address)
{
    struct ends ends = new_ends(family, address);
    void *arena = new_arena(1, 3 * 40, ends.server_family);
    struct slot *slot = pend(ends, arena, 0, 1, ALL_FIELDS);

    slot->length = 3 * 40;
    slot->send_segment_size = 40;
    slot->send_flags |= kernel_get_option(ends.server.fd, OPTION_UDP_SEGMENT) >= 0 ? 0 : SEND_SEPARATELY;
    memset(payload_of(arena, 0), 'a', 3 * 40);
    EXPECT_EQUAL(1, arena_send(arena, ends.server.fd, 1));
    EXPECT_EQUAL(0, slot->error);
    for (int i = 0; i < 3; i++) {
        expect_received(ends, 'a', OWN_CLASS, OWN_LIMIT);
    }
    close_ends(ends);
    free(arena);
}

static void fields_are_sent(int family, const char *address)
{
    a_datagram_leaves_with_its_own_fields_and_the_sockets_for_the_others(family, address);
    every_traffic_class_and_every_hop_limit_can_be_sent(family, address);
    if (!left_out("coalesced_datagrams_come_with_their_size")) {
        neighbours_leave_together_only_with_equal_fields(family, address);
        every_segment_of_a_payload_leaves_with_its_fields(family, address);
    }
}

void fields_of_ipv4(void)
{
    if (!left_out("header_fields_are_sent")) {
        fields_are_sent(AF_INET, "127.0.0.2");
    }
}

void fields_of_ipv6(void)
{
    if (!left_out("header_fields_are_sent")) {
        fields_are_sent(AF_INET6, "127.0.0.2");
        fields_are_sent(AF_INET6, "::1");
    }
}
