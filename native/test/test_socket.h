/* Declarations that the parts of test-socket share, and the parts. */
#ifndef PKTINFO_TEST_SOCKET_H
#define PKTINFO_TEST_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "arena.h"
#include "sockets.h"

enum { CAPACITY = 100 };

/* A server on every address of the host: its descriptor and its port. */
struct server {
    int fd;
    uint16_t port;
};

struct server new_server(int family);
int new_client(const char *destination);
void ask(int client, const char *destination, uint16_t port, const void *payload, size_t length);
void bytes_of(const char *text, uint8_t *bytes);
void expect_answer(int client, const char *source, uint16_t port, const void *payload, size_t length);
void expect_no_answer(int client);
int receive(void *arena, int fd, int count);
void answer(struct slot *slot);
void expect_facts(const struct slot *slot, const char *destination, const char *peer);
void ask_and_answer(struct server server, int family, const char *destination, const char *peer);
void serve(struct server server, void *arena, int slots, int requests);
int64_t now(clockid_t clock);

/* The metadata of a received datagram, for each family. */
void facts_of_ipv4(void);
void facts_of_ipv6(void);

/* The header fields of a sent datagram, and the socket options. */
void fields_of_ipv4(void);
void fields_of_ipv6(void);
void options_of_ipv4(void);
void options_of_ipv6(void);

/* The system calls besides receiving and sending. */
void calls(void);
void calls_of_ipv6(void);

#endif
