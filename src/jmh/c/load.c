/*
 * Sends requests to an echo server, never sleeps, and checks the source address of each answer. See usage().
 * One line at the end:
 *   requests N wrong N lost N malformed N nanoseconds N
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MOST_PEERS = 256, MOST_RUN = 64, BATCH = 32, GRO_BYTES = 65536, WINDOW = 192 };
enum { UDP_SEGMENT_TYPE = 103, UDP_GRO_TYPE = 104 };

static const uint32_t FIRST_PEER = 0x7f000101;

/* At the beginning of each request; the server sends it back. */
struct stamp {
    uint32_t address; /* number of the request destination */
    uint32_t magic;
    uint64_t sent; /* nanoseconds */
};

static const uint32_t MAGIC = 0x706b7469;

static struct options {
    struct in6_addr base; /* IPv4 as IPv4-mapped */
    int ipv4;
    int port;
    int addresses;
    int size;
    int peers;
    int run;
    double seconds;
    double rate;        /* requests a second, 0: as many as are answered */
    int bound;
    struct in6_addr own; /* IPv6 only */
    const char *record; /* file for latencies in nanoseconds, a line each */
} options;

static int fd;
static int outstanding;
static uint64_t requests, wrong, lost, malformed;
static uint8_t received[BATCH][GRO_BYTES];
static uint32_t next_address;
static uint32_t next_peer;
static FILE *record;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

/* Address number `index`, counted up from the base in its last four bytes. */
static struct in6_addr address_at(uint32_t index)
{
    struct in6_addr address = options.base;
    uint32_t last;

    memcpy(&last, address.s6_addr + 12, 4);
    last = htonl(ntohl(last) + index);
    memcpy(address.s6_addr + 12, &last, 4);
    return address;
}

static socklen_t name_of(uint32_t index, struct sockaddr_storage *name)
{
    struct in6_addr address = address_at(index);

    memset(name, 0, sizeof(*name));
    if (options.ipv4) {
        struct sockaddr_in *in = (void *)name;
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)options.port);
        memcpy(&in->sin_addr, address.s6_addr + 12, 4);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in6 = (void *)name;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)options.port);
    in6->sin6_addr = address;
    return sizeof(*in6);
}

/* One message with a run of requests to one address, segmented by the kernel. */
struct run {
    struct sockaddr_storage name;
    struct iovec place;
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
    uint8_t payload[MOST_RUN * 1472];
};

static void add_control(struct msghdr *message, struct run *run, int level, int type, const void *data, size_t length)
{
    struct cmsghdr *header = (void *)(run->control + message->msg_controllen);

    *header = (struct cmsghdr){.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(length)};
    memcpy(CMSG_DATA(header), data, length);
    message->msg_control = run->control;
    message->msg_controllen += CMSG_SPACE(length);
}

/* Peers are addresses of this host. One socket sends and receives for all: the load must cost no more than a server. */
static struct in_pktinfo next_source(void)
{
    struct in_pktinfo source = {.ipi_spec_dst.s_addr = htonl(FIRST_PEER + next_peer)};

    next_peer = (next_peer + 1) % (uint32_t)options.peers;
    return source;
}

static void fill_run(struct run *run, struct msghdr *message, uint64_t time)
{
    uint16_t size = (uint16_t)options.size;

    for (int i = 0; i < options.run; i++) {
        struct stamp stamp = {.address = next_address, .magic = MAGIC, .sent = time};
        memcpy(run->payload + i * options.size, &stamp, sizeof(stamp));
    }
    run->place = (struct iovec){run->payload, (size_t)(options.run * options.size)};
    *message = (struct msghdr){.msg_name = &run->name, .msg_iov = &run->place, .msg_iovlen = 1};
    message->msg_namelen = name_of(next_address, &run->name);
    if (options.run > 1) {
        add_control(message, run, IPPROTO_UDP, UDP_SEGMENT_TYPE, &size, sizeof(size));
    }
    if (options.peers > 1) {
        struct in_pktinfo source = next_source();
        add_control(message, run, IPPROTO_IP, IP_PKTINFO, &source, sizeof(source));
    }
    next_address = (next_address + 1) % (uint32_t)options.addresses;
}

/* Sends the given number of runs, each to the next address. */
static void send_runs(int count)
{
    static struct run runs[BATCH];
    static struct mmsghdr messages[BATCH];
    uint64_t time = now();

    for (int i = 0; i < count; i++) {
        fill_run(&runs[i], &messages[i].msg_hdr, time);
    }
    for (int sent = 0; sent < count;) {
        int result = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
        if (result == -1 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR) {
            die("sendmmsg");
        }
        sent += result > 0 ? result : 0;
    }
    outstanding += count * options.run;
}

static int is_from(const struct sockaddr_storage *name, uint32_t index)
{
    struct sockaddr_storage expected;
    socklen_t length = name_of(index, &expected);

    if (options.ipv4) {
        return memcmp(name, &expected, length - 8) == 0; /* the kernel need not fill the padding */
    }
    const struct sockaddr_in6 *one = (const struct sockaddr_in6 *)name, *other = (const struct sockaddr_in6 *)&expected;
    return memcmp(&one->sin6_addr, &other->sin6_addr, 16) == 0;
}

static void check(const uint8_t *data, size_t length, const struct sockaddr_storage *name, uint64_t time)
{
    struct stamp stamp;

    if (length != (size_t)options.size) {
        malformed++;
        return;
    }
    memcpy(&stamp, data, sizeof(stamp));
    if (stamp.magic != MAGIC || stamp.address >= (uint32_t)options.addresses) {
        malformed++;
        return;
    }
    requests++;
    wrong += !is_from(name, stamp.address);
    if (record != NULL) {
        fprintf(record, "%llu\n", (unsigned long long)(time - stamp.sent));
    }
}

static size_t segment_of(struct msghdr *message, size_t length)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level == IPPROTO_UDP && header->cmsg_type == UDP_GRO_TYPE) {
            int size;
            memcpy(&size, CMSG_DATA(header), sizeof(size));
            return (size_t)size;
        }
    }
    return length;
}

/* Receives the datagrams that have arrived; returns their number. */
static int take(void)
{
    static struct mmsghdr messages[BATCH];
    static struct iovec places[BATCH];
    static struct sockaddr_storage names[BATCH];
    static uint8_t controls[BATCH][64];
    int datagrams = 0;

    for (int i = 0; i < BATCH; i++) {
        places[i] = (struct iovec){received[i], GRO_BYTES};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &names[i], .msg_namelen = sizeof(names[i]),
            .msg_iov = &places[i], .msg_iovlen = 1, .msg_control = controls[i], .msg_controllen = sizeof(controls[i])};
    }
    int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (count == -1 && errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED) {
        die("recvmmsg");
    }
    uint64_t time = record != NULL ? now() : 0;
    for (int i = 0; i < count; i++) {
        size_t length = messages[i].msg_len;
        size_t segment = segment_of(&messages[i].msg_hdr, length);
        for (size_t at = 0; at < length; at += segment) {
            check(received[i] + at, length - at < segment ? length - at : segment, &names[i], time);
            datagrams++;
        }
    }
    outstanding -= datagrams < outstanding ? datagrams : outstanding;
    return datagrams;
}

static void open_socket(void)
{
    int size = 8 << 20;
    int on = 1;
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_addr = options.own};

    fd = socket(options.ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) {
        die("socket");
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
    setsockopt(fd, IPPROTO_UDP, UDP_GRO_TYPE, &on, sizeof(on));
    if (options.bound && bind(fd, (struct sockaddr *)&own, sizeof(own)) == -1) {
        die("bind");
    }
}

/* Sends as many requests as are answered, at most a window of them in flight. After 50 ms a request is lost. */
static void saturate(uint64_t end)
{
    int runs = (MOST_RUN + options.run - 1) / options.run;
    uint64_t answered = now();

    runs = runs < BATCH ? runs : BATCH;
    while (now() < end) {
        if (outstanding + runs * options.run <= WINDOW) {
            send_runs(runs);
        }
        if (take() > 0) {
            answered = now();
        } else if (now() - answered > 50000000) {
            lost += (uint64_t)outstanding;
            outstanding = 0;
            answered = now();
        }
    }
}

static void drain(void)
{
    uint64_t end = now() + 50000000;

    while (outstanding > 0 && now() < end) {
        take();
    }
    lost += (uint64_t)outstanding;
}

/* Sends each request at its scheduled time, whether or not those before were answered. */
static void pace(uint64_t begin, uint64_t end)
{
    uint64_t sent = 0;

    for (uint64_t time = begin; time < end; time = now()) {
        if ((double)(time - begin) * options.rate / 1e9 >= (double)sent) {
            send_runs(1);
            sent++;
        }
        take();
    }
}

static void usage(void)
{
    fputs("usage: load ADDRESS PORT [-n ADDRESSES] [-s SIZE] [-p PEERS] [-r RUN] [-t SECONDS] [-R RATE [-o FILE]]\n"
          "  -n  ask so many addresses from ADDRESS on in turn (1)   "
          "-p  from so many addresses (1), 127.0.1.1 and those after it\n"
          "  -s  bytes of a request, 16 to 1472 (64)                 "
          "-r  so many requests to one address at once, 1 to 64 (64)\n"
          "  -R  so many requests a second (as many as are answered) -o  write each latency in nanoseconds\n"
          "  -b  from this IPv6 address, which spares the kernel the choice (which costs more the more it has)\n",
          stderr);
    exit(2);
}

static int number(const char *text, int from, int to)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*end != '\0' || value < from || value > to) {
        fprintf(stderr, "load: %s is not in %d to %d\n", text, from, to);
        exit(2);
    }
    return (int)value;
}

static void read_options(int count, char **arguments)
{
    options = (struct options){.addresses = 1, .size = 64, .peers = 1, .run = MOST_RUN, .seconds = 1};
    for (int option; (option = getopt(count, arguments, "n:s:p:r:t:R:o:b:")) != -1;) {
        switch (option) {
        case 'n': options.addresses = number(optarg, 1, 1000000); break;
        case 's': options.size = number(optarg, sizeof(struct stamp), 1472); break;
        case 'p': options.peers = number(optarg, 1, MOST_PEERS); break;
        case 'r': options.run = number(optarg, 1, MOST_RUN); break;
        case 't': options.seconds = atof(optarg); break;
        case 'R': options.rate = number(optarg, 1, 10000000); break;
        case 'b': options.bound = inet_pton(AF_INET6, optarg, &options.own); break;
        case 'o': options.record = optarg; break;
        default: usage();
        }
    }
    if (count - optind != 2) {
        usage();
    }
    while (options.run * options.size > 65000) {
        options.run /= 2;
    }
    struct in_addr in;
    if (inet_pton(AF_INET, arguments[optind], &in) == 1) {
        options.ipv4 = 1;
        memcpy(options.base.s6_addr + 12, &in, 4);
    } else if (inet_pton(AF_INET6, arguments[optind], &options.base) != 1) {
        fprintf(stderr, "load: %s is not an address\n", arguments[optind]);
        exit(2);
    }
    options.port = number(arguments[optind + 1], 1, 65535);
    if (options.peers > 1 && (!options.ipv4 || options.base.s6_addr[12] != 127)) {
        fputs("load: several peers ask loopback addresses of IPv4 only\n", stderr);
        exit(2);
    }
}

int main(int count, char **arguments)
{
    read_options(count, arguments);
    if (options.record != NULL && (record = fopen(options.record, "w")) == NULL) {
        die(options.record);
    }
    options.run = options.rate > 0 ? 1 : options.run;
    open_socket();
    uint64_t begin = now();
    uint64_t end = begin + (uint64_t)(options.seconds * 1e9);
    if (options.rate > 0) {
        pace(begin, end);
    } else {
        saturate(end);
    }
    uint64_t took = now() - begin;
    drain();
    if (record != NULL && fclose(record) != 0) {
        die(options.record);
    }
    printf("requests %llu wrong %llu lost %llu malformed %llu nanoseconds %llu\n", (unsigned long long)requests,
        (unsigned long long)wrong, (unsigned long long)lost, (unsigned long long)malformed, (unsigned long long)took);
    return 0;
}
