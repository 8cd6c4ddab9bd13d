/* Sending a batch to a fake kernel: each slot once, and a failure affects its own slot only. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "arenas.h"
#include "expect.h"
#include "fake_kernel.h"
#include "test_batch.h"

/* All at once, without sendmmsg(2), and with one that takes fewer than it is given. */
static void every_pending_slot_is_sent_once_and_in_order(void)
{
    for (int most = 0; most < 6; most++) {
        fake_reset();
        fake.without_many = most == 5;
        fake.most_at_once = most % 5;
        void *arena = pending_arena(7);
        EXPECT_EQUAL(7, arena_send(arena, FD, 7));
        EXPECT_EQUAL(7, fake.sent_count);
        for (int i = 0; i < 7; i++) {
            expect_sent(i, i);
            expect_state(arena, i, STATE_DONE, 0);
        }
        EXPECT_EQUAL(0, arena_send(arena, FD, 7));
        EXPECT_EQUAL(7, fake.sent_count);
        free(arena);
    }
}

/* Every combination of failing slots out of five, for every way to send: first, middle, last, several, all. */
static void a_failing_slot_is_marked_and_holds_back_nobody(void)
{
    const int errors[5] = {ENETUNREACH, EINVAL, EPERM, EMSGSIZE, ENOBUFS};

    for (int round = 0; round < 32 * 4; round++) {
        fake_reset();
        fake.without_many = round / 32 == 3;
        fake.most_at_once = round / 32 % 3;
        void *arena = pending_arena(5);
        int at = 0;
        for (int i = 0; i < 5; i++) {
            fake.port_error[i] = round >> i & 1 ? errors[i] : 0;
        }
        EXPECT_EQUAL(5, arena_send(arena, FD, 5));
        for (int i = 0; i < 5; i++) {
            expect_state(arena, i, STATE_DONE, fake.port_error[i]);
            if (fake.port_error[i] == 0) {
                expect_sent(at++, i);
            }
        }
        EXPECT_EQUAL(at, fake.sent_count);
        free(arena);
    }
}

static void a_full_send_buffer_leaves_the_rest_pending_for_the_next_call(void)
{
    for (int round = 0; round < 6 * 2; round++) {
        fake_reset();
        fake.without_many = round / 6;
        fake.room = round % 6;
        void *arena = pending_arena(5);
        EXPECT_EQUAL(round % 6, arena_send(arena, FD, 5));
        for (int i = 0; i < 5; i++) {
            expect_state(arena, i, i < round % 6 ? STATE_DONE : STATE_PENDING, 0);
        }
        fake.room = FAKE_DATAGRAMS;
        EXPECT_EQUAL(5 - round % 6, arena_send(arena, FD, 5));
        EXPECT_EQUAL(5, fake.sent_count);
        for (int i = 0; i < 5; i++) {
            expect_sent(i, i);
            expect_state(arena, i, STATE_DONE, 0);
        }
        free(arena);
    }
}

static void slots_that_are_not_pending_are_left_out_and_left_alone(void)
{
    fake_reset();
    void *arena = pending_arena(6);
    const uint8_t states[6] = {0, STATE_PENDING, STATE_DONE, 77, STATE_PENDING, STATE_PENDING};
    struct slot before[6];
    for (int i = 0; i < 6; i++) {
        slot_of(arena, i)->send_state = states[i];
        slot_of(arena, i)->error = 55;
        before[i] = *slot_of(arena, i);
    }
    EXPECT_EQUAL(2, arena_send(arena, FD, 5));
    EXPECT_EQUAL(2, fake.sent_count);
    expect_sent(0, 1);
    expect_sent(1, 4);
    for (int i = 0; i < 6; i++) {
        if (i == 1 || i == 4) {
            expect_state(arena, i, STATE_DONE, 0);
        } else {
            EXPECT_BYTES(&before[i], slot_of(arena, i), sizeof(before[i]));
        }
    }
    free(arena);
}

static void nothing_pending_is_nothing_sent_and_no_call(void)
{
    fake_reset();
    void *arena = new_arena(3, CAPACITY, FAMILY_IPV4);
    EXPECT_EQUAL(0, arena_send(arena, FD, 3));
    EXPECT_EQUAL(0, fake.single_calls + fake.many_calls);
    free(arena);
}

static void a_length_beyond_the_slot_is_cut_to_it(void)
{
    fake_reset();
    void *arena = pending_arena(2);
    slot_of(arena, 0)->length = UINT32_MAX;
    pend(arena, 1, CAPACITY + 1);
    EXPECT_EQUAL(2, arena_send(arena, FD, 2));
    EXPECT_EQUAL(CAPACITY, fake.sent[0].length);
    EXPECT_EQUAL(CAPACITY, fake.sent[1].length);
    free(arena);
}

static void a_slot_without_a_source_is_sent_without_control_data(void)
{
    fake_reset();
    void *arena = new_arena(1, CAPACITY, FAMILY_IPV6);
    pend(arena, 0, 1);
    slot_of(arena, 0)->source_form = FORM_NONE;
    EXPECT_EQUAL(1, arena_send(arena, FD, 1));
    EXPECT_EQUAL(0, fake.sent[0].control_length);
    EXPECT_EQUAL(28, fake.sent[0].name_length);
    free(arena);
}

static void a_kernel_that_sends_nothing_and_says_no_reason_is_an_error_and_no_endless_loop(void)
{
    fake_reset();
    fake.lost_count = 1;
    void *arena = pending_arena(2);
    EXPECT_EQUAL(2, arena_send(arena, FD, 2));
    expect_state(arena, 0, STATE_DONE, EIO);
    expect_state(arena, 1, STATE_DONE, 0); /* the last one is sent separately, by sendmsg(2) */
    EXPECT_EQUAL(1, fake.many_calls);
    free(arena);
}

void sending(void)
{
    every_pending_slot_is_sent_once_and_in_order();
    a_failing_slot_is_marked_and_holds_back_nobody();
    a_full_send_buffer_leaves_the_rest_pending_for_the_next_call();
    slots_that_are_not_pending_are_left_out_and_left_alone();
    nothing_pending_is_nothing_sent_and_no_call();
    a_length_beyond_the_slot_is_cut_to_it();
    a_slot_without_a_source_is_sent_without_control_data();
    a_kernel_that_sends_nothing_and_says_no_reason_is_an_error_and_no_endless_loop();
}
