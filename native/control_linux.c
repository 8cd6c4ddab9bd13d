#define _GNU_SOURCE
#include "control.h"

#include <netinet/in.h>

#include "linux_times.h"

/*
 * From linux/udp.h and asm/socket.h. They are defined here because old system headers lack the first and musl lacks the
 * second.
 */
enum { SOL_UDP_LEVEL = 17, UDP_SEGMENT_TYPE = 103, UDP_GRO_TYPE = 104 };
enum { IP_ORIGDSTADDR_TYPE = 20, IPV6_ORIGDSTADDR_TYPE = 74, SO_MARK_TYPE = 36 };

_Static_assert(CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct in6_pktinfo))
        + CMSG_SPACE(1) + CMSG_SPACE(sizeof(int)) /* IP_TOS, IP_TTL */
        + 2 * CMSG_SPACE(sizeof(int)) /* IPV6_TCLASS, IPV6_HOPLIMIT */
        + CMSG_SPACE(sizeof(struct sockaddr_in)) + CMSG_SPACE(sizeof(struct sockaddr_in6)) /* original destinations */
        + CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(struct linux_times))
        + 2 * CMSG_SPACE(sizeof(uint32_t)) /* SO_MARK, SO_RXQ_OVFL */
        + CMSG_SPACE(sizeof(int)) /* UDP_GRO */
        + CMSG_SPACE(2 * sizeof(uint64_t)) /* an unknown one */
        <= CONTROL_CAPACITY, "control buffer");

static void read_in_pktinfo(struct slot *slot, const uint8_t *info)
{
    int interface;

    memcpy(slot->in_address, info + offsetof(struct in_pktinfo, ipi_addr), 4);
    memcpy(slot->in_local, info + offsetof(struct in_pktinfo, ipi_spec_dst), 4);
    memcpy(&interface, info + offsetof(struct in_pktinfo, ipi_ifindex), sizeof(interface));
    slot->in_interface = interface > 0 ? (uint32_t)interface : 0;
    slot->flags |= FLAG_IN_PKTINFO;
}

static void read_in6_pktinfo(struct slot *slot, const uint8_t *info)
{
    memcpy(slot->in6_address, info + offsetof(struct in6_pktinfo, ipi6_addr), 16);
    memcpy(&slot->in6_interface, info + offsetof(struct in6_pktinfo, ipi6_ifindex), 4);
    if (!(slot->flags & FLAG_IN_PKTINFO)) {
        slot->flags |= FLAG_IN6_PKTINFO_FIRST;
    }
    slot->flags |= FLAG_IN6_PKTINFO;
}

static void read_receive_time(struct slot *slot, const struct timespec *time)
{
    slot->receive_time = linux_nanoseconds(time);
    slot->flags |= FLAG_RECEIVE_TIME;
}

/* The kernel writes zeros for a device that takes no times. */
static void read_hardware_time(struct slot *slot, const struct timespec *time)
{
    if (time->tv_sec != 0 || time->tv_nsec != 0) {
        slot->hardware_time = linux_nanoseconds(time);
        slot->flags |= FLAG_HARDWARE_TIME;
    }
}

static void read_original_port(struct slot *slot, in_port_t port)
{
    slot->original_port = ntohs(port);
    slot->flags |= FLAG_ORIGINAL_PORT;
}

static void read_mark(struct slot *slot, uint32_t mark)
{
    slot->mark = mark;
    slot->flags |= FLAG_MARK;
}

static void read_segment_size(struct slot *slot, int size)
{
    if (size > 0 && size <= UINT16_MAX) {
        slot->segment_size = (uint16_t)size;
        slot->flags |= FLAG_SEGMENT_SIZE;
    }
}

static void read_traffic_class(struct slot *slot, uint8_t traffic_class)
{
    slot->traffic_class = traffic_class;
    slot->flags |= FLAG_TRAFFIC_CLASS;
}

static void read_hop_limit(struct slot *slot, int hop_limit)
{
    if (hop_limit >= 0 && hop_limit <= UINT8_MAX) {
        slot->hop_limit = (uint8_t)hop_limit;
        slot->flags |= FLAG_HOP_LIMIT;
    }
}

/*
 * Copies data to value if it has exactly the size of the value: a control buffer that is too small truncates a message.
 * Returns 1 if it has.
 */
static int take(void *value, size_t size, const uint8_t *data, size_t length)
{
    if (length != size) {
        return 0;
    }
    memcpy(value, data, size);
    return 1;
}

static void read_ip_message(struct slot *slot, int type, const uint8_t *data, size_t length)
{
    struct sockaddr_in original;
    uint8_t byte;
    int number;

    if (type == IP_PKTINFO && length == sizeof(struct in_pktinfo)) {
        read_in_pktinfo(slot, data);
    } else if (type == IP_TOS && take(&byte, sizeof(byte), data, length)) { /* received as one byte, ip(7) */
        read_traffic_class(slot, byte);
    } else if (type == IP_TTL && take(&number, sizeof(number), data, length)) {
        read_hop_limit(slot, number);
    } else if (type == IP_ORIGDSTADDR_TYPE && take(&original, sizeof(original), data, length)) {
        read_original_port(slot, original.sin_port);
    }
}

static void read_ipv6_message(struct slot *slot, int type, const uint8_t *data, size_t length)
{
    struct sockaddr_in6 original;
    int number;

    if (type == IPV6_PKTINFO && length == sizeof(struct in6_pktinfo)) {
        read_in6_pktinfo(slot, data);
    } else if (type == IPV6_TCLASS && take(&number, sizeof(number), data, length)) {
        read_traffic_class(slot, (uint8_t)number);
    } else if (type == IPV6_HOPLIMIT && take(&number, sizeof(number), data, length)) {
        read_hop_limit(slot, number);
    } else if (type == IPV6_ORIGDSTADDR_TYPE && take(&original, sizeof(original), data, length)) {
        read_original_port(slot, original.sin6_port);
    }
}

static void read_socket_message(struct slot *slot, int type, const uint8_t *data, size_t length)
{
    struct timespec time;
    struct linux_times times;
    uint32_t number;

    if (type == SO_TIMESTAMPNS && take(&time, sizeof(time), data, length)) {
        read_receive_time(slot, &time);
    } else if (type == SO_TIMESTAMPING_TYPE && take(&times, sizeof(times), data, length)) {
        read_hardware_time(slot, &times.hardware);
    } else if (type == SO_RXQ_OVFL && take(&number, sizeof(number), data, length)) {
        slot->drop_count = number;
        slot->flags |= FLAG_DROP_COUNT;
    } else if (type == SO_MARK_TYPE && take(&number, sizeof(number), data, length)) {
        read_mark(slot, number);
    }
}

static void read_udp_message(struct slot *slot, int type, const uint8_t *data, size_t length)
{
    int size;

    if (type == UDP_GRO_TYPE && take(&size, sizeof(size), data, length)) {
        read_segment_size(slot, size);
    }
}

static void read_message(void *target, int level, int type, const uint8_t *data, size_t length)
{
    struct slot *slot = target;

    switch (level) {
    case IPPROTO_IP:
        read_ip_message(slot, type, data, length);
        break;
    case IPPROTO_IPV6:
        read_ipv6_message(slot, type, data, length);
        break;
    case SOL_SOCKET:
        read_socket_message(slot, type, data, length);
        break;
    case SOL_UDP_LEVEL:
        read_udp_message(slot, type, data, length);
        break;
    default:
        break;
    }
}

void slot_read_control(struct slot *slot, const void *control, size_t length)
{
    control_walk(slot, control, length, read_message);
}

size_t control_write_ipv4(uint8_t *control, const uint8_t address[4], uint32_t interface)
{
    uint8_t *info = control_begin(control, IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo));

    memset(info, 0, sizeof(struct in_pktinfo));
    memcpy(info + offsetof(struct in_pktinfo, ipi_ifindex), &interface, 4);
    memcpy(info + offsetof(struct in_pktinfo, ipi_spec_dst), address, 4);
    return CMSG_LEN(sizeof(struct in_pktinfo));
}

size_t control_write_ipv6(uint8_t *control, const uint8_t address[16], uint32_t interface)
{
    uint8_t *info = control_begin(control, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo));

    memset(info, 0, sizeof(struct in6_pktinfo));
    memcpy(info + offsetof(struct in6_pktinfo, ipi6_addr), address, 16);
    memcpy(info + offsetof(struct in6_pktinfo, ipi6_ifindex), &interface, 4);
    return CMSG_LEN(sizeof(struct in6_pktinfo));
}

/* As int: the first kernels that take an IP_TOS for one datagram refuse a byte. */
static size_t write_int(uint8_t *control, int level, int type, int value)
{
    memcpy(control_begin(control, level, type, sizeof(value)), &value, sizeof(value));
    return CMSG_LEN(sizeof(value));
}

size_t control_write_traffic_class(uint8_t *control, int ipv4, uint8_t traffic_class)
{
    return ipv4 ? write_int(control, IPPROTO_IP, IP_TOS, traffic_class)
                : write_int(control, IPPROTO_IPV6, IPV6_TCLASS, traffic_class);
}

size_t control_write_hop_limit(uint8_t *control, int ipv4, uint8_t hop_limit)
{
    return ipv4 ? write_int(control, IPPROTO_IP, IP_TTL, hop_limit)
                : write_int(control, IPPROTO_IPV6, IPV6_HOPLIMIT, hop_limit);
}

size_t control_write_transmit_request(uint8_t *control)
{
    return write_int(control, SOL_SOCKET, SO_TIMESTAMPING_TYPE, TIMESTAMPING_TX_SOFTWARE);
}

size_t control_write_transmit_number(uint8_t *control, uint32_t number)
{
    return write_int(control, SOL_SOCKET, SCM_TS_OPT_ID_TYPE, (int)number);
}

size_t control_write_segment_size(uint8_t *control, size_t segment_size)
{
    const uint16_t size = (uint16_t)segment_size; /* two bytes: the kernel refuses an int here */

    memcpy(control_begin(control, SOL_UDP_LEVEL, UDP_SEGMENT_TYPE, sizeof(size)), &size, sizeof(size));
    return CMSG_LEN(sizeof(size));
}
