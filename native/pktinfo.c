#include "pktinfo.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "control.h"

_Static_assert(sizeof(struct sockaddr_in) <= NAME_CAPACITY && sizeof(struct sockaddr_in6) <= NAME_CAPACITY, "name");

static const uint8_t IPV4_MAPPED_PREFIX[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/*
 * The kernel's structures are read and written in place, field by field, and not through a variable: a wide load after
 * narrow stores waits for the store buffer, which costs more than all the rest here.
 */

/*
 * Clears the slot in two halves: compilers inline memset(3) up to that size, and beyond it use an instruction that is
 * slow to start.
 */
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

    if (length < offsetof(struct sockaddr, sa_family) + sizeof(family)) {
        return;
    }
    memcpy(&family, at + offsetof(struct sockaddr, sa_family), sizeof(family));
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

/* Writes zeros up to the alignment of the next control message. Returns the padded length. */
static size_t pad(uint8_t *control, size_t length)
{
    memset(control + length, 0, control_aligned(length) - length);
    return control_aligned(length);
}

/* Not inline: otherwise every reply would save and restore registers for the sake of an experiment. */
__attribute__((noinline)) static size_t write_as_received(const struct slot *slot, uint8_t *control)
{
    int in6_first = (slot->flags & FLAG_IN6_PKTINFO_FIRST) != 0;
    int in6 = (slot->flags & FLAG_IN6_PKTINFO) != 0;
    size_t length = 0;

    if (in6 && in6_first) {
        length += control_write_ipv6(control, slot->in6_address, slot->in6_interface);
    }
    if (slot->flags & FLAG_IN_PKTINFO) {
        length = pad(control, length);
        length += control_write_ipv4(control + length, slot->in_local, slot->in_interface);
    }
    if (in6 && !in6_first) {
        length = pad(control, length);
        length += control_write_ipv6(control + length, slot->in6_address, slot->in6_interface);
    }
    return length;
}

static size_t write_source(const struct slot *slot, uint8_t *control)
{
    switch (slot->source_form) {
    case FORM_IN_PKTINFO:
        return control_write_ipv4(control, slot->source_address + 12, slot->source_interface);
    case FORM_IN6_PKTINFO:
        return control_write_ipv6(control, slot->source_address, slot->source_interface);
    case FORM_AS_RECEIVED:
        return write_as_received(slot, control);
    default:
        return 0;
    }
}

/*
 * Appends the traffic class and the hop limit. The kernel takes those of IPv4 for an IPv4 peer on an IPv6 socket too,
 * and ignores those of IPv6. Not inline, for the same reason as above.
 */
__attribute__((noinline)) static size_t append_fields(const struct slot *slot, uint8_t *control, size_t length)
{
    const int ipv4 = memcmp(slot->peer_address, IPV4_MAPPED_PREFIX, sizeof(IPV4_MAPPED_PREFIX)) == 0;

    if (slot->send_flags & SEND_WITH_TRAFFIC_CLASS) {
        length = pad(control, length);
        length += control_write_traffic_class(control + length, ipv4, slot->send_traffic_class);
    }
    if (slot->send_flags & SEND_WITH_HOP_LIMIT) {
        length = pad(control, length);
        length += control_write_hop_limit(control + length, ipv4, slot->send_hop_limit);
    }
    return length;
}

size_t slot_write_control(const struct slot *slot, void *control)
{
    size_t length = write_source(slot, control);

    return slot->send_flags & (SEND_WITH_TRAFFIC_CLASS | SEND_WITH_HOP_LIMIT)
        ? append_fields(slot, control, length)
        : length;
}

int slots_share_way(const struct slot *one, const struct slot *other)
{
    return one->peer_port == other->peer_port && one->peer_scope == other->peer_scope
        && one->source_form == other->source_form && one->source_interface == other->source_interface
        && ((one->send_flags ^ other->send_flags) & (SEND_WITH_TRAFFIC_CLASS | SEND_WITH_HOP_LIMIT)) == 0
        && one->send_traffic_class == other->send_traffic_class && one->send_hop_limit == other->send_hop_limit
        && memcmp(one->peer_address, other->peer_address, 16) == 0
        && memcmp(one->source_address, other->source_address, 16) == 0;
}

size_t append_transmit_request(void *control, size_t length, int form, uint32_t number)
{
    if (form == TRANSMIT_ALL) {
        return length;
    }
    length = pad(control, length);
    length += control_write_transmit_request((uint8_t *)control + length);
    if (form == TRANSMIT_NUMBERED) {
        length = pad(control, length);
        length += control_write_transmit_number((uint8_t *)control + length, number);
    }
    return length;
}

size_t append_segment_size(void *control, size_t length, size_t segment_size)
{
    length = pad(control, length);
    return length + control_write_segment_size((uint8_t *)control + length, segment_size);
}
