/*
 * batch.c and pktinfo.c on an operating system that is not Linux: the headers of elsewhere/, and the kernel file in
 * here.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "arenas.h"
#include "control.h"
#include "expect.h"
#include "kernel.h"
#include "pktinfo.h"

enum { FD = 5, CAPACITY = 64, ANY_LEVEL = 3, ADDRESS_TYPE = 7, HOP_LIMIT_TYPE = 9, CLASS_TYPE = 11 };

/* Data bytes of a message after which padding to 8 and padding to 4 give different offsets for the next one. */
enum { ODD = 5 };

/* Linux's numbers: a kernel file translates its own. */
enum { AGAIN = 11, NO_CALL = 38, NETWORK_UNREACHABLE = 101 };

static const uint8_t PEER[4] = {10, 9, 0, 100};
static const uint8_t ASKED[4] = {10, 9, 0, 2};

/* The datagram and the messages of this system's kernel. */
static struct {
    size_t arriving; /* bytes of the datagram in the queue, 0: none */
    struct msghdr sent;
    uint8_t name[NAME_CAPACITY];
    uint8_t control[CONTROL_CAPACITY];
    int calls;
    int error; /* error of sending */
} kernel;

static void read_message(void *target, int level, int type, const uint8_t *data, size_t length)
{
    struct slot *slot = target;

    if (level == ANY_LEVEL && type == ADDRESS_TYPE && length == 4) {
        memcpy(slot->in_address, data, 4);
        slot->flags |= FLAG_IN_PKTINFO;
    } else if (level == ANY_LEVEL && type == HOP_LIMIT_TYPE && length == ODD) {
        slot->hop_limit = *data;
        slot->flags |= FLAG_HOP_LIMIT;
    } else if (level == ANY_LEVEL && type == CLASS_TYPE && length == 1) {
        slot->traffic_class = *data;
        slot->flags |= FLAG_TRAFFIC_CLASS;
    }
}

void slot_read_control(struct slot *slot, const void *control, size_t length)
{
    control_walk(slot, control, length, read_message);
}

size_t control_write_ipv4(uint8_t *control, const uint8_t address[4], uint32_t interface)
{
    (void)interface;
    memcpy(control_begin(control, ANY_LEVEL, ADDRESS_TYPE, 4), address, 4);
    return CMSG_LEN(4);
}

size_t control_write_ipv6(uint8_t *control, const uint8_t address[16], uint32_t interface)
{
    (void)address;
    *control_begin(control, ANY_LEVEL, HOP_LIMIT_TYPE, ODD) = (uint8_t)interface;
    return CMSG_LEN(ODD);
}

size_t control_write_traffic_class(uint8_t *control, int ipv4, uint8_t traffic_class)
{
    EXPECT_EQUAL(1, ipv4);
    *control_begin(control, ANY_LEVEL, CLASS_TYPE, 1) = traffic_class;
    return CMSG_LEN(1);
}

size_t control_write_hop_limit(uint8_t *control, int ipv4, uint8_t hop_limit)
{
    EXPECT_EQUAL(1, ipv4);
    *control_begin(control, ANY_LEVEL, HOP_LIMIT_TYPE, ODD) = hop_limit;
    return CMSG_LEN(ODD);
}

size_t control_write_transmit_request(uint8_t *control)
{
    (void)control;
    abort();
}

size_t control_write_transmit_number(uint8_t *control, uint32_t number)
{
    (void)control, (void)number;
    abort();
}

size_t control_write_segment_size(uint8_t *control, size_t segment_size)
{
    (void)control, (void)segment_size;
    abort();
}

static size_t write_name(void *name)
{
    struct slot peer = {.peer_port = 4711};

    memcpy(peer.peer_address + 12, PEER, 4);
    return slot_write_name(&peer, FAMILY_IPV4, name);
}

/* Reports a datagram that did not fit, and nothing else of it. */
int kernel_receive(int fd, struct msghdr *message)
{
    uint8_t *control = message->msg_control;
    size_t length = message->msg_iov->iov_len;

    (void)fd;
    kernel.calls++;
    if (kernel.arriving == 0) {
        return -AGAIN;
    }
    message->msg_namelen = (socklen_t)write_name(message->msg_name);
    *control_begin(control, ANY_LEVEL, HOP_LIMIT_TYPE, ODD) = 9;
    memcpy(control_begin(control + CMSG_SPACE(ODD), ANY_LEVEL, ADDRESS_TYPE, 4), ASKED, 4);
    message->msg_controllen = (socklen_t)(CMSG_SPACE(ODD) + CMSG_LEN(4));
    message->msg_flags = kernel.arriving > length ? MSG_TRUNC : 0;
    length = kernel.arriving < length ? kernel.arriving : length;
    kernel.arriving = 0;
    return (int)length;
}

int kernel_receive_many(int fd, struct message *messages, unsigned count)
{
    (void)fd, (void)messages, (void)count;
    return -NO_CALL;
}

int kernel_send(int fd, const struct msghdr *message)
{
    (void)fd;
    kernel.calls++;
    kernel.sent = *message;
    memcpy(kernel.name, message->msg_name, message->msg_namelen);
    if (message->msg_control != NULL) {
        memcpy(kernel.control, message->msg_control, message->msg_controllen);
    }
    return kernel.error != 0 ? -kernel.error : (int)message->msg_iov->iov_len;
}

int kernel_send_many(int fd, struct message *messages, unsigned count)
{
    (void)fd, (void)messages, (void)count;
    return -NO_CALL;
}

static void the_family_is_read_and_written_behind_the_length_byte(void)
{
    const struct sockaddr_in in = {.sin_len = 16, .sin_family = AF_INET, .sin_port = htons(4711), .sin_addr.s_addr = 1};
    const struct sockaddr_in6 in6 = {
        .sin6_len = 28, .sin6_family = AF_INET6, .sin6_port = htons(4711), .sin6_scope_id = 7};
    uint8_t name[NAME_CAPACITY];
    struct slot slot = {0};

    slot_read_name(&slot, &in6, sizeof(in6));
    EXPECT_EQUAL(4711, slot.peer_port);
    EXPECT_EQUAL(7, slot.peer_scope);
    EXPECT_EQUAL(28, slot_write_name(&slot, FAMILY_IPV6, name));
    EXPECT_EQUAL(AF_INET6, name[1]);
    slot = (struct slot){0};
    slot_read_name(&slot, &in, sizeof(in));
    EXPECT_EQUAL(4711, slot.peer_port);
    EXPECT_EQUAL(0xff, slot.peer_address[11]);
    EXPECT_EQUAL(16, slot_write_name(&slot, FAMILY_IPV4, name));
    EXPECT_EQUAL(AF_INET, name[1]);
}

/* The name ends with its memory, so that AddressSanitizer reports an access beyond it; a length byte is no family. */
static void a_name_too_short_for_a_family_is_none(void)
{
    for (size_t length = 0; length < 2; length++) {
        uint8_t *name = malloc(1);
        struct slot slot = {0};
        if (name == NULL) {
            abort();
        }
        *name = AF_INET;
        slot_read_name(&slot, name, length);
        EXPECT_EQUAL(0, slot.peer_port);
        free(name);
    }
}

static void a_datagram_is_received_with_what_its_control_messages_say(void)
{
    void *arena = new_arena(2, CAPACITY, FAMILY_IPV4);
    const struct slot *slot = slot_of(arena, 0);

    kernel.arriving = CAPACITY;
    EXPECT_EQUAL(1, arena_receive(arena, FD, 2));
    EXPECT_EQUAL(4711, slot->peer_port);
    EXPECT_BYTES(PEER, slot->peer_address + 12, 4);
    EXPECT_EQUAL(FLAG_IN_PKTINFO | FLAG_HOP_LIMIT, slot->flags);
    EXPECT_EQUAL(9, slot->hop_limit);
    EXPECT_BYTES(ASKED, slot->in_address, 4);
    EXPECT_EQUAL(-AGAIN, arena_receive(arena, FD, 2));
    free(arena);
}

static void a_datagram_that_does_not_fit_is_flagged_though_the_kernel_does_not_tell_its_length(void)
{
    void *arena = new_arena(1, CAPACITY, FAMILY_IPV4);
    const struct slot *slot = slot_of(arena, 0);

    kernel.arriving = CAPACITY + 1;
    EXPECT_EQUAL(1, arena_receive(arena, FD, 1));
    EXPECT_EQUAL(FLAG_TRUNCATED, slot->flags & FLAG_TRUNCATED);
    EXPECT_EQUAL(CAPACITY, slot->length);
    EXPECT_EQUAL(CAPACITY, slot->wire_length);
    free(arena);
}

static struct slot reply(uint8_t form)
{
    struct slot slot = {.peer_port = 4711, .length = 3, .source_form = form, .send_state = STATE_PENDING};

    memcpy(slot.peer_address + 12, PEER, 4);
    memcpy(slot.source_address + 12, ASKED, 4);
    memcpy(slot.in_local, ASKED, 4);
    slot.in6_interface = 9;
    return slot;
}

static void a_reply_names_its_source_or_has_no_control_data_at_all(void)
{
    void *arena = new_arena(2, CAPACITY, FAMILY_IPV4);
    uint8_t name[NAME_CAPACITY];

    *slot_of(arena, 0) = reply(FORM_IN_PKTINFO);
    EXPECT_EQUAL(1, arena_send(arena, FD, 1));
    EXPECT_EQUAL(16, kernel.sent.msg_namelen);
    write_name(name);
    EXPECT_BYTES(name, kernel.name, 16);
    EXPECT_EQUAL(16, kernel.sent.msg_controllen);
    EXPECT_BYTES(ASKED, kernel.control + 12, 4);

    *slot_of(arena, 0) = reply(FORM_NONE);
    EXPECT_EQUAL(1, arena_send(arena, FD, 1));
    EXPECT_EQUAL(0, kernel.sent.msg_controllen);
    EXPECT_EQUAL(1, kernel.sent.msg_control == NULL);
    free(arena);
}

static void control_messages_follow_each_other_where_this_system_looks_for_them(void)
{
    struct slot slot = reply(FORM_AS_RECEIVED);
    uint8_t control[CONTROL_CAPACITY];
    struct slot read = {0};

    slot.flags = FLAG_IN_PKTINFO | FLAG_IN6_PKTINFO | FLAG_IN6_PKTINFO_FIRST;
    memset(control, 0xaa, sizeof(control));
    EXPECT_EQUAL(CMSG_SPACE(ODD) + CMSG_LEN(4), slot_write_control(&slot, control));
    EXPECT_BYTES("\0\0\0", control + CMSG_LEN(ODD), 3);
    slot_read_control(&read, control, CMSG_SPACE(ODD) + CMSG_LEN(4));
    EXPECT_EQUAL(9, read.hop_limit);
    EXPECT_BYTES(ASKED, read.in_address, 4);
}

/* The peer is IPv4-mapped; all messages but the last are padded as this system pads. */
static void header_fields_follow_the_source(void)
{
    struct slot slot = reply(FORM_IN_PKTINFO);
    uint8_t control[CONTROL_CAPACITY];
    struct slot read = {0};

    memset(slot.peer_address + 10, 0xff, 2);
    slot.send_flags = SEND_WITH_TRAFFIC_CLASS | SEND_WITH_HOP_LIMIT;
    slot.send_traffic_class = 0xb9;
    slot.send_hop_limit = 77;
    memset(control, 0xaa, sizeof(control));
    size_t length = slot_write_control(&slot, control);
    EXPECT_EQUAL(CMSG_SPACE(4) + CMSG_SPACE(1) + CMSG_LEN(ODD), length);
    EXPECT_BYTES("\0\0\0", control + CMSG_SPACE(4) + CMSG_LEN(1), 3);
    slot_read_control(&read, control, length);
    EXPECT_EQUAL(FLAG_IN_PKTINFO | FLAG_TRAFFIC_CLASS | FLAG_HOP_LIMIT, read.flags);
    EXPECT_BYTES(ASKED, read.in_address, 4);
    EXPECT_EQUAL(0xb9, read.traffic_class);
    EXPECT_EQUAL(77, read.hop_limit);
}

/* Two at once, so that sending tries the call for many messages. */
static void errors_are_known_by_the_numbers_of_linux(void)
{
    void *arena = new_arena(2, CAPACITY, FAMILY_IPV4);

    for (int i = 0; i < 2; i++) {
        *slot_of(arena, i) = reply(FORM_IN_PKTINFO);
    }
    kernel.calls = 0;
    kernel.error = AGAIN;
    EXPECT_EQUAL(0, arena_send(arena, FD, 2));
    EXPECT_EQUAL(1, kernel.calls);
    kernel.error = NETWORK_UNREACHABLE;
    EXPECT_EQUAL(2, arena_send(arena, FD, 2));
    EXPECT_EQUAL(NETWORK_UNREACHABLE, slot_of(arena, 1)->error);
    kernel.error = 0;
    EXPECT_EQUAL(-22, arena_receive(arena, FD, 3));
    free(arena);
}

int main(void)
{
    the_family_is_read_and_written_behind_the_length_byte();
    a_name_too_short_for_a_family_is_none();
    a_datagram_is_received_with_what_its_control_messages_say();
    a_datagram_that_does_not_fit_is_flagged_though_the_kernel_does_not_tell_its_length();
    a_reply_names_its_source_or_has_no_control_data_at_all();
    control_messages_follow_each_other_where_this_system_looks_for_them();
    header_fields_follow_the_source();
    errors_are_known_by_the_numbers_of_linux();
    return expect_failures > 0;
}
