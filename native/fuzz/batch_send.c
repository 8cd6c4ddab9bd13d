/* Sending to a kernel that lies: every message is a valid one, and its result is in its slots. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "../test/arenas.h"
#include "batch_kernel.h"
#include "kernel.h"
#include "pktinfo.h"

enum { UDP_LEVEL = 17, SEGMENT = 103, LONGEST_TOGETHER = 65507 };

/* Returns the slot of a payload, which begins at the slot's beginning or at the end of the part that was taken last. */
static int slot_sending(const struct iovec *place)
{
    size_t stride = (size_t)header_of(kernel.arena)->payload_stride;
    size_t at = (size_t)((const uint8_t *)place->iov_base - payload_of(kernel.arena, 0));
    int index = (int)(at / stride);

    CHECK((const uint8_t *)place->iov_base >= payload_of(kernel.arena, 0));
    CHECK(index < kernel.count);
    CHECK(at % stride == kernel.taken[index]);
    return index;
}

static size_t length_of(int index)
{
    return smaller(slot_of(kernel.arena, index)->length, (size_t)header_of(kernel.arena)->payload_capacity);
}

/* Splits off the last control message if it is a segment size, as the kernel does. */
static size_t read_segment_size(const struct msghdr *message, size_t *control_length)
{
    size_t last = 0;
    struct cmsghdr header;
    uint16_t size;

    *control_length = message->msg_controllen;
    for (size_t at = 0; at + sizeof(header) <= (size_t)message->msg_controllen; at += CMSG_ALIGN(header.cmsg_len)) {
        memcpy(&header, (uint8_t *)message->msg_control + at, sizeof(header));
        CHECK(header.cmsg_len >= sizeof(header) && header.cmsg_len <= message->msg_controllen - at);
        last = at;
    }
    if (message->msg_controllen == 0 || header.cmsg_level != UDP_LEVEL || header.cmsg_type != SEGMENT) {
        return 0;
    }
    CHECK(header.cmsg_len == CMSG_LEN(sizeof(size)));
    memcpy(&size, (uint8_t *)message->msg_control + last + CMSG_LEN(0), sizeof(size));
    CHECK(size > 0);
    *control_length = last;
    return size;
}

/* The name and the source are those of this slot, byte by byte except for padding. */
static void expect_way_of(const struct msghdr *message, size_t control_length, int index)
{
    const struct slot *slot = slot_of(kernel.arena, index);
    uint8_t name[NAME_CAPACITY];
    uint8_t control[CONTROL_CAPACITY];
    size_t length = slot_write_name(slot, header_of(kernel.arena)->socket_family, name);

    CHECK(message->msg_namelen == length && memcmp(message->msg_name, name, length) == 0);
    length = slot_write_control(slot, control);
    if (slot->send_flags & SEND_WITH_TRANSMIT_TIME) {
        const struct arena_header *header = header_of(kernel.arena);
        length = append_transmit_request(
            control, length, header->transmit_form, header->transmit_number + (uint32_t)index);
    }
    CHECK(control_length == length || control_length == CMSG_ALIGN(length));
    CHECK(length == 0 || memcmp(message->msg_control, control, length) == 0);
}

/*
 * The segments that the kernel would make of the message: of equal length except the last, each with its slot's bytes.
 */
static void expect_pieces(const struct msghdr *message, size_t segment)
{
    size_t pieces = message->msg_iovlen;
    size_t whole = 0;

    CHECK(pieces >= 1 && pieces <= 64);
    for (size_t i = 0; i < pieces; i++) {
        int index = slot_sending(&message->msg_iov[i]);
        const struct slot *slot = slot_of(kernel.arena, index);
        size_t length = message->msg_iov[i].iov_len;
        CHECK(slot->send_state == STATE_PENDING && !kernel.accepted[index]);
        CHECK(length <= length_of(index) - kernel.taken[index]);
        CHECK(pieces == 1 || (length > 0 && (length == segment || (i == pieces - 1 && length < segment))));
        CHECK(pieces == 1 || length == length_of(index));
        CHECK(pieces == 1 || !(slot->send_flags & (SEND_SEPARATELY | SEND_WITH_TRANSMIT_TIME)));
        whole += length;
    }
    CHECK(segment == 0 || (whole <= LONGEST_TOGETHER && whole <= 64 * segment));
    CHECK(pieces == 1 || segment > 0);
}

static void expect_message(const struct msghdr *message)
{
    size_t control_length;

    expect_in_scratch(message->msg_name, NAME_CAPACITY);
    CHECK((message->msg_control == NULL) == (message->msg_controllen == 0));
    if (message->msg_control != NULL) {
        expect_in_scratch(message->msg_control, CONTROL_CAPACITY);
    }
    CHECK(message->msg_controllen <= CONTROL_CAPACITY && message->msg_flags == 0);
    size_t segment = read_segment_size(message, &control_length);
    expect_pieces(message, segment);
    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++) {
        expect_way_of(message, control_length, slot_sending(&message->msg_iov[i]));
    }
}

static void take_message(const struct msghdr *message)
{
    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++) {
        int index = slot_sending(&message->msg_iov[i]);
        size_t length = message->msg_iov[i].iov_len;
        kernel.taken[index] += length;
        kernel.accepted[index] = kernel.taken[index] == length_of(index);
    }
}

static void refuse_message(const struct msghdr *message, int error)
{
    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++) {
        kernel.failed[slot_sending(&message->msg_iov[i])] = error;
    }
}

int kernel_send(int fd, const struct msghdr *message)
{
    int result = any_count(1);

    expect_called(fd, 1);
    kernel.calls++;
    expect_message(message);
    kernel.full = result == -EAGAIN;
    if (result >= 0) {
        take_message(message);
    } else if (!kernel.full) {
        refuse_message(message, -result);
    }
    return result;
}

int kernel_send_many(int fd, struct message *messages, unsigned count)
{
    int result = any_count(count);

    expect_called(fd, count);
    expect_in_scratch(messages, count * sizeof(*messages));
    CHECK(count > 1);
    kernel.calls++;
    for (unsigned i = 0; i < count; i++) {
        expect_message(&messages[i].header);
    }
    kernel.full = result == -EAGAIN;
    if (result <= 0 && result != -EAGAIN && result != -ENOSYS) {
        refuse_message(&messages[0].header, result == 0 ? EIO : -result);
    }
    for (int i = 0; i < result && i < (int)count; i++) {
        take_message(&messages[i].header);
        messages[i].length = take_byte(kernel.input);
    }
    return result;
}

/* Peers and sources are few, so that neighbouring slots often share both. */
static void pend(struct input *input, void *arena, int index)
{
    static const uint8_t peers[2][16] = {{[10] = 0xff, 0xff, 10, 9, 0, 100}, {[0] = 0x20, 0x01, 0x0d, 0xb8, [15] = 9}};
    size_t capacity = (size_t)header_of(arena)->payload_capacity;
    struct slot *slot = slot_of(arena, index);
    uint8_t way = take_byte(input);
    uint8_t what = take_byte(input);

    *slot = (struct slot){.peer_port = 9, .send_state = STATE_PENDING, .source_form = way & 3};
    memcpy(slot->peer_address, peers[way >> 2 & 1], 16);
    memcpy(slot->source_address, peers[way >> 2 & 1], 16);
    slot->source_address[15] = way >> 3 & 1;
    slot->source_interface = way >> 4 & 1;
    slot->flags = way >> 5;
    slot->length = (uint32_t)(what & 1 ? (size_t)take_byte(input) * capacity / 255 : capacity);
    if (what & 2) {
        /* At least an eighth of the payload: one call for each byte would use up the fuzzer's time. */
        slot->send_segment_size = (uint16_t)(1 + capacity / 8 + take_byte(input));
    }
    if (what & 4) {
        slot->send_flags = SEND_SEPARATELY;
    }
    if ((what & 24) == 24) {
        slot->send_state = what >> 5;
    }
    if (way & 128) {
        uint8_t fields = take_byte(input);
        slot->send_flags |= fields & (SEND_WITH_TRAFFIC_CLASS | SEND_WITH_HOP_LIMIT);
        slot->send_flags |= fields & 4 ? SEND_WITH_TRANSMIT_TIME : 0;
        slot->send_traffic_class = slot->send_flags & SEND_WITH_TRAFFIC_CLASS ? fields & 3 : 0;
        slot->send_hop_limit = slot->send_flags & SEND_WITH_HOP_LIMIT ? (uint8_t)(1 + (fields >> 5 & 1)) : 0;
    }
    if ((what & 56) == 40) {
        slot->length = take_number(input);
    }
}

/* Only the fields that report the result of sending may differ. */
static void expect_untouched(const struct slot *before, const struct slot *after)
{
    struct slot same = *before;

    if (before->send_state == STATE_PENDING) {
        same.send_state = after->send_state;
        same.error = after->error;
        same.sent_length = after->sent_length;
        same.send_flags |= after->send_flags & (SEND_SEPARATELY | SEND_SEGMENTATION_REFUSED | SEND_COALESCED);
    }
    CHECK(!(after->send_flags & SEND_COALESCED) || (after->send_state == STATE_DONE && after->error == 0));
    CHECK(memcmp(&same, after, sizeof(same)) == 0);
}

/* A slot is done if the kernel took it as a whole or refused it, and pending if the kernel had no room for it. */
static void expect_end(const struct slot *before, int index, int *done)
{
    const struct slot *after = slot_of(kernel.arena, index);

    expect_untouched(before, after);
    if (before->send_state != STATE_PENDING) {
        return;
    }
    CHECK(after->send_state == STATE_PENDING ? kernel.full : after->send_state == STATE_DONE);
    if (after->send_state == STATE_PENDING) {
        CHECK(!kernel.accepted[index] && after->sent_length == kernel.taken[index] && after->error == 0);
        return;
    }
    ++*done;
    CHECK(after->error == 0 ? kernel.accepted[index] : after->error == (uint32_t)kernel.failed[index]);
    CHECK(after->error == 0 || !kernel.accepted[index]);
}

/* One call for each message and each segment, and one more after each refusal, when each is sent separately. */
static long most_calls(int count)
{
    return 2L * count * (count + 1) + 20L * count;
}

static void send_again(void *arena, int count)
{
    struct slot before[MOST];
    struct arena_header header = *header_of(arena);
    int slots = header.slot_count;
    int done = 0;

    memcpy(before, slot_of(arena, 0), (size_t)slots * SLOT_SIZE);
    memset(kernel.failed, 0, sizeof(kernel.failed));
    kernel.calls = 0;
    kernel.full = 0;
    forbid_slots_from(arena, count);
    int result = arena_send(arena, FD, count);
    forbid_slots_from(arena, slots);
    CHECK(kernel.calls <= most_calls(count));
    CHECK(memcmp(&header, arena, sizeof(header)) == 0);
    for (int i = 0; i < count; i++) {
        expect_end(&before[i], i, &done);
    }
    CHECK(memcmp(&before[count], slot_of(arena, count), (size_t)(slots - count) * SLOT_SIZE) == 0);
    CHECK(result == done);
}

void send_pending(struct input *input)
{
    static const int longest[] = {0, 8, 1472, 65507};
    void *arena = arena_of(take_byte(input) % SHAPES);
    int slots = header_of(arena)->slot_count;
    uint8_t how = take_byte(input);
    int count = how & 128 ? slots : how % slots + 1;

    uint8_t family = take_byte(input);
    header_of(arena)->socket_family = family & 1 ? FAMILY_IPV6 : FAMILY_IPV4;
    header_of(arena)->transmit_form = (family >> 1) % (TRANSMIT_NUMBERED + 1);
    header_of(arena)->transmit_number = UINT32_MAX - (family >> 4);
    header_of(arena)->longest_coalesced = longest[take_byte(input) % 4];
    for (int i = 0; i < slots; i++) {
        pend(input, arena, i);
    }
    kernel.arena = arena;
    kernel.count = count;
    for (int round = 0; round < 3; round++) {
        send_again(arena, count);
    }
}
