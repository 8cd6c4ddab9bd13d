/*
 * Echo servers in C on one dual-stack socket: single and batch reply from the request destination, plain and recvfrom
 * from the kernel's choice; batch-facts as batch, with all facts that the kernel can report read too.
 * usage: server single|batch|batch-facts|plain|recvfrom PORT
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

enum { BATCH = 32, PAYLOAD = 2048 };

static uint8_t payloads[BATCH][PAYLOAD + 64]; /* a stride that is no power of two */
static uint8_t controls[BATCH][512];
static struct sockaddr_in6 names[BATCH];
static struct iovec places[BATCH];
static struct mmsghdr messages[BATCH];
static int knows; /* whether the request destination is received */
static int facts; /* whether all else is */
static volatile uint64_t sum; /* of the facts: what is not used need not be read */

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* The options of the facts, of which old headers lack some names. */
static const struct {
    int level;
    int option;
    int value;
} FACTS[] = {
    {IPPROTO_IP, IP_RECVTOS, 1},
    {IPPROTO_IPV6, IPV6_RECVTCLASS, 1},
    {IPPROTO_IP, IP_RECVTTL, 1},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
    {SOL_SOCKET, SO_TIMESTAMPNS, 1},
    {SOL_SOCKET, SO_TIMESTAMPING, 1 << 2 | 1 << 6}, /* by a device, raw: SOF_TIMESTAMPING_* */
    {IPPROTO_IP, 20, 1},                            /* IP_RECVORIGDSTADDR */
    {IPPROTO_IPV6, 74, 1},                          /* IPV6_RECVORIGDSTADDR */
    {SOL_SOCKET, 75, 1},                            /* SO_RCVMARK */
};

static void receive_facts(int fd)
{
    for (size_t i = 0; i < sizeof(FACTS) / sizeof(*FACTS); i++) {
        if (setsockopt(fd, FACTS[i].level, FACTS[i].option, &FACTS[i].value, sizeof(FACTS[i].value)) == -1) {
            die("setsockopt");
        }
    }
}

static int open_socket(int port)
{
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int off = 0;
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

    if (fd == -1 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == -1
        || setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &knows, sizeof(knows)) == -1
        || setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &knows, sizeof(knows)) == -1
        || bind(fd, (struct sockaddr *)&name, sizeof(name)) == -1) {
        die("socket");
    }
    if (facts) {
        receive_facts(fd);
    }
    return fd;
}

static void expect(struct mmsghdr *message, int i)
{
    places[i] = (struct iovec){payloads[i], PAYLOAD};
    message->msg_hdr = (struct msghdr){.msg_name = &names[i], .msg_namelen = sizeof(names[i]), .msg_iov = &places[i],
        .msg_iovlen = 1, .msg_control = controls[i], .msg_controllen = sizeof(controls[i])};
}

static void read_bytes(void *value, const struct cmsghdr *header, size_t size)
{
    if (header->cmsg_len >= CMSG_LEN(size)) {
        memcpy(value, CMSG_DATA(header), size);
    }
}

/* Reads each fact into a number, as a server that uses them would. */
static uint64_t fact(const struct cmsghdr *header)
{
    struct timespec time[3] = {{0}};
    struct sockaddr_in original = {0};
    int number = 0;

    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_TIMESTAMPNS) {
        read_bytes(time, header, sizeof(*time));
        return (uint64_t)time[0].tv_sec * 1000000000U + (uint64_t)time[0].tv_nsec;
    }
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_TIMESTAMPING) {
        read_bytes(time, header, sizeof(time));
        return (uint64_t)time[2].tv_sec * 1000000000U + (uint64_t)time[2].tv_nsec;
    }
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == 20) { /* IP_ORIGDSTADDR */
        read_bytes(&original, header, sizeof(original));
        return original.sin_port;
    }
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TOS) {
        return *CMSG_DATA(header);
    }
    read_bytes(&number, header, sizeof(number));
    return (uint64_t)number;
}

/* Keeps the one control message that names the reply's source address, if there is one. */
static void answer(struct msghdr *message, size_t length)
{
    uint8_t reply[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
    struct cmsghdr *to = (void *)reply;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(header), sizeof(info));
            info.ipi_ifindex = 0;
            *to = (struct cmsghdr){
                .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof(info))};
            memcpy(CMSG_DATA(to), &info, sizeof(info));
        } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO && to->cmsg_len == 0) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(header), sizeof(info));
            info.ipi6_ifindex = 0;
            *to = (struct cmsghdr){
                .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof(info))};
            memcpy(CMSG_DATA(to), &info, sizeof(info));
        } else if (facts) {
            sum += fact(header);
        }
    }
    memcpy(message->msg_control, reply, to->cmsg_len);
    message->msg_controllen = to->cmsg_len;
    message->msg_iov->iov_len = length;
}

static void serve_one_by_one(int fd)
{
    for (;;) {
        expect(&messages[0], 0);
        ssize_t length = recvmsg(fd, &messages[0].msg_hdr, 0);
        if (length == -1) {
            die("recvmsg");
        }
        answer(&messages[0].msg_hdr, (size_t)length);
        if (sendmsg(fd, &messages[0].msg_hdr, 0) == -1) {
            perror("sendmsg");
        }
    }
}

/* Does as the JDK does. */
static void serve_plainly(int fd)
{
    for (;;) {
        socklen_t name_length = sizeof(names[0]);
        ssize_t length = recvfrom(fd, payloads[0], PAYLOAD, 0, (struct sockaddr *)&names[0], &name_length);
        if (length == -1) {
            die("recvfrom");
        }
        if (sendto(fd, payloads[0], (size_t)length, 0, (struct sockaddr *)&names[0], name_length) == -1) {
            perror("sendto");
        }
    }
}

static void serve_many(int fd)
{
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            expect(&messages[i], i);
        }
        int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        if (count == -1) {
            die("recvmmsg");
        }
        for (int i = 0; i < count; i++) {
            answer(&messages[i].msg_hdr, messages[i].msg_len);
        }
        for (int sent = 0; sent < count;) {
            int result = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
            if (result == -1) {
                perror("sendmmsg");
            }
            sent += result > 0 ? result : 1;
        }
    }
}

static const struct way {
    const char *name;
    int knows;
    int facts;
    void (*serve)(int fd);
} WAYS[] = {
    {"single", 1, 0, serve_one_by_one},
    {"batch", 1, 0, serve_many},
    {"batch-facts", 1, 1, serve_many},
    {"plain", 0, 0, serve_many},
    {"recvfrom", 0, 0, serve_plainly},
};

static const struct way *way_of(const char *name)
{
    for (size_t i = 0; i < sizeof(WAYS) / sizeof(*WAYS); i++) {
        if (strcmp(WAYS[i].name, name) == 0) {
            return &WAYS[i];
        }
    }
    return NULL;
}

int main(int count, char **arguments)
{
    const struct way *way = count == 3 ? way_of(arguments[1]) : NULL;

    if (way == NULL) {
        fputs("usage: server single|batch|batch-facts|plain|recvfrom PORT\n", stderr);
        return 2;
    }
    knows = way->knows;
    facts = way->facts;
    int fd = open_socket(atoi(arguments[2]));
    puts("ready");
    fflush(stdout);
    way->serve(fd);
}
