/* The whole shim below JNI on real sockets on loopback: what a client that asked an address sees. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "allocations.h"
#include "arenas.h"
#include "expect.h"
#include "interruptions.h"
#include "kernel.h"
#include "pktinfo.h"
#include "sockets.h"

enum { CAPACITY = 100, UDP_LEVEL = 17, SEGMENT_OPTION = 103, GRO_OPTION = 104 };

/* The text of an address of either family, IPv4 as such. */
struct text {
    char bytes[INET6_ADDRSTRLEN];
};

/* A server on every address of the host, its descriptor and its port. */
struct server {
    int fd;
    uint16_t port;
};

static struct server new_server(int family)
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
    server.port = ntohs(name.sin6_port); /* at the same place in both families */
    return server;
}

/* An unconnected socket: it would take an answer from anywhere. */
static int new_client(const char *destination)
{
    int fd = socket(strchr(destination, ':') ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    must(fd >= 0, "socket of a client");
    return fd;
}

static void ask(int client, const char *destination, uint16_t port, const void *payload, size_t length)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int six = strchr(destination, ':') != NULL;

    must(inet_pton(six ? AF_INET6 : AF_INET, destination, six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr) == 1, "address");
    const struct sockaddr *name = six ? (void *)&in6 : (void *)&in;
    must(sendto(client, payload, length, 0, name, six ? sizeof(in6) : sizeof(in)) == (ssize_t)length, "sendto");
}

static void bytes_of(const char *text, uint8_t *bytes)
{
    static const uint8_t prefix[12] = {[10] = 0xff, 0xff};

    memcpy(bytes, prefix, sizeof(prefix));
    int ok = strchr(text, ':') ? inet_pton(AF_INET6, text, bytes) : inet_pton(AF_INET, text, bytes + 12);
    must(ok == 1, "address");
}

/* That the next answer comes from this address and port and is this payload. */
static void expect_answer(int client, const char *source, uint16_t port, const void *payload, size_t length)
{
    struct sockaddr_in6 name = {0};
    socklen_t name_length = sizeof(name);
    struct pollfd readable = {.fd = client, .events = POLLIN};
    uint8_t actual[2048] = {0};
    uint8_t expected[16];
    const uint8_t *address = (const uint8_t *)&name + (strchr(source, ':') ? 8 : 4);

    EXPECT_EQUAL(1, poll(&readable, 1, PATIENCE_MILLIS));
    EXPECT_EQUAL(length, recvfrom(client, actual, sizeof(actual), MSG_DONTWAIT, (struct sockaddr *)&name, &name_length));
    EXPECT_BYTES(payload, actual, length);
    bytes_of(source, expected);
    EXPECT_BYTES(strchr(source, ':') ? expected : expected + 12, address, strchr(source, ':') ? 16 : 4);
    EXPECT_EQUAL(port, ntohs(name.sin6_port));
}

static void expect_no_answer(int client)
{
    struct pollfd readable = {.fd = client, .events = POLLIN};

    EXPECT_EQUAL(0, poll(&readable, 1, 0));
}

static int receive(void *arena, int fd, int count)
{
    EXPECT_EQUAL(1, kernel_wait(fd, -1, WAIT_READABLE, PATIENCE_MILLIS));
    return arena_receive(arena, fd, count);
}

/* The address asked, as the policy in Java chooses it for unicast. */
static void answer(struct slot *slot)
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

/* in_pktinfo for IPv4 on any kernel; in6_pktinfo beside it only if the kernel gives it, and then it agrees. */
static void expect_facts(const struct slot *slot, const char *destination, const char *peer)
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

static void ask_and_answer(struct server server, int family, const char *destination, const char *peer)
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

static void an_answer_of_a_dual_stack_socket_leaves_from_the_address_asked(void)
{
    struct server server = new_server(AF_INET6);

    ask_and_answer(server, FAMILY_IPV6, "127.0.0.1", "127.0.0.1");
    ask_and_answer(server, FAMILY_IPV6, "127.0.0.2", "127.0.0.1");
    ask_and_answer(server, FAMILY_IPV6, "::1", "::1");
    close(server.fd);
}

static void an_answer_of_an_ipv4_socket_leaves_from_the_address_asked(void)
{
    struct server server = new_server(AF_INET);

    ask_and_answer(server, FAMILY_IPV4, "127.0.0.1", "127.0.0.1");
    ask_and_answer(server, FAMILY_IPV4, "127.0.0.2", "127.0.0.1");
    close(server.fd);
}

/* Without a source the kernel answers from the route's own address: what the test above would see if nothing worked. */
static void an_answer_without_a_source_leaves_from_another_address(void)
{
    struct server server = new_server(AF_INET);
    void *arena = new_arena(1, CAPACITY, FAMILY_IPV4);
    int client = new_client("127.0.0.2");

    ask(client, "127.0.0.2", server.port, "hello", 5);
    EXPECT_EQUAL(1, receive(arena, server.fd, 1));
    slot_of(arena, 0)->source_form = FORM_NONE;
    slot_of(arena, 0)->send_state = STATE_PENDING;
    EXPECT_EQUAL(1, arena_send(arena, server.fd, 1));
    expect_answer(client, "127.0.0.1", server.port, "hello", 5);
    close(client);
    close(server.fd);
    free(arena);
}

/* Batches as they come: nobody promises that all datagrams are there when the first one is. */
static void serve(struct server server, void *arena, int slots, int requests)
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

static void a_batch_answers_each_from_the_address_it_asked(int family, const char *third)
{
    const char *destinations[] = {"127.0.0.1", "127.0.0.2", third, "127.0.0.3", third, "127.0.0.1", "127.9.9.9"};
    struct server server = new_server(family);
    void *arena = new_arena(8, CAPACITY, family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6);
    int clients[7];

    for (int i = 0; i < 7; i++) {
        clients[i] = new_client(destinations[i]);
        ask(clients[i], destinations[i], server.port, &i, sizeof(i));
    }
    serve(server, arena, 8, 7);
    for (int i = 0; i < 7; i++) {
        expect_answer(clients[i], destinations[i], server.port, &i, sizeof(i));
        expect_no_answer(clients[i]);
        close(clients[i]);
    }
    close(server.fd);
    free(arena);
}

static void a_datagram_larger_than_the_slot_is_flagged(void)
{
    struct server server = new_server(AF_INET);
    void *arena = new_arena(2, CAPACITY, FAMILY_IPV4);
    int client = new_client("127.0.0.1");
    uint8_t large[1000] = {[CAPACITY - 1] = 7, 8};

    for (int count = 1; count <= 2; count++) {
        ask(client, "127.0.0.1", server.port, large, sizeof(large));
        EXPECT_EQUAL(1, receive(arena, server.fd, count));
        EXPECT_EQUAL(FLAG_IN_PKTINFO | FLAG_TRUNCATED, slot_of(arena, 0)->flags);
        EXPECT_EQUAL(CAPACITY, slot_of(arena, 0)->length);
        EXPECT_EQUAL(1000, slot_of(arena, 0)->wire_length);
        EXPECT_BYTES(large, payload_of(arena, 0), CAPACITY);
        EXPECT_EQUAL(0xaa, payload_of(arena, 0)[CAPACITY]);
    }
    close(client);
    close(server.fd);
    free(arena);
}

static void an_empty_datagram_is_received_and_answered(void)
{
    struct server server = new_server(AF_INET);
    void *arena = new_arena(2, CAPACITY, FAMILY_IPV4);
    int client = new_client("127.0.0.2");

    for (int i = 0; i < 2; i++) {
        ask(client, "127.0.0.2", server.port, "", 0);
    }
    serve(server, arena, 2, 2);
    for (int i = 0; i < 2; i++) {
        expect_answer(client, "127.0.0.2", server.port, "", 0);
    }
    expect_no_answer(client);
    close(client);
    close(server.fd);
    free(arena);
}

/* 192.0.2.7 is for documentation (RFC 5737): no host should have it. Old kernels say EINVAL, newer ones ENETUNREACH. */
static void a_source_that_is_not_ours_fails_alone(void)
{
    struct server server = new_server(AF_INET);

    for (int wrong = 0; wrong < 5; wrong++) {
        void *arena = new_arena(5, CAPACITY, FAMILY_IPV4);
        int client = new_client("127.0.0.1");
        struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(name);
        must(bind(client, (struct sockaddr *)&name, length) == 0, "bind");
        must(getsockname(client, (struct sockaddr *)&name, &length) == 0, "getsockname");
        for (int i = 0; i < 5; i++) {
            struct slot *slot = slot_of(arena, i);
            *slot = (struct slot){.peer_port = ntohs(name.sin_port), .length = sizeof(i), .source_form = FORM_IN_PKTINFO,
                .send_state = STATE_PENDING};
            bytes_of("127.0.0.1", slot->peer_address);
            bytes_of(i == wrong ? "192.0.2.7" : "127.0.0.2", slot->source_address);
            memcpy(payload_of(arena, i), &i, sizeof(i));
        }
        EXPECT_EQUAL(5, arena_send(arena, server.fd, 5));
        for (int i = 0; i < 5; i++) {
            int error = (int)slot_of(arena, i)->error;
            EXPECT_EQUAL(STATE_DONE, slot_of(arena, i)->send_state);
            EXPECT_EQUAL(i == wrong, error == ENETUNREACH || error == EINVAL);
            if (i != wrong) {
                EXPECT_EQUAL(0, error);
                expect_answer(client, "127.0.0.2", server.port, &i, sizeof(i));
            }
        }
        expect_no_answer(client);
        close(client);
        free(arena);
    }
    close(server.fd);
}

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

static int64_t now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
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

/* The count comes with the first datagram queued after the loss; a kernel since 4.12 can be asked for it. */
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

static void waiting_ends_with_a_datagram_or_with_room(void)
{
    struct server server = new_server(AF_INET);
    int client = new_client("127.0.0.1");

    EXPECT_EQUAL(0, kernel_wait(server.fd, -1, WAIT_READABLE, 0));
    EXPECT_EQUAL(1, kernel_wait(server.fd, -1, WAIT_WRITABLE, PATIENCE_MILLIS));
    ask(client, "127.0.0.1", server.port, "hello", 5);
    EXPECT_EQUAL(1, kernel_wait(server.fd, -1, WAIT_READABLE, PATIENCE_MILLIS));
    close(client);
    close(server.fd);
}

static void waiting_ends_when_the_time_is_over(void)
{
    struct server server = new_server(AF_INET);
    int event = kernel_new_event();
    int64_t before = now(CLOCK_MONOTONIC);

    EXPECT_EQUAL(0, kernel_wait(server.fd, event, WAIT_READABLE, 50));
    EXPECT_EQUAL(1, now(CLOCK_MONOTONIC) - before >= 49 * 1000000);
    kernel_close(event);
    close(server.fd);
}

static void waiting_ends_with_a_signal_on_the_event(void)
{
    struct server server = new_server(AF_INET);
    int event = kernel_new_event();

    EXPECT_EQUAL(FD_CLOEXEC, fcntl(event, F_GETFD) & FD_CLOEXEC);
    int64_t before = now(CLOCK_MONOTONIC);
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        poll(NULL, 0, 50);
        _exit(kernel_signal(event) != 0);
    }
    int status = -1;
    EXPECT_EQUAL(1, kernel_wait(server.fd, event, WAIT_READABLE, PATIENCE_MILLIS));
    EXPECT_EQUAL(1, now(CLOCK_MONOTONIC) - before >= 49 * 1000000);
    EXPECT_EQUAL(child, waitpid(child, &status, 0));
    EXPECT_EQUAL(0, status);
    EXPECT_EQUAL(0, kernel_signal(event));
    EXPECT_EQUAL(1, kernel_wait(server.fd, event, WAIT_READABLE, 0)); /* and stays so, for all who wait */
    kernel_close(event);
    close(server.fd);
}

static void ignore(int number)
{
    (void)number;
}

static void waiting_ends_early_without_an_error_when_it_is_interrupted(void)
{
    struct server server = new_server(AF_INET);
    const struct sigaction action = {.sa_handler = ignore};
    /* Again and again: the first alarm may come before the waiting has begun. */
    const struct itimerval soon = {.it_value.tv_usec = 20000, .it_interval.tv_usec = 20000};
    const struct itimerval never = {.it_value.tv_usec = 0};
    int64_t before = now(CLOCK_MONOTONIC);

    must(sigaction(SIGALRM, &action, NULL) == 0, "sigaction");
    must(setitimer(ITIMER_REAL, &soon, NULL) == 0, "setitimer");
    EXPECT_EQUAL(0, kernel_wait(server.fd, -1, WAIT_READABLE, PATIENCE_MILLIS));
    EXPECT_EQUAL(1, (now(CLOCK_MONOTONIC) - before) / 1000000 < PATIENCE_MILLIS);
    must(setitimer(ITIMER_REAL, &never, NULL) == 0, "setitimer");
    close(server.fd);
}

static void an_interrupted_call_is_made_again(void)
{
    struct server server = new_server(AF_INET);
    void *arena = new_arena(2, CAPACITY, FAMILY_IPV4);
    int client = new_client("127.0.0.2");
    int event = kernel_new_event();

    for (int count = 1; count <= 2; count++) {
        for (int i = 0; i < count; i++) {
            ask(client, "127.0.0.2", server.port, &i, sizeof(i));
        }
        EXPECT_EQUAL(1, kernel_wait(server.fd, -1, WAIT_READABLE, PATIENCE_MILLIS));
        interruptions = 3;
        serve(server, arena, count, 1);
        EXPECT_EQUAL(0, interruptions);
        int first = 0;
        expect_answer(client, "127.0.0.2", server.port, &first, sizeof(first));
        interruptions = 3;
        for (int i = 0; i < 2; i++) {
            answer(slot_of(arena, i));
        }
        EXPECT_EQUAL(count, arena_send(arena, server.fd, count));
        EXPECT_EQUAL(0, interruptions);
        EXPECT_EQUAL(0, slot_of(arena, 0)->error);
        while (arena_receive(arena, server.fd, 1) > 0) {
        }
    }
    interruptions = 3;
    EXPECT_EQUAL(0, kernel_signal(event));
    EXPECT_EQUAL(0, interruptions);
    kernel_close(event);
    close(client);
    close(server.fd);
    free(arena);
}

static void a_duplicate_is_closed_on_exec_and_outlives_the_original(void)
{
    struct server server = new_server(AF_INET);
    int duplicate = kernel_duplicate(server.fd);

    EXPECT_EQUAL(1, duplicate >= 3 && duplicate != server.fd);
    EXPECT_EQUAL(FD_CLOEXEC, fcntl(duplicate, F_GETFD) & FD_CLOEXEC);
    EXPECT_EQUAL(0, kernel_close(server.fd));
    EXPECT_EQUAL(-EBADF, kernel_close(server.fd));
    EXPECT_EQUAL(-EBADF, kernel_duplicate(server.fd));
    ask_and_answer((struct server){.fd = duplicate, .port = server.port}, FAMILY_IPV4, "127.0.0.2", "127.0.0.1");
    EXPECT_EQUAL(0, kernel_close(duplicate));
}

static void a_descriptor_takes_over_the_socket_of_another(void)
{
    struct server server = new_server(AF_INET);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int64_t cookie = kernel_cookie(server.fd);

    EXPECT_EQUAL(1, cookie > 0 ? kernel_cookie(fd) > cookie : cookie == -ENOPROTOOPT);
    EXPECT_EQUAL(fd, kernel_replace(fd, server.fd));
    EXPECT_EQUAL(cookie, kernel_cookie(fd));
    EXPECT_EQUAL(FD_CLOEXEC, fcntl(fd, F_GETFD) & FD_CLOEXEC);
    EXPECT_EQUAL(0, kernel_close(server.fd));
    EXPECT_EQUAL(-EBADF, kernel_replace(fd, server.fd));
    EXPECT_EQUAL(-EBADF, kernel_cookie(server.fd));
    ask_and_answer((struct server){.fd = fd, .port = server.port}, FAMILY_IPV4, "127.0.0.2", "127.0.0.1");
    EXPECT_EQUAL(0, kernel_close(fd));
}

static int route_type(int family, const char *text, int interface)
{
    uint8_t address[16] = {[10] = 0xff, [11] = 0xff};

    static int number;
    int fd = kernel_new_route_socket();

    must(fd >= 0, "netlink");
    must(inet_pton(family, text, family == AF_INET ? address + 12 : address) == 1, text);
    int first = kernel_route_type(fd, ++number, family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6, address, interface);
    int second = kernel_route_type(fd, ++number, family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6, address, interface);
    EXPECT_EQUAL(first, second);
    close(fd);
    EXPECT_EQUAL(-EBADF, kernel_route_type(fd, ++number, FAMILY_IPV4, address, interface));
    return first;
}

/* The numbers are RTN_LOCAL, RTN_BROADCAST and RTN_MULTICAST of rtnetlink(7). */
static void the_routing_table_tells_what_an_ipv4_address_is(void)
{
    EXPECT_EQUAL(2, route_type(AF_INET, "127.0.0.1", 0));
    EXPECT_EQUAL(2, route_type(AF_INET, "127.9.9.9", 0));
    EXPECT_EQUAL(3, route_type(AF_INET, "127.255.255.255", 0));
    int foreign = route_type(AF_INET, "192.0.2.1", 0);
    EXPECT_EQUAL(1, foreign == 0 || foreign == 1);
    EXPECT_EQUAL(0, route_type(AF_INET, "192.0.2.1", 1 << 30));
}

static void the_routing_table_tells_what_an_ipv6_address_is(void)
{
    EXPECT_EQUAL(2, route_type(AF_INET6, "::1", 0));
    int foreign = route_type(AF_INET6, "2001:db8::1", 0);
    EXPECT_EQUAL(1, foreign >= 0 && foreign != 2);
}

static void sockets_of_one_namespace_have_its_number(void)
{
    int one = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int two = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    EXPECT_EQUAL(kernel_namespace(one), kernel_namespace(two));
    EXPECT_EQUAL(1, kernel_namespace(one) > 0 || kernel_namespace(one) == -ENOPROTOOPT);
    EXPECT_EQUAL(-EBADF, kernel_namespace(-1));
    close(one);
    close(two);
}

static void what_was_signalled_is_taken_back(void)
{
    int event = kernel_new_event();

    EXPECT_EQUAL(0, kernel_calm(event));
    EXPECT_EQUAL(0, kernel_signal(event));
    EXPECT_EQUAL(0, kernel_signal(event));
    EXPECT_EQUAL(1, kernel_wait(event, event, WAIT_READABLE, 0) > 0);
    EXPECT_EQUAL(0, kernel_calm(event));
    EXPECT_EQUAL(0, kernel_wait(event, event, WAIT_READABLE, 0));
    EXPECT_EQUAL(0, kernel_close(event));
    EXPECT_EQUAL(-EBADF, kernel_calm(event));
}

static void options_of_an_ipv4_socket_are_set_and_read(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    for (int value = 1; value >= 0; value--) {
        EXPECT_EQUAL(0, kernel_set_option(fd, OPTION_IP_PKTINFO, value));
        EXPECT_EQUAL(value, kernel_get_option(fd, OPTION_IP_PKTINFO));
        EXPECT_EQUAL(0, kernel_set_option(fd, OPTION_IP_MTU_DISCOVER, value));
        EXPECT_EQUAL(value, kernel_get_option(fd, OPTION_IP_MTU_DISCOVER));
        int result = kernel_set_option(fd, OPTION_IP_MULTICAST_ALL, value); /* qemu-user does not know it */
        EXPECT_EQUAL(result == 0 ? value : -ENOPROTOOPT, kernel_get_option(fd, OPTION_IP_MULTICAST_ALL));
    }
    EXPECT_EQUAL(FAMILY_IPV4, kernel_get_option(fd, OPTION_FAMILY));
    EXPECT_EQUAL(0, kernel_get_option(fd, OPTION_BOUND_INTERFACE));
    EXPECT_EQUAL(-ENOPROTOOPT, kernel_set_option(fd, OPTION_IPV6_RECVPKTINFO, 1));
    close(fd);
}

static void options_of_an_ipv6_socket_are_set_and_read(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int options[] = {OPTION_IP_PKTINFO, OPTION_IPV6_RECVPKTINFO, OPTION_IPV6_V6ONLY, OPTION_IP_MTU_DISCOVER};

    for (int i = 0; i < 4; i++) {
        for (int value = 1; value >= 0; value--) {
            EXPECT_EQUAL(0, kernel_set_option(fd, options[i], value));
            EXPECT_EQUAL(value, kernel_get_option(fd, options[i]));
        }
    }
    for (int value = 1; value >= 0; value--) {
        int result = kernel_set_option(fd, OPTION_IPV6_MULTICAST_ALL, value);
        EXPECT_EQUAL(result == 0 ? value : -ENOPROTOOPT, kernel_get_option(fd, OPTION_IPV6_MULTICAST_ALL));
    }
    EXPECT_EQUAL(FAMILY_IPV6, kernel_get_option(fd, OPTION_FAMILY));
    close(fd);
}

/* Binding to a device needed a privilege before Linux 5.7. */
static void the_interface_that_a_socket_is_bound_to_is_told(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == -1) {
        EXPECT_EQUAL(EPERM, errno);
        puts("skipped: not allowed to bind to a device");
    } else {
        EXPECT_EQUAL(if_nametoindex("lo"), kernel_get_option(fd, OPTION_BOUND_INTERFACE));
    }
    close(fd);
}

static void an_unknown_option_or_a_descriptor_that_is_none_is_an_error(void)
{
    const int unknown[] = {0, -1, 99};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    for (int i = 0; i < 3; i++) {
        EXPECT_EQUAL(-ENOPROTOOPT, kernel_set_option(fd, unknown[i], 1));
        EXPECT_EQUAL(-ENOPROTOOPT, kernel_get_option(fd, unknown[i]));
    }
    EXPECT_EQUAL(-ENOPROTOOPT, kernel_set_option(fd, OPTION_FAMILY, 1));
    close(fd);
    for (int option = OPTION_IP_PKTINFO; option <= OPTION_BOUND_INTERFACE; option++) {
        EXPECT_EQUAL(-EBADF, kernel_get_option(fd, option));
    }
    EXPECT_EQUAL(-EBADF, kernel_set_option(fd, OPTION_IP_PKTINFO, 1));
    EXPECT_EQUAL(-EBADF, kernel_signal(fd));
}

static void a_socket_that_is_not_of_the_internet_has_no_family(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    EXPECT_EQUAL(-EAFNOSUPPORT, kernel_get_option(fd, OPTION_FAMILY));
    close(fd);
}

static void the_version_of_the_c_library_is_known_if_it_is_glibc(void)
{
#ifdef __GLIBC__
    /* Newer than the one compiled for is possible, older is not. */
    EXPECT_EQUAL(1, libc_glibc_version() >= __GLIBC__ * 1000 + __GLIBC_MINOR__);
    EXPECT_EQUAL(__GLIBC__, libc_glibc_version() / 1000);
#else
    EXPECT_EQUAL(0, libc_glibc_version());
#endif
}

static void a_thousand_rounds_allocate_nothing(void)
{
    enum { ROUNDS = 1000 };
    struct server server = new_server(AF_INET);
    void *arena = new_arena(4, CAPACITY, FAMILY_IPV4);
    int client = new_client("127.0.0.2");
    uint8_t taken[16];
    long before = allocations;

    for (int round = 0; round < ROUNDS; round++) {
        ask(client, "127.0.0.2", server.port, &round, sizeof(round));
        serve(server, arena, 1 + round % 4, 1);
        must(recv(client, taken, sizeof(taken), 0) == sizeof(round), "recv");
    }
    EXPECT_EQUAL(before, allocations);
    close(client);
    close(server.fd);
    free(arena);
}

static void an_allocation_would_have_been_counted(void)
{
    long before = allocations;
    void *volatile memory = malloc(1);

    EXPECT_EQUAL(before + 1, allocations);
    memory = realloc(memory, 2);
    EXPECT_EQUAL(before + 2, allocations);
    free(memory);
    memory = calloc(1, 1);
    EXPECT_EQUAL(before + 3, allocations);
    free(memory);
}

static void test_ipv4(void)
{
    an_answer_of_an_ipv4_socket_leaves_from_the_address_asked();
    an_answer_without_a_source_leaves_from_another_address();
    a_batch_answers_each_from_the_address_it_asked(AF_INET, "127.0.0.4");
    a_datagram_larger_than_the_slot_is_flagged();
    an_empty_datagram_is_received_and_answered();
    a_source_that_is_not_ours_fails_alone();
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
    if (!left_out("a_thousand_rounds_allocate_nothing")) {
        a_thousand_rounds_allocate_nothing();
    }
    an_allocation_would_have_been_counted();
}

static void test_calls(void)
{
    waiting_ends_with_a_datagram_or_with_room();
    waiting_ends_when_the_time_is_over();
    waiting_ends_with_a_signal_on_the_event();
    waiting_ends_early_without_an_error_when_it_is_interrupted();
    if (!left_out("an_interrupted_call_is_made_again")) {
        an_interrupted_call_is_made_again();
    }
    a_duplicate_is_closed_on_exec_and_outlives_the_original();
    if (!left_out("a_descriptor_takes_over_the_socket_of_another")) {
        a_descriptor_takes_over_the_socket_of_another();
    }
    what_was_signalled_is_taken_back();
    if (!left_out("the_routing_table_tells_what_an_ipv4_address_is")) {
        the_routing_table_tells_what_an_ipv4_address_is();
    }
    if (!left_out("sockets_of_one_namespace_have_its_number")) {
        sockets_of_one_namespace_have_its_number();
    }
    options_of_an_ipv4_socket_are_set_and_read();
    if (!left_out("the_interface_that_a_socket_is_bound_to_is_told")) {
        the_interface_that_a_socket_is_bound_to_is_told();
    }
    an_unknown_option_or_a_descriptor_that_is_none_is_an_error();
    a_socket_that_is_not_of_the_internet_has_no_family();
    the_version_of_the_c_library_is_known_if_it_is_glibc();
}

static void test_ipv6(void)
{
    an_answer_of_a_dual_stack_socket_leaves_from_the_address_asked();
    a_batch_answers_each_from_the_address_it_asked(AF_INET6, "::1");
    traffic_class_and_hop_limit_are_received(AF_INET6, "127.0.0.1");
    traffic_class_and_hop_limit_are_received(AF_INET6, "::1");
    options_of_an_ipv6_socket_are_set_and_read();
    if (!left_out("the_routing_table_tells_what_an_ipv6_address_is")) {
        the_routing_table_tells_what_an_ipv6_address_is();
    }
}

int main(void)
{
    test_ipv4();
    test_calls();
    int six = socket(AF_INET6, SOCK_DGRAM, 0);
    if (six == -1 && errno == EAFNOSUPPORT) {
        puts("skipped: no IPv6");
        return expect_failures > 0 ? 1 : SKIPPED;
    }
    close(six);
    test_ipv6();
    return expect_failures > 0;
}
