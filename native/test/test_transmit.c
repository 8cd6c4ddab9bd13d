/* The times of transmission that this kernel reports, in every form in which it can be asked for them. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "arenas.h"
#include "errors.h"
#include "expect.h"
#include "forms.h"
#include "kernel.h"
#include "linux_times.h"
#include "sockets.h"
#include "transmit.h"

enum { SLOTS = 4, CAPACITY = 1000, TRANSMITTED = org_pktinfo_internal_ErrorLayout_ORIGIN_TRANSMITTED };

/* The socket options of each form, as the channel in Java sets them. */
static const int OPTIONS[] = {
    [TRANSMIT_ALL] = TIMESTAMPING_SOFTWARE | TIMESTAMPING_TX_SOFTWARE,
    [TRANSMIT_REQUESTED] = TIMESTAMPING_SOFTWARE,
    [TRANSMIT_NUMBERED] = TIMESTAMPING_SOFTWARE | TIMESTAMPING_OPT_ID | TIMESTAMPING_OPT_TSONLY,
};

/* A way to a receiver on this host: the families of both sockets, and the address as bytes and as text. */
struct way {
    int family;
    int receiver_family;
    const char *address;
};

static const struct way WAYS[] = {
    {AF_INET, AF_INET, "::ffff:127.0.0.1"},
    {AF_INET6, AF_INET, "::ffff:127.0.0.2"},
    {AF_INET6, AF_INET6, "::1"},
};

/* The payloads of the slots: in the second, bytes beyond those that are digested. */
static const size_t LENGTHS[SLOTS] = {6, 700, 0, 1};

static uint64_t fnv(const uint8_t *bytes, size_t length)
{
    uint64_t hash = 14695981039346656037U;

    for (size_t i = 0; i < length && i < 512; i++) {
        hash ^= bytes[i];
        hash *= 1099511628211U;
    }
    return hash;
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* A socket on every address of its family; stores its port. */
static int new_socket(int family, uint16_t *port)
{
    struct sockaddr_in6 name = {.sin6_family = (sa_family_t)family};
    socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(name);
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    must(fd >= 0, "socket");
    must(bind(fd, (struct sockaddr *)&name, length) == 0, "bind");
    must(getsockname(fd, (struct sockaddr *)&name, &length) == 0, "getsockname");
    *port = ntohs(name.sin6_port); /* at the same offset in both families */
    return fd;
}

/* Pends slots of which those that a bit of requested names ask for their times. */
static void *new_requests(const struct way *way, uint16_t port, int form, uint32_t number, unsigned requested)
{
    void *arena = new_arena(SLOTS, CAPACITY, way->family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6);
    struct arena_header *header = arena;

    header->transmit_form = form;
    header->transmit_number = number;
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = slot_of(arena, i);
        *slot = (struct slot){
            .peer_port = port,
            .length = (uint32_t)LENGTHS[i],
            .send_flags = requested >> i & 1 ? SEND_WITH_TRANSMIT_TIME : 0,
            .send_state = STATE_PENDING,
        };
        must(inet_pton(AF_INET6, way->address, slot->peer_address) == 1, "address");
        for (size_t at = 0; at < LENGTHS[i]; at++) {
            payload_of(arena, i)[at] = (uint8_t)((size_t)form * 31 + (size_t)i * 17 + at * 7 + at / 256);
        }
    }
    return arena;
}

/* Takes count messages; the device queues each when it takes the packet, which may be after the send. */
static void take(int fd, struct error_report *reports, int count)
{
    struct pollfd queue = {.fd = fd};
    int taken = 0;

    memset(reports, 0, (size_t)count * sizeof(*reports));
    while (taken < count && poll(&queue, 1, PATIENCE_MILLIS) == 1) {
        int result = errors_receive(fd, reports + taken, count - taken);
        must(result > 0, "errors_receive");
        taken += result;
    }
    EXPECT_EQUAL(count, taken);
}

static void expect_empty(int fd)
{
    struct error_report report;

    EXPECT_EQUAL(0, errors_receive(fd, &report, 1));
}

static void expect_payload(void *arena, int at, const struct error_report *report)
{
    const struct slot *slot = slot_of(arena, at);

    EXPECT_EQUAL(1, report->has_peer);
    EXPECT_BYTES(slot->peer_address, report->peer_address, 16);
    EXPECT_EQUAL(0, report->peer_scope);
    EXPECT_EQUAL(slot->peer_port, report->peer_port);
    EXPECT_EQUAL(LENGTHS[at], report->length);
    EXPECT_EQUAL(fnv(payload_of(arena, at), LENGTHS[at]), report->digest);
}

static void expect_report(void *arena, int at, const struct error_report *report, int64_t since)
{
    const struct arena_header *header = arena;

    EXPECT_EQUAL(TRANSMITTED, report->origin);
    EXPECT_EQUAL(ENOMSG, report->error);
    EXPECT_EQUAL(1, report->time >= since);
    EXPECT_EQUAL(1, report->time <= now());
    if (header->transmit_form == TRANSMIT_NUMBERED) {
        EXPECT_EQUAL(header->transmit_number + (uint32_t)at, report->number);
        EXPECT_EQUAL(0, report->has_peer);
        EXPECT_EQUAL(0, report->length);
    } else {
        expect_payload(arena, at, report);
    }
}

static void expect_arrived(int receiver)
{
    uint8_t payload[CAPACITY];

    for (int i = 0; i < SLOTS; i++) {
        struct pollfd readable = {.fd = receiver, .events = POLLIN};
        EXPECT_EQUAL(1, poll(&readable, 1, PATIENCE_MILLIS));
        EXPECT_EQUAL(LENGTHS[i], recv(receiver, payload, sizeof(payload), MSG_DONTWAIT));
    }
}

/* The numbers pass 2^32, and not every datagram is asked about: with the option alone, all have times. */
static void times_of(const struct way *way, int form, unsigned requested)
{
    struct error_report reports[SLOTS];
    uint16_t port;
    uint16_t unused;
    int receiver = new_socket(way->receiver_family, &port);
    int fd = new_socket(way->family, &unused);
    void *arena = new_requests(way, port, form, UINT32_MAX - 1, requested);
    unsigned expected = form == TRANSMIT_ALL ? (1U << SLOTS) - 1 : requested;
    int count = 0;

    EXPECT_EQUAL(0, kernel_set_option(fd, OPTION_TIMESTAMPING, OPTIONS[form]));
    int64_t since = now();
    EXPECT_EQUAL(SLOTS, arena_send(arena, fd, SLOTS));
    expect_arrived(receiver);
    take(fd, reports, __builtin_popcount(expected));
    for (int i = 0; i < SLOTS; i++) {
        EXPECT_EQUAL(0, slot_of(arena, i)->error);
        if (expected >> i & 1) {
            expect_report(arena, i, &reports[count++], since);
        }
    }
    expect_empty(fd);
    free(arena);
    close(fd);
    close(receiver);
}

static void the_times_of_datagrams_come_back(int six)
{
    for (int form = TRANSMIT_ALL; form <= transmit_form(); form++) {
        for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++) {
            if (six || WAYS[i].family == AF_INET) {
                times_of(&WAYS[i], form, 0xf);
                times_of(&WAYS[i], form, 0xa);
                times_of(&WAYS[i], form, 1);
                times_of(&WAYS[i], form, 0);
            }
        }
    }
}

/* A distribution's kernel may have a newer form than its version says. */
static void the_form_is_at_least_that_of_the_version(void)
{
    EXPECT_EQUAL(1, transmit_form() >= form_of_version());
    EXPECT_EQUAL(1, transmit_form() <= TRANSMIT_NUMBERED);
}

/* Port 9 of this host is where the question would go; nothing arrives there, nor is any error reported. */
static void finding_out_the_form_sends_nothing(void)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    must(fd >= 0, "socket");
    if (bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0) { /* not without privileges, nor if it is in use */
        transmit_form();
        EXPECT_EQUAL(0, poll(&readable, 1, 0));
    }
    close(fd);
}

static int has_ipv6(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int has = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0;

    close(fd);
    return has;
}

int main(void)
{
    int six = has_ipv6();

    if (left_out("the_times_of_datagrams_come_back")) {
        return SKIPPED;
    }
    the_form_is_at_least_that_of_the_version();
    finding_out_the_form_sends_nothing();
    the_times_of_datagrams_come_back(six);
    if (!six) {
        puts("skipped: no IPv6");
    }
    return expect_failures > 0 ? 1 : six ? 0 : SKIPPED;
}
