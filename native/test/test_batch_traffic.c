/* The datagrams and slots of test-batch: those that arrive, those pending, and the checks of both. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "arenas.h"
#include "expect.h"
#include "fake_kernel.h"
#include "messages.h"
#include "test_batch.h"

/* Adds a datagram of one letter repeated, from port number `port` of 10.9.0.100. */
struct fake_datagram *arrive(int port, char letter, size_t length)
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

void add_control(struct fake_datagram *datagram, int level, int type, const void *data, size_t length)
{
    datagram->control_length = append_message(datagram->control, datagram->control_length, level, type, data, length);
}

void add_in_pktinfo(struct fake_datagram *datagram)
{
    const struct in_pktinfo info = {
        .ipi_ifindex = 3, .ipi_addr.s_addr = htonl(0x0a090002), .ipi_spec_dst.s_addr = htonl(0x0a090001)};

    add_control(datagram, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

void expect_filled(const char *what, const uint8_t *bytes, int value, size_t length)
{
    uint8_t expected[FAKE_BYTES];

    memset(expected, value, sizeof(expected));
    expect_bytes(what, __LINE__, "payload", expected, bytes, length);
}

/* Makes this reply pending: slot number `index` to port `index` of 10.9.0.100, `length` times a letter of its own. */
void pend(void *arena, int index, size_t length)
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

void *pending_arena(int count)
{
    void *arena = new_arena(count, CAPACITY, FAMILY_IPV4);

    for (int i = 0; i < count; i++) {
        pend(arena, i, (size_t)i + 1);
    }
    return arena;
}

/* Checks that the datagram sent as number `at` was this slot's, whole. */
void expect_sent(int at, int index)
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

void expect_state(void *arena, int index, int state, int error)
{
    EXPECT_EQUAL(state, slot_of(arena, index)->send_state);
    EXPECT_EQUAL(error, slot_of(arena, index)->error);
}
