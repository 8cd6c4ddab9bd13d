/* Control data that no kernel should deliver: read within its bounds, and no field set from it. */
#define _GNU_SOURCE
#include <limits.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "expect.h"
#include "test_control.h"

/* The beginning of the next message is unknown. */
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
    const size_t lengths[] = {
        41, 42, 48, 1000, INT_MAX, SIZE_MAX / 2, SIZE_MAX - 8, SIZE_MAX - 7, SIZE_MAX - 1, SIZE_MAX};

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
    {IPPROTO_IP, ORIGINAL_TYPE, 16}, {IPPROTO_IPV6, ORIGINAL6_TYPE, 28}, {SOL_SOCKET, MARK_TYPE, 4},
    {SOL_SOCKET, TIMES_TYPE, sizeof(struct times)},
};

enum { KNOWN_COUNT = sizeof(KNOWN) / sizeof(KNOWN[0]) };

/* One message is a byte short and one a byte long; the next message still begins where the length says. */
static void data_of_a_wrong_size_is_skipped_and_the_next_message_read(void)
{
    const int data[14] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

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
    const int sizes[] = {0, -1, INT_MIN, 65536, 65537, INT_MAX};

    for (int i = 0; i < 6; i++) {
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

/* Pure noise rarely has a valid header; this has one most of the time, with an occasional error. */
static void put_random(struct control *control)
{
    uint32_t known = random_number(KNOWN_COUNT);
    uint8_t data[64];

    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)random_number(256);
    }
    int level = random_number(8) == 0 ? KNOWN[random_number(KNOWN_COUNT)].level : KNOWN[known].level;
    size_t size = random_number(4) == 0 ? random_number(sizeof(data)) : KNOWN[known].size;
    size_t begin = put(control, level, KNOWN[known].type, data, size);
    if (random_number(8) == 0) {
        set_length(control, begin, random_number(2) == 0 ? random_number(64) : SIZE_MAX - random_number(64));
    }
}

/*
 * No field without its flag, no flag that control data cannot set, and no field that belongs to another function is
 * touched.
 */
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
    rest.hardware_time = slot->flags & FLAG_HARDWARE_TIME ? 0 : rest.hardware_time;
    rest.mark = slot->flags & FLAG_MARK ? 0 : rest.mark;
    rest.original_port = slot->flags & FLAG_ORIGINAL_PORT ? 0 : rest.original_port;
    rest.flags &= ~(uint32_t)(FLAG_IN_PKTINFO | FLAG_IN6_PKTINFO | FLAG_RECEIVE_TIME | FLAG_DROP_COUNT
        | FLAG_SEGMENT_SIZE | FLAG_TRAFFIC_CLASS | FLAG_HOP_LIMIT | FLAG_HARDWARE_TIME | FLAG_MARK | FLAG_ORIGINAL_PORT
        | (slot->flags & FLAG_IN6_PKTINFO ? FLAG_IN6_PKTINFO_FIRST : 0));
    static const struct slot zero;
    EXPECT_BYTES(&zero, &rest, sizeof(rest));
    EXPECT_EQUAL(1, slot->in_interface <= INT_MAX);
    EXPECT_EQUAL(slot->flags & FLAG_SEGMENT_SIZE, slot->segment_size > 0 ? FLAG_SEGMENT_SIZE : 0);
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

void malformed_data_does_no_harm(void)
{
    a_length_shorter_than_a_header_ends_the_reading();
    a_length_beyond_the_buffer_ends_the_reading();
    data_of_a_wrong_size_is_skipped_and_the_next_message_read();
    a_buffer_cut_anywhere_gives_the_whole_messages_before_the_cut();
    a_message_shortened_by_the_kernel_is_not_believed();
    a_segment_size_that_cannot_be_is_no_fact();
    a_hop_limit_that_cannot_be_is_no_fact();
    garbage_is_never_read_beyond_its_end_nor_into_other_fields();
}
