/*
 * Packets header by header, right and wrong in one place or another. Whoever writes one knows what is in it, and so
 * needs no second reader.
 */
#include "errors_packet.h"

enum { TCP = 6, UDP = 17, FRAGMENT = 44, DIGEST_OF = 512, LONGEST = 4096 };

struct packet {
    uint8_t bytes[LONGEST];
    size_t length;
    int holds_one; /* so far, each header leads to a UDP datagram */
};

static void put_byte(struct packet *packet, unsigned value)
{
    packet->bytes[packet->length++] = (uint8_t)value;
}

static void put_number(struct packet *packet, unsigned value)
{
    put_byte(packet, value >> 8);
    put_byte(packet, value);
}

static void put_zeros(struct packet *packet, size_t count)
{
    memset(packet->bytes + packet->length, 0, count);
    packet->length += count;
}

/* Returns one of the values, of which the first is right. */
static unsigned take_one_of(struct input *input, struct packet *packet, unsigned right, unsigned wrong)
{
    if (take_byte(input) % 8 != 1) {
        return right;
    }
    packet->holds_one &= right == wrong;
    return wrong;
}

/* The Ethernet header with tags, often none; or no header at all. */
static void put_link(struct input *input, struct packet *packet, int six)
{
    unsigned choice = take_byte(input);
    unsigned type = take_one_of(input, packet, six ? 0x86dd : 0x0800, six ? 0x0800 : 0x86dd);

    if (choice % 4 == 0) {
        packet->holds_one = 1; /* nothing says the type */
        return;
    }
    put_zeros(packet, 12);
    for (unsigned tags = choice % 4 == 1 ? 0 : choice / 4; tags > 0; tags--) {
        put_number(packet, choice % 4 == 2 ? 0x8100 : 0x88a8);
        put_number(packet, choice);
    }
    put_number(packet, type);
}

static void put_ipv4(struct input *input, struct packet *packet, struct error_report *expected)
{
    unsigned words = take_byte(input) % 16;
    unsigned fragment = (take_byte(input) & 7U) << 13;

    packet->holds_one &= words >= 5;
    put_byte(packet, take_one_of(input, packet, 0x40, 0x60) | words);
    put_zeros(packet, 5);
    put_number(packet, fragment | take_one_of(input, packet, 0, 1U << take_byte(input) % 13));
    put_byte(packet, 64);
    put_byte(packet, take_one_of(input, packet, UDP, TCP));
    put_zeros(packet, 6);
    memset(expected->peer_address + 10, 0xff, 2);
    take_bytes(input, expected->peer_address + 12, 4);
    memcpy(packet->bytes + packet->length, expected->peer_address + 12, 4);
    packet->length += 4;
    put_zeros(packet, words > 5 ? (words - 5) * 4 : 0);
}

static void put_ipv6(struct input *input, struct packet *packet, struct error_report *expected)
{
    int fragmented = take_byte(input) & 1;

    put_byte(packet, take_one_of(input, packet, 0x60, 0x40));
    put_zeros(packet, 5);
    put_byte(packet, fragmented ? FRAGMENT : take_one_of(input, packet, UDP, TCP));
    put_zeros(packet, 17);
    take_bytes(input, expected->peer_address, 16);
    memcpy(packet->bytes + packet->length, expected->peer_address, 16);
    packet->length += 16;
    if (fragmented) {
        unsigned choice = take_byte(input);
        put_byte(packet, take_one_of(input, packet, UDP, TCP));
        put_byte(packet, 0);
        put_number(packet, take_one_of(input, packet, choice & 7, 8U << choice % 13));
        put_zeros(packet, 4);
    }
}

static uint64_t digest(const uint8_t *bytes, size_t length)
{
    uint64_t hash = 14695981039346656037U;

    while (length-- > 0) {
        hash ^= *bytes++;
        hash *= 1099511628211U;
    }
    return hash;
}

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}

/* The payload is a pattern: a long one needs few bytes of input. */
static void put_payload(struct input *input, struct packet *packet, size_t length)
{
    uint8_t first = take_byte(input);

    for (size_t i = 0; i < length; i++) {
        put_byte(packet, (unsigned)(first + i * 7 + i / 256));
    }
}

size_t take_packet(struct input *input, uint8_t *to, size_t room, struct error_report *expected)
{
    struct packet packet = {.holds_one = 1};
    int six = take_byte(input) & 1;

    memset(expected->peer_address, 0, sizeof(expected->peer_address));
    put_link(input, &packet, six);
    if (six) {
        put_ipv6(input, &packet, expected);
    } else {
        put_ipv4(input, &packet, expected);
    }
    uint16_t numbers[4]; /* both ports, the length in the header, the payload's real one */
    take_bytes(input, numbers, sizeof(numbers));
    for (int i = 0; i < 3; i++) {
        put_number(&packet, numbers[i]);
    }
    put_number(&packet, 0);
    size_t headers = packet.length;
    put_payload(input, &packet, numbers[3] % 1024);
    size_t there = take_byte(input) & 1 ? least(packet.length, take_number(input) % 256) : packet.length;
    there = least(there, room);
    memcpy(to, packet.bytes, there);
    if (!packet.holds_one || there < headers || numbers[2] < 8) {
        memset(expected->peer_address, 0, sizeof(expected->peer_address));
        return there;
    }
    expected->has_peer = 1;
    expected->peer_port = numbers[1];
    expected->length = numbers[2] - 8U;
    expected->digest =
        digest(packet.bytes + headers, least(least(there - headers, expected->length), DIGEST_OF));
    return there;
}
