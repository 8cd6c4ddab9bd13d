/* Declarations that the parts of test-hook share, and the parts. */
#ifndef PKTINFO_TEST_HOOK_H
#define PKTINFO_TEST_HOOK_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "hook.h"
#include "peers.h"

union name {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

struct hook_settings usual(void);
void begin(struct hook_settings settings);
union name name_of(const char *address, uint16_t port);
uint16_t port_of(int fd);
int new_server(const char *address, int only_ipv6, int by_program);
int new_client(const char *destination);
void ask(int client, const char *destination, uint16_t port);
int hear(int fd, union name *peer, socklen_t *length);
int reply(int fd, const union name *peer, socklen_t length);
void expect_reply(int client, const char *source, uint16_t port);
void expect_nothing(int client);
struct hook_counters counters(void);
uint32_t verdict_on(int fd);
void ask_and_reply(int server, const char *destination);
void expect_left_alone(int server, const char *destination);

/* Returns the name in the memory's form. */
struct peer peer_named(const union name *name, socklen_t length);

/* The sockets that the hook handles, and the events after which it starts anew with one. */
void sockets_and_verdicts(void);

/* The reply's source, as derived from a slot's control messages. */
void reply_rule(void);

/* Replies from new sockets. */
void transfers(void);
void transfers_of_ipv6(void);

#endif
