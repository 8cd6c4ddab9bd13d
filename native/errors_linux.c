#define _GNU_SOURCE
#include "errors.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "control.h"
#include "kernel.h"
#include "linux_errno.h"
#include "linux_times.h"
#include "pktinfo.h"
#include "transmitted.h"

#define ASSERT_PLACE(field, constant) \
    _Static_assert(offsetof(struct error_report, field) == org_pktinfo_internal_ErrorLayout_##constant, #field)

_Static_assert(sizeof(struct error_report) == org_pktinfo_internal_ErrorLayout_REPORT_SIZE, "report");
ASSERT_PLACE(peer_address, PEER_ADDRESS);
ASSERT_PLACE(peer_scope, PEER_SCOPE);
ASSERT_PLACE(peer_port, PEER_PORT);
ASSERT_PLACE(has_peer, HAS_PEER);
ASSERT_PLACE(has_reporter, HAS_REPORTER);
ASSERT_PLACE(reporter_address, REPORTER_ADDRESS);
ASSERT_PLACE(reporter_scope, REPORTER_SCOPE);
ASSERT_PLACE(error, ERROR);
ASSERT_PLACE(origin, ORIGIN);
ASSERT_PLACE(type, TYPE);
ASSERT_PLACE(code, CODE);
ASSERT_PLACE(info, INFO);
ASSERT_PLACE(number, NUMBER);
ASSERT_PLACE(length, PAYLOAD_LENGTH);
ASSERT_PLACE(time, TIME);
ASSERT_PLACE(digest, DIGEST);

/*
 * The kernel repeats in front of the report every control message that is enabled for received datagrams, and cuts off
 * what has no room.
 */
enum { ERROR_CONTROL_CAPACITY = 1024 };

/* From linux/in.h and linux/in6.h: the types of the control message with the report. */
enum { IP_RECVERR_TYPE = 11, IPV6_RECVERR_TYPE = 25 };

enum { ORIGIN_TRANSMITTED = org_pktinfo_internal_ErrorLayout_ORIGIN_TRANSMITTED };

/* struct sock_extended_err of linux/errqueue.h, which is not in the include path of a musl compiler. */
struct extended_error {
    uint32_t error;
    uint8_t origin;
    uint8_t type;
    uint8_t code;
    uint8_t pad;
    uint32_t info;
    uint32_t data;
};

/* Returns 1 if the name is an Internet address. */
static int read_address(uint8_t address[16], uint32_t *scope, uint16_t *port, const void *name, size_t length)
{
    static const uint8_t none[16];
    struct slot slot;

    slot_clear(&slot);
    slot_read_name(&slot, name, length);
    memcpy(address, slot.peer_address, 16);
    *scope = slot.peer_scope;
    *port = slot.peer_port;
    return memcmp(address, none, sizeof(none)) != 0;
}

static void read_report(struct error_report *report, const uint8_t *data, size_t length)
{
    struct extended_error error;
    uint16_t port; /* an ICMP message has none */

    if (length < sizeof(error)) {
        return;
    }
    memcpy(&error, data, sizeof(error));
    report->error = error.error;
    report->origin = error.origin;
    report->type = error.type;
    report->code = error.code;
    report->info = error.info;
    report->number = error.data;
    report->has_reporter = (uint8_t)read_address(
        report->reporter_address, &report->reporter_scope, &port, data + sizeof(error), length - sizeof(error));
}

static void read_time(struct error_report *report, const uint8_t *data, size_t length)
{
    struct linux_times times;

    if (length == sizeof(times)) {
        memcpy(&times, data, sizeof(times));
        report->time = linux_nanoseconds(&times.system);
    }
}

static void read_message(void *report, int level, int type, const uint8_t *data, size_t length)
{
    if ((level == IPPROTO_IP && type == IP_RECVERR_TYPE) || (level == IPPROTO_IPV6 && type == IPV6_RECVERR_TYPE)) {
        read_report(report, data, length);
    } else if (level == SOL_SOCKET && type == SO_TIMESTAMPING_TYPE) {
        read_time(report, data, length);
    }
}

static size_t at_most(size_t length, size_t limit)
{
    return length < limit ? length : limit;
}

/* Takes one message. Its payload is that of a datagram that failed, or a whole packet that was transmitted. */
static int receive_one(int fd, struct error_report *report)
{
    uint8_t name[NAME_CAPACITY] = {0};
    uint8_t control[ERROR_CONTROL_CAPACITY] __attribute__((aligned(8)));
    uint8_t packet[PACKET_CAPACITY];
    struct iovec place = {packet, sizeof(packet)};
    struct msghdr message = {
        .msg_name = name,
        .msg_namelen = sizeof(name),
        .msg_iov = &place,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    int result = kernel_receive_error(fd, &message);

    if (result < 0) {
        return result;
    }
    memset(report, 0, sizeof(*report));
    control_walk(report, control, at_most(message.msg_controllen, sizeof(control)), read_message);
    if (report->origin == ORIGIN_TRANSMITTED) { /* the name is none, though old kernels fill it */
        transmitted_read(report, packet, at_most((size_t)result, sizeof(packet)));
    } else {
        report->has_peer = (uint8_t)read_address(report->peer_address, &report->peer_scope, &report->peer_port, name,
            at_most(message.msg_namelen, sizeof(name)));
    }
    return 0;
}

int errors_receive(int fd, struct error_report *reports, int count)
{
    if (count < 1 || count > MOST_REPORTS) {
        return -LINUX_EINVAL;
    }
    for (int i = 0; i < count; i++) {
        int result = receive_one(fd, &reports[i]);
        if (result < 0) {
            return i > 0 || result == -LINUX_EAGAIN ? i : result;
        }
    }
    return count;
}
