/* Packets as kernels give them back with their times of transmission, and such as no kernel should. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "transmitted.h"

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_SERVICE_VLAN = 0x88a8, TYPE_ARP = 0x0806 };
enum { UDP = 17, TCP = 6, FRAGMENT = 44, HOP_BY_HOP = 0, MORE = 0x2000, DIGEST_OF = 512, PORT = 4711 };

/* FNV-1a of nothing, "a" and "foobar", by its authors' test suite. */
static const uint64_t OF_NOTHING = 0xcbf29ce484222325U;
static const uint64_t OF_A = 0xaf63dc4c8601ec8cU;
static const uint64_t OF_FOOBAR = 0x85944171f73967e8U;

/* A packet that grows header by header. */
static struct {
    uint8_t bytes[2048];
    size_t length;
} packet;

static void put(const void *bytes, size_t length)
{
    memcpy(packet.bytes + packet.length, bytes, length);
    packet.length += length;
}

static void put_byte(unsigned value)
{
    packet.bytes[packet.length++] = (uint8_t)value;
}

static void put_number(unsigned value)
{
    put_byte(value >> 8);
    put_byte(value & 0xff);
}

static void begin_without_link(void)
{
    memset(&packet, 0, sizeof(packet));
}

static void begin(unsigned type)
{
    begin_without_link();
    put("\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
    put_number(type);
}

static void put_tag(unsigned type)
{
    put_number(0x2007); /* priority and number */
    put_number(type);
}

/* To 192.0.2.9; fragment is flags and offset. */
static void put_ipv4(unsigned options, unsigned protocol, unsigned fragment)
{
    put_byte(0x40 | (5 + options / 4));
    put_byte(0);
    put_number(0); /* the length, which is not read: a fragment's is less than the datagram's */
    put_number(1);
    put_number(fragment);
    put_byte(64);
    put_byte(protocol);
    put_number(0);
    put("\xc0\0\2\1\xc0\0\2\x09", 8);
    for (unsigned i = 0; i < options; i++) {
        put_byte(1);
    }
}

/* To 2001:db8::9. */
static void put_ipv6(unsigned next)
{
    put("\x60\0\0\0\0\0", 6);
    put_byte(next);
    put_byte(64);
    put("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    put("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
}

static void put_fragment(unsigned next, unsigned fragment)
{
    put_byte(next);
    put_byte(0);
    put_number(fragment);
    put("\0\0\0\1", 4);
}

static void put_udp_of_length(unsigned length, const void *payload, size_t payload_length)
{
    put_number(9);
    put_number(PORT);
    put_number(length);
    put_number(0);
    put(payload, payload_length);
}

static void put_udp(const char *text)
{
    put_udp_of_length((unsigned)(8 + strlen(text)), text, strlen(text));
}

/* Reads the packet's first bytes, in memory that ends with them: the sanitizer stops a read beyond. */
static struct error_report read_first(size_t length)
{
    uint8_t *exact = malloc(length > 0 ? length : 1);
    struct error_report report = {.number = 77};

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, packet.bytes, length);
    transmitted_read(&report, length > 0 ? exact : exact + 1, length);
    free(exact);
    EXPECT_EQUAL(77, report.number);
    return report;
}

static void expect_peer(const struct error_report *report, const char *address, size_t length, uint64_t digest)
{
    uint8_t expected[16];

    EXPECT_EQUAL(1, inet_pton(AF_INET6, address, expected));
    EXPECT_EQUAL(1, report->has_peer);
    EXPECT_BYTES(expected, report->peer_address, 16);
    EXPECT_EQUAL(PORT, report->peer_port);
    EXPECT_EQUAL(0, report->peer_scope);
    EXPECT_EQUAL(length, report->length);
    EXPECT_EQUAL(digest, report->digest);
}

static void expect_read(const char *address, size_t length, uint64_t digest)
{
    struct error_report report = read_first(packet.length);

    expect_peer(&report, address, length, digest);
}

static void expect_none_of(size_t length)
{
    struct error_report report = read_first(length);
    struct error_report nothing = {.number = 77};

    EXPECT_BYTES(&nothing, &report, sizeof(report));
}

static void expect_none(void)
{
    expect_none_of(packet.length);
}

static const char *const IPV4 = "::ffff:192.0.2.9";
static const char *const IPV6 = "2001:db8::9";

/* Each is of its own payload, so that none is taken for another. */
static void a_datagram_is_read_behind_every_link_header(void)
{
    begin(TYPE_IPV4);
    put_ipv4(0, UDP, 0);
    put_udp("");
    expect_read(IPV4, 0, OF_NOTHING);

    begin(TYPE_VLAN);
    put_tag(TYPE_IPV4);
    put_ipv4(0, UDP, 0);
    put_udp("a");
    expect_read(IPV4, 1, OF_A);

    begin(TYPE_SERVICE_VLAN);
    put_tag(TYPE_VLAN);
    put_tag(TYPE_IPV6);
    put_ipv6(UDP);
    put_udp("foobar");
    expect_read(IPV6, 6, OF_FOOBAR);

    begin(TYPE_IPV6);
    put_ipv6(UDP);
    put_udp("a");
    expect_read(IPV6, 1, OF_A);

    begin_without_link();
    put_ipv4(0, UDP, 0);
    put_udp("foobar");
    expect_read(IPV4, 6, OF_FOOBAR);

    begin_without_link();
    put_ipv6(UDP);
    put_udp("foobar");
    expect_read(IPV6, 6, OF_FOOBAR);
}

static void options_of_ipv4_are_skipped(void)
{
    for (unsigned options = 4; options <= 40; options += 4) {
        begin(TYPE_IPV4);
        put_ipv4(options, UDP, 0x4000); /* not to be fragmented */
        put_udp("foobar");
        expect_read(IPV4, 6, OF_FOOBAR);
    }
}

static void of_fragments_the_first_is_read(void)
{
    begin(TYPE_IPV4);
    put_ipv4(0, UDP, MORE);
    put_udp_of_length(8 + 3000, "foobar", 6);
    expect_read(IPV4, 3000, OF_FOOBAR);
    for (unsigned offset = 1; offset < 0x2000; offset *= 2) {
        begin(TYPE_IPV4);
        put_ipv4(0, UDP, MORE | offset);
        put_udp("foobar");
        expect_none();
    }

    begin(TYPE_IPV6);
    put_ipv6(FRAGMENT);
    put_fragment(UDP, 1);
    put_udp_of_length(8 + 3000, "foobar", 6);
    expect_read(IPV6, 3000, OF_FOOBAR);
    for (unsigned offset = 1; offset < 0x2000; offset *= 2) {
        begin(TYPE_IPV6);
        put_ipv6(FRAGMENT);
        put_fragment(UDP, offset << 3 | 1);
        put_udp("foobar");
        expect_none();
    }
}

static uint64_t fnv(const uint8_t *bytes, size_t length)
{
    uint64_t hash = OF_NOTHING;

    while (length-- > 0) {
        hash ^= *bytes++;
        hash *= 1099511628211U;
    }
    return hash;
}

static void the_digest_is_of_the_first_512_bytes(void)
{
    const size_t lengths[] = {DIGEST_OF - 1, DIGEST_OF, DIGEST_OF + 1, 1400};
    uint8_t payload[1400];

    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = (uint8_t)(i * 7 + i / 256);
    }
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        begin(TYPE_IPV6);
        put_ipv6(UDP);
        put_udp_of_length((unsigned)(8 + lengths[i]), payload, lengths[i]);
        expect_read(IPV6, lengths[i], fnv(payload, lengths[i] < DIGEST_OF ? lengths[i] : DIGEST_OF));
    }
}

/* Ethernet fills a short frame up. */
static void what_is_behind_the_payload_is_not_digested(void)
{
    begin(TYPE_IPV4);
    put_ipv4(0, UDP, 0);
    put_udp("a");
    put("foobar", 6);
    expect_read(IPV4, 1, OF_A);
}

/* Of a packet that is cut off anywhere: nothing up to the UDP header's end, from there on the payload that is left. */
static void expect_cut_at_every_length(const char *address, const char *payload)
{
    size_t whole = packet.length;
    size_t headers = whole - strlen(payload);

    for (size_t length = 0; length < headers; length++) {
        expect_none_of(length);
    }
    for (size_t length = headers; length <= whole; length++) {
        struct error_report report = read_first(length);
        expect_peer(&report, address, strlen(payload), fnv((const uint8_t *)payload, length - headers));
    }
}

static void a_packet_that_is_cut_off_is_read_as_far_as_it_goes(void)
{
    begin(TYPE_SERVICE_VLAN);
    put_tag(TYPE_VLAN);
    put_tag(TYPE_IPV4);
    put_ipv4(8, UDP, MORE);
    put_udp("foobar");
    expect_cut_at_every_length(IPV4, "foobar");

    begin(TYPE_IPV6);
    put_ipv6(FRAGMENT);
    put_fragment(UDP, 1);
    put_udp("foobar");
    expect_cut_at_every_length(IPV6, "foobar");

    begin_without_link();
    put_ipv4(0, UDP, 0);
    put_udp("foobar");
    expect_cut_at_every_length(IPV4, "foobar");

    begin_without_link();
    put_ipv6(UDP);
    put_udp("foobar");
    expect_cut_at_every_length(IPV6, "foobar");
}

static void tags_without_an_end_hold_nothing(void)
{
    begin(TYPE_VLAN);
    while (packet.length < 600) {
        put_tag(TYPE_VLAN);
    }
    for (size_t length = 0; length <= packet.length; length++) {
        expect_none_of(length);
    }
}

static void a_udp_length_shorter_than_its_header_is_none(void)
{
    for (unsigned length = 0; length < 8; length++) {
        begin(TYPE_IPV4);
        put_ipv4(0, UDP, 0);
        put_udp_of_length(length, "foobar", 6);
        expect_none();
    }
    begin(TYPE_IPV4);
    put_ipv4(0, UDP, 0);
    put_udp_of_length(UINT16_MAX, "foobar", 6);
    expect_read(IPV4, UINT16_MAX - 8, OF_FOOBAR);
}

static void an_ipv4_header_shorter_than_its_least_is_none(void)
{
    for (unsigned words = 0; words < 5; words++) {
        begin(TYPE_IPV4);
        put_ipv4(0, UDP, 0);
        put_udp("foobar");
        packet.bytes[14] = (uint8_t)(0x40 | words);
        expect_none();
    }
}

static void other_protocols_and_versions_are_none(void)
{
    const unsigned types[] = {TYPE_ARP, TYPE_IPV6, 0, TYPE_IPV4 + 1};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        begin(types[i]);
        put_ipv4(0, UDP, 0);
        put_udp("foobar");
        expect_none();
    }
    begin(TYPE_IPV4);
    put_ipv6(UDP);
    put_udp("foobar");
    expect_none();
    begin(TYPE_IPV4);
    put_ipv4(0, TCP, 0);
    put_udp("foobar");
    expect_none();
    begin(TYPE_IPV6);
    put_ipv6(TCP);
    put_udp("foobar");
    expect_none();
    begin(TYPE_IPV6);
    put_ipv6(HOP_BY_HOP);
    put_fragment(UDP, 0);
    put_udp("foobar");
    expect_none();
    begin(TYPE_IPV6);
    put_ipv6(FRAGMENT);
    put_fragment(TCP, 1);
    put_udp("foobar");
    expect_none();
}

int main(void)
{
    a_datagram_is_read_behind_every_link_header();
    options_of_ipv4_are_skipped();
    of_fragments_the_first_is_read();
    the_digest_is_of_the_first_512_bytes();
    what_is_behind_the_payload_is_not_digested();
    a_packet_that_is_cut_off_is_read_as_far_as_it_goes();
    tags_without_an_end_hold_nothing();
    a_udp_length_shorter_than_its_header_is_none();
    an_ipv4_header_shorter_than_its_least_is_none();
    other_protocols_and_versions_are_none();
    return expect_failures > 0;
}
