/* The whole shim below JNI on real sockets on loopback: the replies that a client of each address receives. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "allocations.h"
#include "arenas.h"
#include "batch.h"
#include "expect.h"
#include "test_socket.h"

static void an_answer_of_a_dual_stack_socket_leaves_from_the_request_destination(void)
{
    struct server server = new_server(AF_INET6);

    ask_and_answer(server, FAMILY_IPV6, "127.0.0.1", "127.0.0.1");
    ask_and_answer(server, FAMILY_IPV6, "127.0.0.2", "127.0.0.1");
    ask_and_answer(server, FAMILY_IPV6, "::1", "::1");
    close(server.fd);
}

static void an_answer_of_an_ipv4_socket_leaves_from_the_request_destination(void)
{
    struct server server = new_server(AF_INET);

    ask_and_answer(server, FAMILY_IPV4, "127.0.0.1", "127.0.0.1");
    ask_and_answer(server, FAMILY_IPV4, "127.0.0.2", "127.0.0.1");
    close(server.fd);
}

/* Without a source the kernel answers from the route's own address: the test above would see that if nothing worked. */
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

static void a_batch_answers_each_from_its_request_destination(int family, const char *third)
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

/* 192.0.2.7 is reserved for documentation (RFC 5737). Old kernels return EINVAL, newer ones ENETUNREACH. */
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
            *slot = (struct slot){.peer_port = ntohs(name.sin_port), .length = sizeof(i),
                .source_form = FORM_IN_PKTINFO, .send_state = STATE_PENDING};
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
    an_answer_of_an_ipv4_socket_leaves_from_the_request_destination();
    an_answer_without_a_source_leaves_from_another_address();
    a_batch_answers_each_from_its_request_destination(AF_INET, "127.0.0.4");
    a_datagram_larger_than_the_slot_is_flagged();
    an_empty_datagram_is_received_and_answered();
    a_source_that_is_not_ours_fails_alone();
    facts_of_ipv4();
    fields_of_ipv4();
    options_of_ipv4();
    if (!left_out("a_thousand_rounds_allocate_nothing")) {
        a_thousand_rounds_allocate_nothing();
    }
    an_allocation_would_have_been_counted();
}

static void test_ipv6(void)
{
    an_answer_of_a_dual_stack_socket_leaves_from_the_request_destination();
    a_batch_answers_each_from_its_request_destination(AF_INET6, "::1");
    facts_of_ipv6();
    fields_of_ipv6();
    options_of_ipv6();
    calls_of_ipv6();
}

int main(void)
{
    test_ipv4();
    calls();
    int six = socket(AF_INET6, SOCK_DGRAM, 0);
    if (six == -1 && errno == EAFNOSUPPORT) {
        puts("skipped: no IPv6");
        return expect_failures > 0 ? 1 : SKIPPED;
    }
    close(six);
    test_ipv6();
    return expect_failures > 0;
}
