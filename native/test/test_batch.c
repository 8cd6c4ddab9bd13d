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
    struct cmsghdr header;

    memset(&header, 0, sizeof(header));
    header.cmsg_len = (socklen_t)CMSG_LEN(length);
    header.cmsg_level = level;
    header.cmsg_type = type;
    memcpy(datagram->control + datagram->control_length, &header, sizeof(header));
    memcpy(datagram->control + datagram->control_length + CMSG_LEN(0), data, length);
    datagram->control_length += CMSG_SPACE(length);
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
    a_full_send_buffer_leaves_the_rest_pending_for_the_next_call();
    slots_that_are_not_pending_are_left_out_and_left_alone();
    nothing_pending_is_nothing_sent_and_no_call();
    a_length_beyond_the_slot_is_cut_to_it();
    a_slot_without_a_source_is_sent_without_control_data();
    a_received_slot_is_answered_in_place();
    a_kernel_that_sends_nothing_and_says_no_reason_is_an_error_and_no_endless_loop();
    return expect_failures > 0;
}
