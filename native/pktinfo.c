#define _GNU_SOURCE
#include "pktinfo.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* From linux/udp.h and asm/socket.h; spelled out because old system headers lack the first and musl the second. */
enum { SOL_UDP_LEVEL = 17, UDP_SEGMENT_TYPE = 103, UDP_GRO_TYPE = 104 };

/*
 * Where a control message's data begins and where the next message may, as in RFC 3542 20.2. glibc's
 * CMSG_NXTHDR is a function call that musl does not have and that refuses to append (glibc bug 13500).
 */
enum { HEADER_SPACE = CMSG_LEN(0) };

static const uint8_t IPV4_MAPPED_PREFIX[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/*
 * Structures of the kernel's are read and written field by field where they are, not by way of a variable: what is written in small
 * pieces and read in a larger one has to wait for the cache, which costs more than all else here.
 */

/* By halves: compilers clear that much in place, and more than that by an instruction that is slow to begin. */
void slot_clear(struct slot *slot)
{
    memset(slot, 0, sizeof(*slot) / 2);
    memset((uint8_t *)slot + sizeof(*slot) / 2, 0, sizeof(*slot) / 2);
}

void slot_read_name(struct slot *slot, const void *name, size_t length)
{
    const uint8_t *at = name;
    sa_family_t family;
    in_port_t port;

    if (length < sizeof(family)) {
        return;
    }
    memcpy(&family, at, sizeof(family));
    if (family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        memcpy(slot->peer_address, IPV4_MAPPED_PREFIX, sizeof(IPV4_MAPPED_PREFIX));
        memcpy(slot->peer_address + 12, at + offsetof(struct sockaddr_in, sin_addr), 4);
        memcpy(&port, at + offsetof(struct sockaddr_in, sin_port), sizeof(port));
        slot->peer_port = ntohs(port);
    } else if (family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        memcpy(slot->peer_address, at + offsetof(struct sockaddr_in6, sin6_addr), 16);
        memcpy(&slot->peer_scope, at + offsetof(struct sockaddr_in6, sin6_scope_id), 4);
        memcpy(&port, at + offsetof(struct sockaddr_in6, sin6_port), sizeof(port));
        slot->peer_port = ntohs(port);
    }
}

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
    slot->receive_time = (int64_t)((uint64_t)time->tv_sec * 1000000000U + (uint64_t)time->tv_nsec);
    slot->flags |= FLAG_RECEIVE_TIME;
}

static void read_segment_size(struct slot *slot, int size)
{
    if (size > 0) {
        slot->segment_size = (uint32_t)size;
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

/* Copies the data out if it is exactly of the size that its type has: a control buffer too small cuts it short. */
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
    uint8_t byte;
    int number;

    if (type == IP_PKTINFO && length == sizeof(struct in_pktinfo)) {
        read_in_pktinfo(slot, data);
    } else if (type == IP_TOS && take(&byte, sizeof(byte), data, length)) { /* received as a byte, ip(7) */
        read_traffic_class(slot, byte);
    } else if (type == IP_TTL && take(&number, sizeof(number), data, length)) {
        read_hop_limit(slot, number);
    }
}

static void read_ipv6_message(struct slot *slot, int type, const uint8_t *data, size_t length)
{
    int number;

    if (type == IPV6_PKTINFO && length == sizeof(struct in6_pktinfo)) {
        read_in6_pktinfo(slot, data);
    } else if (type == IPV6_TCLASS && take(&number, sizeof(number), data, length)) {
        read_traffic_class(slot, (uint8_t)number);
    } else if (type == IPV6_HOPLIMIT && take(&number, sizeof(number), data, length)) {
        read_hop_limit(slot, number);
    }
}

static void read_socket_message(struct slot *slot, int type, const uint8_t *data, size_t length)
{
    struct timespec time;
    uint32_t count;

    if (type == SO_TIMESTAMPNS && take(&time, sizeof(time), data, length)) {
        read_receive_time(slot, &time);
    } else if (type == SO_RXQ_OVFL && take(&count, sizeof(count), data, length)) {
        slot->drop_count = count;
        slot->flags |= FLAG_DROP_COUNT;
    }
}

static void read_udp_message(struct slot *slot, int type, const uint8_t *data, size_t length)
{
    int size;

    if (type == UDP_GRO_TYPE && take(&size, sizeof(size), data, length)) {
        read_segment_size(slot, size);
    }
}

static void read_message(struct slot *slot, const struct cmsghdr *header, const uint8_t *data, size_t length)
{
    switch (header->cmsg_level) {
    case IPPROTO_IP:
        read_ip_message(slot, header->cmsg_type, data, length);
        break;
    case IPPROTO_IPV6:
        read_ipv6_message(slot, header->cmsg_type, data, length);
        break;
    case SOL_SOCKET:
        read_socket_message(slot, header->cmsg_type, data, length);
        break;
    case SOL_UDP_LEVEL:
        read_udp_message(slot, header->cmsg_type, data, length);
        break;
    default:
        break;
    }
}

void slot_read_control(struct slot *slot, const void *control, size_t length)
{
    const uint8_t *at = control;
    struct cmsghdr header;

    while (length >= HEADER_SPACE) {
        memcpy(&header, at, sizeof(header));
        if (header.cmsg_len < HEADER_SPACE || header.cmsg_len > length) {
            return;
        }
        read_message(slot, &header, at + HEADER_SPACE, header.cmsg_len - HEADER_SPACE);
        size_t step = CMSG_ALIGN(header.cmsg_len);
        if (step > length) {
            return;
        }
        at += step;
        length -= step;
    }
}

size_t slot_write_name(const struct slot *slot, int socket_family, void *name)
{
    uint8_t *at = name;
    const sa_family_t family = socket_family == FAMILY_IPV4 ? AF_INET : AF_INET6;
    const in_port_t port = htons(slot->peer_port);

    if (socket_family == FAMILY_IPV4) {
        memset(at, 0, sizeof(struct sockaddr_in));
        memcpy(at + offsetof(struct sockaddr_in, sin_family), &family, sizeof(family));
        memcpy(at + offsetof(struct sockaddr_in, sin_port), &port, sizeof(port));
        memcpy(at + offsetof(struct sockaddr_in, sin_addr), slot->peer_address + 12, 4);
        return sizeof(struct sockaddr_in);
    }
    memset(at, 0, sizeof(struct sockaddr_in6));
    memcpy(at + offsetof(struct sockaddr_in6, sin6_family), &family, sizeof(family));
    memcpy(at + offsetof(struct sockaddr_in6, sin6_port), &port, sizeof(port));
    memcpy(at + offsetof(struct sockaddr_in6, sin6_addr), slot->peer_address, 16);
    memcpy(at + offsetof(struct sockaddr_in6, sin6_scope_id), &slot->peer_scope, 4);
    return sizeof(struct sockaddr_in6);
}

/* Returns where the data goes. The padding is zero too: no byte that nobody wrote goes to the kernel. */
static uint8_t *begin_message(uint8_t *control, int level, int type, size_t length)
{
    const __typeof__(((struct cmsghdr *)0)->cmsg_len) whole = (socklen_t)CMSG_LEN(length); /* a size_t in glibc, a socklen_t in musl */

    memset(control, 0, HEADER_SPACE);
    memcpy(control + offsetof(struct cmsghdr, cmsg_len), &whole, sizeof(whole));
    memcpy(control + offsetof(struct cmsghdr, cmsg_level), &level, sizeof(level));
    memcpy(control + offsetof(struct cmsghdr, cmsg_type), &type, sizeof(type));
    return control + HEADER_SPACE;
}

static size_t write_in_pktinfo(uint8_t *control, const uint8_t local[4], uint32_t interface)
{
    uint8_t *info = begin_message(control, IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo));

    memset(info, 0, sizeof(struct in_pktinfo));
    memcpy(info + offsetof(struct in_pktinfo, ipi_ifindex), &interface, 4);
    memcpy(info + offsetof(struct in_pktinfo, ipi_spec_dst), local, 4);
    return CMSG_LEN(sizeof(struct in_pktinfo));
}

static size_t write_in6_pktinfo(uint8_t *control, const uint8_t address[16], uint32_t interface)
{
    uint8_t *info = begin_message(control, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo));

    memset(info, 0, sizeof(struct in6_pktinfo));
    memcpy(info + offsetof(struct in6_pktinfo, ipi6_addr), address, 16);
    memcpy(info + offsetof(struct in6_pktinfo, ipi6_ifindex), &interface, 4);
    return CMSG_LEN(sizeof(struct in6_pktinfo));
}

/* The kernel looks for the next message behind the padding of the one before. */
static size_t pad(uint8_t *control, size_t length)
{
    memset(control + length, 0, CMSG_ALIGN(length) - length);
    return CMSG_ALIGN(length);
}

static size_t write_as_received(const struct slot *slot, uint8_t *control)
{
    int in6_first = (slot->flags & FLAG_IN6_PKTINFO_FIRST) != 0;
    int in6 = (slot->flags & FLAG_IN6_PKTINFO) != 0;
    size_t length = 0;

    if (in6 && in6_first) {
        length += write_in6_pktinfo(control, slot->in6_address, slot->in6_interface);
    }
    if (slot->flags & FLAG_IN_PKTINFO) {
        length = pad(control, length);
        length += write_in_pktinfo(control + length, slot->in_local, slot->in_interface);
    }
    if (in6 && !in6_first) {
        length = pad(control, length);
        length += write_in6_pktinfo(control + length, slot->in6_address, slot->in6_interface);
    }
    return length;
}

size_t slot_write_control(const struct slot *slot, void *control)
{
    switch (slot->source_form) {
    case FORM_IN_PKTINFO:
        return write_in_pktinfo(control, slot->source_address + 12, slot->source_interface);
    case FORM_IN6_PKTINFO:
        return write_in6_pktinfo(control, slot->source_address, slot->source_interface);
    case FORM_AS_RECEIVED:
        return write_as_received(slot, control);
    default:
        return 0;
    }
}

int slots_share_way(const struct slot *one, const struct slot *other)
{
    return one->peer_port == other->peer_port && one->peer_scope == other->peer_scope
        && one->source_form == other->source_form && one->source_interface == other->source_interface
        && memcmp(one->peer_address, other->peer_address, 16) == 0
        && memcmp(one->source_address, other->source_address, 16) == 0;
}

size_t append_segment_size(void *control, size_t length, size_t segment_size)
{
    const uint16_t size = (uint16_t)segment_size; /* two bytes: the kernel refuses an int here */

    length = pad(control, length);
    memcpy(begin_message((uint8_t *)control + length, SOL_UDP_LEVEL, UDP_SEGMENT_TYPE, sizeof(size)), &size, sizeof(size));
    return length + CMSG_LEN(sizeof(size));
}
