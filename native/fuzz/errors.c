/*
 * The error queue of a hostile kernel: any names, control data, packets and lengths. Reads stay within bounds, and what
 * is read equals what was written.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>

#include "errors.h"
#include "errors_packet.h"
#include "input.h"
#include "kernel.h"
#include "linux_errno.h"

enum { EAGAIN_NUMBER = 11, RECVERR = 11, RECVERR6 = 25, EXTENDED = 16, CONTROL = 1024, PACKET = 640 };
enum { TIMESTAMPING = 37, TRANSMITTED = 4 };

static struct input *source;
static int calls;

/* The last call's message as its writer understands it; is_known is 0 if its bytes are arbitrary. */
static struct {
    int is_known;
    struct error_report report;
    size_t packet_length;
} written[MOST_REPORTS];

static size_t put_message(uint8_t *control, size_t at, int level, int type, const uint8_t *data, size_t length)
{
    struct cmsghdr header = {.cmsg_len = CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type};

    memset(control + at, 0, CMSG_SPACE(length));
    memcpy(control + at, &header, sizeof(header));
    memcpy(control + at + CMSG_LEN(0), data, length);
    return at + CMSG_SPACE(length);
}

/* An address as the kernel writes it, of either family or none, and how it is to be read. */
static size_t take_name(struct input *input, uint8_t *name, uint8_t address[16], uint32_t *scope, uint16_t *port)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    memset(address, 0, 16);
    *scope = 0;
    *port = 0;
    switch (take_byte(input) % 3) {
    case 0:
        *port = (uint16_t)take_number(input);
        in.sin_port = htons(*port);
        take_bytes(input, &in.sin_addr, 4);
        memcpy(address, mapped, 12);
        memcpy(address + 12, &in.sin_addr, 4);
        memcpy(name, &in, sizeof(in));
        return sizeof(in);
    case 1:
        *port = (uint16_t)take_number(input);
        *scope = take_number(input);
        in6.sin6_port = htons(*port);
        in6.sin6_scope_id = *scope;
        take_bytes(input, &in6.sin6_addr, 16);
        memcpy(address, &in6.sin6_addr, 16);
        memcpy(name, &in6, sizeof(in6));
        return sizeof(in6);
    default:
        memset(name, 0, sizeof(in));
        return sizeof(in);
    }
}

static int is_set(const uint8_t address[16])
{
    static const uint8_t none[16];

    return memcmp(address, none, sizeof(none)) != 0;
}

static size_t take_report(struct input *input, uint8_t *control, size_t at, struct error_report *expected)
{
    uint8_t data[EXTENDED + sizeof(struct sockaddr_in6)];
    int six_or_four = take_byte(input); /* the family, and whether it is a time's report */
    int six = six_or_four & 1;
    uint32_t number = take_number(input);
    uint16_t port;

    memcpy(data, &number, 4);
    take_bytes(input, data + 4, EXTENDED - 4);
    expected->error = number;
    if (six_or_four & 2) {
        data[4] = TRANSMITTED;
    }
    expected->origin = data[4];
    expected->type = data[5];
    expected->code = data[6];
    memcpy(&expected->info, data + 8, 4);
    memcpy(&expected->number, data + 12, 4);
    size_t length =
        take_name(input, data + EXTENDED, expected->reporter_address, &expected->reporter_scope, &port);
    expected->has_reporter = (uint8_t)is_set(expected->reporter_address);
    return put_message(control, at, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? RECVERR6 : RECVERR, data, EXTENDED + length);
}

/* A fact that precedes the report: any, or a time, whose data is of the right length or not. */
static size_t take_fact(struct input *input, uint8_t *control, size_t at, struct error_report *expected)
{
    uint8_t fact[64];
    uint8_t choice = take_byte(input);
    size_t length = choice & 64 ? 48 : choice % sizeof(fact);
    uint64_t time[2];

    take_bytes(input, fact, length);
    int type = choice & 128 ? TIMESTAMPING : (int)take_number(input);
    if (type == TIMESTAMPING && length == 48) {
        memcpy(time, fact, sizeof(time));
        expected->time = (int64_t)(time[0] * 1000000000U + time[1]);
    }
    return put_message(control, at, SOL_SOCKET, type, fact, length);
}

/* The name is that of the peer, and of none if the message is a time's. */
static void write_known(struct input *input, struct msghdr *message, struct error_report *expected)
{
    size_t at = 0;

    memset(expected, 0, sizeof(*expected));
    message->msg_namelen = (socklen_t)take_name(
        input, message->msg_name, expected->peer_address, &expected->peer_scope, &expected->peer_port);
    expected->has_peer = (uint8_t)is_set(expected->peer_address);
    for (int facts = take_byte(input) % 4; facts > 0; facts--) {
        at = take_fact(input, message->msg_control, at, expected);
    }
    if (take_byte(input) & 1) {
        at = take_report(input, message->msg_control, at, expected);
    }
    message->msg_controllen = at;
    if (expected->origin == TRANSMITTED) {
        memset(expected->peer_address, 0, sizeof(expected->peer_address));
        expected->peer_scope = 0;
        expected->peer_port = 0;
        expected->has_peer = 0;
    }
}

/* Gives the message a packet of any content, or one that is known; with a known report of a time, it is to be read. */
static size_t write_packet(struct input *input, struct msghdr *message, uint8_t choice, struct error_report *expected)
{
    struct error_report unread = {0};
    uint8_t *to = message->msg_iov->iov_base;

    CHECK(message->msg_iovlen == 1 && message->msg_iov->iov_len == PACKET);
    memset(to, 0xee, PACKET); /* what a reader beyond the length takes for a header */
    if (choice & 4) {
        return take_packet(input, to, PACKET, expected->origin == TRANSMITTED ? expected : &unread);
    }
    size_t length = take_number(input) % PACKET;
    take_bytes(input, to, length);
    written[calls].is_known &= expected->origin != TRANSMITTED;
    return length;
}

static void write_anything(struct input *input, struct msghdr *message)
{
    socklen_t name_room = message->msg_namelen;
    size_t room = message->msg_controllen;

    take_bytes(input, message->msg_name, name_room);
    message->msg_namelen = (socklen_t)take_number(input);
    message->msg_controllen = take_byte(input) & 1 ? take_number(input) : room;
    take_bytes(input, message->msg_control, room);
}

int kernel_receive_error(int fd, struct msghdr *message)
{
    uint8_t choice = take_byte(source);

    (void)fd;
    CHECK(calls < MOST_REPORTS);
    CHECK(message->msg_controllen == CONTROL && message->msg_namelen >= sizeof(struct sockaddr_in6));
    if (choice == 0) {
        return -EAGAIN_NUMBER;
    }
    memset(&written[calls].report, 0, sizeof(written[calls].report));
    written[calls].is_known = choice & 1;
    if (choice & 1) {
        write_known(source, message, &written[calls].report);
    } else {
        write_anything(source, message);
    }
    size_t length = write_packet(source, message, choice, &written[calls].report);
    written[calls].packet_length = choice & 2 ? PACKET : length;
    if (choice & 2) {
        written[calls].is_known &= length == PACKET || written[calls].report.origin != TRANSMITTED;
    }
    calls++;
    return choice & 2 ? INT32_MAX : (int)length;
}

/* What holds of every datagram that is given back, whatever the packet is. */
static void check_datagram(const struct error_report *report, size_t packet_length)
{
    if (report->origin != TRANSMITTED || !report->has_peer) {
        CHECK(report->length == 0 && report->digest == 0);
        return;
    }
    CHECK(packet_length >= 28 && report->length <= UINT16_MAX - 8 && report->peer_scope == 0);
    CHECK(report->length > 0 || report->digest == 14695981039346656037U);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    int count = take_byte(&input) % MOST_REPORTS + 1;
    struct error_report *reports = malloc((size_t)count * sizeof(*reports));

    CHECK(reports != NULL);
    source = &input;
    calls = 0;
    CHECK(errors_receive(3, reports, 0) == -LINUX_EINVAL);
    CHECK(errors_receive(3, reports, MOST_REPORTS + 1) == -LINUX_EINVAL);
    int received = errors_receive(3, reports, count);
    CHECK(received == calls && received <= count);
    for (int i = 0; i < received; i++) {
        CHECK(reports[i].has_peer <= 1 && reports[i].has_reporter <= 1);
        CHECK(reports[i].has_peer == is_set(reports[i].peer_address) || reports[i].origin == TRANSMITTED);
        CHECK(reports[i].has_peer || reports[i].origin != TRANSMITTED || !is_set(reports[i].peer_address));
        check_datagram(&reports[i], written[i].packet_length);
        CHECK(reports[i].has_reporter == is_set(reports[i].reporter_address));
        CHECK(!written[i].is_known || memcmp(&reports[i], &written[i].report, sizeof(reports[i])) == 0);
    }
    free(reports);
    return 0;
}
