/*
 * The batch path on a kernel that lies: counts, lengths, flags and errors come from the fuzzer, within what the functions of
 * kernel.h can return. What no call may touch is poisoned for as long as it lasts, so AddressSanitizer sees a
 * step from one slot into the next as well as one out of the arena.
 */
#define _GNU_SOURCE
#include "batch.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <sanitizer/asan_interface.h>
#include <sys/socket.h>

#include "../test/arenas.h"
#include "input.h"
#include "kernel.h"
#include "pktinfo.h"

enum { FD = 5, SHAPES = 8, MOST = 70, UDP_LEVEL = 17, SEGMENT = 103, LONGEST_TOGETHER = 65507 };

/* Small ones for speed; the last two have more than the 64 segments, or more than the bytes, that may leave together. */
static const struct {
    int slots;
    int capacity;
} shapes[SHAPES] = {{1, 8}, {2, 61}, {3, 65527}, {4, 8}, {5, 1472}, {16, 61}, {46, 1472}, {MOST, 8}};
static void *arenas[SHAPES]; /* made once each: to fill them takes longer than a run */

/* What the kernel of this run has heard and said. */
static struct {
    struct input *input;
    void *arena;
    int count;        /* asked for by this call */
    long calls;
    int answered_many; /* what receive_many or send_many said last */
    /* Received: what was put into each slot. */
    struct {
        uint8_t name[NAME_CAPACITY];
        uint8_t control[CONTROL_CAPACITY];
        size_t name_length;
        size_t control_length;
        uint32_t length;
        int flags;
    } put[MOST];
    int offered; /* messages that a receive has filled */
    /* Sent: how much of each slot was taken, which failed with what. */
    size_t taken[MOST];
    int accepted[MOST];
    int failed[MOST];
    int full; /* EAGAIN was the last word */
} kernel;

static struct arena_header *header_of(void *arena)
{
    return arena;
}

static size_t arena_bytes(void *arena)
{
    return arena_size(header_of(arena)->slot_count, header_of(arena)->payload_stride);
}

/* The payloads are the kernel's alone: C never reads or writes one. */
static void *arena_of(int shape)
{
    void **arena = &arenas[shape];

    if (*arena == NULL) {
        *arena = new_arena(shapes[shape].slots, shapes[shape].capacity, FAMILY_IPV4);
        ASAN_POISON_MEMORY_REGION(payload_of(*arena, 0), (size_t)shapes[shape].slots * (size_t)header_of(*arena)->payload_stride);
    }
    return *arena;
}

/* Which slots are not this call's; none are while nothing is called. */
static void forbid_slots_from(void *arena, int first)
{
    size_t slots = (size_t)header_of(arena)->slot_count;

    ASAN_UNPOISON_MEMORY_REGION(slot_of(arena, 0), slots * SLOT_SIZE);
    ASAN_POISON_MEMORY_REGION(slot_of(arena, first), (slots - (size_t)first) * SLOT_SIZE);
}

/* A place for names, control data and headers: behind all payloads, within the arena. */
static void expect_in_scratch(const void *at, size_t size)
{
    const uint8_t *first = payload_of(kernel.arena, header_of(kernel.arena)->slot_count);
    const uint8_t *end = (const uint8_t *)kernel.arena + arena_bytes(kernel.arena);

    CHECK((const uint8_t *)at >= first && size <= (size_t)(end - first) && (const uint8_t *)at <= end - size);
}

static int any_errno(void)
{
    static const int usual[] = {EAGAIN, EIO, EINVAL, EMSGSIZE, ENOSYS, EPERM, ENETUNREACH, ENOBUFS, EINTR, ECANCELED};
    uint8_t choice = take_byte(kernel.input);

    if (choice < 200) {
        return usual[choice % (sizeof(usual) / sizeof(usual[0]))];
    }
    return 1 + (int)(take_number(kernel.input) % 4095);
}

/* How many of so many: all, some, none, more than there are, an error. */
static int any_count(unsigned count)
{
    uint8_t choice = take_byte(kernel.input);

    switch (choice % 8) {
    case 0:
    case 1:
        return (int)count;
    case 2:
    case 3:
        return (int)(choice / 8 % (count + 1));
    case 4:
        return (int)count + 1 + choice / 8;
    case 5:
        return choice < 200 ? INT_MAX : 0;
    default:
        return -any_errno();
    }
}

static void expect_called(int fd, unsigned count)
{
    CHECK(fd == FD);
    CHECK(count >= 1 && count <= (unsigned)kernel.count);
}

/* Receiving. */

/* Fills what was offered; the lengths that are told have nothing to do with it. */
static void fill(struct msghdr *message, int index)
{
    struct input *input = kernel.input;
    uint8_t lies = take_byte(input);

    CHECK(message->msg_iovlen == 1 && message->msg_iov->iov_base == payload_of(kernel.arena, index));
    CHECK(message->msg_iov->iov_len == (size_t)header_of(kernel.arena)->payload_capacity);
    CHECK(message->msg_namelen == NAME_CAPACITY && message->msg_controllen == CONTROL_CAPACITY);
    expect_in_scratch(message->msg_name, NAME_CAPACITY);
    expect_in_scratch(message->msg_control, CONTROL_CAPACITY);
    take_bytes(input, message->msg_name, lies & 1 ? sizeof(struct sockaddr_in) : NAME_CAPACITY);
    take_bytes(input, message->msg_control, lies & 2 ? CONTROL_CAPACITY : CMSG_SPACE(sizeof(struct in_pktinfo)));
    message->msg_namelen = lies & 4 ? take_number(input) : NAME_CAPACITY;
    message->msg_controllen = lies & 8 ? take_number(input) | (size_t)take_byte(input) << 56 : CMSG_SPACE(sizeof(struct in_pktinfo));
    message->msg_flags = (int)take_number(input);
    memcpy(kernel.put[index].name, message->msg_name, NAME_CAPACITY);
    memcpy(kernel.put[index].control, message->msg_control, CONTROL_CAPACITY);
    kernel.put[index].name_length = message->msg_namelen;
    kernel.put[index].control_length = message->msg_controllen;
    kernel.put[index].flags = message->msg_flags;
    kernel.put[index].length = take_number(input);
    kernel.offered = index + 1;
}

int kernel_receive(int fd, struct msghdr *message)
{
    expect_called(fd, 1);
    kernel.calls++;
    if (take_byte(kernel.input) % 8 == 7) {
        return -any_errno();
    }
    int index = kernel.offered;
    fill(message, index);
    kernel.put[index].length &= INT_MAX;
    return (int)kernel.put[index].length;
}

int kernel_receive_many(int fd, struct message *messages, unsigned count)
{
    int result = any_count(count);

    expect_called(fd, count);
    expect_in_scratch(messages, count * sizeof(*messages));
    kernel.calls++;
    kernel.answered_many = result;
    for (int i = 0; i < result && i < (int)count; i++) {
        fill(&messages[i].header, i);
        messages[i].length = kernel.put[i].length;
    }
    return result;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The slot holds what the reader finds in blocks that are no longer than they may be. */
static void expect_received(int index)
{
    size_t capacity = (size_t)header_of(kernel.arena)->payload_capacity;
    size_t name_length = smaller(kernel.put[index].name_length, NAME_CAPACITY);
    size_t control_length = smaller(kernel.put[index].control_length, CONTROL_CAPACITY);
    const struct slot *slot = slot_of(kernel.arena, index);
    struct slot expected;

    slot_clear(&expected);
    slot_read_name(&expected, kernel.put[index].name, name_length);
    slot_read_control(&expected, kernel.put[index].control, control_length);
    expected.wire_length = kernel.put[index].length;
    expected.length = (uint32_t)smaller(expected.wire_length, capacity);
    if ((kernel.put[index].flags & MSG_TRUNC) || expected.wire_length > capacity) {
        expected.flags |= FLAG_TRUNCATED;
    }
    if (kernel.put[index].flags & MSG_CTRUNC) {
        expected.flags |= FLAG_CONTROL_TRUNCATED;
    }
    CHECK(memcmp(slot, &expected, sizeof(expected)) == 0);
}

static void receive(struct input *input)
{
    void *arena = arena_of(take_byte(input) % SHAPES);
    int slots = header_of(arena)->slot_count;
    int count = take_byte(input) % slots + 1;
    struct arena_header before = *header_of(arena);

    memset(slot_of(arena, 0), 0xaa, (size_t)slots * SLOT_SIZE);
    kernel.arena = arena;
    kernel.count = count;
    kernel.answered_many = -ENOSYS;
    forbid_slots_from(arena, count);
    int result = arena_receive(arena, FD, count);
    forbid_slots_from(arena, slots);
    CHECK(kernel.calls <= count + 1);
    CHECK(memcmp(&before, arena, sizeof(before)) == 0);
    CHECK(result <= count && result <= kernel.offered);
    CHECK(result >= 0 ? result == kernel.offered : kernel.offered == 0);
    CHECK(kernel.answered_many == -ENOSYS || result == kernel.answered_many || (kernel.answered_many > count && result == count));
    for (int i = 0; i < result; i++) {
        expect_received(i);
    }
}

/* Sending. */

/* Whose payload this is: it begins where the slot's does, or where the last part that was taken ended. */
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

/* Splits the last message off if it says how to cut, as the kernel does with it. */
static size_t cut_size(const struct msghdr *message, size_t *control_length)
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

/* The name and the source are those of this slot, byte by byte but for padding. */
static void expect_way_of(const struct msghdr *message, size_t control_length, int index)
{
    const struct slot *slot = slot_of(kernel.arena, index);
    uint8_t name[NAME_CAPACITY];
    uint8_t control[CONTROL_CAPACITY];
    size_t length = slot_write_name(slot, header_of(kernel.arena)->socket_family, name);

    CHECK(message->msg_namelen == length && memcmp(message->msg_name, name, length) == 0);
    length = slot_write_control(slot, control);
    CHECK(control_length == length || control_length == CMSG_ALIGN(length));
    CHECK(length == 0 || memcmp(message->msg_control, control, length) == 0);
}

/* The pieces that the kernel would make of the message: of one length but for the last, and each slot's own. */
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
        CHECK(pieces == 1 || (!(slot->send_flags & SEND_ALONE) && length == length_of(index)));
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
    size_t segment = cut_size(message, &control_length);
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

/* Peers and sources are few, so that neighbours often share their way. */
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
        /* At least an eighth of the payload: as many calls as there are bytes would take the fuzzer's time. */
        slot->send_segment_size = 1 + (uint32_t)capacity / 8 + take_byte(input);
    }
    if (what & 4) {
        slot->send_flags = SEND_ALONE;
    }
    if ((what & 24) == 24) {
        slot->send_state = what >> 5;
    }
    if ((what & 56) == 40) {
        slot->length = take_number(input);
    }
}

/* Only what says how the sending went may differ. */
static void expect_untouched(const struct slot *before, const struct slot *after)
{
    struct slot same = *before;

    if (before->send_state == STATE_PENDING) {
        same.send_state = after->send_state;
        same.error = after->error;
        same.sent_length = after->sent_length;
        same.send_flags |= after->send_flags & (SEND_ALONE | SEND_REFUSED | SEND_TOGETHER);
    }
    CHECK(!(after->send_flags & SEND_TOGETHER) || (after->send_state == STATE_DONE && after->error == 0));
    CHECK(memcmp(&same, after, sizeof(same)) == 0);
}

/* Done is what the kernel took as a whole, or refused; pending is what it had no room for. */
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

/* A call for each message and each segment, and once more after each refusal: then every one of those is called alone. */
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

static void send_pending(struct input *input)
{
    static const int longest[] = {0, 8, 1472, 65507};
    void *arena = arena_of(take_byte(input) % SHAPES);
    int slots = header_of(arena)->slot_count;
    uint8_t how = take_byte(input);
    int count = how & 128 ? slots : how % slots + 1;

    header_of(arena)->socket_family = take_byte(input) & 1 ? FAMILY_IPV6 : FAMILY_IPV4;
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

/* What Java may ask for by mistake is refused before the kernel hears of it. */
static void ask_too_much(struct input *input)
{
    void *arena = arena_of(0);
    int count = (int)take_number(input);
    size_t size = arena_size(count, (int)take_number(input));

    CHECK(size == 0 || (count >= 1 && count <= MAX_SLOTS && size >= (size_t)count * SLOT_SIZE));
    if (count != 1) {
        CHECK(arena_receive(arena, FD, count) == -EINVAL && arena_send(arena, FD, count) == -EINVAL);
        CHECK(kernel.calls == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};

    kernel.input = &input;
    kernel.calls = 0;
    kernel.offered = 0;
    memset(kernel.taken, 0, sizeof(kernel.taken));
    memset(kernel.accepted, 0, sizeof(kernel.accepted));
    switch (take_byte(&input) % 4) {
    case 0:
        receive(&input);
        break;
    case 1:
        ask_too_much(&input);
        break;
    default:
        send_pending(&input);
    }
    return 0;
}
