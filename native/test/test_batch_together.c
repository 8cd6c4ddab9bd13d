/* Replies that are sent as one message, and payloads that are segmented: the same datagrams as one by one. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "arenas.h"
#include "expect.h"
#include "fake_kernel.h"
#include "linux_times.h"
#include "pktinfo.h"
#include "test_batch.h"

/*
 * Makes slots with the same peer and source: to port 7 of 10.9.0.100 from 10.9.0.100 itself, each with its own length
 * and letter.
 */
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
        EXPECT_EQUAL(alone ? 0 : SEND_COALESCED, slot_of(arena, i)->send_flags);
    }
    free(arena);
}

static void give_fields(struct slot *slot, int flags, uint8_t traffic_class, uint8_t hop_limit)
{
    slot->send_flags = (uint16_t)(slot->send_flags | flags);
    slot->send_traffic_class = traffic_class;
    slot->send_hop_limit = hop_limit;
}

static void whatever_differs_parts_two_neighbours(void)
{
    const size_t lengths[] = {10, 10};

    for (int what = 0; what < 16; what++) {
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
        case 7: slot->send_flags = SEND_SEPARATELY; break;
        case 8: slot->send_segment_size = 10; break;
        case 9: ((struct arena_header *)arena)->longest_coalesced = 9; break;
        case 10: give_fields(slot, SEND_WITH_TRAFFIC_CLASS, 0, 0); break;
        case 11: give_fields(slot, SEND_WITH_HOP_LIMIT, 0, 64); break;
        case 12: slot->send_flags = SEND_WITH_TRANSMIT_TIME; break;
        case 13:
            give_fields(slot_of(arena, 1), SEND_WITH_TRAFFIC_CLASS, 2, 0);
            give_fields(slot_of(arena, 0), SEND_WITH_TRAFFIC_CLASS, 1, 0);
            break;
        case 14:
            give_fields(slot_of(arena, 1), SEND_WITH_HOP_LIMIT, 0, 63);
            give_fields(slot_of(arena, 0), SEND_WITH_HOP_LIMIT, 0, 64);
            break;
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

/* Checks that a datagram was sent with the source of arena_of_one_way() and these two fields, to an IPv4 peer. */
static void expect_fields(int at, int traffic_class, int hop_limit)
{
    struct slot read = {0};

    EXPECT_EQUAL(32 + 24 + 20, fake.sent[at].control_length);
    slot_read_control(&read, fake.sent[at].control, CMSG_SPACE(12));
    EXPECT_EQUAL(FLAG_IN_PKTINFO, read.flags);
    EXPECT_EQUAL(100, read.in_local[3]);
    for (int field = 0; field < 2; field++) {
        const uint8_t *message = fake.sent[at].control + 32 + 24 * field;
        struct cmsghdr header;
        int value;
        memcpy(&header, message, sizeof(header));
        memcpy(&value, message + CMSG_LEN(0), sizeof(value));
        EXPECT_EQUAL(CMSG_LEN(sizeof(value)), header.cmsg_len);
        EXPECT_EQUAL(IPPROTO_IP, header.cmsg_level);
        EXPECT_EQUAL(field == 0 ? IP_TOS : IP_TTL, header.cmsg_type);
        EXPECT_EQUAL(field == 0 ? traffic_class : hop_limit, value);
    }
}

static void neighbours_of_equal_traffic_class_and_hop_limit_leave_together_with_both(void)
{
    const size_t lengths[] = {10, 10, 10, 10, 10, 10};
    const struct { uint8_t traffic_class; uint8_t hop_limit; } fields[] = {
        {2, 64}, {2, 64}, {2, 63}, {1, 63}, {1, 63}, {2, 64}};

    fake_reset();
    void *arena = arena_of_one_way(lengths, 6);
    for (int i = 0; i < 6; i++) {
        give_fields(slot_of(arena, i), SEND_WITH_TRAFFIC_CLASS | SEND_WITH_HOP_LIMIT, fields[i].traffic_class,
            fields[i].hop_limit);
    }
    EXPECT_EQUAL(6, arena_send(arena, FD, 6));
    EXPECT_EQUAL(4, fake.messages);
    EXPECT_EQUAL(6, fake.sent_count);
    for (int i = 0; i < 6; i++) {
        expect_filled(__func__, fake.sent[i].payload, 'a' + i, 10);
        expect_fields(i, fields[i].traffic_class, fields[i].hop_limit);
        EXPECT_EQUAL(i == 2 || i == 5 ? 0 : SEND_COALESCED, slot_of(arena, i)->send_flags & SEND_COALESCED);
    }
    free(arena);
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

/* The same datagrams are sent in the same order, as one or separately, whatever the kernel accepts. */
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
            fake.segment_error = round % 6 == 0 ? EIO : 0;
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
        fake.segment_error = errors[i];
        void *arena = arena_of_one_way(lengths, 5);
        EXPECT_EQUAL(5, arena_send(arena, FD, 5));
        expect_lengths(lengths, 5);
        EXPECT_EQUAL(5, fake.messages);
        for (int j = 0; j < 5; j++) {
            expect_state(arena, j, STATE_DONE, 0);
            EXPECT_EQUAL(SEND_SEPARATELY | SEND_SEGMENTATION_REFUSED, slot_of(arena, j)->send_flags);
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
static void *arena_to_segment(uint16_t segment_size)
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

static void expect_segments(size_t segment_size)
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
    const struct { uint16_t size; int messages; } cuts[] = {
        {499, 3}, {500, 3}, {501, 3}, {UINT16_MAX, 3}, {100, 3}, {7, 4}, {8, 3}, {4, 4}, {3, 5}};

    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        fake_reset();
        void *arena = arena_to_segment(cuts[i].size);
        EXPECT_EQUAL(3, arena_send(arena, FD, 3));
        expect_segments(cuts[i].size > 500 ? 500 : cuts[i].size);
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
            fake.segment_error = error;
            fake.room = room;
            void *arena = arena_to_segment(7);
            int done = arena_send(arena, FD, 3);
            EXPECT_EQUAL(1, done >= 0 && done <= 3);
            while (done < 3) {
                fake.room = 1;
                done += arena_send(arena, FD, 3);
            }
            expect_segments(7);
            EXPECT_EQUAL(error == 0 ? 0 : SEND_SEPARATELY | SEND_SEGMENTATION_REFUSED, slot_of(arena, 1)->send_flags);
            free(arena);
        }
    }
}

static void a_segment_that_fails_is_the_error_of_its_payload_and_of_no_other(void)
{
    fake_reset();
    fake.port_error[1] = ENETUNREACH;
    void *arena = arena_to_segment(7);
    EXPECT_EQUAL(3, arena_send(arena, FD, 3));
    expect_state(arena, 0, STATE_DONE, 0);
    expect_state(arena, 1, STATE_DONE, ENETUNREACH);
    expect_state(arena, 2, STATE_DONE, 0);
    free(arena);
}

static void every_segment_leaves_with_the_traffic_class_and_hop_limit_of_its_payload(void)
{
    for (int error = 0; error <= EIO; error += EIO) {
        fake_reset();
        fake.segment_error = error;
        void *arena = arena_to_segment(100);
        slot_of(arena, 1)->source_address[15] = 100;
        give_fields(slot_of(arena, 1), SEND_WITH_TRAFFIC_CLASS | SEND_WITH_HOP_LIMIT, 0xb9, 255);
        EXPECT_EQUAL(3, arena_send(arena, FD, 3));
        EXPECT_EQUAL(7, fake.sent_count);
        for (int i = 1; i < 6; i++) {
            EXPECT_EQUAL(100, fake.sent[i].length);
            expect_fields(i, 0xb9, 255);
        }
        EXPECT_EQUAL(28, fake.sent[0].control_length);
        EXPECT_EQUAL(28, fake.sent[6].control_length);
        free(arena);
    }
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
    arena = arena_to_segment(100);
    slot_of(arena, 1)->source_form = FORM_NONE;
    EXPECT_EQUAL(3, arena_send(arena, FD, 3));
    EXPECT_EQUAL(3, fake.messages);
    EXPECT_EQUAL(7, fake.sent_count);
    for (int i = 0; i < 7; i++) {
        EXPECT_EQUAL(i == 0 || i == 6 ? 28 : 0, fake.sent[i].control_length);
    }
    free(arena);
}

/* Checks the control message behind the source of arena_of_one_way(). */
static void expect_message_at(int sent, size_t at, int type, uint32_t value)
{
    struct cmsghdr header;
    uint32_t actual;

    memcpy(&header, fake.sent[sent].control + at, sizeof(header));
    memcpy(&actual, fake.sent[sent].control + at + CMSG_LEN(0), sizeof(actual));
    EXPECT_EQUAL(CMSG_LEN(sizeof(value)), header.cmsg_len);
    EXPECT_EQUAL(SOL_SOCKET, header.cmsg_level);
    EXPECT_EQUAL(type, header.cmsg_type);
    EXPECT_EQUAL(value, actual);
}

/* One time cannot be that of several datagrams. The numbers pass 2^32. */
static void who_asks_for_the_time_of_transmission_leaves_alone_between_neighbours_who_do_not(void)
{
    const size_t lengths[] = {10, 10, 10, 10, 10, 10, 10};
    const size_t control_lengths[] = {28, 32 + 20, 32 + 24 + 20};

    for (int form = TRANSMIT_ALL; form <= TRANSMIT_NUMBERED; form++) {
        fake_reset();
        void *arena = arena_of_one_way(lengths, 7);
        ((struct arena_header *)arena)->transmit_form = form;
        ((struct arena_header *)arena)->transmit_number = UINT32_MAX - 2;
        slot_of(arena, 2)->send_flags = SEND_WITH_TRANSMIT_TIME;
        slot_of(arena, 3)->send_flags = SEND_WITH_TRANSMIT_TIME;
        EXPECT_EQUAL(7, arena_send(arena, FD, 7));
        EXPECT_EQUAL(7, fake.sent_count);
        EXPECT_EQUAL(4, fake.messages); /* two, one, one, three */
        for (int i = 0; i < 7; i++) {
            int asks = i == 2 || i == 3;
            EXPECT_EQUAL(asks ? SEND_WITH_TRANSMIT_TIME : SEND_COALESCED, slot_of(arena, i)->send_flags);
            EXPECT_EQUAL(asks ? control_lengths[form] : 28, fake.sent[i].control_length);
        }
        for (int i = 2; i < 4 && form != TRANSMIT_ALL; i++) {
            expect_message_at(i, 32, SO_TIMESTAMPING_TYPE, TIMESTAMPING_TX_SOFTWARE);
            if (form == TRANSMIT_NUMBERED) {
                expect_message_at(i, 32 + 24, SCM_TS_OPT_ID_TYPE, UINT32_MAX - 2 + (uint32_t)i);
            }
        }
        free(arena);
    }
}

/* Without a source and with the fields, both of which change where the request stands. */
static void the_request_for_a_time_is_the_last_message(void)
{
    const size_t lengths[] = {10, 10};

    fake_reset();
    void *arena = arena_of_one_way(lengths, 2);
    ((struct arena_header *)arena)->transmit_form = TRANSMIT_REQUESTED;
    give_fields(slot_of(arena, 0), SEND_WITH_TRANSMIT_TIME | SEND_WITH_TRAFFIC_CLASS, 0xb9, 0);
    slot_of(arena, 1)->send_flags = SEND_WITH_TRANSMIT_TIME;
    slot_of(arena, 1)->source_form = FORM_NONE;
    EXPECT_EQUAL(2, arena_send(arena, FD, 2));
    EXPECT_EQUAL(32 + 24 + 20, fake.sent[0].control_length);
    expect_message_at(0, 32 + 24, SO_TIMESTAMPING_TYPE, TIMESTAMPING_TX_SOFTWARE);
    EXPECT_EQUAL(20, fake.sent[1].control_length);
    expect_message_at(1, 0, SO_TIMESTAMPING_TYPE, TIMESTAMPING_TX_SOFTWARE);
    free(arena);
}

void coalescing(void)
{
    neighbours_of_one_way_and_length_leave_in_one_message_with_a_shorter_one_as_its_end();
    whatever_differs_parts_two_neighbours();
    neighbours_of_equal_traffic_class_and_hop_limit_leave_together_with_both();
    no_message_has_more_than_64_datagrams();
    together_they_are_no_longer_than_a_datagram_may_be();
    nothing_but_the_number_of_messages_changes();
    what_the_kernel_refuses_to_cut_leaves_one_by_one_and_says_so();
    another_error_is_that_of_all_who_left_together();
    a_full_send_buffer_keeps_those_together_who_wait();
    a_payload_is_cut_into_segments_of_the_size_that_is_asked_for();
    segments_leave_one_by_one_if_the_kernel_refuses_and_go_on_where_the_send_buffer_was_full();
    a_segment_that_fails_is_the_error_of_its_payload_and_of_no_other();
    every_segment_leaves_with_the_traffic_class_and_hop_limit_of_its_payload();
    without_a_source_neighbours_leave_together_and_a_payload_is_cut();
    who_asks_for_the_time_of_transmission_leaves_alone_between_neighbours_who_do_not();
    the_request_for_a_time_is_the_last_message();
}
