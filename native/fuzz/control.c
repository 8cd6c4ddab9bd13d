/*
 * Control messages and addresses: reads stay within bounds, written messages are read back, unknown ones are skipped.
 * The first byte selects how the rest is interpreted.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include "../test/messages.h"
#include "input.h"
#include "linux_times.h"
#include "pktinfo.h"

enum { IPV6_ORIGINAL = 74, MARK = 36, TIMES = 37 };
enum { UDP_LEVEL = 17, SEGMENT = 103, GRO = 104, KNOWN_FLAGS = 0x1fff, ROOM = 1024 };

/* The fields that the reader is to fill; it must not touch any other field of a slot. */
static void expect_only_received(const struct slot *slot)
{
    static const struct slot nothing;

    CHECK((slot->flags & ~(uint32_t)KNOWN_FLAGS) == 0);
    CHECK(!(slot->flags & FLAG_IN6_PKTINFO_FIRST) || (slot->flags & FLAG_IN6_PKTINFO));
    CHECK((slot->flags & FLAG_IN_PKTINFO) || memcmp(slot->in_address, nothing.in_address, 12) == 0);
    CHECK((slot->flags & FLAG_IN6_PKTINFO) || memcmp(slot->in6_address, nothing.in6_address, 20) == 0);
    CHECK((slot->flags & FLAG_DROP_COUNT) || slot->drop_count == 0);
    CHECK((slot->flags & FLAG_RECEIVE_TIME) || slot->receive_time == 0);
    CHECK((slot->flags & FLAG_SEGMENT_SIZE) ? slot->segment_size > 0 : slot->segment_size == 0);
    CHECK((slot->flags & FLAG_TRAFFIC_CLASS) || slot->traffic_class == 0);
    CHECK((slot->flags & FLAG_HOP_LIMIT) || slot->hop_limit == 0);
    CHECK((slot->flags & FLAG_HARDWARE_TIME) || slot->hardware_time == 0);
    CHECK((slot->flags & FLAG_MARK) || slot->mark == 0);
    CHECK((slot->flags & FLAG_ORIGINAL_PORT) || slot->original_port == 0);
    CHECK(memcmp(slot->source_address, nothing.source_address,
        offsetof(struct slot, mark) - offsetof(struct slot, source_address)) == 0);
    CHECK(slot->error == 0);
    CHECK(memcmp(&slot->sent_length, &nothing.sent_length, sizeof(*slot) - offsetof(struct slot, sent_length)) == 0);
    CHECK(slot->length == 0 && slot->wire_length == 0);
}

/*
 * The fuzzer's block is exactly as long as the input, so that an access one byte beyond it is detected. Odd addresses
 * are included.
 */
static void read_anything(const uint8_t *data, size_t size)
{
    struct slot slot;

    slot_clear(&slot);
    slot_read_control(&slot, data, size);
    expect_only_received(&slot);
    slot_clear(&slot);
    slot_read_name(&slot, data, size);
    expect_only_received(&slot);
    CHECK(slot.flags == 0);
}

struct message {
    int level;
    int type;
    uint8_t data[64];
    size_t length;
};

/*
 * The message types that are understood, then one that is not, then any; with a correct length or a wrong one.
 */
static void take_message(struct input *input, struct message *message)
{
    static const struct message known[] = {
        {.level = IPPROTO_IP, .type = IP_PKTINFO, .length = sizeof(struct in_pktinfo)},
        {.level = IPPROTO_IPV6, .type = IPV6_PKTINFO, .length = sizeof(struct in6_pktinfo)},
        {.level = IPPROTO_IP, .type = IP_TOS, .length = 1},
        {.level = IPPROTO_IP, .type = IP_TTL, .length = sizeof(int)},
        {.level = IPPROTO_IPV6, .type = IPV6_TCLASS, .length = sizeof(int)},
        {.level = IPPROTO_IPV6, .type = IPV6_HOPLIMIT, .length = sizeof(int)},
        {.level = SOL_SOCKET, .type = SO_TIMESTAMPNS, .length = sizeof(struct timespec)},
        {.level = SOL_SOCKET, .type = SO_RXQ_OVFL, .length = sizeof(uint32_t)},
        {.level = UDP_LEVEL, .type = GRO, .length = sizeof(int)},
        {.level = IPPROTO_IP, .type = IP_RECVORIGDSTADDR, .length = sizeof(struct sockaddr_in)},
        {.level = IPPROTO_IPV6, .type = IPV6_ORIGINAL, .length = sizeof(struct sockaddr_in6)},
        {.level = SOL_SOCKET, .type = MARK, .length = sizeof(uint32_t)},
        {.level = SOL_SOCKET, .type = TIMES, .length = 3 * sizeof(struct timespec)},
        {.level = SOL_SOCKET, .type = SCM_CREDENTIALS, .length = sizeof(struct ucred)},
    };
    uint8_t choice = take_byte(input);

    *message = known[(choice & 15) % (sizeof(known) / sizeof(known[0]))];
    if (choice & 16) {
        message->length = take_byte(input) % sizeof(message->data);
    }
    if (choice & 32) {
        message->level = (int)take_number(input);
        message->type = (int)take_number(input);
    }
    take_bytes(input, message->data, message->length);
}

static int is_of(const struct message *message, int level, int type, size_t length)
{
    return message->level == level && message->type == type && message->length == length;
}

static int number_of(const struct message *message)
{
    int number;

    memcpy(&number, message->data, sizeof(number));
    return number;
}

static void understand_addresses(struct slot *slot, const struct message *message)
{
    struct in_pktinfo in;
    struct in6_pktinfo in6;

    if (is_of(message, IPPROTO_IP, IP_PKTINFO, sizeof(in))) {
        memcpy(&in, message->data, sizeof(in));
        memcpy(slot->in_address, &in.ipi_addr, 4);
        memcpy(slot->in_local, &in.ipi_spec_dst, 4);
        slot->in_interface = in.ipi_ifindex < 0 ? 0 : (uint32_t)in.ipi_ifindex;
        slot->flags |= FLAG_IN_PKTINFO;
    } else if (is_of(message, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(in6))) {
        memcpy(&in6, message->data, sizeof(in6));
        memcpy(slot->in6_address, &in6.ipi6_addr, 16);
        slot->in6_interface = in6.ipi6_ifindex;
        slot->flags |= slot->flags & FLAG_IN_PKTINFO ? FLAG_IN6_PKTINFO : FLAG_IN6_PKTINFO | FLAG_IN6_PKTINFO_FIRST;
    }
}

static void understand_numbers(struct slot *slot, const struct message *message)
{
    if (is_of(message, IPPROTO_IP, IP_TOS, 1) || is_of(message, IPPROTO_IPV6, IPV6_TCLASS, 4)) {
        slot->traffic_class = message->length == 1 ? message->data[0] : (uint8_t)number_of(message);
        slot->flags |= FLAG_TRAFFIC_CLASS;
    } else if ((is_of(message, IPPROTO_IP, IP_TTL, 4) || is_of(message, IPPROTO_IPV6, IPV6_HOPLIMIT, 4))
        && number_of(message) >= 0 && number_of(message) < 256) {
        slot->hop_limit = (uint8_t)number_of(message);
        slot->flags |= FLAG_HOP_LIMIT;
    } else if (is_of(message, SOL_SOCKET, SO_RXQ_OVFL, 4)) {
        memcpy(&slot->drop_count, message->data, 4);
        slot->flags |= FLAG_DROP_COUNT;
    } else if (is_of(message, UDP_LEVEL, GRO, 4) && number_of(message) > 0 && number_of(message) < 65536) {
        slot->segment_size = (uint16_t)number_of(message);
        slot->flags |= FLAG_SEGMENT_SIZE;
    } else if (is_of(message, SOL_SOCKET, MARK, 4)) {
        memcpy(&slot->mark, message->data, 4);
        slot->flags |= FLAG_MARK;
    } else if (is_of(message, IPPROTO_IP, IP_RECVORIGDSTADDR, sizeof(struct sockaddr_in))
        || is_of(message, IPPROTO_IPV6, IPV6_ORIGINAL, sizeof(struct sockaddr_in6))) {
        slot->original_port = (uint16_t)(message->data[2] << 8 | message->data[3]);
        slot->flags |= FLAG_ORIGINAL_PORT;
    }
}

static int64_t time_at(const struct message *message, size_t at)
{
    struct timespec time;

    memcpy(&time, message->data + at, sizeof(time));
    return (int64_t)((uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec);
}

/* Of three times the last one is the device's, and zeros are none. */
static void understand_times(struct slot *slot, const struct message *message)
{
    static const uint8_t zeros[sizeof(struct timespec)];
    const size_t third = 2 * sizeof(struct timespec);

    if (is_of(message, SOL_SOCKET, SO_TIMESTAMPNS, sizeof(struct timespec))) {
        slot->receive_time = time_at(message, 0);
        slot->flags |= FLAG_RECEIVE_TIME;
    } else if (is_of(message, SOL_SOCKET, TIMES, 3 * sizeof(struct timespec))
        && memcmp(message->data + third, zeros, sizeof(zeros)) != 0) {
        slot->hardware_time = time_at(message, third);
        slot->flags |= FLAG_HARDWARE_TIME;
    }
}

static void understand(struct slot *slot, const struct message *message)
{
    understand_addresses(slot, message);
    understand_numbers(slot, message);
    understand_times(slot, message);
}

/* Every message that is understood is read as it was written, whatever other messages and padding surround it. */
static void read_messages(struct input *input)
{
    uint8_t control[ROOM];
    struct message message = {.level = -1};
    struct slot expected;
    struct slot slot;
    size_t length = 0;

    slot_clear(&expected);
    while (input->left > 1 && length + CMSG_SPACE(sizeof(message.data)) < sizeof(control)) {
        understand(&expected, &message);
        take_message(input, &message);
        length = append_message(control, length, message.level, message.type, message.data, message.length);
    }
    /* The block ends after the last message, before its padding, or within it: a truncated message is ignored. */
    size_t missing = length > 0 ? take_byte(input) % CMSG_SPACE(message.length) : 0;
    size_t whole = length - missing;
    if (missing <= CMSG_SPACE(message.length) - CMSG_LEN(message.length)) {
        understand(&expected, &message);
    }
    uint8_t *exact = malloc(whole);
    CHECK(exact != NULL || whole == 0);
    memcpy(exact, control, whole);
    slot_clear(&slot);
    slot_read_control(&slot, exact, whole);
    free(exact);
    CHECK(memcmp(&slot, &expected, sizeof(slot)) == 0);
}

/* The packet information of both families, two header fields, a request and its number, and the segment size. */
enum { MOST_MESSAGES = 7 };

/*
 * The control data as sendmsg(2) parses it: each message's header must be whole and its length within the remaining
 * bytes (CMSG_OK of linux/socket.h).
 */
static int walk(const uint8_t *control, size_t length, struct message *messages)
{
    int count = 0;

    for (size_t at = 0; at + sizeof(struct cmsghdr) <= length;) {
        struct cmsghdr header;
        memcpy(&header, control + at, sizeof(header));
        CHECK(header.cmsg_len >= sizeof(header) && header.cmsg_len <= length - at);
        CHECK(count < MOST_MESSAGES);
        messages[count] = (struct message){
            .level = header.cmsg_level, .type = header.cmsg_type, .length = header.cmsg_len - CMSG_LEN(0)};
        CHECK(messages[count].length <= sizeof(messages[count].data));
        memcpy(messages[count].data, control + at + CMSG_LEN(0), messages[count].length);
        count++;
        at += CMSG_ALIGN(header.cmsg_len);
    }
    return count;
}

static void expect_source(const struct slot *slot, const struct slot *read)
{
    const uint32_t flags = read->flags & ~(uint32_t)(FLAG_TRAFFIC_CLASS | FLAG_HOP_LIMIT);

    switch (slot->source_form) {
    case FORM_IN_PKTINFO:
        CHECK(flags == FLAG_IN_PKTINFO && memcmp(read->in_local, slot->source_address + 12, 4) == 0);
        CHECK(read->in_interface == ((int32_t)slot->source_interface > 0 ? slot->source_interface : 0));
        break;
    case FORM_IN6_PKTINFO:
        CHECK(flags == (FLAG_IN6_PKTINFO | FLAG_IN6_PKTINFO_FIRST));
        CHECK(memcmp(read->in6_address, slot->source_address, 16) == 0);
        CHECK(read->in6_interface == slot->source_interface);
        break;
    case FORM_AS_RECEIVED: {
        uint32_t both = slot->flags & (FLAG_IN_PKTINFO | FLAG_IN6_PKTINFO);
        CHECK((flags & (FLAG_IN_PKTINFO | FLAG_IN6_PKTINFO)) == both);
        CHECK(!(both & FLAG_IN_PKTINFO) || memcmp(read->in_local, slot->in_local, 4) == 0);
        CHECK(!(both & FLAG_IN6_PKTINFO) || memcmp(read->in6_address, slot->in6_address, 16) == 0);
        break;
    }
    default:
        CHECK(flags == 0);
    }
}

/* Returns 1 for a header field as an int, in the form of the peer's family. */
static int is_field(const struct message *message, const struct slot *slot, int ipv4, int ipv6, int value)
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
    int four = memcmp(slot->peer_address, mapped, sizeof(mapped)) == 0;

    return is_of(message, four ? IPPROTO_IP : IPPROTO_IPV6, four ? ipv4 : ipv6, sizeof(int))
        && number_of(message) == value;
}

/* The header fields are the last messages, the traffic class before the hop limit. */
static void expect_fields(const struct slot *slot, const struct message *messages, int count)
{
    int fields = 0;

    if (slot->send_flags & SEND_WITH_HOP_LIMIT) {
        fields++;
        CHECK(count >= fields);
        CHECK(is_field(&messages[count - fields], slot, IP_TTL, IPV6_HOPLIMIT, slot->send_hop_limit));
    }
    if (slot->send_flags & SEND_WITH_TRAFFIC_CLASS) {
        fields++;
        CHECK(count >= fields);
        CHECK(is_field(&messages[count - fields], slot, IP_TOS, IPV6_TCLASS, slot->send_traffic_class));
    }
    for (int i = 0; i < count - fields; i++) {
        CHECK(is_of(&messages[i], IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo))
            || is_of(&messages[i], IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo)));
    }
}

/* The request is one message of the flag, and one more of the number; without control messages there are none. */
static size_t append_request(uint8_t *control, size_t length, uint32_t number, int *count)
{
    const uint32_t values[] = {TIMESTAMPING_TX_SOFTWARE, number};
    const int types[] = {SO_TIMESTAMPING_TYPE, SCM_TS_OPT_ID_TYPE};
    struct message messages[MOST_MESSAGES];
    int form = (int)(number % (TRANSMIT_NUMBERED + 1));

    length = append_transmit_request(control, length, form, number);
    CHECK(length <= CONTROL_CAPACITY - CMSG_SPACE(sizeof(uint16_t)));
    CHECK(walk(control, length, messages) == *count + form);
    for (int i = 0; i < form; i++) {
        CHECK(is_of(&messages[*count + i], SOL_SOCKET, types[i], sizeof(values[i])));
        CHECK(memcmp(messages[*count + i].data, &values[i], sizeof(values[i])) == 0);
    }
    *count += form;
    return length;
}

/* The block has exactly the promised size; it is filled with whole messages, which are read back. */
static void write_control(const struct slot *slot, uint16_t segment, uint32_t number)
{
    uint8_t *control = malloc(CONTROL_CAPACITY);
    struct message messages[MOST_MESSAGES];
    struct slot read;

    CHECK(control != NULL);
    size_t length = slot_write_control(slot, control);
    CHECK(length <= CONTROL_CAPACITY - CMSG_SPACE(sizeof(uint16_t)));
    int count = walk(control, length, messages);
    slot_clear(&read);
    slot_read_control(&read, control, length);
    expect_only_received(&read);
    expect_source(slot, &read);
    expect_fields(slot, messages, count);
    length = append_request(control, length, number, &count);
    length = append_segment_size(control, length, segment);
    CHECK(walk(control, length, messages) == count + 1);
    CHECK(is_of(&messages[count], UDP_LEVEL, SEGMENT, sizeof(segment)));
    CHECK(memcmp(messages[count].data, &segment, sizeof(segment)) == 0);
    free(control);
}

static void write_name(const struct slot *slot, int family)
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
    uint8_t name[NAME_CAPACITY];
    struct slot read;
    size_t length = slot_write_name(slot, family, name);

    CHECK(length == (family == FAMILY_IPV4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)));
    slot_clear(&read);
    slot_read_name(&read, name, length);
    CHECK(read.peer_port == slot->peer_port);
    if (family == FAMILY_IPV4) {
        CHECK(memcmp(read.peer_address, mapped, 12) == 0);
        CHECK(memcmp(read.peer_address + 12, slot->peer_address + 12, 4) == 0);
    } else {
        CHECK(memcmp(read.peer_address, slot->peer_address, 16) == 0 && read.peer_scope == slot->peer_scope);
    }
    /* A name that is one byte short is no address. */
    slot_clear(&read);
    slot_read_name(&read, name, length - 1);
    CHECK(read.peer_port == 0);
}

/* Two slots with the same peer and source look the same to the kernel. */
static void share(const struct slot *one, const struct slot *other)
{
    uint8_t names[2][NAME_CAPACITY] = {{0}};
    uint8_t controls[2][CONTROL_CAPACITY] = {{0}};

    CHECK(slots_share_way(one, one));
    CHECK(slots_share_way(one, other) == slots_share_way(other, one));
    if (slots_share_way(one, other) && one->source_form != FORM_AS_RECEIVED) {
        slot_write_name(one, FAMILY_IPV6, names[0]);
        slot_write_name(other, FAMILY_IPV6, names[1]);
        CHECK(memcmp(names[0], names[1], sizeof(names[0])) == 0);
        CHECK(slot_write_control(one, controls[0]) == slot_write_control(other, controls[1]));
        CHECK(memcmp(controls[0], controls[1], sizeof(controls[0])) == 0);
    }
}

static void write_anything(struct input *input)
{
    struct slot slot;
    struct slot changed;
    uint8_t place = take_byte(input);
    uint8_t byte = take_byte(input);
    uint8_t form = take_byte(input);
    uint32_t number = take_number(input);
    uint16_t segment = (uint16_t)number;

    take_bytes(input, &slot, sizeof(slot));
    if (form < 16) {
        slot.source_form = form % 4;
        slot.send_flags = (uint16_t)(form & 4 ? SEND_WITH_TRAFFIC_CLASS | SEND_WITH_HOP_LIMIT : 0);
    }
    if (form & 8) {
        memcpy(slot.peer_address, (uint8_t[12]){[10] = 0xff, 0xff}, 12);
    }
    write_control(&slot, segment, number);
    write_name(&slot, FAMILY_IPV4);
    write_name(&slot, FAMILY_IPV6);
    changed = slot;
    ((uint8_t *)&changed)[place % sizeof(changed)] ^= byte;
    share(&slot, &changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};

    switch (take_byte(&input) % 3) {
    case 0:
        read_anything(input.at, input.left);
        break;
    case 1:
        read_messages(&input);
        break;
    default:
        write_anything(&input);
    }
    return 0;
}
