#define _GNU_SOURCE
#include "batch.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "kernel.h"
#include "pktinfo.h"

/* What only C uses, behind the payloads: all message headers in a row, as the kernel wants them, then one of these each. */
struct scratch {
    struct iovec payload;
    struct slot *slot;
    uint8_t name[NAME_CAPACITY];
    uint8_t unused[4];
    uint8_t control[CONTROL_CAPACITY];
};

_Static_assert(sizeof(struct scratch) + sizeof(struct mmsghdr) <= SCRATCH_SIZE, "scratch");
_Static_assert(HEADER_SIZE % 8 == 0 && SLOT_SIZE % 8 == 0, "alignment");

/* Where everything is; made anew for each call from the header, which Java cannot reach after the arena was prepared. */
struct view {
    struct slot *slots;
    uint8_t *payloads;
    struct mmsghdr *messages;
    struct scratch *scratch;
    size_t stride;
    size_t capacity;
    int count;
    int family;
};

size_t arena_size(int slot_count, int payload_stride)
{
    if (slot_count < 1 || slot_count > MAX_SLOTS || payload_stride < 8 || payload_stride % 8 != 0
        || payload_stride > MAX_STRIDE) {
        return 0;
    }
    return HEADER_SIZE
        + (size_t)slot_count * (SLOT_SIZE + (size_t)payload_stride + SCRATCH_SIZE);
}

static struct view view_of(void *arena)
{
    const struct arena_header *header = arena;
    size_t count = (size_t)header->slot_count;
    uint8_t *slots = (uint8_t *)arena + HEADER_SIZE;
    uint8_t *payloads = slots + count * sizeof(struct slot);
    uint8_t *messages = payloads + count * (size_t)header->payload_stride;

    return (struct view){
        .slots = (void *)slots,
        .payloads = payloads,
        .messages = (void *)messages,
        .scratch = (void *)(messages + count * sizeof(struct mmsghdr)),
        .stride = (size_t)header->payload_stride,
        .capacity = (size_t)header->payload_capacity,
        .count = header->slot_count,
        .family = header->socket_family,
    };
}

/* The kernel overwrites name and control lengths: they are set before every receive, not once. */
static void expect(const struct view *view, int index)
{
    struct scratch *scratch = &view->scratch[index];

    slot_clear(&view->slots[index]);
    scratch->payload.iov_base = view->payloads + (size_t)index * view->stride;
    scratch->payload.iov_len = view->capacity;
    view->messages[index] = (struct mmsghdr){
        .msg_hdr = {
            .msg_name = scratch->name,
            .msg_namelen = sizeof(scratch->name),
            .msg_iov = &scratch->payload,
            .msg_iovlen = 1,
            .msg_control = scratch->control,
            .msg_controllen = sizeof(scratch->control),
        },
    };
}

static size_t at_most(size_t length, size_t limit)
{
    return length < limit ? length : limit;
}

static void accept_message(const struct view *view, int index)
{
    const struct mmsghdr *message = &view->messages[index];
    const struct msghdr *header = &message->msg_hdr;
    const struct scratch *scratch = &view->scratch[index];
    struct slot *slot = &view->slots[index];

    slot->wire_length = message->msg_len;
    slot->length = (uint32_t)at_most(message->msg_len, view->capacity);
    if ((header->msg_flags & MSG_TRUNC) || slot->wire_length > slot->length) {
        slot->flags |= FLAG_TRUNCATED;
    }
    if (header->msg_flags & MSG_CTRUNC) {
        slot->flags |= FLAG_CONTROL_TRUNCATED;
    }
    slot_read_name(slot, scratch->name, at_most(header->msg_namelen, sizeof(scratch->name)));
    slot_read_control(slot, scratch->control, at_most(header->msg_controllen, sizeof(scratch->control)));
}

/* recvmmsg(2) came with Linux 2.6.33; a kernel without it gets recvmsg(2). */
static int receive_one_by_one(const struct view *view, int fd, int count)
{
    for (int i = 0; i < count; i++) {
        int result = kernel_receive(fd, &view->messages[i].msg_hdr);
        if (result < 0) {
            return i > 0 ? i : result;
        }
        view->messages[i].msg_len = (unsigned)result;
    }
    return count;
}

static int receive_many(const struct view *view, int fd, int count)
{
    int received = count > 1 ? kernel_receive_many(fd, view->messages, (unsigned)count) : -ENOSYS;

    return received == -ENOSYS ? receive_one_by_one(view, fd, count) : received;
}

int arena_receive(void *arena, int fd, int count)
{
    struct view view = view_of(arena);

    if (count < 1 || count > view.count) {
        return -EINVAL;
    }
    for (int i = 0; i < count; i++) {
        expect(&view, i);
    }
    int received = receive_many(&view, fd, count);
    for (int i = 0; i < received; i++) {
        accept_message(&view, i);
    }
    return received;
}

/* Message number `at` will send this slot; both are counted apart because slots without a reply are left out. */
static void address_message(const struct view *view, int at, int index)
{
    struct scratch *scratch = &view->scratch[at];
    struct slot *slot = &view->slots[index];
    size_t control_length = slot_write_control(slot, scratch->control);

    scratch->slot = slot;
    scratch->payload.iov_base = view->payloads + (size_t)index * view->stride;
    scratch->payload.iov_len = at_most(slot->length, view->capacity);
    view->messages[at] = (struct mmsghdr){
        .msg_hdr = {
            .msg_name = scratch->name,
            .msg_namelen = (socklen_t)slot_write_name(slot, view->family, scratch->name),
            .msg_iov = &scratch->payload,
            .msg_iovlen = 1,
            .msg_control = control_length == 0 ? NULL : scratch->control,
            .msg_controllen = (socklen_t)control_length, /* a size_t in glibc, a socklen_t in musl */
        },
    };
}

static int address_pending(const struct view *view, int count)
{
    int pending = 0;

    for (int i = 0; i < count; i++) {
        if (view->slots[i].send_state == STATE_PENDING) {
            address_message(view, pending++, i);
        }
    }
    return pending;
}

/* sendmmsg(2) came with Linux 3.0. */
static int send_some(const struct view *view, int fd, int from, int until)
{
    int sent = until - from > 1 ? kernel_send_many(fd, &view->messages[from], (unsigned)(until - from)) : -ENOSYS;

    if (sent == -ENOSYS) {
        int result = kernel_send(fd, &view->messages[from].msg_hdr);
        sent = result < 0 ? result : 1;
    }
    return sent;
}

static void finish(const struct view *view, int at, int error)
{
    view->scratch[at].slot->error = (uint32_t)error;
    view->scratch[at].slot->send_state = STATE_DONE;
}

/* sendmmsg(2) stops at the first message that fails and reports the error only when called again from there. */
int arena_send(void *arena, int fd, int count)
{
    struct view view = view_of(arena);

    if (count < 1 || count > view.count) {
        return -EINVAL;
    }
    int pending = address_pending(&view, count);
    int done = 0;
    while (done < pending) {
        int sent = send_some(&view, fd, done, pending);
        if (sent == -EAGAIN) {
            return done;
        }
        if (sent <= 0) {
            finish(&view, done++, sent == 0 ? EIO : -sent);
        }
        for (; sent > 0 && done < pending; sent--) {
            finish(&view, done++, 0);
        }
    }
    return done;
}
