/* The reading of the error queue, from messages such as the kernel writes and such as it never should. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "errors.h"
#include "expect.h"
#include "kernel.h"
#include "linux_times.h"

/* struct sock_extended_err of linux/errqueue.h with the address behind it (SO_EE_OFFENDER). */
struct report {
    uint32_t error;
    uint8_t origin;
    uint8_t type;
    uint8_t code;
    uint8_t pad;
    uint32_t info;
    uint32_t data;
    uint8_t offender[28];
};

enum { RECVERR = 11, RECVERR6 = 25, REPORT_ALONE = 16 };

/* The messages that the kernel has queued; a call beyond them fails with the last error. */
static struct {
    uint8_t name[128];
    size_t name_length; /* that the kernel claims */
    uint8_t control[1024];
    size_t control_length; /* that the kernel claims */
    uint8_t packet[1024];
    int length; /* of the packet, that the kernel claims */
} queue[32];

static int queued;
static int taken;
static int then_error;

int kernel_receive_error(int fd, struct msghdr *message)
{
    if (taken == queued) {
        return -then_error;
    }
    EXPECT_EQUAL(7, fd);
    size_t name_room = message->msg_namelen < sizeof(queue->name) ? message->msg_namelen : sizeof(queue->name);
    size_t room =
        message->msg_controllen < sizeof(queue->control) ? message->msg_controllen : sizeof(queue->control);
    memcpy(message->msg_name, queue[taken].name, name_room);
    memcpy(message->msg_control, queue[taken].control, room);
    message->msg_namelen = (socklen_t)queue[taken].name_length;
    message->msg_controllen = (socklen_t)queue[taken].control_length; /* size_t in glibc */
    message->msg_flags = MSG_ERRQUEUE;
    EXPECT_EQUAL(1, message->msg_iovlen);
    size_t packet_room = message->msg_iov->iov_len < sizeof(queue->packet) ? message->msg_iov->iov_len
                                                                           : sizeof(queue->packet);
    memcpy(message->msg_iov->iov_base, queue[taken].packet, packet_room);
    return queue[taken++].length;
}

static void empty_queue(int error)
{
    memset(queue, 0, sizeof(queue));
    queued = 0;
    taken = 0;
    then_error = error;
}

/* Writes a socket address; returns its length. */
static size_t put_name(void *to, const char *address, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = 3};

    if (inet_pton(AF_INET, address, &in.sin_addr) == 1) {
        memcpy(to, &in, sizeof(in));
        return sizeof(in);
    }
    inet_pton(AF_INET6, address, &in6.sin6_addr);
    memcpy(to, &in6, sizeof(in6));
    return sizeof(in6);
}

static void put_control(int level, int type, const void *data, size_t length)
{
    struct cmsghdr header = {.cmsg_len = (socklen_t)CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type};
    uint8_t *at = queue[queued].control + queue[queued].control_length;

    memcpy(at, &header, sizeof(header));
    memcpy(at + CMSG_LEN(0), data, length);
    queue[queued].control_length += CMSG_SPACE(length);
}

/* Queues a report as ip_recv_error() or ipv6_recv_error() writes it. */
static void put_report(int level, int type, const char *peer, struct report report, const char *offender)
{
    size_t address = level == IPPROTO_IP ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

    queue[queued].name_length = put_name(queue[queued].name, peer, 4711);
    if (offender != NULL) {
        put_name(report.offender, offender, 0);
    }
    put_control(level, type, &report, REPORT_ALONE + address);
    queued++;
}

static void expect_address(const char *expected, const uint8_t *actual)
{
    uint8_t bytes[16];

    inet_pton(AF_INET6, expected, bytes);
    EXPECT_BYTES(bytes, actual, sizeof(bytes));
}

static int receive_all(struct error_report *reports)
{
    memset(reports, 0xee, MOST_REPORTS * sizeof(*reports));
    return errors_receive(7, reports, MOST_REPORTS);
}

static void expect_report(const struct error_report *report, const char *peer, const char *reporter, uint32_t error,
    int origin, int type, int code, uint32_t info)
{
    EXPECT_EQUAL(1, report->has_peer);
    expect_address(peer, report->peer_address);
    EXPECT_EQUAL(4711, report->peer_port);
    EXPECT_EQUAL(reporter != NULL, report->has_reporter);
    expect_address(reporter == NULL ? "::" : reporter, report->reporter_address);
    EXPECT_EQUAL(error, report->error);
    EXPECT_EQUAL(origin, report->origin);
    EXPECT_EQUAL(type, report->type);
    EXPECT_EQUAL(code, report->code);
    EXPECT_EQUAL(info, report->info);
}

static void a_report_has_peer_reporter_type_and_code(void)
{
    struct error_report reports[MOST_REPORTS];

    empty_queue(EAGAIN);
    put_report(IPPROTO_IP, RECVERR, "192.0.2.1", (struct report){ECONNREFUSED, 2, 3, 3, 0, 0, 0, {0}}, "192.0.2.2");
    put_report(IPPROTO_IPV6, RECVERR6, "2001:db8::1", (struct report){EMSGSIZE, 3, 2, 0, 0, 1280, 0, {0}}, "fe80::9");
    put_report(IPPROTO_IPV6, RECVERR6, "::ffff:192.0.2.1", (struct report){EHOSTUNREACH, 2, 3, 1, 0, 0, 0, {0}},
        "::ffff:192.0.2.3");
    put_report(IPPROTO_IP, RECVERR, "192.0.2.1", (struct report){EMSGSIZE, 1, 0, 0, 0, 1500, 0, {0}}, NULL);
    EXPECT_EQUAL(4, receive_all(reports));
    expect_report(&reports[0], "::ffff:192.0.2.1", "::ffff:192.0.2.2", ECONNREFUSED, 2, 3, 3, 0);
    expect_report(&reports[1], "2001:db8::1", "fe80::9", EMSGSIZE, 3, 2, 0, 1280);
    EXPECT_EQUAL(3, reports[1].peer_scope);
    EXPECT_EQUAL(3, reports[1].reporter_scope);
    expect_report(&reports[2], "::ffff:192.0.2.1", "::ffff:192.0.2.3", EHOSTUNREACH, 2, 3, 1, 0);
    expect_report(&reports[3], "::ffff:192.0.2.1", NULL, EMSGSIZE, 1, 0, 0, 1500);
    EXPECT_EQUAL(0, receive_all(reports));
}

/* With other options on, the kernel writes their messages first. Of an unknown origin, only the number is read. */
static void messages_before_the_report_are_skipped_and_an_unknown_origin_ends_nothing(void)
{
    struct error_report reports[MOST_REPORTS];
    uint8_t fact[150] = {0};

    empty_queue(EAGAIN);
    put_report(IPPROTO_IP, RECVERR, "192.0.2.1", (struct report){ENOMSG, 4, 0, 0, 0, 2, 77, {0}}, NULL);
    put_control(SOL_SOCKET, 37, fact, 149);
    put_control(IPPROTO_IP, IP_PKTINFO, fact, sizeof(struct in_pktinfo));
    put_report(IPPROTO_IP, RECVERR, "192.0.2.1", (struct report){ECONNREFUSED, 2, 3, 3, 0, 0, 0, {0}}, "192.0.2.2");
    EXPECT_EQUAL(2, receive_all(reports));
    EXPECT_EQUAL(4, reports[0].origin);
    expect_report(&reports[1], "::ffff:192.0.2.1", "::ffff:192.0.2.2", ECONNREFUSED, 2, 3, 3, 0);
}

/* A whole datagram to 192.0.2.9, without a link header. */
static void put_packet(void)
{
    static const uint8_t PACKET[] = {0x45, 0, 0, 34, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 9, 0, 9, 0x12,
        0x67, 0, 14, 0, 0, 'f', 'o', 'o', 'b', 'a', 'r'};

    memcpy(queue[queued].packet, PACKET, sizeof(PACKET));
    queue[queued].length = sizeof(PACKET);
}

static void put_time(long seconds, long nanoseconds, size_t length)
{
    struct linux_times times = {
        .system = {seconds, nanoseconds}, .unused = {7, 7}, .hardware = {8, 8}};
    uint8_t data[sizeof(times) + 8] = {0};

    memcpy(data, &times, sizeof(times));
    put_control(SOL_SOCKET, SO_TIMESTAMPING_TYPE, data, length);
}

/* Old kernels fill the name with the packet's first bytes. */
static void a_time_of_transmission_has_number_and_packet(void)
{
    struct error_report reports[MOST_REPORTS];
    const struct report report = {ENOMSG, 4, 0, 0, 0, 0, UINT32_MAX - 7, {0}};
    uint8_t expected[16];

    empty_queue(EAGAIN);
    put_time(1700000000, 5, sizeof(struct linux_times));
    put_packet();
    put_report(IPPROTO_IP, RECVERR, "192.0.2.1", report, NULL);
    put_time(1, 5, sizeof(struct linux_times) - 1);
    put_report(IPPROTO_IPV6, RECVERR6, "69.0.0.34", report, NULL); /* no packet */
    put_time(1, 5, sizeof(struct linux_times) + 8);
    put_packet();
    queue[queued].length = INT32_MAX;
    put_report(IPPROTO_IP, RECVERR, "192.0.2.1", report, NULL);
    EXPECT_EQUAL(3, receive_all(reports));
    inet_pton(AF_INET6, "::ffff:192.0.2.9", expected);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQUAL(4, reports[i].origin);
        EXPECT_EQUAL(UINT32_MAX - 7, reports[i].number);
        EXPECT_EQUAL(i == 0 ? 1700000000000000005 : 0, reports[i].time);
        EXPECT_EQUAL(i != 1, reports[i].has_peer);
        EXPECT_BYTES(i == 1 ? (uint8_t[16]){0} : expected, reports[i].peer_address, 16);
        EXPECT_EQUAL(i == 1 ? 0 : 4711, reports[i].peer_port);
        EXPECT_EQUAL(i == 1 ? 0 : 6, reports[i].length);
        EXPECT_EQUAL(i == 1 ? 0 : 0x85944171f73967e8, reports[i].digest); /* FNV-1a of "foobar" */
    }
}

/* An error gives the payload back that it is about, which is anyone's. */
static void the_payload_of_an_error_is_no_packet(void)
{
    struct error_report reports[MOST_REPORTS];

    empty_queue(EAGAIN);
    put_packet();
    put_report(IPPROTO_IP, RECVERR, "192.0.2.1", (struct report){ECONNREFUSED, 2, 3, 3, 0, 0, 0, {0}}, "192.0.2.2");
    put_packet();
    queued++; /* no report at all */
    EXPECT_EQUAL(2, receive_all(reports));
    expect_report(&reports[0], "::ffff:192.0.2.1", "::ffff:192.0.2.2", ECONNREFUSED, 2, 3, 3, 0);
    EXPECT_EQUAL(0, reports[0].length);
    EXPECT_EQUAL(0, reports[0].digest);
    EXPECT_EQUAL(0, reports[1].has_peer);
    EXPECT_EQUAL(0, reports[1].digest);
}

static void malformed_messages_are_no_reports(void)
{
    struct error_report reports[MOST_REPORTS];
    struct report report = {ECONNREFUSED, 2, 3, 3, 0, 0, 0, {0}};

    empty_queue(EAGAIN);
    queued++; /* neither a name nor control data */
    put_control(IPPROTO_IP, RECVERR, &report, REPORT_ALONE - 1);
    queued++;
    put_control(IPPROTO_IPV6, RECVERR, &report, sizeof(report)); /* the type of the other family */
    queued++;
    put_control(IPPROTO_IP, RECVERR, &report, sizeof(report));
    queue[queued].control_length = CMSG_LEN(REPORT_ALONE) - 1; /* cut off */
    queued++;
    EXPECT_EQUAL(4, receive_all(reports));
    for (int i = 0; i < 4; i++) {
        EXPECT_EQUAL(0, reports[i].origin);
        EXPECT_EQUAL(0, reports[i].has_peer);
        EXPECT_EQUAL(0, reports[i].has_reporter);
    }
}

/* The kernel cuts the address off if the room ends there. */
static void a_report_without_a_whole_address_has_no_reporter(void)
{
    struct error_report reports[MOST_REPORTS];
    struct report report = {ECONNREFUSED, 2, 3, 3, 0, 0, 0, {0}};

    empty_queue(EAGAIN);
    put_name(report.offender, "192.0.2.2", 0);
    queue[0].name_length = put_name(queue[0].name, "192.0.2.1", 4711);
    put_control(IPPROTO_IP, RECVERR, &report, REPORT_ALONE + sizeof(struct sockaddr_in) - 1);
    queued++;
    EXPECT_EQUAL(1, receive_all(reports));
    expect_report(&reports[0], "::ffff:192.0.2.1", NULL, ECONNREFUSED, 2, 3, 3, 0);
}

static void lengths_beyond_the_room_are_not_believed(void)
{
    struct error_report reports[MOST_REPORTS];

    empty_queue(EAGAIN);
    put_report(IPPROTO_IP, RECVERR, "192.0.2.1", (struct report){ECONNREFUSED, 2, 3, 3, 0, 0, 0, {0}}, "192.0.2.2");
    queue[0].name_length = 1 << 20;
    queue[0].control_length = 1 << 20;
    EXPECT_EQUAL(1, receive_all(reports));
    expect_report(&reports[0], "::ffff:192.0.2.1", "::ffff:192.0.2.2", ECONNREFUSED, 2, 3, 3, 0);
}

static void no_more_than_requested_are_taken(void)
{
    struct error_report reports[MOST_REPORTS];

    empty_queue(EAGAIN);
    for (int i = 0; i < MOST_REPORTS + 5; i++) {
        put_report(IPPROTO_IP, RECVERR, "192.0.2.1", (struct report){ECONNREFUSED, 2, 3, 3, 0, 0, 0, {0}}, NULL);
    }
    EXPECT_EQUAL(3, errors_receive(7, reports, 3));
    EXPECT_EQUAL(3, taken);
    EXPECT_EQUAL(MOST_REPORTS, errors_receive(7, reports, MOST_REPORTS));
    EXPECT_EQUAL(2, receive_all(reports));
    EXPECT_EQUAL(-EINVAL, errors_receive(7, reports, 0));
    EXPECT_EQUAL(-EINVAL, errors_receive(7, reports, MOST_REPORTS + 1));
}

static void an_error_is_returned_unless_there_are_reports(void)
{
    struct error_report reports[MOST_REPORTS];

    empty_queue(ENOMEM);
    put_report(IPPROTO_IP, RECVERR, "192.0.2.1", (struct report){ECONNREFUSED, 2, 3, 3, 0, 0, 0, {0}}, NULL);
    EXPECT_EQUAL(1, receive_all(reports));
    EXPECT_EQUAL(-ENOMEM, receive_all(reports));
}

int main(void)
{
    a_report_has_peer_reporter_type_and_code();
    messages_before_the_report_are_skipped_and_an_unknown_origin_ends_nothing();
    a_time_of_transmission_has_number_and_packet();
    the_payload_of_an_error_is_no_packet();
    malformed_messages_are_no_reports();
    a_report_without_a_whole_address_has_no_reporter();
    lengths_beyond_the_room_are_not_believed();
    no_more_than_requested_are_taken();
    an_error_is_returned_unless_there_are_reports();
    return expect_failures > 0;
}
