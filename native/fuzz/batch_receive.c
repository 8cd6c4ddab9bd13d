/* Receiving from a kernel that lies: every slot holds the datagram that was put into it, truncated to its capacity. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "../test/arenas.h"
#include "batch_kernel.h"
#include "kernel.h"
#include "pktinfo.h"

/* Fills the buffers that were offered; the lengths that are reported are independent of it. */
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
    message->msg_controllen = lies & 8 ? take_number(input) | (size_t)take_byte(input) << 56
                                       : CMSG_SPACE(sizeof(struct in_pktinfo));
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

/* The slot holds the values that the reader finds in blocks limited to their capacity. */
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

void receive(struct input *input)
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
    CHECK(kernel.answered_many == -ENOSYS || result == kernel.answered_many
        || (kernel.answered_many > count && result == count));
    for (int i = 0; i < result; i++) {
        expect_received(i);
    }
}
