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
}

int main(void)
{
    reading_goes_right();
    malformed_data_does_no_harm();
    names_are_read_and_written();
    sources_are_written();
    return expect_failures > 0;
}
