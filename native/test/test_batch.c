/*
 * batch.c on a fake kernel: the slots that are received and sent, those that are not, and the slot that carries an
 * error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "arenas.h"
#include "expect.h"
#include "fake_kernel.h"
#include "test_batch.h"

static void an_arena_of_an_impossible_shape_has_no_size(void)
{
    EXPECT_EQUAL(HEADER_SIZE + SLOT_SIZE + 8 + SCRATCH_SIZE, arena_size(1, 8));
    EXPECT_EQUAL(HEADER_SIZE + 1024LL * (SLOT_SIZE + 65536 + SCRATCH_SIZE), arena_size(MAX_SLOTS, MAX_STRIDE));
    const int wrong[][2] = {{0, 8}, {-1, 8}, {INT_MIN, 8}, {MAX_SLOTS + 1, 8}, {1, 0}, {1, -8}, {1, 7}, {1, 12},
        {1, MAX_STRIDE + 8}, {INT_MAX, INT_MAX}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        EXPECT_EQUAL(0, arena_size(wrong[i][0], wrong[i][1]));
    }
}

static void a_count_out_of_range_is_refused_before_any_call(void)
{
    const int counts[] = {0, -1, 4, INT_MAX, INT_MIN};

    for (int i = 0; i < 5; i++) {
        fake_reset();
        void *arena = pending_arena(3);
        arrive(7, 'x', 3);
        EXPECT_EQUAL(-EINVAL, arena_receive(arena, FD, counts[i]));
        EXPECT_EQUAL(-EINVAL, arena_send(arena, FD, counts[i]));
        EXPECT_EQUAL(0, fake.single_calls + fake.many_calls);
        expect_state(arena, 0, STATE_PENDING, 0);
        free(arena);
    }
}

static void one_slot_takes_one_plain_call(void)
{
    fake_reset();
    void *arena = pending_arena(1);
    arrive(7, 'x', 3);
    EXPECT_EQUAL(1, arena_send(arena, FD, 1));
    EXPECT_EQUAL(1, arena_receive(arena, FD, 1));
    EXPECT_EQUAL(2, fake.single_calls);
    EXPECT_EQUAL(0, fake.many_calls);
    free(arena);
}

static void empty_datagrams_are_received_and_sent(void)
{
    for (int without = 0; without < 2; without++) {
        fake_reset();
        fake.without_many = without;
        void *arena = pending_arena(3);
        slot_of(arena, 1)->length = 0;
        EXPECT_EQUAL(3, arena_send(arena, FD, 3));
        EXPECT_EQUAL(3, fake.sent_count);
        EXPECT_EQUAL(0, fake.sent[1].length);
        expect_state(arena, 1, STATE_DONE, 0);
        arrive(7, 'x', 0);
        arrive(8, 'x', 0);
        EXPECT_EQUAL(2, arena_receive(arena, FD, 3));
        EXPECT_EQUAL(8, slot_of(arena, 1)->peer_port);
        EXPECT_EQUAL(0, slot_of(arena, 1)->length);
        free(arena);
    }
}

/* Received, then answered in place: the peer, the payload and the request destination are unchanged. */
static void a_received_slot_is_answered_in_place(void)
{
    fake_reset();
    void *arena = new_arena(2, CAPACITY, FAMILY_IPV4);
    const uint8_t source[4] = {10, 9, 0, 1};
    const uint8_t name[6] = {0, 41, 10, 9, 0, 100};
    arrive(40, 'x', 3);
    add_in_pktinfo(arrive(41, 'y', 4));
    EXPECT_EQUAL(2, arena_receive(arena, FD, 2));
    struct slot *slot = slot_of(arena, 1);
    memcpy(slot->source_address + 12, slot->in_local, 4);
    slot->source_form = FORM_IN_PKTINFO;
    slot->send_state = STATE_PENDING;
    EXPECT_EQUAL(1, arena_send(arena, FD, 2));
    EXPECT_EQUAL(4, fake.sent[0].length);
    expect_filled(__func__, fake.sent[0].payload, 'y', 4);
    EXPECT_BYTES(name, fake.sent[0].name + 2, 6);
    EXPECT_BYTES(source, fake.sent[0].control + CMSG_LEN(0) + 4, 4);
    free(arena);
}

static const int every_error[] = {EINTR, EAGAIN, ENOBUFS, ENOMEM, EPERM, ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL,
    ENODEV, EMSGSIZE, EIO, ECONNREFUSED, ENETDOWN, ENOSYS};
enum { ERRORS = sizeof(every_error) / sizeof(every_error[0]) };

static void every_error_is_that_of_its_slot_alone(void)
{
    for (int round = 0; round < ERRORS * 5 * 2; round++) {
        int error = every_error[round / 10];
        int at = round / 2 % 5;
        fake_reset();
        fake.without_many = round % 2;
        fake.port_error[at] = error;
        void *arena = pending_arena(5);
        EXPECT_EQUAL(error == EAGAIN ? at : 5, arena_send(arena, FD, 5));
        for (int i = 0; i < 5; i++) {
            int done = error != EAGAIN || i < at;
            expect_state(arena, i, done ? STATE_DONE : STATE_PENDING, done && i == at ? error : 0);
        }
        EXPECT_EQUAL(error == EAGAIN ? at : 4, fake.sent_count);
        free(arena);
    }
}

static void every_error_comes_behind_the_datagrams_that_came_before_it(void)
{
    for (int round = 0; round < ERRORS * 5 * 2; round++) {
        int at = round / 2 % 5;
        fake_reset();
        fake.without_many = round % 2;
        fake.receive_error = every_error[round / 10];
        void *arena = new_arena(5, CAPACITY, FAMILY_IPV4);
        for (int i = 0; i < at; i++) {
            arrive(40 + i, 'p', 3);
        }
        if (at > 0) {
            EXPECT_EQUAL(at, arena_receive(arena, FD, 5));
        }
        EXPECT_EQUAL(-fake.receive_error, arena_receive(arena, FD, 5));
        free(arena);
    }
}

int main(void)
{
    an_arena_of_an_impossible_shape_has_no_size();
    a_count_out_of_range_is_refused_before_any_call();
    one_slot_takes_one_plain_call();
    empty_datagrams_are_received_and_sent();
    a_received_slot_is_answered_in_place();
    every_error_is_that_of_its_slot_alone();
    every_error_comes_behind_the_datagrams_that_came_before_it();
    receiving();
    sending();
    coalescing();
    return expect_failures > 0;
}
