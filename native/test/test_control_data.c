/* The control data of test-control: as a kernel lays it out, and its meaning. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "messages.h"
#include "test_control.h"

const uint8_t DESTINATION[4] = {10, 9, 0, 255};
const uint8_t LOCAL[4] = {10, 9, 0, 1};
const uint8_t ZERO[4] = {0};
const uint8_t MAPPED[16] = {[10] = 0xff, 0xff, 10, 9, 0, 2};
const uint8_t NATIVE[16] = {0xfd, 0, 0, 9, [15] = 2};

/* Returns the offset of the message. */
size_t put(struct control *control, int level, int type, const void *data, size_t length)
{
    size_t begin = control->length;

    control->length = append_message(control->bytes, begin, level, type, data, length);
    return begin;
}

size_t put_int(struct control *control, int level, int type, int value)
{
    return put(control, level, type, &value, sizeof(value));
}

size_t put_in4(struct control *control, const uint8_t *destination, const uint8_t *local, int interface)
{
    struct in_pktinfo info = {.ipi_ifindex = interface};

    memcpy(&info.ipi_addr, destination, 4);
    memcpy(&info.ipi_spec_dst, local, 4);
    return put(control, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

size_t put_in6(struct control *control, const uint8_t *destination, unsigned interface)
{
    struct in6_pktinfo info = {.ipi6_ifindex = interface};

    memcpy(&info.ipi6_addr, destination, 16);
    return put(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

void set_length(struct control *control, size_t at, size_t length)
{
    struct cmsghdr header;

    memcpy(&header, control->bytes + at, sizeof(header));
    memcpy(&header.cmsg_len, &length, sizeof(header.cmsg_len));
    memcpy(control->bytes + at, &header, sizeof(header));
}

/* Copies it to memory of exactly that size, so that AddressSanitizer reports an access beyond it. */
struct slot read_bytes(const uint8_t *bytes, size_t length)
{
    struct slot slot;
    uint8_t *exact = malloc(length > 0 ? length : 1);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, bytes, length);
    memset(&slot, 0xaa, sizeof(slot));
    slot_clear(&slot);
    slot_read_control(&slot, length > 0 ? exact : exact + 1, length);
    free(exact);
    return slot;
}

struct slot read_control(const struct control *control)
{
    return read_bytes(control->bytes, control->length);
}

void know_in4(struct slot *slot, const uint8_t *destination, const uint8_t *local, uint32_t interface)
{
    memcpy(slot->in_address, destination, 4);
    memcpy(slot->in_local, local, 4);
    slot->in_interface = interface;
    slot->flags |= FLAG_IN_PKTINFO;
}

void know_in6(struct slot *slot, const uint8_t *destination, uint32_t interface)
{
    memcpy(slot->in6_address, destination, 16);
    slot->in6_interface = interface;
    slot->flags |= FLAG_IN6_PKTINFO;
}

void put_everything(struct control *control, size_t *begins)
{
    const struct timespec time = {.tv_sec = 1700000000, .tv_nsec = 123456789};
    const struct times times = {.hardware = {.tv_sec = 7, .tv_nsec = 999999999}};
    const struct sockaddr_in original = {.sin_family = AF_INET, .sin_port = htons(853)};
    const struct sockaddr_in6 original6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    const uint32_t drops = 0xfffffff7;
    const uint32_t mark = 0x80000001;
    const uint8_t tos = 0xb9;

    begins[0] = put(control, SOL_SOCKET, SO_TIMESTAMPNS, &time, sizeof(time));
    begins[1] = put(control, SOL_SOCKET, SO_RXQ_OVFL, &drops, sizeof(drops));
    begins[2] = put_in6(control, MAPPED, 3);
    begins[3] = put_int(control, IPPROTO_IPV6, IPV6_TCLASS, 0x2e);
    begins[4] = put_int(control, IPPROTO_IPV6, IPV6_HOPLIMIT, 255);
    begins[5] = put_in4(control, DESTINATION, LOCAL, 3);
    begins[6] = put_int(control, IPPROTO_IP, IP_TTL, 63);
    begins[7] = put(control, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
    begins[8] = put_int(control, UDP_LEVEL, GRO_TYPE, 1200);
    begins[9] = put(control, SOL_SOCKET, TIMES_TYPE, &times, sizeof(times));
    begins[10] = put(control, SOL_SOCKET, MARK_TYPE, &mark, sizeof(mark));
    begins[11] = put(control, IPPROTO_IPV6, ORIGINAL6_TYPE, &original6, sizeof(original6));
    begins[12] = put(control, IPPROTO_IP, ORIGINAL_TYPE, &original, sizeof(original));
    begins[EVERYTHING] = control->length;
}

/* Written out a second time and not computed: this is the meaning of the bytes above. */
void know_everything(struct slot *slot, int messages)
{
    slot->flags |= messages > 0 ? FLAG_RECEIVE_TIME : 0;
    slot->receive_time = messages > 0 ? 1700000000123456789 : 0;
    slot->flags |= messages > 1 ? FLAG_DROP_COUNT : 0;
    slot->drop_count = messages > 1 ? 0xfffffff7 : 0;
    if (messages > 2) {
        slot->flags |= FLAG_IN6_PKTINFO_FIRST;
        know_in6(slot, MAPPED, 3);
    }
    slot->flags |= messages > 3 ? FLAG_TRAFFIC_CLASS : 0;
    slot->traffic_class = messages > 7 ? 0xb9 : messages > 3 ? 0x2e : 0;
    slot->flags |= messages > 4 ? FLAG_HOP_LIMIT : 0;
    slot->hop_limit = messages > 6 ? 63 : messages > 4 ? 255 : 0;
    if (messages > 5) {
        know_in4(slot, DESTINATION, LOCAL, 3);
    }
    slot->flags |= messages > 8 ? FLAG_SEGMENT_SIZE : 0;
    slot->segment_size = messages > 8 ? 1200 : 0;
    slot->flags |= messages > 9 ? FLAG_HARDWARE_TIME : 0;
    slot->hardware_time = messages > 9 ? 7999999999 : 0;
    slot->flags |= messages > 10 ? FLAG_MARK : 0;
    slot->mark = messages > 10 ? 0x80000001 : 0;
    slot->flags |= messages > 11 ? FLAG_ORIGINAL_PORT : 0;
    slot->original_port = messages > 12 ? 853 : messages > 11 ? 53 : 0;
}

static uint64_t random_state = 0x9e3779b97f4a7c15;

/* Marsaglia's xorshift64: the same garbage on every run and every C library. */
uint32_t random_number(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % below;
}
