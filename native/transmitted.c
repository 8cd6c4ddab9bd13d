#include "transmitted.h"

#include <string.h>

enum { ETHERNET_HEADER = 14, VLAN_TAG = 4, IPV4_HEADER = 20, IPV6_HEADER = 40, FRAGMENT_HEADER = 8, UDP_HEADER = 8 };

/* Types of an Ethernet frame. */
enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_SERVICE_VLAN = 0x88a8 };

enum { PROTOCOL_UDP = 17, PROTOCOL_FRAGMENT = 44 };

/* A part of the packet: what is left of it. */
struct rest {
    const uint8_t *at;
    size_t length;
};

static unsigned number_at(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static struct rest behind(struct rest rest, size_t header)
{
    return header <= rest.length ? (struct rest){rest.at + header, rest.length - header} : (struct rest){rest.at, 0};
}

/* FNV-1a, as org.pktinfo.internal.TransmitTimes computes it. */
static uint64_t digest(struct rest payload)
{
    uint64_t hash = 0xcbf29ce484222325U;

    for (size_t i = 0; i < payload.length && i < org_pktinfo_internal_ErrorLayout_DIGEST_OF; i++) {
        hash = (hash ^ payload.at[i]) * 0x100000001b3U;
    }
    return hash;
}

/* Reads the UDP header and the payload, which is all the rest in a packet that is not padded. */
static void read_udp(struct error_report *report, const uint8_t *destination, size_t address_length, struct rest udp)
{
    if (udp.length < UDP_HEADER || number_at(udp.at + 4) < UDP_HEADER) {
        return;
    }
    struct rest payload = behind(udp, UDP_HEADER);
    size_t length = number_at(udp.at + 4) - UDP_HEADER;
    memset(report->peer_address, 0, sizeof(report->peer_address));
    if (address_length == 4) {
        memset(report->peer_address + 10, 0xff, 2);
    }
    memcpy(report->peer_address + sizeof(report->peer_address) - address_length, destination, address_length);
    report->peer_port = (uint16_t)number_at(udp.at + 2);
    report->has_peer = 1;
    report->length = (uint32_t)length;
    payload.length = payload.length < length ? payload.length : length;
    report->digest = digest(payload);
}

static void read_ipv4(struct error_report *report, struct rest packet)
{
    size_t header = packet.length < IPV4_HEADER ? 0 : (size_t)(packet.at[0] & 0xf) * 4;
    /* The first fragment has the UDP header. */
    if (header >= IPV4_HEADER && packet.at[0] >> 4 == 4 && packet.at[9] == PROTOCOL_UDP
        && (number_at(packet.at + 6) & 0x1fff) == 0) {
        read_udp(report, packet.at + 16, 4, behind(packet, header));
    }
}

static void read_ipv6(struct error_report *report, struct rest packet)
{
    if (packet.length < IPV6_HEADER || packet.at[0] >> 4 != 6) {
        return;
    }
    struct rest next = behind(packet, IPV6_HEADER);
    unsigned protocol = packet.at[6];
    if (protocol == PROTOCOL_FRAGMENT && next.length >= FRAGMENT_HEADER && (number_at(next.at + 2) & 0xfff8) == 0) {
        protocol = next.at[0];
        next = behind(next, FRAGMENT_HEADER);
    }
    if (protocol == PROTOCOL_UDP) {
        read_udp(report, packet.at + 24, 16, next);
    }
}

/* Returns the type of an Ethernet frame, and moves to what it carries. */
static unsigned enter_frame(struct rest *frame)
{
    unsigned type = 0;

    if (frame->length >= ETHERNET_HEADER) {
        type = number_at(frame->at + 12);
        *frame = behind(*frame, ETHERNET_HEADER);
    }
    while ((type == TYPE_VLAN || type == TYPE_SERVICE_VLAN) && frame->length >= VLAN_TAG) {
        type = number_at(frame->at + 2);
        *frame = behind(*frame, VLAN_TAG);
    }
    return type;
}

void transmitted_read(struct error_report *report, const uint8_t *packet, size_t length)
{
    struct rest frame = {packet, length};
    unsigned type = enter_frame(&frame);

    if (type == TYPE_IPV4) {
        read_ipv4(report, frame);
    } else if (type == TYPE_IPV6) {
        read_ipv6(report, frame);
    }
    if (!report->has_peer) { /* a device without a header of its own, such as a tunnel */
        read_ipv4(report, (struct rest){packet, length});
        read_ipv6(report, (struct rest){packet, length});
    }
}
