/* Receiving a batch from a fake kernel: each datagram in its slot, and impossible values rejected. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "arenas.h"
#include "expect.h"
#include "fake_kernel.h"
#include "pktinfo.h"
#include "test_batch.h"

/* With and without recvmmsg(2), and if it returns fewer than there are. */
static void datagrams_are_received_in_order_each_into_its_slot(void)
{
    for (int without = 0; without < 2; without++) {
        fake_reset();
        fake.without_many = without;
        void *arena = new_arena(5, CAPACITY, FAMILY_IPV4);
        for (int i = 0; i < 4; i++) {
            add_in_pktinfo(arrive(40 + i, (char)('p' + i), (size_t)(i * 20)));
        }
        EXPECT_EQUAL(4, arena_receive(arena, FD, 5));
        EXPECT_EQUAL(without ? 5 : 0, fake.single_calls);
        EXPECT_EQUAL(1, fake.many_calls);
        for (int i = 0; i < 4; i++) {
            const struct slot *slot = slot_of(arena, i);
            EXPECT_EQUAL(40 + i, slot->peer_port);
            EXPECT_EQUAL(i * 20, slot->length);
            EXPECT_EQUAL(i * 20, slot->wire_length);
            EXPECT_EQUAL(FLAG_IN_PKTINFO, slot->flags);
            EXPECT_EQUAL(1, slot->in_local[3]);
            expect_filled(__func__, payload_of(arena, i), 'p' + i, slot->length);
            expect_filled(__func__, payload_of(arena, i) + slot->length, UNTOUCHED, 64 - slot->length);
        }
        free(arena);
    }
}

static void an_error_is_returned_only_if_nothing_was_received(void)
{
    for (int without = 0; without < 2; without++) {
        fake_reset();
        fake.without_many = without;
        void *arena = new_arena(3, CAPACITY, FAMILY_IPV4);
        fake.receive_error = EBADF;
        arrive(7, 'x', 3);
        EXPECT_EQUAL(1, arena_receive(arena, FD, 3));
        EXPECT_EQUAL(-EBADF, arena_receive(arena, FD, 3));
        fake.receive_error = EAGAIN;
        EXPECT_EQUAL(-EAGAIN, arena_receive(arena, FD, 3));
        free(arena);
    }
}

/* Both buffers are full the first time; when the kernel writes less the second time, the rest must not be readable. */
static void nothing_of_one_receive_is_left_for_the_next(void)
{
    fake_reset();
    void *arena = new_arena(2, CAPACITY, FAMILY_IPV6);
    const int ttl = 9;
    for (int i = 0; i < 2; i++) {
        struct fake_datagram *datagram = arrive(7, 'x', CAPACITY + 1);
        add_in_pktinfo(datagram);
        add_control(datagram, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
        datagram->flags = MSG_TRUNC | MSG_CTRUNC;
    }
    EXPECT_EQUAL(2, arena_receive(arena, FD, 2));
    EXPECT_EQUAL(FLAG_IN_PKTINFO | FLAG_HOP_LIMIT | FLAG_TRUNCATED | FLAG_CONTROL_TRUNCATED, slot_of(arena, 1)->flags);
    slot_of(arena, 1)->error = 99;
    for (int i = 0; i < 2; i++) {
        arrive(8, 'y', 1)->name_length = 0;
    }
    EXPECT_EQUAL(2, arena_receive(arena, FD, 2));
    for (int i = 0; i < 2; i++) {
        const struct slot expected = {.length = 1, .wire_length = 1};
        EXPECT_BYTES(&expected, slot_of(arena, i), sizeof(expected));
    }
    for (int i = 0; i < 4; i++) {
        EXPECT_EQUAL(NAME_CAPACITY, fake.offered[i].msg_namelen);
        EXPECT_EQUAL(CONTROL_CAPACITY, fake.offered[i].msg_controllen);
        EXPECT_EQUAL(0, fake.offered[i].msg_flags);
    }
    free(arena);
}

static void a_datagram_larger_than_its_slot_is_cut_and_says_how_large_it_was(void)
{
    fake_reset();
    void *arena = new_arena(4, CAPACITY, FAMILY_IPV4);
    arrive(7, 'x', 500)->flags = MSG_TRUNC;
    arrive(8, 'y', 62); /* the length alone reveals it as well */
    arrive(9, 'z', 61);
    arrive(9, 'z', 61)->flags = MSG_TRUNC; /* and so does the flag alone */
    EXPECT_EQUAL(4, arena_receive(arena, FD, 4));
    const struct slot *slot = slot_of(arena, 0);
    EXPECT_EQUAL(FLAG_TRUNCATED, slot[0].flags);
    EXPECT_EQUAL(500, slot[0].wire_length);
    EXPECT_EQUAL(61, slot[0].length);
    EXPECT_EQUAL(FLAG_TRUNCATED, slot[1].flags);
    EXPECT_EQUAL(62, slot[1].wire_length);
    EXPECT_EQUAL(61, slot[1].length);
    EXPECT_EQUAL(0, slot[2].flags);
    EXPECT_EQUAL(61, slot[2].length);
    EXPECT_EQUAL(FLAG_TRUNCATED, slot[3].flags);
    for (int i = 0; i < 3; i++) {
        expect_filled(__func__, payload_of(arena, i), 'x' + i, 61);
        expect_filled(__func__, payload_of(arena, i) + 61, UNTOUCHED, 3);
    }
    free(arena);
}

static void cut_control_data_is_flagged_and_its_whole_messages_are_read(void)
{
    fake_reset();
    void *arena = new_arena(1, CAPACITY, FAMILY_IPV4);
    struct fake_datagram *datagram = arrive(7, 'x', 3);
    add_in_pktinfo(datagram);
    datagram->flags = MSG_CTRUNC;
    EXPECT_EQUAL(1, arena_receive(arena, FD, 1));
    EXPECT_EQUAL(FLAG_IN_PKTINFO | FLAG_CONTROL_TRUNCATED, slot_of(arena, 0)->flags);
    free(arena);
}

/* A message that begins in the control buffer and would end beyond it. */
static void lengths_that_a_kernel_cannot_mean_are_not_believed(void)
{
    fake_reset();
    void *arena = new_arena(2, CAPACITY, FAMILY_IPV6);
    for (int i = 0; i < 2; i++) {
        struct fake_datagram *datagram = arrive(7, 'x', 3);
        uint8_t filler[CONTROL_CAPACITY - 2 * CMSG_LEN(0)] = {0};
        add_control(datagram, SOL_SOCKET, 9999, filler, sizeof(filler));
        add_in_pktinfo(datagram);
        datagram->claimed_name_length = 1000;
        datagram->claimed_control_length = 100000;
    }
    EXPECT_EQUAL(2, arena_receive(arena, FD, 2));
    for (int i = 0; i < 2; i++) {
        EXPECT_EQUAL(0, slot_of(arena, i)->flags);
        EXPECT_EQUAL(7, slot_of(arena, i)->peer_port);
    }
    free(arena);
}

void receiving(void)
{
    datagrams_are_received_in_order_each_into_its_slot();
    an_error_is_returned_only_if_nothing_was_received();
    nothing_of_one_receive_is_left_for_the_next();
    a_datagram_larger_than_its_slot_is_cut_and_says_how_large_it_was();
    cut_control_data_is_flagged_and_its_whole_messages_are_read();
    lengths_that_a_kernel_cannot_mean_are_not_believed();
}
