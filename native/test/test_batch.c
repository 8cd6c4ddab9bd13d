/* batch.c on a fake kernel: who is received and sent, who is not, and who pays for a failure. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "arenas.h"
#include "expect.h"
#include "fake_kernel.h"
#include "messages.h"
#include "pktinfo.h"

enum { FD = 5, CAPACITY = 61, UNTOUCHED = 0xaa };

/* A datagram of one letter repeated, from port number `port` of 10.9.0.100. */
static struct fake_datagram *arrive(int port, char letter, size_t length)
{
    struct fake_datagram *datagram = &fake.arriving[fake.arriving_count++];
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    name.sin_addr.s_addr = htonl(0x0a090064);
    memcpy(datagram->name, &name, sizeof(name));
    datagram->name_length = sizeof(name);
    memset(datagram->payload, letter, length < FAKE_BYTES ? length : FAKE_BYTES);
    datagram->length = length;
    return datagram;
}

static void add_control(struct fake_datagram *datagram, int level, int type, const void *data, size_t length)
{
    datagram->control_length = append_message(datagram->control, datagram->control_length, level, type, data, length);
}

static void add_in_pktinfo(struct fake_datagram *datagram)
{
    const struct in_pktinfo info = {
        .ipi_ifindex = 3, .ipi_addr.s_addr = htonl(0x0a090002), .ipi_spec_dst.s_addr = htonl(0x0a090001)};

    add_control(datagram, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static void expect_filled(const char *what, const uint8_t *bytes, int value, size_t length)
{
    uint8_t expected[FAKE_BYTES];

    memset(expected, value, sizeof(expected));
    expect_bytes(what, __LINE__, "payload", expected, bytes, length);
}

/* Asks for this reply: slot number `index` to port `index` of 10.9.0.100, `length` times a letter of its own. */
static void pend(void *arena, int index, size_t length)
{
    struct slot *slot = slot_of(arena, index);
    const uint8_t peer[16] = {[10] = 0xff, 0xff, 10, 9, 0, 100};
    const uint8_t source[16] = {[10] = 0xff, 0xff, 10, 9, 0, (uint8_t)index};

    memset(slot, 0, sizeof(*slot));
    memcpy(slot->peer_address, peer, 16);
    memcpy(slot->source_address, source, 16);
    slot->peer_port = (uint16_t)index;
    slot->length = (uint32_t)length;
    slot->source_form = FORM_IN_PKTINFO;
    slot->send_state = STATE_PENDING;
    memset(payload_of(arena, index), 'a' + index, length < CAPACITY ? length : CAPACITY);
}

static void *pending_arena(int count)
{
    void *arena = new_arena(count, CAPACITY, FAMILY_IPV4);

    for (int i = 0; i < count; i++) {
        pend(arena, i, (size_t)i + 1);
    }
    return arena;
}

/* That datagram number `at` to leave was this slot's, whole. */
static void expect_sent(int at, int index)
{
    const struct fake_datagram *sent = &fake.sent[at];
    const uint8_t address[6] = {0, (uint8_t)index, 10, 9, 0, 100};

    EXPECT_EQUAL(1, at < fake.sent_count);
    EXPECT_EQUAL(16, sent->name_length);
    EXPECT_BYTES(address, sent->name + 2, sizeof(address));
    EXPECT_EQUAL(index + 1, sent->length);
    expect_filled(__func__, sent->payload, 'a' + index, sent->length);
    EXPECT_EQUAL(28, sent->control_length);
    EXPECT_EQUAL(index, sent->control[CMSG_LEN(0) + 7]);
    EXPECT_EQUAL(0, sent->flags);
}

static void expect_state(void *arena, int index, int state, int error)
{
    EXPECT_EQUAL(state, slot_of(arena, index)->send_state);
    EXPECT_EQUAL(error, slot_of(arena, index)->error);
}

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

/* With and without recvmmsg(2), and if it gives fewer than there are. */
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

/* Both buffers are full the first time; a kernel that writes less the second time must not leave the rest readable. */
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
    arrive(8, 'y', 62); /* the length alone shows it as well */
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

/* A message that begins in the control buffer and would end behind it. */
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

/* Every choice of failing slots out of five, for every way to send: first, middle, last, several, all. */
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

static const int every_error[] = {EINTR, EAGAIN, ENOBUFS, ENOMEM, EPERM, ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ENODEV,
    EMSGSIZE, EIO, ECONNREFUSED, ENETDOWN, ENOSYS};
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
    const uint32_t states[6] = {0, STATE_PENDING, STATE_DONE, 77, STATE_PENDING, STATE_PENDING};
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

/* Received, then answered in place: the peer, the payload and the address asked are where they were. */
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

static void a_kernel_that_sends_nothing_and_says_no_reason_is_an_error_and_no_endless_loop(void)
{
    fake_reset();
    fake.lost_count = 1;
    void *arena = pending_arena(2);
    EXPECT_EQUAL(2, arena_send(arena, FD, 2));
    expect_state(arena, 0, STATE_DONE, EIO);
    expect_state(arena, 1, STATE_DONE, 0); /* the last one goes alone, by sendmsg(2) */
    EXPECT_EQUAL(1, fake.many_calls);
    free(arena);
}

/* Slots of one way: to port 7 of 10.9.0.100 from 10.9.0.100 itself, with these lengths and letters of their own. */
static void *arena_of_one_way(const size_t *lengths, int count)
{
    void *arena = new_arena(count, CAPACITY, FAMILY_IPV4);

    ((struct arena_header *)arena)->longest_coalesced = 1452;
    for (int i = 0; i < count; i++) {
        pend(arena, i, lengths[i]);
        slot_of(arena, i)->peer_port = 7;
        slot_of(arena, i)->source_address[15] = 100;
    }
    return arena;
}

static void expect_lengths(const size_t *lengths, int count)
{
    EXPECT_EQUAL(count, fake.sent_count);
    for (int i = 0; i < count; i++) {
        EXPECT_EQUAL(lengths[i], fake.sent[i].length);
        expect_filled(__func__, fake.sent[i].payload, 'a' + i, lengths[i]);
        EXPECT_EQUAL(28, fake.sent[i].control_length);
        EXPECT_EQUAL(100, fake.sent[i].control[CMSG_LEN(0) + 7]);
    }
}

static void neighbours_of_one_way_and_length_leave_in_one_message_with_a_shorter_one_as_its_end(void)
{
    const size_t lengths[] = {10, 10, 10, 4, 4, 4, 5, 0, 0, 5, 4, 5};
    fake_reset();
    void *arena = arena_of_one_way(lengths, 12);
    EXPECT_EQUAL(12, arena_send(arena, FD, 12));
    expect_lengths(lengths, 12);
    EXPECT_EQUAL(7, fake.messages); /* 10 10 10 4, 4 4, 5, empty, empty, 5 4, 5 */
    for (int i = 0; i < 12; i++) {
        int alone = i == 6 || i == 7 || i == 8 || i == 11;
        expect_state(arena, i, STATE_DONE, 0);
        EXPECT_EQUAL(alone ? 0 : SEND_TOGETHER, slot_of(arena, i)->send_flags);
    }
    free(arena);
}

static void whatever_differs_parts_two_neighbours(void)
{
    const size_t lengths[] = {10, 10};

    for (int what = 0; what < 11; what++) {
        fake_reset();
        void *arena = arena_of_one_way(lengths, 2);
        struct slot *slot = slot_of(arena, what % 2);
        switch (what) {
        case 0: slot_of(arena, 0)->peer_address[15] = 1; break;
        case 1: slot_of(arena, 0)->peer_address[0] = 1; break;
        case 2: slot->peer_port = 8; break;
        case 3: slot->peer_scope = 8; break;
        case 4: slot->source_address[15] = 8; break;
        case 5: slot->source_interface = 8; break;
        case 6: slot->source_form = FORM_NONE; break;
        case 7: slot->send_flags = SEND_ALONE; break;
        case 8: slot->send_segment_size = 10; break;
        case 9: ((struct arena_header *)arena)->longest_coalesced = 9; break;
        default:
            slot_of(arena, 0)->source_form = FORM_AS_RECEIVED;
            slot_of(arena, 1)->source_form = FORM_AS_RECEIVED;
            break;
        }
        EXPECT_EQUAL(2, arena_send(arena, FD, 2));
        EXPECT_EQUAL(2, fake.messages);
        EXPECT_EQUAL(2, fake.sent_count);
        free(arena);
    }
}

static void no_message_has_more_than_64_datagrams(void)
{
    size_t lengths[130];
    for (int i = 0; i < 130; i++) {
        lengths[i] = 3;
    }
    fake_reset();
    void *arena = arena_of_one_way(lengths, 130);
    EXPECT_EQUAL(130, arena_send(arena, FD, 130));
    EXPECT_EQUAL(130, fake.sent_count);
    EXPECT_EQUAL(3, fake.messages);
    free(arena);
}

static void together_they_are_no_longer_than_a_datagram_may_be(void)
{
    fake_reset();
    void *arena = new_arena(64, 1400, FAMILY_IPV4);
    ((struct arena_header *)arena)->longest_coalesced = 1452;
    for (int i = 0; i < 64; i++) {
        pend(arena, 0, 1400);
        *slot_of(arena, i) = *slot_of(arena, 0);
    }
    EXPECT_EQUAL(64, arena_send(arena, FD, 64));
    EXPECT_EQUAL(64, fake.sent_count);
    EXPECT_EQUAL(2, fake.messages); /* 46 x 1400 are 64 400 bytes */
    free(arena);
}

/* What leaves is the same, in the same order, whether or not it leaves together, and whatever the kernel thinks of it. */
static void nothing_but_the_number_of_messages_changes(void)
{
    static struct fake_datagram alone[FAKE_DATAGRAMS];

    for (int round = 0; round < 3000; round++) {
        size_t lengths[24];
        for (int i = 0; i < 24; i++) {
            lengths[i] = (size_t)(4 + ((i * 7 + round * 13) >> (round % 5)) % 3 * (round / 7 % 3));
        }
        void *arena = NULL;
        for (int together = 0; together < 2; together++) {
            free(arena);
            fake_reset();
            fake.without_many = round / 11 % 2;
            fake.most_at_once = round % 4;
            fake.cut_error = round % 6 == 0 ? EIO : 0;
            fake.port_error[3] = round % 9 == 0 ? ENETUNREACH : 0;
            arena = arena_of_one_way(lengths, 24);
            ((struct arena_header *)arena)->longest_coalesced = together ? 1452 : 0;
            for (int i = 0; i < 24; i++) {
                slot_of(arena, i)->peer_port = (uint16_t)(2 + (i >> (round % 4)) % 3);
                slot_of(arena, i)->send_state = (i + round) % 10 == 0 ? STATE_DONE : STATE_PENDING;
            }
            while (arena_send(arena, FD, 24) > 0) {
            }
            if (!together) {
                memcpy(alone, fake.sent, sizeof(alone));
                EXPECT_EQUAL(fake.sent_count, fake.messages);
            }
        }
        EXPECT_BYTES(alone, fake.sent, sizeof(alone));
        EXPECT_EQUAL(1, fake.messages <= fake.sent_count);
        for (int i = 0; i < 24; i++) {
            int failed = round % 9 == 0 && slot_of(arena, i)->peer_port == 3 && (i + round) % 10 != 0;
            expect_state(arena, i, STATE_DONE, failed ? ENETUNREACH : 0);
        }
        free(arena);
    }
}

static void what_the_kernel_refuses_to_cut_leaves_one_by_one_and_says_so(void)
{
    const size_t lengths[] = {10, 10, 4, 9, 9};
    const int errors[] = {EIO, EINVAL, EMSGSIZE};

    for (int i = 0; i < 3; i++) {
        fake_reset();
        fake.cut_error = errors[i];
        void *arena = arena_of_one_way(lengths, 5);
        EXPECT_EQUAL(5, arena_send(arena, FD, 5));
        expect_lengths(lengths, 5);
        EXPECT_EQUAL(5, fake.messages);
        for (int j = 0; j < 5; j++) {
            expect_state(arena, j, STATE_DONE, 0);
            EXPECT_EQUAL(SEND_ALONE | SEND_REFUSED, slot_of(arena, j)->send_flags);
        }
        free(arena);
    }
}

static void another_error_is_that_of_all_who_left_together(void)
{
    const size_t lengths[] = {10, 10, 4};
    fake_reset();
    void *arena = arena_of_one_way(lengths, 3);
    fake.port_error[7] = EPERM;
    EXPECT_EQUAL(3, arena_send(arena, FD, 3));
    EXPECT_EQUAL(0, fake.sent_count);
    for (int i = 0; i < 3; i++) {
        expect_state(arena, i, STATE_DONE, EPERM);
        EXPECT_EQUAL(0, slot_of(arena, i)->send_flags);
    }
    free(arena);
}

static void a_full_send_buffer_keeps_those_together_who_wait(void)
{
    const size_t lengths[] = {10, 10, 4, 9, 9};
    fake_reset();
    fake.room = 1;
    void *arena = arena_of_one_way(lengths, 5);
    EXPECT_EQUAL(3, arena_send(arena, FD, 5));
    expect_state(arena, 3, STATE_PENDING, 0);
    EXPECT_EQUAL(0, arena_send(arena, FD, 5));
    fake.room = 1;
    EXPECT_EQUAL(2, arena_send(arena, FD, 5));
    expect_lengths(lengths, 5);
    free(arena);
}

/* A payload of 500 bytes, byte i of which is i. */
static void *arena_to_cut(uint32_t segment_size)
{
    void *arena = new_arena(3, 504, FAMILY_IPV4);

    for (int i = 0; i < 3; i++) {
        pend(arena, i, 5);
    }
    slot_of(arena, 1)->length = 500;
    slot_of(arena, 1)->send_segment_size = segment_size;
    for (int i = 0; i < 500; i++) {
        payload_of(arena, 1)[i] = (uint8_t)i;
    }
    return arena;
}

static void expect_cut(size_t segment_size)
{
    int count = (int)((500 + segment_size - 1) / segment_size);

    EXPECT_EQUAL(count + 2, fake.sent_count);
    for (int i = 0; i < count; i++) {
        EXPECT_EQUAL(i < count - 1 ? segment_size : 500 - (size_t)(count - 1) * segment_size, fake.sent[i + 1].length);
        for (size_t j = 0; j < fake.sent[i + 1].length; j++) {
            EXPECT_EQUAL((uint8_t)((size_t)i * segment_size + j), fake.sent[i + 1].payload[j]);
        }
        EXPECT_EQUAL(28, fake.sent[i + 1].control_length);
        EXPECT_EQUAL(1, fake.sent[i + 1].control[CMSG_LEN(0) + 7]);
    }
    EXPECT_EQUAL(5, fake.sent[count + 1].length);
}

static void a_payload_is_cut_into_segments_of_the_size_that_is_asked_for(void)
{
    const struct { uint32_t size; int messages; } cuts[] = {
        {499, 3}, {500, 3}, {501, 3}, {UINT32_MAX, 3}, {100, 3}, {7, 4}, {8, 3}, {4, 4}, {3, 5}};

    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        fake_reset();
        void *arena = arena_to_cut(cuts[i].size);
        EXPECT_EQUAL(3, arena_send(arena, FD, 3));
        expect_cut(cuts[i].size > 500 ? 500 : cuts[i].size);
        EXPECT_EQUAL(cuts[i].messages, fake.messages);
        expect_state(arena, 1, STATE_DONE, 0);
        free(arena);
    }
}

static void segments_leave_one_by_one_if_the_kernel_refuses_and_go_on_where_the_send_buffer_was_full(void)
{
    for (int room = 0; room < 70; room++) {
        for (int error = 0; error <= EIO; error += EIO) {
            fake_reset();
            fake.cut_error = error;
            fake.room = room;
            void *arena = arena_to_cut(7);
            int done = arena_send(arena, FD, 3);
            EXPECT_EQUAL(1, done >= 0 && done <= 3);
            while (done < 3) {
                fake.room = 1;
                done += arena_send(arena, FD, 3);
            }
            expect_cut(7);
            EXPECT_EQUAL(error == 0 ? 0 : SEND_ALONE | SEND_REFUSED, slot_of(arena, 1)->send_flags);
            free(arena);
        }
    }
}

static void a_segment_that_fails_is_the_error_of_its_payload_and_of_no_other(void)
{
    fake_reset();
    fake.port_error[1] = ENETUNREACH;
    void *arena = arena_to_cut(7);
    EXPECT_EQUAL(3, arena_send(arena, FD, 3));
    expect_state(arena, 0, STATE_DONE, 0);
    expect_state(arena, 1, STATE_DONE, ENETUNREACH);
    expect_state(arena, 2, STATE_DONE, 0);
    free(arena);
}

/* The fake kernel refuses an empty control buffer that is not NULL, as some real ones do. */
static void without_a_source_neighbours_leave_together_and_a_payload_is_cut(void)
{
    const size_t lengths[] = {10, 10, 4};

    fake_reset();
    void *arena = arena_of_one_way(lengths, 3);
    for (int i = 0; i < 3; i++) {
        slot_of(arena, i)->source_form = FORM_NONE;
    }
    EXPECT_EQUAL(3, arena_send(arena, FD, 3));
    EXPECT_EQUAL(1, fake.messages);
    EXPECT_EQUAL(3, fake.sent_count);
    free(arena);

    fake_reset();
    arena = arena_to_cut(100);
    slot_of(arena, 1)->source_form = FORM_NONE;
    EXPECT_EQUAL(3, arena_send(arena, FD, 3));
    EXPECT_EQUAL(3, fake.messages);
    EXPECT_EQUAL(7, fake.sent_count);
    for (int i = 0; i < 7; i++) {
        EXPECT_EQUAL(i == 0 || i == 6 ? 28 : 0, fake.sent[i].control_length);
    }
    free(arena);
}

int main(void)
{
    an_arena_of_an_impossible_shape_has_no_size();
    a_count_out_of_range_is_refused_before_any_call();
    datagrams_are_received_in_order_each_into_its_slot();
    one_slot_takes_one_plain_call();
    an_error_is_returned_only_if_nothing_was_received();
    nothing_of_one_receive_is_left_for_the_next();
    a_datagram_larger_than_its_slot_is_cut_and_says_how_large_it_was();
    cut_control_data_is_flagged_and_its_whole_messages_are_read();
    lengths_that_a_kernel_cannot_mean_are_not_believed();
    empty_datagrams_are_received_and_sent();
    every_pending_slot_is_sent_once_and_in_order();
    a_failing_slot_is_marked_and_holds_back_nobody();
    every_error_is_that_of_its_slot_alone();
    every_error_comes_behind_the_datagrams_that_came_before_it();
    a_full_send_buffer_leaves_the_rest_pending_for_the_next_call();
    slots_that_are_not_pending_are_left_out_and_left_alone();
    nothing_pending_is_nothing_sent_and_no_call();
    a_length_beyond_the_slot_is_cut_to_it();
    a_slot_without_a_source_is_sent_without_control_data();
    a_received_slot_is_answered_in_place();
    a_kernel_that_sends_nothing_and_says_no_reason_is_an_error_and_no_endless_loop();
    neighbours_of_one_way_and_length_leave_in_one_message_with_a_shorter_one_as_its_end();
    whatever_differs_parts_two_neighbours();
    no_message_has_more_than_64_datagrams();
    together_they_are_no_longer_than_a_datagram_may_be();
    nothing_but_the_number_of_messages_changes();
    what_the_kernel_refuses_to_cut_leaves_one_by_one_and_says_so();
    another_error_is_that_of_all_who_left_together();
    a_full_send_buffer_keeps_those_together_who_wait();
    a_payload_is_cut_into_segments_of_the_size_that_is_asked_for();
    segments_leave_one_by_one_if_the_kernel_refuses_and_go_on_where_the_send_buffer_was_full();
    a_segment_that_fails_is_the_error_of_its_payload_and_of_no_other();
    without_a_source_neighbours_leave_together_and_a_payload_is_cut();
    return expect_failures > 0;
}
