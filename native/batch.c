#include "batch.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "kernel.h"
#include "linux_errno.h"
#include "pktinfo.h"

/*
 * C's scratch area behind the payloads. It holds an array of all messages as recvmmsg(2) and sendmmsg(2) take them, an
 * array of all payloads' iovecs, and an array of these structures.
 */
struct scratch {
    struct slot *slot; /* the pending slot with this index */
    uint8_t name[NAME_CAPACITY];
    uint8_t unused[4];
    uint8_t control[CONTROL_CAPACITY];
};

_Static_assert(sizeof(struct scratch) + sizeof(struct message) + sizeof(struct iovec) <= SCRATCH_SIZE, "scratch");
_Static_assert(HEADER_SIZE % 8 == 0 && SLOT_SIZE % 8 == 0, "alignment");

/*
 * The limits of UDP_SEGMENT (Linux 4.18): at most 64 segments on the older kernels, and in total no more than the
 * largest UDP payload over IPv4.
 */
enum { MOST_SEGMENTS = 64, MOST_COALESCED = 65507 };

/*
 * The addresses of the arena's parts. They are computed for each call from the header, which user code cannot reach: it
 * sees views of payloads only.
 */
struct view {
    struct slot *slots;
    uint8_t *payloads;
    struct message *messages;
    struct iovec *places; /* one for each payload */
    struct scratch *scratch;
    size_t longest_coalesced;
    int transmit_form;
    uint32_t transmit_number;
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
    uint8_t *places = messages + count * sizeof(struct message);

    return (struct view){
        .slots = (void *)slots,
        .payloads = payloads,
        .messages = (void *)messages,
        .places = (void *)places,
        .scratch = (void *)(places + count * sizeof(struct iovec)),
        .longest_coalesced = (size_t)header->longest_coalesced,
        .transmit_form = header->transmit_form,
        .transmit_number = header->transmit_number,
        .stride = (size_t)header->payload_stride,
        .capacity = (size_t)header->payload_capacity,
        .count = header->slot_count,
        .family = header->socket_family,
    };
}

/*
 * Prepares a message for receiving. The kernel overwrites msg_namelen and msg_controllen, so they are set before every
 * call.
 */
static void expect(const struct view *view, int index)
{
    struct scratch *scratch = &view->scratch[index];

    slot_clear(&view->slots[index]);
    view->places[index] = (struct iovec){view->payloads + (size_t)index * view->stride, view->capacity};
    view->messages[index] = (struct message){
        .header = {
            .msg_name = scratch->name,
            .msg_namelen = sizeof(scratch->name),
            .msg_iov = &view->places[index],
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

/* Limits a count that the kernel returns to the count requested. A larger one is not believed. */
static int no_more_than(int result, int asked)
{
    return result < asked ? result : asked;
}

static void accept_message(const struct view *view, int index)
{
    const struct message *message = &view->messages[index];
    const struct msghdr *header = &message->header;
    const struct scratch *scratch = &view->scratch[index];
    struct slot *slot = &view->slots[index];

    slot->wire_length = message->length;
    slot->length = (uint32_t)at_most(message->length, view->capacity);
    if ((header->msg_flags & MSG_TRUNC) || slot->wire_length > slot->length) {
        slot->flags |= FLAG_TRUNCATED;
    }
    if (header->msg_flags & MSG_CTRUNC) {
        slot->flags |= FLAG_CONTROL_TRUNCATED;
    }
    slot_read_name(slot, scratch->name, at_most(header->msg_namelen, sizeof(scratch->name)));
    slot_read_control(slot, scratch->control, at_most(header->msg_controllen, sizeof(scratch->control)));
}

/*
 * Receives without recvmmsg(2), which came with Linux 2.6.33. An error after the first datagram is not returned: unlike
 * recvmmsg(2), which keeps such an error for its next call, recvmsg(2) has cleared it. The next call finds the
 * remaining datagrams.
 */
static int receive_one_by_one(const struct view *view, int fd, int count)
{
    for (int i = 0; i < count; i++) {
        int result = kernel_receive(fd, &view->messages[i].header);
        if (result < 0) {
            return i > 0 ? i : result;
        }
        view->messages[i].length = (unsigned)result;
    }
    return count;
}

static int receive_many(const struct view *view, int fd, int count)
{
    int received = count > 1 ? kernel_receive_many(fd, view->messages, (unsigned)count) : -LINUX_ENOSYS;

    return received == -LINUX_ENOSYS ? receive_one_by_one(view, fd, count) : received;
}

int arena_receive(void *arena, int fd, int count)
{
    struct view view = view_of(arena);

    if (count < 1 || count > view.count) {
        return -LINUX_EINVAL;
    }
    for (int i = 0; i < count; i++) {
        expect(&view, i);
    }
    int received = no_more_than(receive_many(&view, fd, count), count);
    for (int i = 0; i < received; i++) {
        accept_message(&view, i);
    }
    return received;
}

/* Sets up message number at to send the pending slot of the given index. More slots may be joined to it later. */
static void address_message(const struct view *view, int at, int pending)
{
    struct scratch *scratch = &view->scratch[at];
    const struct slot *slot = view->scratch[pending].slot;
    size_t control_length = slot_write_control(slot, scratch->control);

    if (slot->send_flags & SEND_WITH_TRANSMIT_TIME) {
        control_length = append_transmit_request(scratch->control, control_length, view->transmit_form,
            view->transmit_number + (uint32_t)(slot - view->slots));
    }
    view->messages[at] = (struct message){
        .header = {
            .msg_name = scratch->name,
            .msg_namelen = (socklen_t)slot_write_name(slot, view->family, scratch->name),
            .msg_iov = &view->places[pending],
            .msg_iovlen = 1,
            .msg_control = control_length > 0 ? scratch->control : NULL,
            .msg_controllen = (socklen_t)control_length, /* size_t in glibc, socklen_t in musl */
        },
    };
}

static struct scratch *first_of(const struct view *view, const struct msghdr *message)
{
    return &view->scratch[message->msg_iov - view->places];
}

static int is_sent_separately(const struct slot *slot)
{
    return (slot->send_flags & (SEND_SEPARATELY | SEND_WITH_TRANSMIT_TIME)) || slot->send_segment_size > 0
        || slot->source_form == FORM_AS_RECEIVED;
}

/*
 * Returns 1 if slot can be coalesced with the message before it. All datagrams must have one length; only the last one
 * may be shorter.
 */
static int joins(const struct view *view, const struct msghdr *message, const struct slot *slot)
{
    const struct slot *first = first_of(view, message)->slot;
    size_t count = (size_t)message->msg_iovlen; /* int in musl */
    size_t length = message->msg_iov[0].iov_len;

    return slot->length > 0 && slot->length <= length && message->msg_iov[count - 1].iov_len == length
        && length <= view->longest_coalesced && count < MOST_SEGMENTS && (count + 1) * length <= MOST_COALESCED
        && !is_sent_separately(first) && !is_sent_separately(slot) && slots_share_way(first, slot);
}

/* Appends the segment size to the control messages of message number at, which may be none. */
static void append_size(const struct view *view, int at, struct msghdr *message, size_t segment)
{
    message->msg_control = view->scratch[at].control;
    message->msg_controllen = (socklen_t)append_segment_size(message->msg_control, message->msg_controllen, segment);
}

static void join(const struct view *view, int at)
{
    struct msghdr *message = &view->messages[at].header;

    if (message->msg_iovlen == 1) {
        append_size(view, at, message, message->msg_iov[0].iov_len);
    }
    message->msg_iovlen++;
}

/* Builds the messages for the pending slots. Returns the number of messages. */
static int address_pending(const struct view *view, int count)
{
    int pending = 0;
    int messages = 0;

    for (int i = 0; i < count; i++) {
        struct slot *slot = &view->slots[i];
        if (slot->send_state != STATE_PENDING) {
            continue;
        }
        view->scratch[pending].slot = slot;
        view->places[pending] =
            (struct iovec){view->payloads + (size_t)i * view->stride, at_most(slot->length, view->capacity)};
        if (messages > 0 && joins(view, &view->messages[messages - 1].header, slot)) {
            join(view, messages - 1);
        } else {
            address_message(view, messages++, pending);
        }
        pending++;
    }
    return messages;
}

/*
 * Returns 1 for the errors of a kernel, device or route that does not segment. A segment longer than the path MTU is
 * one of the causes.
 */
static int is_refusal_to_cut(int error)
{
    return error == LINUX_EIO || error == LINUX_EINVAL || error == LINUX_EMSGSIZE;
}

static int is_to_be_cut(const struct view *view, int at)
{
    const struct msghdr *message = &view->messages[at].header;
    size_t segment = first_of(view, message)->slot->send_segment_size;

    return segment > 0 && segment < message->msg_iov[0].iov_len;
}

/*
 * Sends the next part of a payload that is to be segmented: as many segments as the kernel takes at once, or one.
 * Returns 0 or minus the error.
 */
static int send_part(const struct view *view, int fd, int at, size_t length)
{
    struct msghdr *message = &view->messages[at].header;
    struct slot *slot = first_of(view, message)->slot;
    size_t segment = slot->send_segment_size;
    size_t segments = (slot->send_flags & SEND_SEPARATELY) || segment > MOST_COALESCED
        ? 1
        : at_most(MOST_SEGMENTS, MOST_COALESCED / segment);
    struct iovec place = {
        (uint8_t *)message->msg_iov[0].iov_base + slot->sent_length,
        at_most(segments * segment, length - slot->sent_length),
    };
    struct msghdr part = *message;

    part.msg_iov = &place;
    if (place.iov_len > segment) {
        append_size(view, at, &part, segment);
    }
    int result = kernel_send(fd, &part);
    if (result < 0 && place.iov_len > segment && is_refusal_to_cut(-result)) {
        slot->send_flags |= SEND_SEPARATELY | SEND_SEGMENTATION_REFUSED;
        return 0;
    }
    slot->sent_length = (uint16_t)(slot->sent_length + (result < 0 ? 0 : place.iov_len));
    return result < 0 ? result : 0;
}

static int send_parts(const struct view *view, int fd, int at)
{
    const struct msghdr *message = &view->messages[at].header;
    const struct slot *slot = first_of(view, message)->slot;
    size_t length = message->msg_iov[0].iov_len;
    int result = 0;

    while (result == 0 && slot->sent_length < length) {
        result = send_part(view, fd, at, length);
    }
    return result < 0 ? result : 1;
}

/*
 * Sends one or more messages. Returns their number or minus the error. Falls back to sendmsg(2) on kernels without
 * sendmmsg(2), which came with Linux 3.0.
 */
static int send_some(const struct view *view, int fd, int from, int until)
{
    int end = from;

    if (is_to_be_cut(view, from)) {
        return send_parts(view, fd, from);
    }
    while (end < until && !is_to_be_cut(view, end)) {
        end++;
    }
    int count = end - from;
    int sent = -LINUX_ENOSYS;
    if (count > 1) {
        sent = no_more_than(kernel_send_many(fd, &view->messages[from], (unsigned)count), count);
    }
    if (sent == -LINUX_ENOSYS) {
        int result = kernel_send(fd, &view->messages[from].header);
        sent = result < 0 ? result : 1;
    }
    return sent;
}

static int finish(const struct view *view, int at, int error)
{
    const struct msghdr *message = &view->messages[at].header;
    struct scratch *first = first_of(view, message);
    int count = (int)message->msg_iovlen;

    for (int i = 0; i < count; i++) {
        first[i].slot->error = (uint16_t)error;
        first[i].slot->send_flags |= (uint16_t)(count > 1 && error == 0 ? SEND_COALESCED : 0);
        first[i].slot->send_state = STATE_DONE;
    }
    return count;
}

static void part(const struct view *view, int at)
{
    const struct msghdr *message = &view->messages[at].header;
    struct scratch *first = first_of(view, message);

    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++) {
        first[i].slot->send_flags |= SEND_SEPARATELY | SEND_SEGMENTATION_REFUSED;
    }
}

/*
 * Sends messages until all are done or the send buffer is full, and adds the number of slots done to *done. Returns 0;
 * or 1 if a coalesced message was refused and split, so that the messages must be built anew. sendmmsg(2) stops at the
 * first message that fails, and reports the error only if the next call begins with it.
 */
static int send_messages(const struct view *view, int fd, int messages, int *done)
{
    int at = 0;

    while (at < messages) {
        int sent = send_some(view, fd, at, messages);
        if (sent == -LINUX_EAGAIN) {
            return 0;
        }
        if (sent <= 0) {
            int error = sent == 0 ? LINUX_EIO : -sent;
            if (view->messages[at].header.msg_iovlen > 1 && is_refusal_to_cut(error)) {
                part(view, at);
                return 1;
            }
            *done += finish(view, at++, error);
        }
        for (; sent > 0 && at < messages; sent--) {
            *done += finish(view, at++, 0);
        }
    }
    return 0;
}

int arena_send(void *arena, int fd, int count)
{
    struct view view = view_of(arena);
    int done = 0;

    if (count < 1 || count > view.count) {
        return -LINUX_EINVAL;
    }
    while (send_messages(&view, fd, address_pending(&view, count), &done)) {
    }
    return done;
}
