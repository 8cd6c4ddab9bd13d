/*
 * pktinfo.c and control_linux.c on canned bytes: data that the kernel can deliver, data that no kernel should, and data
 * that is sent.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "expect.h"
#include "test_control.h"

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

/* A datagram queued before the option was on has no specific destination; Java decides how to handle it. */
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

static struct slot read_times(struct timespec system, struct timespec unused, struct timespec hardware)
{
    const struct times times = {.system = system, .unused = unused, .hardware = hardware};
    struct control control = {.length = 0};

    put(&control, SOL_SOCKET, TIMES_TYPE, &times, sizeof(times));
    return read_control(&control);
}

/* The kernel writes zeros for a device that takes no times; the times of the other clocks are not asked for. */
static void a_hardware_time_of_zero_is_none(void)
{
    const struct timespec none = {.tv_sec = 0};
    const struct timespec some = {.tv_sec = 5, .tv_nsec = 6};
    struct slot expected = {0};

    struct slot slot = read_times(none, none, none);
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
    slot = read_times(some, some, none);
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

static void a_hardware_time_is_one_if_any_part_of_it_is_set(void)
{
    const struct timespec none = {.tv_sec = 0};
    const struct timespec some = {.tv_sec = 5, .tv_nsec = 6};
    const struct timespec times[] = {
        {.tv_nsec = 1}, {.tv_sec = 1}, {.tv_sec = 1700000000, .tv_nsec = 999999999}, {.tv_sec = -1, .tv_nsec = 1}};
    const int64_t nanoseconds[] = {1, 1000000000, 1700000000999999999, -999999999};

    for (int i = 0; i < 4; i++) {
        struct slot expected = {.flags = FLAG_HARDWARE_TIME, .hardware_time = nanoseconds[i]};
        struct slot slot = read_times(none, none, times[i]);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
        slot = read_times(some, some, times[i]);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
}

static void both_receive_times_are_read_side_by_side(void)
{
    const struct timespec time = {.tv_sec = 3, .tv_nsec = 4};
    const struct times times = {.hardware = {.tv_sec = 5, .tv_nsec = 6}};
    struct slot expected = {.flags = FLAG_RECEIVE_TIME | FLAG_HARDWARE_TIME,
        .receive_time = 3000000004, .hardware_time = 5000000006};

    for (int hardware_first = 0; hardware_first < 2; hardware_first++) {
        struct control control = {.length = 0};
        if (hardware_first) {
            put(&control, SOL_SOCKET, TIMES_TYPE, &times, sizeof(times));
        }
        put(&control, SOL_SOCKET, SO_TIMESTAMPNS, &time, sizeof(time));
        if (!hardware_first) {
            put(&control, SOL_SOCKET, TIMES_TYPE, &times, sizeof(times));
        }
        struct slot slot = read_control(&control);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
}

static void a_mark_is_a_fact_whatever_it_is(void)
{
    const uint32_t marks[] = {0, 1, 0x12345678, UINT32_MAX};

    for (int i = 0; i < 4; i++) {
        struct control control = {.length = 0};
        struct slot expected = {.flags = FLAG_MARK, .mark = marks[i]};
        put(&control, SOL_SOCKET, MARK_TYPE, &marks[i], sizeof(marks[i]));
        struct slot slot = read_control(&control);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
}

/* Of the original destination the port alone: its address is that of the packet information. */
static void an_original_port_is_read_of_either_family(void)
{
    const uint16_t ports[] = {1, 256, 853, UINT16_MAX};

    for (int i = 0; i < 4; i++) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(ports[i]), .sin_addr.s_addr = UINT32_MAX};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(ports[i]), .sin6_scope_id = UINT32_MAX,
            .sin6_flowinfo = UINT32_MAX};
        struct slot expected = {.flags = FLAG_ORIGINAL_PORT, .original_port = ports[i]};
        struct control four = {.length = 0};
        struct control six = {.length = 0};
        memset(&in6.sin6_addr, 0xee, sizeof(in6.sin6_addr));
        put(&four, IPPROTO_IP, ORIGINAL_TYPE, &in, sizeof(in));
        struct slot slot = read_control(&four);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
        put(&six, IPPROTO_IPV6, ORIGINAL6_TYPE, &in6, sizeof(in6));
        slot = read_control(&six);
        EXPECT_BYTES(&expected, &slot, sizeof(slot));
    }
}

/* A level makes another message of the same number: 20, 36, 37 and 74 exist at each level, with other meanings. */
static void the_same_number_at_another_level_is_another_message(void)
{
    const int levels[] = {IPPROTO_IP, IPPROTO_IPV6, SOL_SOCKET, UDP_LEVEL};
    const struct { int level; int type; size_t size; } messages[] = {
        {IPPROTO_IP, ORIGINAL_TYPE, sizeof(struct sockaddr_in)},
        {IPPROTO_IPV6, ORIGINAL6_TYPE, sizeof(struct sockaddr_in6)},
        {SOL_SOCKET, MARK_TYPE, sizeof(uint32_t)}, {SOL_SOCKET, TIMES_TYPE, sizeof(struct times)}};
    const uint8_t data[sizeof(struct times)] = {[0] = 2, [2] = 1, 1, [32] = 1};

    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            struct control control = {.length = 0};
            put(&control, levels[j], messages[i].type, data, messages[i].size);
            EXPECT_EQUAL(levels[j] == messages[i].level, read_control(&control).flags != 0);
        }
    }
}

static void every_known_message_fits_the_buffer_and_one_more(void)
{
    struct control control = {.length = 0};
    size_t begins[EVERYTHING + 1];
    struct slot expected = {0};

    put_everything(&control, begins);
    EXPECT_EQUAL(416, control.length);
    EXPECT_EQUAL(1, control.length + CMSG_SPACE(sizeof(struct in_pktinfo)) <= CONTROL_CAPACITY);
    know_everything(&expected, EVERYTHING);
    struct slot slot = read_control(&control);
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
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
    a_hardware_time_of_zero_is_none();
    a_hardware_time_is_one_if_any_part_of_it_is_set();
    both_receive_times_are_read_side_by_side();
    a_mark_is_a_fact_whatever_it_is();
    an_original_port_is_read_of_either_family();
    the_same_number_at_another_level_is_another_message();
    every_known_message_fits_the_buffer_and_one_more();
}

int main(void)
{
    reading_goes_right();
    malformed_data_does_no_harm();
    names_are_read_and_written();
    sources_are_written();
    header_fields_are_written();
    return expect_failures > 0;
}
