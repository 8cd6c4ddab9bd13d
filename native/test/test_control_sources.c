/* The control data of a reply: the source that is set in a slot, byte by byte. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdint.h>
#include <string.h>

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

void sources_are_written(void)
{
    an_ipv4_source_is_28_bytes_with_the_local_address_only();
    an_ipv6_source_is_36_bytes();
    no_source_or_an_unknown_form_is_no_control_message();
    what_was_received_is_written_in_its_order_with_zero_bytes_between();
    what_was_received_alone_is_written_alone();
    a_source_written_and_read_again_is_the_same();
}
