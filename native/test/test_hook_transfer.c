/* Replies from new sockets: to the first peer of each only, and for a limited time. */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <unistd.h>

#include "expect.h"
#include "hook_sockets.h"
#include "sockets.h"
#include "test_hook.h"

enum { LATER = 31, EXPIRED = 5000 + LATER }; /* begin() has set the time to 5000 */

/* A listener on a port for transfers that a client has requested at 127.0.0.9, or another address. */
struct transfer {
    int listener, client;
    union name peer;
    socklen_t length;
};

static struct transfer source(const char *wildcard, const char *destination, int for_transfers)
{
    struct transfer made;

    begin(usual());
    made.listener = new_server(wildcard, 0, 1);
    made.client = new_client(destination);
    struct hook_settings settings = usual();
    settings.transfer_count = 1;
    settings.transfers[0] = (struct range){port_of(made.listener), port_of(made.listener)};
    settings.transfers[0].first = (uint16_t)(for_transfers ? settings.transfers[0].first : 1);
    settings.transfers[0].last = (uint16_t)(for_transfers ? settings.transfers[0].last : 1);
    begin(settings);
    hook_new_socket(made.listener);
    hook_bound(made.listener, port_of(made.listener));
    ask(made.client, destination, port_of(made.listener));
    EXPECT_EQUAL(3, hear(made.listener, &made.peer, &made.length));
    return made;
}

static void end(struct transfer made)
{
    close(made.listener);
    close(made.client);
}

static void the_first_peer_of_a_new_socket_is_answered(const char *wildcard, const char *destination)
{
    struct transfer made = source(wildcard, destination, 1);
    int fresh = new_server(wildcard, 0, 0);
    uint16_t port = port_of(fresh);

    EXPECT_EQUAL(5, reply(fresh, &made.peer, made.length));
    expect_reply(made.client, destination, port);
    EXPECT_EQUAL(VERDICT_CHOOSES, verdict_on(fresh));
    EXPECT_EQUAL(5, reply(fresh, &made.peer, made.length));
    expect_reply(made.client, destination, port);
    EXPECT_EQUAL(2, counters().sockets);
    close(fresh);
    end(made);
}

static void expect_system(struct transfer made, int fresh)
{
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(fresh, &made.peer, made.length));
    expect_nothing(made.client);
    EXPECT_EQUAL(VERDICT_EPHEMERAL, verdict_on(fresh));
    close(fresh);
    end(made);
}

static void without_the_option_it_is_a_client(void)
{
    struct transfer made = source("0.0.0.0", "127.0.0.9", 0);

    expect_system(made, new_server("0.0.0.0", 0, 0));
}

static void a_request_of_half_a_minute_ago_does_not_count(void)
{
    struct transfer made = source("0.0.0.0", "127.0.0.9", 1);

    hook_now(EXPIRED);
    expect_system(made, new_server("0.0.0.0", 0, 0));
}

static void only_the_first_peer_counts(void)
{
    struct transfer made = source("0.0.0.0", "127.0.0.9", 1);
    union name other = name_of("127.0.0.1", 9);
    int fresh = new_server("0.0.0.0", 0, 0);

    EXPECT_EQUAL(HOOK_NOT_MINE, reply(fresh, &other, sizeof(other.in)));
    expect_system(made, fresh);
}

static void a_socket_that_has_received_is_none_for_a_transfer(void)
{
    struct transfer made = source("0.0.0.0", "127.0.0.9", 1);
    int fresh = new_server("0.0.0.0", 0, 0), other = new_client("127.0.0.1");
    union name peer;
    socklen_t length;

    ask(other, "127.0.0.1", port_of(fresh));
    EXPECT_EQUAL(HOOK_NOT_MINE, hear(fresh, &peer, &length));
    close(other);
    expect_system(made, fresh);
}

static void a_listener_that_is_gone_does_not_count(void)
{
    struct transfer made = source("0.0.0.0", "127.0.0.9", 1);

    close(made.listener);
    hook_new_socket(made.listener); /* as the next socket with this number */
    int fresh = new_server("0.0.0.0", 0, 0);
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(fresh, &made.peer, made.length));
    close(fresh);
    close(made.client);
}

/* The list of listeners still has its number. */
static void the_next_socket_of_a_listeners_number_is_no_listener(void)
{
    struct transfer made = source("0.0.0.0", "127.0.0.9", 1);

    close(made.listener);
    made.listener = new_server("0.0.0.0", 0, 1);
    ask(made.client, "127.0.0.9", port_of(made.listener));
    EXPECT_EQUAL(3, hear(made.listener, &made.peer, &made.length));
    EXPECT_EQUAL(VERDICT_CHOOSES, verdict_on(made.listener));
    expect_system(made, new_server("0.0.0.0", 0, 0));
}

/* One new socket among all: it selects a source for anything it sends first. */
static void with_all_ports_a_new_socket_chooses_too(void)
{
    struct transfer made = source("0.0.0.0", "127.0.0.9", 1);
    struct hook_settings settings = usual();
    union name other = name_of("127.0.0.1", 9);

    settings.all = 1;
    settings.transfer_count = 1;
    settings.transfers[0] = (struct range){port_of(made.listener), port_of(made.listener)};
    begin(settings);
    ask(made.client, "127.0.0.9", port_of(made.listener));
    EXPECT_EQUAL(3, hear(made.listener, &made.peer, &made.length));
    int fresh = new_server("0.0.0.0", 0, 0), stranger = new_server("0.0.0.0", 0, 0);
    EXPECT_EQUAL(5, reply(fresh, &made.peer, made.length));
    expect_reply(made.client, "127.0.0.9", port_of(fresh));
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(stranger, &other, sizeof(other.in)));
    EXPECT_EQUAL(VERDICT_CHOOSES, verdict_on(stranger));
    ask_and_reply(stranger, "127.0.0.9");
    close(fresh);
    close(stranger);
    end(made);
}

static void a_new_socket_that_is_connected_to_its_first_peer_is_bound(const char *wildcard, const char *destination)
{
    struct transfer made = source(wildcard, destination, 1);
    int fresh = new_server(wildcard, 0, 0);
    uint16_t port = port_of(fresh);

    must(connect(fresh, &made.peer.any, made.length) == 0, "connect");
    hook_connected(fresh);
    EXPECT_EQUAL(port, port_of(fresh));
    EXPECT_EQUAL(5, send(fresh, "reply", 5, 0));
    expect_reply(made.client, destination, port);
    EXPECT_EQUAL(VERDICT_CHOOSES, verdict_on(fresh));
    close(fresh);
    end(made);
}

static void one_that_is_connected_to_anybody_else_stays_as_it_is(void)
{
    struct transfer made = source("0.0.0.0", "127.0.0.9", 1);
    union name other = name_of("127.0.0.1", 9), own;
    socklen_t length = sizeof(own);
    int fresh = new_server("0.0.0.0", 0, 0);

    must(connect(fresh, &other.any, sizeof(other.in)) == 0, "connect");
    hook_connected(fresh);
    must(getsockname(fresh, &own.any, &length) == 0, "getsockname");
    EXPECT_EQUAL(htonl(INADDR_LOOPBACK), own.in.sin_addr.s_addr);
    close(fresh);
    end(made);
}

void transfers(void)
{
    the_first_peer_of_a_new_socket_is_answered("0.0.0.0", "127.0.0.9");
    without_the_option_it_is_a_client();
    a_request_of_half_a_minute_ago_does_not_count();
    only_the_first_peer_counts();
    a_socket_that_has_received_is_none_for_a_transfer();
    a_listener_that_is_gone_does_not_count();
    the_next_socket_of_a_listeners_number_is_no_listener();
    with_all_ports_a_new_socket_chooses_too();
    a_new_socket_that_is_connected_to_its_first_peer_is_bound("0.0.0.0", "127.0.0.9");
    one_that_is_connected_to_anybody_else_stays_as_it_is();
}

void transfers_of_ipv6(void)
{
    the_first_peer_of_a_new_socket_is_answered("::", "127.0.0.9");
    the_first_peer_of_a_new_socket_is_answered("::", "::1");
    a_new_socket_that_is_connected_to_its_first_peer_is_bound("::", "127.0.0.9");
    a_new_socket_that_is_connected_to_its_first_peer_is_bound("::", "::1");
}
