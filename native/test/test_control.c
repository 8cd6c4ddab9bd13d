/*
 * pktinfo.c and control_linux.c on canned bytes: what the kernel could hand over, what no kernel should, and what goes
 * back.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "expect.h"
#include "messages.h"
#include "pktinfo.h"

enum { UDP_LEVEL = 17, GRO_TYPE = 104, HEADER_LENGTH = CMSG_LEN(0) };

static const uint8_t DESTINATION[4] = {10, 9, 0, 255};
static const uint8_t LOCAL[4] = {10, 9, 0, 1};
static const uint8_t ZERO[4] = {0};
static const uint8_t MAPPED[16] = {[10] = 0xff, 0xff, 10, 9, 0, 2};
static const uint8_t NATIVE[16] = {0xfd, 0, 0, 9, [15] = 2};

/* Control data as a kernel lays it out. */
struct control {
    uint8_t bytes[512];
    size_t length;
};

/* Returns where the message begins. */
static size_t put(struct control *control, int level, int type, const void *data, size_t length)
{
    size_t begin = control->length;

    control->length = append_message(control->bytes, begin, level, type, data, length);
    return begin;
}

static size_t put_int(struct control *control, int level, int type, int value)
{
    return put(control, level, type, &value, sizeof(value));
}

static size_t put_in4(struct control *control, const uint8_t *destination, const uint8_t *local, int interface)
{
    struct in_pktinfo info = {.ipi_ifindex = interface};

    memcpy(&info.ipi_addr, destination, 4);
    memcpy(&info.ipi_spec_dst, local, 4);
    return put(control, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static size_t put_in6(struct control *control, const uint8_t *destination, unsigned interface)
{
    struct in6_pktinfo info = {.ipi6_ifindex = interface};

    memcpy(&info.ipi6_addr, destination, 16);
    return put(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

static void set_length(struct control *control, size_t at, size_t length)
{
    struct cmsghdr header;

    memcpy(&header, control->bytes + at, sizeof(header));
    memcpy(&header.cmsg_len, &length, sizeof(header.cmsg_len));
    memcpy(control->bytes + at, &header, sizeof(header));
}

/* From memory of exactly that size, so that AddressSanitizer sees a byte read behind it. */
static struct slot read_bytes(const uint8_t *bytes, size_t length)
{
    struct slot slot;
    uint8_t *exact = malloc(length > 0 ? length : 1);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, bytes, length);
    memset(&slot, 0xaa, sizeof(slot));
    slot_clear(&slot);
    slot_read_control(&slot, length > 0 ? exact : exact + 1, length);
    free(exact);
    return slot;
}

static struct slot read_control(const struct control *control)
{
    return read_bytes(control->bytes, control->length);
}

static void know_in4(struct slot *slot, const uint8_t *destination, const uint8_t *local, uint32_t interface)
{
    memcpy(slot->in_address, destination, 4);
    memcpy(slot->in_local, local, 4);
    slot->in_interface = interface;
    slot->flags |= FLAG_IN_PKTINFO;
}

static void know_in6(struct slot *slot, const uint8_t *destination, uint32_t interface)
{
    memcpy(slot->in6_address, destination, 16);
    slot->in6_interface = interface;
    slot->flags |= FLAG_IN6_PKTINFO;
}

static void clearing_forgets_every_byte(void)
{
    struct slot slot;
    static const struct slot zero;

    memset(&slot, 0xaa, sizeof(slot));
    slot_clear(&slot);
    EXPECT_BYTES(&zero, &slot, sizeof(slot));
}

static void no_control_data_leaves_no_facts(void)
{
    struct control control = {.length = 0};
    struct slot expected = {0};
    struct slot slot = read_control(&control);

    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

static void in_pktinfo_alone_is_read(void)
{
    struct control control = {.length = 0};
    struct slot expected = {0};

    put_in4(&control, DESTINATION, LOCAL, 3);
    know_in4(&expected, DESTINATION, LOCAL, 3);
    struct slot slot = read_control(&control);
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

static void in6_pktinfo_alone_is_read_mapped_or_native(void)
{
    const uint8_t *addresses[] = {MAPPED, NATIVE};

    for (int i = 0; i < 2; i++) {
        struct control control = {.length = 0};
        struct slot expected = {.flags = FLAG_IN6_PKTINFO_FIRST};
        put_in6(&control, addresses[i], 0x80000004);
        know_in6(&expected, addresses[i], 0x80000004);
        struct slot slot = read_control(&control);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
}

static void both_are_read_and_the_order_is_kept_in6_first(void)
{
    struct control control = {.length = 0};
    struct slot expected = {.flags = FLAG_IN6_PKTINFO_FIRST};

    put_in6(&control, MAPPED, 3);
    put_in4(&control, DESTINATION, LOCAL, 4);
    know_in6(&expected, MAPPED, 3);
    know_in4(&expected, DESTINATION, LOCAL, 4);
    struct slot slot = read_control(&control);
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

static void both_are_read_and_the_order_is_kept_in_first(void)
{
    struct control control = {.length = 0};
    struct slot expected = {0};

    put_in4(&control, DESTINATION, LOCAL, 4);
    put_in6(&control, MAPPED, 3);
    know_in4(&expected, DESTINATION, LOCAL, 4);
    know_in6(&expected, MAPPED, 3);
    struct slot slot = read_control(&control);
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

/* A datagram queued before the option was on has no specific destination; what to do about it is Java's choice. */
static void a_local_address_of_zero_is_handed_on_as_it_is(void)
{
    struct control control = {.length = 0};
    struct slot expected = {0};

    put_in4(&control, DESTINATION, ZERO, 3);
    know_in4(&expected, DESTINATION, ZERO, 3);
    struct slot slot = read_control(&control);
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

static void a_negative_interface_index_is_read_as_none(void)
{
    const int interfaces[] = {-1, INT_MIN, 0};

    for (int i = 0; i < 3; i++) {
        struct control control = {.length = 0};
        struct slot expected = {0};
        put_in4(&control, DESTINATION, LOCAL, interfaces[i]);
        know_in4(&expected, DESTINATION, LOCAL, 0);
        struct slot slot = read_control(&control);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
}

static void unknown_messages_are_skipped_and_those_behind_them_read(void)
{
    struct control control = {.length = 0};
    struct slot expected = {.flags = FLAG_IN6_PKTINFO_FIRST | FLAG_HOP_LIMIT, .hop_limit = 9};
    uint8_t data[64] = {1};

    put(&control, SOL_SOCKET, 9999, data, 1);
    put(&control, 9999, IP_PKTINFO, data, sizeof(struct in_pktinfo));
    put_in6(&control, NATIVE, 5);
    put(&control, IPPROTO_IPV6, 9999, data, sizeof(struct in6_pktinfo));
    put(&control, UDP_LEVEL, 9999, data, sizeof(int));
    put_in4(&control, DESTINATION, LOCAL, 6);
    put(&control, IPPROTO_IP, 9999, data, sizeof(data));
    put(&control, -1, -1, data, 3);
    put_int(&control, IPPROTO_IP, IP_TTL, 9);
    know_in6(&expected, NATIVE, 5);
    know_in4(&expected, DESTINATION, LOCAL, 6);
    struct slot slot = read_control(&control);
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

/* Nobody knows where the next message would begin. */
static void a_length_shorter_than_a_header_ends_the_reading(void)
{
    for (size_t length = 0; length < HEADER_LENGTH; length++) {
        struct control control = {.length = 0};
        struct slot expected = {0};
        put_in4(&control, DESTINATION, LOCAL, 3);
        set_length(&control, put_in6(&control, MAPPED, 3), length);
        put_int(&control, IPPROTO_IP, IP_TTL, 9);
        know_in4(&expected, DESTINATION, LOCAL, 3);
        struct slot slot = read_control(&control);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
}

static void a_length_beyond_the_buffer_ends_the_reading(void)
{
    const size_t lengths[] = {41, 42, 48, 1000, INT_MAX, SIZE_MAX / 2, SIZE_MAX - 8, SIZE_MAX - 7, SIZE_MAX - 1, SIZE_MAX};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct control control = {.length = 0};
        struct slot expected = {0};
        put_in4(&control, DESTINATION, LOCAL, 3);
        set_length(&control, put_in6(&control, MAPPED, 3), lengths[i]);
        know_in4(&expected, DESTINATION, LOCAL, 3);
        struct slot slot = read_control(&control);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
}

static const struct {
    int level;
    int type;
    size_t size;
} KNOWN[] = {
    {IPPROTO_IP, IP_PKTINFO, 12}, {IPPROTO_IP, IP_TOS, 1}, {IPPROTO_IP, IP_TTL, 4},
    {IPPROTO_IPV6, IPV6_PKTINFO, 20}, {IPPROTO_IPV6, IPV6_TCLASS, 4}, {IPPROTO_IPV6, IPV6_HOPLIMIT, 4},
    {SOL_SOCKET, SO_TIMESTAMPNS, sizeof(struct timespec)}, {SOL_SOCKET, SO_RXQ_OVFL, 4}, {UDP_LEVEL, GRO_TYPE, 4},
};

enum { KNOWN_COUNT = sizeof(KNOWN) / sizeof(KNOWN[0]) };

/* One byte short and one byte long among them; the next message still begins where the length says. */
static void data_of_a_wrong_size_is_skipped_and_the_next_message_read(void)
{
    const int data[6] = {1, 1, 1, 1, 1, 1};

    for (int i = 0; i < KNOWN_COUNT; i++) {
        for (size_t size = 0; size <= sizeof(data); size++) {
            struct control control = {.length = 0};
            struct slot expected = {.flags = FLAG_IN6_PKTINFO_FIRST};
            put(&control, KNOWN[i].level, KNOWN[i].type, data, size);
            struct slot slot = read_control(&control);
            EXPECT_EQUAL(size == KNOWN[i].size, slot.flags != 0);
            if (size != KNOWN[i].size) {
                put_in6(&control, NATIVE, 5);
                know_in6(&expected, NATIVE, 5);
                slot = read_control(&control);
                EXPECT_BYTES(&expected, &slot, sizeof(slot));
            }
        }
    }
}

/* One of every message that is understood, behind each other; begins[i] is where message i begins. */
enum { EVERYTHING = 9 };

static void put_everything(struct control *control, size_t *begins)
{
    const struct timespec time = {.tv_sec = 1700000000, .tv_nsec = 123456789};
    const uint32_t drops = 0xfffffff7;
    const uint8_t tos = 0xb9;

    begins[0] = put(control, SOL_SOCKET, SO_TIMESTAMPNS, &time, sizeof(time));
    begins[1] = put(control, SOL_SOCKET, SO_RXQ_OVFL, &drops, sizeof(drops));
    begins[2] = put_in6(control, MAPPED, 3);
    begins[3] = put_int(control, IPPROTO_IPV6, IPV6_TCLASS, 0x2e);
    begins[4] = put_int(control, IPPROTO_IPV6, IPV6_HOPLIMIT, 255);
    begins[5] = put_in4(control, DESTINATION, LOCAL, 3);
    begins[6] = put_int(control, IPPROTO_IP, IP_TTL, 63);
    begins[7] = put(control, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
    begins[8] = put_int(control, UDP_LEVEL, GRO_TYPE, 1200);
    begins[9] = control->length;
}

/* Written out a second time and not computed: this is what the bytes above mean. */
static void know_everything(struct slot *slot, int messages)
{
    slot->flags |= messages > 0 ? FLAG_RECEIVE_TIME : 0;
    slot->receive_time = messages > 0 ? 1700000000123456789 : 0;
    slot->flags |= messages > 1 ? FLAG_DROP_COUNT : 0;
    slot->drop_count = messages > 1 ? 0xfffffff7 : 0;
    if (messages > 2) {
        slot->flags |= FLAG_IN6_PKTINFO_FIRST;
        know_in6(slot, MAPPED, 3);
    }
    slot->flags |= messages > 3 ? FLAG_TRAFFIC_CLASS : 0;
    slot->traffic_class = messages > 7 ? 0xb9 : messages > 3 ? 0x2e : 0;
    slot->flags |= messages > 4 ? FLAG_HOP_LIMIT : 0;
    slot->hop_limit = messages > 6 ? 63 : messages > 4 ? 255 : 0;
    if (messages > 5) {
        know_in4(slot, DESTINATION, LOCAL, 3);
    }
    slot->flags |= messages > 8 ? FLAG_SEGMENT_SIZE : 0;
    slot->segment_size = messages > 8 ? 1200 : 0;
}

static void every_known_message_fits_the_buffer_and_one_more(void)
{
    struct control control = {.length = 0};
    size_t begins[EVERYTHING + 1];
    struct slot expected = {0};

    put_everything(&control, begins);
    EXPECT_EQUAL(1, control.length + CMSG_SPACE(sizeof(struct in_pktinfo)) <= CONTROL_CAPACITY);
    know_everything(&expected, EVERYTHING);
    struct slot slot = read_control(&control);
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

static size_t end_of(const struct control *control, size_t begin)
{
    struct cmsghdr header;

    memcpy(&header, control->bytes + begin, sizeof(header));
    return begin + header.cmsg_len;
}

static void a_buffer_cut_anywhere_gives_the_whole_messages_before_the_cut(void)
{
    struct control control = {.length = 0};
    size_t begins[EVERYTHING + 1];
    int whole = 0;

    put_everything(&control, begins);
    for (size_t length = 0; length <= control.length; length++) {
        struct slot expected = {0};
        while (whole < EVERYTHING && end_of(&control, begins[whole]) <= length) {
            whole++;
        }
        know_everything(&expected, whole);
        struct slot slot = read_bytes(control.bytes, length);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
    EXPECT_EQUAL(EVERYTHING, whole);
}

/* Linux shortens cmsg_len of the message that no longer fits (put_cmsg), so its header looks consistent. */
static void a_message_shortened_by_the_kernel_is_not_believed(void)
{
    struct control whole = {.length = 0};
    size_t begins[EVERYTHING + 1];

    put_everything(&whole, begins);
    for (int i = 0; i < EVERYTHING; i++) {
        for (size_t length = begins[i] + HEADER_LENGTH; length < end_of(&whole, begins[i]); length++) {
            struct control control = whole;
            struct slot expected = {0};
            set_length(&control, begins[i], length - begins[i]);
            know_everything(&expected, i);
            struct slot slot = read_bytes(control.bytes, length);
            EXPECT_BYTES(&expected, &slot, sizeof(slot));
        }
    }
}

static void a_segment_size_that_cannot_be_is_no_fact(void)
{
    const int sizes[] = {0, -1, INT_MIN};

    for (int i = 0; i < 3; i++) {
        struct control control = {.length = 0};
        struct slot expected = {0};
        put_int(&control, UDP_LEVEL, GRO_TYPE, sizes[i]);
        struct slot slot = read_control(&control);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
}

static void a_hop_limit_that_cannot_be_is_no_fact(void)
{
    const int limits[] = {-1, 256, INT_MIN, INT_MAX};

    for (int i = 0; i < 4; i++) {
        struct control control = {.length = 0};
        struct slot expected = {0};
        put_int(&control, IPPROTO_IP, IP_TTL, limits[i]);
        put_int(&control, IPPROTO_IPV6, IPV6_HOPLIMIT, limits[i]);
        struct slot slot = read_control(&control);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
}

static uint64_t random_state = 0x9e3779b97f4a7c15;

/* Marsaglia's xorshift64: the same garbage on every run and every C library. */
static uint32_t random_number(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % below;
}

/* Pure noise hardly ever has a valid header; this has one most of the time, with something wrong now and then. */
static void put_random(struct control *control)
{
    uint32_t known = random_number(KNOWN_COUNT);
    uint8_t data[32];

    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)random_number(256);
    }
    int level = random_number(8) == 0 ? KNOWN[random_number(KNOWN_COUNT)].level : KNOWN[known].level;
    size_t size = random_number(4) == 0 ? random_number(32) : KNOWN[known].size;
    size_t begin = put(control, level, KNOWN[known].type, data, size);
    if (random_number(8) == 0) {
        set_length(control, begin, random_number(2) == 0 ? random_number(64) : SIZE_MAX - random_number(64));
    }
}

/* No fact without its flag, no flag that control data cannot set, and nothing of what others own is touched. */
static void expect_consistent(const struct slot *slot)
{
    struct slot rest = *slot;

    if (slot->flags & FLAG_IN_PKTINFO) {
        know_in4(&rest, ZERO, ZERO, 0);
    }
    if (slot->flags & FLAG_IN6_PKTINFO) {
        memset(rest.in6_address, 0, sizeof(rest.in6_address));
        rest.in6_interface = 0;
    }
    rest.receive_time = slot->flags & FLAG_RECEIVE_TIME ? 0 : rest.receive_time;
    rest.drop_count = slot->flags & FLAG_DROP_COUNT ? 0 : rest.drop_count;
    rest.segment_size = slot->flags & FLAG_SEGMENT_SIZE ? 0 : rest.segment_size;
    rest.traffic_class = slot->flags & FLAG_TRAFFIC_CLASS ? 0 : rest.traffic_class;
    rest.hop_limit = slot->flags & FLAG_HOP_LIMIT ? 0 : rest.hop_limit;
    rest.flags &= ~(uint32_t)(FLAG_IN_PKTINFO | FLAG_IN6_PKTINFO | FLAG_RECEIVE_TIME | FLAG_DROP_COUNT | FLAG_SEGMENT_SIZE
        | FLAG_TRAFFIC_CLASS | FLAG_HOP_LIMIT | (slot->flags & FLAG_IN6_PKTINFO ? FLAG_IN6_PKTINFO_FIRST : 0));
    static const struct slot zero;
    EXPECT_BYTES(&zero, &rest, sizeof(rest));
    EXPECT_EQUAL(1, slot->in_interface <= INT_MAX);
    EXPECT_EQUAL(1, slot->segment_size <= INT_MAX);
}

static void garbage_is_never_read_beyond_its_end_nor_into_other_fields(void)
{
    enum { ROUNDS = 250000 };
    int with_facts = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct control control = {.length = 0};
        if (round % 4 == 0) {
            control.length = random_number(CONTROL_CAPACITY + 1);
            for (size_t i = 0; i < control.length; i++) {
                control.bytes[i] = (uint8_t)random_number(256);
            }
        } else {
            for (uint32_t left = random_number(8); left > 0; left--) {
                put_random(&control);
            }
            control.length -= control.length > 0 && random_number(2) == 0 ? random_number((uint32_t)control.length) : 0;
        }
        struct slot slot = read_control(&control);
        expect_consistent(&slot);
        with_facts += slot.flags != 0;
    }
    EXPECT_EQUAL(1, with_facts > ROUNDS / 5);
}

static struct slot read_name(const void *name, size_t length)
{
    struct slot slot;
    uint8_t *exact = malloc(length > 0 ? length : 1);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, name, length);
    slot_clear(&slot);
    slot_read_name(&slot, length > 0 ? exact : exact + 1, length);
    free(exact);
    return slot;
}

static void an_ipv4_name_becomes_a_mapped_address(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(4711)};
    struct slot expected = {.peer_port = 4711};

    memcpy(&in.sin_addr, MAPPED + 12, 4);
    memcpy(expected.peer_address, MAPPED, 16);
    struct slot slot = read_name(&in, sizeof(in));
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

static void an_ipv6_name_keeps_its_scope(void)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(65535), .sin6_scope_id = 0x80000007,
        .sin6_flowinfo = 0xffffffff};
    struct slot expected = {.peer_port = 65535, .peer_scope = 0x80000007};

    memcpy(&in6.sin6_addr, NATIVE, 16);
    memcpy(expected.peer_address, NATIVE, 16);
    struct slot slot = read_name(&in6, sizeof(in6));
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

static void a_name_of_another_family_or_cut_short_leaves_no_peer(void)
{
    uint8_t name[NAME_CAPACITY];
    const sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC, 0xffff};
    const size_t whole[] = {sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6), SIZE_MAX, SIZE_MAX, SIZE_MAX};
    struct slot expected = {0};

    for (int i = 0; i < 5; i++) {
        memset(name, 0x77, sizeof(name));
        memcpy(name, &families[i], sizeof(families[i]));
        for (size_t length = 0; length <= sizeof(name); length++) {
            struct slot slot = read_name(name, length);
            if (length >= whole[i]) {
                EXPECT_EQUAL(0x7777, slot.peer_port);
            } else {
                EXPECT_BYTES(&expected, &slot, sizeof(slot));
            }
        }
    }
}

static void a_name_for_an_ipv4_socket_is_16_bytes_all_written(void)
{
    struct slot slot = {.peer_port = 4711, .peer_scope = 9};
    uint8_t expected[NAME_CAPACITY] = {[2] = 4711 >> 8, 4711 & 0xff, 10, 9, 0, 2};
    uint8_t name[NAME_CAPACITY];
    const sa_family_t family = AF_INET;

    memcpy(slot.peer_address, MAPPED, 16);
    memcpy(expected, &family, sizeof(family));
    memset(expected + 16, 0xaa, sizeof(expected) - 16);
    memset(name, 0xaa, sizeof(name));
    EXPECT_EQUAL(16, slot_write_name(&slot, FAMILY_IPV4, name));
    EXPECT_BYTES(expected, name, sizeof(name));
}

static void a_name_for_an_ipv6_socket_is_28_bytes_all_written(void)
{
    struct slot slot = {.peer_port = 4711, .peer_scope = 9};
    uint8_t expected[NAME_CAPACITY + 4] = {[2] = 4711 >> 8, 4711 & 0xff};
    uint8_t name[NAME_CAPACITY + 4];
    const sa_family_t family = AF_INET6;
    const uint32_t scope = 9;

    memcpy(slot.peer_address, NATIVE, 16);
    memcpy(expected, &family, sizeof(family));
    memcpy(expected + 8, NATIVE, 16);
    memcpy(expected + 24, &scope, sizeof(scope));
    memset(expected + 28, 0xaa, 4);
    memset(name, 0xaa, sizeof(name));
    EXPECT_EQUAL(28, slot_write_name(&slot, FAMILY_IPV6, name));
    EXPECT_BYTES(expected, name, sizeof(name));
}

static void a_name_written_and_read_again_is_the_same(void)
{
    uint8_t name[NAME_CAPACITY];

    for (int round = 0; round < 1000; round++) {
        struct slot slot = {.peer_port = (uint16_t)random_number(65536)};
        int family = round % 2 == 0 ? FAMILY_IPV4 : FAMILY_IPV6;
        memcpy(slot.peer_address, family == FAMILY_IPV4 ? MAPPED : NATIVE, 16);
        slot.peer_address[15] = (uint8_t)random_number(256);
        slot.peer_scope = family == FAMILY_IPV4 ? 0 : random_number(UINT32_MAX);
        struct slot again = read_name(name, slot_write_name(&slot, family, name));
        EXPECT_BYTES(&slot, &again, sizeof(slot));
    }
}

/* Compares all of the buffer: what was written, and that nothing behind it was. */
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
    const uint32_t forms[] = {FORM_NONE, FORM_AS_RECEIVED, FORM_AS_RECEIVED + 1, UINT32_MAX};

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

static void reading_goes_right(void)
{
    clearing_forgets_every_byte();
    no_control_data_leaves_no_facts();
    in_pktinfo_alone_is_read();
    in6_pktinfo_alone_is_read_mapped_or_native();
    both_are_read_and_the_order_is_kept_in6_first();
    both_are_read_and_the_order_is_kept_in_first();
    a_local_address_of_zero_is_handed_on_as_it_is();
    a_negative_interface_index_is_read_as_none();
    unknown_messages_are_skipped_and_those_behind_them_read();
    every_known_message_fits_the_buffer_and_one_more();
    an_ipv4_name_becomes_a_mapped_address();
    an_ipv6_name_keeps_its_scope();
}

static void malformed_data_does_no_harm(void)
{
    a_length_shorter_than_a_header_ends_the_reading();
    a_length_beyond_the_buffer_ends_the_reading();
    data_of_a_wrong_size_is_skipped_and_the_next_message_read();
    a_buffer_cut_anywhere_gives_the_whole_messages_before_the_cut();
    a_message_shortened_by_the_kernel_is_not_believed();
    a_segment_size_that_cannot_be_is_no_fact();
    a_hop_limit_that_cannot_be_is_no_fact();
    garbage_is_never_read_beyond_its_end_nor_into_other_fields();
    a_name_of_another_family_or_cut_short_leaves_no_peer();
}

static void writing_goes_right(void)
{
    a_name_for_an_ipv4_socket_is_16_bytes_all_written();
    a_name_for_an_ipv6_socket_is_28_bytes_all_written();
    a_name_written_and_read_again_is_the_same();
    an_ipv4_source_is_28_bytes_with_the_local_address_only();
    an_ipv6_source_is_36_bytes();
    no_source_or_an_unknown_form_is_no_control_message();
    what_was_received_is_written_in_its_order_with_zero_bytes_between();
    what_was_received_alone_is_written_alone();
    a_source_written_and_read_again_is_the_same();
}

int main(void)
{
    reading_goes_right();
    malformed_data_does_no_harm();
    writing_goes_right();
    return expect_failures > 0;
}
