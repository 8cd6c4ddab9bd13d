/* The control data of a reply: the source and the header fields that are set in a slot, byte by byte. */
#define _GNU_SOURCE
#include <limits.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "expect.h"
#include "test_control.h"

/* Compares the whole buffer: the written bytes, and that nothing beyond them was written. */
static void expect_written(const struct slot *slot, const struct control *expected, size_t length)
{
    struct control actual;

    memset(&actual, 0xaa, sizeof(actual));
    EXPECT_EQUAL(length, slot_write_control(slot, actual.bytes));
    EXPECT_BYTES(expected->bytes, actual.bytes, length);
    for (size_t i = length; i < sizeof(actual.bytes); i++) {
        EXPECT_EQUAL(0xaa, actual.bytes[i]);
    }
}

static void an_ipv4_source_is_28_bytes_with_the_local_address_only(void)
{
    struct slot slot = {.source_form = FORM_IN_PKTINFO, .source_interface = 7};
    struct control expected = {.length = 0};

    memcpy(slot.source_address, MAPPED, 16);
    put_in4(&expected, ZERO, MAPPED + 12, 7);
    expect_written(&slot, &expected, 28);
}

static void an_ipv6_source_is_36_bytes(void)
{
    struct slot slot = {.source_form = FORM_IN6_PKTINFO, .source_interface = 7};
    struct control expected = {.length = 0};

    memcpy(slot.source_address, NATIVE, 16);
    put_in6(&expected, NATIVE, 7);
    expect_written(&slot, &expected, 36);
}

static void no_source_or_an_unknown_form_is_no_control_message(void)
{
    const uint8_t forms[] = {FORM_NONE, FORM_AS_RECEIVED, FORM_AS_RECEIVED + 1, UINT8_MAX};

    for (int i = 0; i < 4; i++) {
        struct slot slot = {.source_form = forms[i], .source_interface = 7};
        struct control expected = {.length = 0};
        expect_written(&slot, &expected, 0);
    }
}

static struct slot received(uint32_t flags)
{
    struct slot slot = {.source_form = FORM_AS_RECEIVED};

    know_in4(&slot, DESTINATION, LOCAL, 3);
    know_in6(&slot, MAPPED, 4);
    slot.flags = flags;
    return slot;
}

static void what_was_received_is_written_in_its_order_with_zero_bytes_between(void)
{
    struct slot slot = received(FLAG_IN_PKTINFO | FLAG_IN6_PKTINFO | FLAG_IN6_PKTINFO_FIRST);
    struct control in6_first = {.length = 0};
    struct control in_first = {.length = 0};

    put_in6(&in6_first, MAPPED, 4);
    memset(in6_first.bytes + 36, 0, 4);
    put_in4(&in6_first, ZERO, LOCAL, 3);
    expect_written(&slot, &in6_first, 40 + 28);

    slot = received(FLAG_IN_PKTINFO | FLAG_IN6_PKTINFO);
    put_in4(&in_first, ZERO, LOCAL, 3);
    memset(in_first.bytes + 28, 0, 4);
    put_in6(&in_first, MAPPED, 4);
    expect_written(&slot, &in_first, 32 + 36);
}

static void what_was_received_alone_is_written_alone(void)
{
    struct slot slot = received(FLAG_IN_PKTINFO);
    struct control in4 = {.length = 0};
    struct control in6 = {.length = 0};

    put_in4(&in4, ZERO, LOCAL, 3);
    expect_written(&slot, &in4, 28);

    slot = received(FLAG_IN6_PKTINFO | FLAG_IN6_PKTINFO_FIRST);
    put_in6(&in6, MAPPED, 4);
    expect_written(&slot, &in6, 36);
}

static void a_source_written_and_read_again_is_the_same(void)
{
    for (int round = 0; round < 1000; round++) {
        struct slot slot = {.source_interface = random_number(INT_MAX)};
        struct slot expected = {0};
        uint8_t control[CONTROL_CAPACITY];
        slot.source_form = round % 2 == 0 ? FORM_IN_PKTINFO : FORM_IN6_PKTINFO;
        memcpy(slot.source_address, round % 2 == 0 ? MAPPED : NATIVE, 16);
        slot.source_address[15] = (uint8_t)random_number(256);
        if (round % 2 == 0) {
            know_in4(&expected, ZERO, slot.source_address + 12, slot.source_interface);
        } else {
            expected.flags = FLAG_IN6_PKTINFO_FIRST;
            know_in6(&expected, slot.source_address, slot.source_interface);
        }
        struct slot again = read_bytes(control, slot_write_control(&slot, control));
        EXPECT_BYTES(&expected, &again, sizeof(again));
    }
}

void sources_are_written(void)
{
    an_ipv4_source_is_28_bytes_with_the_local_address_only();
    an_ipv6_source_is_36_bytes();
    no_source_or_an_unknown_form_is_no_control_message();
    what_was_received_is_written_in_its_order_with_zero_bytes_between();
    what_was_received_alone_is_written_alone();
    a_source_written_and_read_again_is_the_same();
}

/* Pads with zero bytes, as the shim does. */
static void put_with_zeros(struct control *control, int level, int type, const void *data, size_t length)
{
    size_t begin = put(control, level, type, data, length);

    memset(control->bytes + begin + CMSG_LEN(length), 0, CMSG_SPACE(length) - CMSG_LEN(length));
}

static void put_int_with_zeros(struct control *control, int level, int type, int value)
{
    put_with_zeros(control, level, type, &value, sizeof(value));
}

static void put_source(struct control *control, const struct slot *slot)
{
    struct in_pktinfo in = {.ipi_ifindex = (int)slot->source_interface};
    struct in6_pktinfo in6 = {.ipi6_ifindex = slot->source_interface};

    memcpy(&in.ipi_spec_dst, slot->source_address + 12, 4);
    memcpy(&in6.ipi6_addr, slot->source_address, 16);
    if (slot->source_form == FORM_IN_PKTINFO) {
        put_with_zeros(control, IPPROTO_IP, IP_PKTINFO, &in, sizeof(in));
    } else if (slot->source_form == FORM_IN6_PKTINFO) {
        put_with_zeros(control, IPPROTO_IPV6, IPV6_PKTINFO, &in6, sizeof(in6));
    }
}

/* The length that is sent ends with the last message's data. */
static void expect_fields(const struct slot *slot, struct control *expected, size_t last)
{
    size_t length = expected->length == 0 ? 0 : expected->length - (CMSG_SPACE(last) - CMSG_LEN(last));
    uint8_t actual[CONTROL_CAPACITY];
    const uint16_t size = 1200;

    expect_written(slot, expected, length);
    length = append_segment_size(actual, slot_write_control(slot, actual), size);
    put_with_zeros(expected, UDP_LEVEL, 103, &size, sizeof(size));
    EXPECT_EQUAL(expected->length - (CMSG_SPACE(2) - CMSG_LEN(2)), length);
    EXPECT_BYTES(expected->bytes, actual, length);
}

/*
 * The kernel takes IPv4's messages for an IPv4 peer on an AF_INET6 socket too and ignores IPv6's without an error: the
 * peer's address alone decides, whatever the source is.
 */
static void header_fields_follow_the_source_in_the_form_of_the_peers_family(void)
{
    const uint8_t forms[] = {FORM_NONE, FORM_IN_PKTINFO, FORM_IN6_PKTINFO};
    const uint8_t *peers[] = {MAPPED, NATIVE};

    for (int round = 0; round < 3 * 2 * 4; round++) {
        const int four = round / 3 % 2 == 0;
        struct slot slot = {.source_form = forms[round % 3], .source_interface = 7, .send_traffic_class = 0xb9,
            .send_hop_limit = 255};
        struct control expected = {.length = 0};
        size_t last = slot.source_form == FORM_IN_PKTINFO ? sizeof(struct in_pktinfo) : sizeof(struct in6_pktinfo);
        memcpy(slot.peer_address, peers[!four], 16);
        memcpy(slot.source_address, peers[!four], 16);
        put_source(&expected, &slot);
        if (round / 6 & 1) {
            slot.send_flags |= SEND_WITH_TRAFFIC_CLASS;
            put_int_with_zeros(&expected, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_TOS : IPV6_TCLASS, 0xb9);
            last = sizeof(int);
        }
        if (round / 6 & 2) {
            slot.send_flags |= SEND_WITH_HOP_LIMIT;
            put_int_with_zeros(&expected, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_TTL : IPV6_HOPLIMIT, 255);
            last = sizeof(int);
        }
        expect_fields(&slot, &expected, last);
    }
}

/* Beginning like an IPv4-mapped address is not being one: 12 bytes decide. */
static void an_address_that_is_almost_mapped_is_ipv6(void)
{
    for (int i = 0; i < 12; i++) {
        struct slot slot = {.send_flags = SEND_WITH_HOP_LIMIT, .send_hop_limit = 9};
        struct control expected = {.length = 0};
        memcpy(slot.peer_address, MAPPED, 16);
        slot.peer_address[i] ^= 1;
        put_int_with_zeros(&expected, IPPROTO_IPV6, IPV6_HOPLIMIT, 9);
        expect_fields(&slot, &expected, sizeof(int));
    }
}

/* All flags but these two are for others. */
static void other_flags_write_no_header_field(void)
{
    struct slot slot = {.send_traffic_class = 0xb9, .send_hop_limit = 9};
    struct control expected = {.length = 0};

    slot.send_flags = (uint16_t)~(SEND_WITH_TRAFFIC_CLASS | SEND_WITH_HOP_LIMIT);
    slot.flags = ~(uint32_t)0;
    memcpy(slot.peer_address, MAPPED, 16);
    expect_written(&slot, &expected, 0);
}

static void an_experiment_has_its_header_fields_behind_all_packet_information(void)
{
    struct slot slot = received(FLAG_IN_PKTINFO | FLAG_IN6_PKTINFO | FLAG_IN6_PKTINFO_FIRST);
    struct control expected = {.length = 0};
    struct in_pktinfo in = {.ipi_ifindex = 3};
    struct in6_pktinfo in6 = {.ipi6_ifindex = 4};

    memcpy(&in.ipi_spec_dst, LOCAL, 4);
    memcpy(&in6.ipi6_addr, MAPPED, 16);
    memcpy(slot.peer_address, MAPPED, 16);
    slot.send_flags = SEND_WITH_TRAFFIC_CLASS | SEND_WITH_HOP_LIMIT;
    slot.send_traffic_class = 1;
    slot.send_hop_limit = 2;
    put_with_zeros(&expected, IPPROTO_IPV6, IPV6_PKTINFO, &in6, sizeof(in6));
    put_with_zeros(&expected, IPPROTO_IP, IP_PKTINFO, &in, sizeof(in));
    put_int_with_zeros(&expected, IPPROTO_IP, IP_TOS, 1);
    put_int_with_zeros(&expected, IPPROTO_IP, IP_TTL, 2);
    EXPECT_EQUAL(1, expected.length + CMSG_SPACE(sizeof(uint16_t)) <= CONTROL_CAPACITY);
    expect_fields(&slot, &expected, sizeof(int));
}

void header_fields_are_written(void)
{
    header_fields_follow_the_source_in_the_form_of_the_peers_family();
    an_address_that_is_almost_mapped_is_ipv6();
    other_flags_write_no_header_field();
    an_experiment_has_its_header_fields_behind_all_packet_information();
}
