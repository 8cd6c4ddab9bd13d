/* Declarations that the parts of test-emulator share, and the parts. */
#ifndef PKTINFO_TEST_EMULATOR_H
#define PKTINFO_TEST_EMULATOR_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* The rules of a kernel. */
struct kernel {
    const char *name;
    int in6_comes;  /* delivers an in6_pktinfo with an IPv4 datagram */
    int in6_counts; /* applies an in6_pktinfo sent to an IPv4 peer */
    int foreign;    /* the error of an IPv4 source that is not the host's */
    int any;        /* index 0 means any interface, also on a socket that is bound to one */
    int mmsg;       /* recvmmsg and sendmmsg exist */
    int field;      /* the error of an IP_TOS or IP_TTL message of four bytes */
    int byte_field; /* the error of an IP_TOS message of one byte */
    int form;       /* the newest form of requests for times of transmission, TRANSMIT_* */
};

extern const struct kernel *kernel;

/* A dual-stack server with packet information, and an unconnected client at 127.0.0.1 or, if requested, ::1. */
struct pair {
    int server;
    int client;
    uint16_t server_port;
    uint16_t client_port;
    int six;
};

struct pair new_pair(int six);
void close_pair(struct pair pair);
void ask(struct pair pair, const char *destination);

/* Control messages one after the other, each in its own place. */
struct control {
    uint8_t bytes[256];
    size_t length;
};

struct control none(void);
struct control and_in4(struct control before, const char *source, int index);
struct control and_message(struct control before, int level, int type, const void *data, size_t length);
struct control and_in6(struct control before, const char *source);
struct msghdr message_to(struct sockaddr_in6 *name, struct iovec *payload, struct control *control);
int send_to(int fd, const char *address, uint16_t port, struct control control);
int answer(struct pair pair, struct control control);
void expect_from(struct pair pair, const char *source);
void expect_nothing(struct pair pair);

void receiving(void);
void sending(void);
void transmitting(void);

#endif
