/* Socket addresses on canned bytes: read into a slot, written from one. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "expect.h"
#include "test_control.h"

static struct slot read_name(const void *name, size_t length)
{
    struct slot slot;
    uint8_t *exact = malloc(length > 0 ? length : 1);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, name, length);
    slot_clear(&slot);
    slot_read_name(&slot, length > 0 ? exact : exact + 1, length);
    free(exact);
    return slot;
}

static void an_ipv4_name_becomes_a_mapped_address(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(4711)};
    struct slot expected = {.peer_port = 4711};

    memcpy(&in.sin_addr, MAPPED + 12, 4);
    memcpy(expected.peer_address, MAPPED, 16);
    struct slot slot = read_name(&in, sizeof(in));
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

static void an_ipv6_name_keeps_its_scope(void)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(65535), .sin6_scope_id = 0x80000007,
        .sin6_flowinfo = 0xffffffff};
    struct slot expected = {.peer_port = 65535, .peer_scope = 0x80000007};

    memcpy(&in6.sin6_addr, NATIVE, 16);
    memcpy(expected.peer_address, NATIVE, 16);
    struct slot slot = read_name(&in6, sizeof(in6));
    EXPECT_BYTES(&expected, &slot, sizeof(slot));
}

static void a_name_of_another_family_or_cut_short_leaves_no_peer(void)
{
    uint8_t name[NAME_CAPACITY];
    const sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC, 0xffff};
    const size_t whole[] = {sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6), SIZE_MAX, SIZE_MAX, SIZE_MAX};
    struct slot expected = {0};

    for (int i = 0; i < 5; i++) {
        memset(name, 0x77, sizeof(name));
        memcpy(name, &families[i], sizeof(families[i]));
        for (size_t length = 0; length <= sizeof(name); length++) {
            struct slot slot = read_name(name, length);
            if (length >= whole[i]) {
                EXPECT_EQUAL(0x7777, slot.peer_port);
            } else {
                EXPECT_BYTES(&expected, &slot, sizeof(slot));
            }
        }
    }
}

static void a_name_for_an_ipv4_socket_is_16_bytes_all_written(void)
{
    struct slot slot = {.peer_port = 4711, .peer_scope = 9};
    uint8_t expected[NAME_CAPACITY] = {[2] = 4711 >> 8, 4711 & 0xff, 10, 9, 0, 2};
    uint8_t name[NAME_CAPACITY];
    const sa_family_t family = AF_INET;

    memcpy(slot.peer_address, MAPPED, 16);
    memcpy(expected, &family, sizeof(family));
    memset(expected + 16, 0xaa, sizeof(expected) - 16);
    memset(name, 0xaa, sizeof(name));
    EXPECT_EQUAL(16, slot_write_name(&slot, FAMILY_IPV4, name));
    EXPECT_BYTES(expected, name, sizeof(name));
}

static void a_name_for_an_ipv6_socket_is_28_bytes_all_written(void)
{
    struct slot slot = {.peer_port = 4711, .peer_scope = 9};
    uint8_t expected[NAME_CAPACITY + 4] = {[2] = 4711 >> 8, 4711 & 0xff};
    uint8_t name[NAME_CAPACITY + 4];
    const sa_family_t family = AF_INET6;
    const uint32_t scope = 9;

    memcpy(slot.peer_address, NATIVE, 16);
    memcpy(expected, &family, sizeof(family));
    memcpy(expected + 8, NATIVE, 16);
    memcpy(expected + 24, &scope, sizeof(scope));
    memset(expected + 28, 0xaa, 4);
    memset(name, 0xaa, sizeof(name));
    EXPECT_EQUAL(28, slot_write_name(&slot, FAMILY_IPV6, name));
    EXPECT_BYTES(expected, name, sizeof(name));
}

static void a_name_written_and_read_again_is_the_same(void)
{
    uint8_t name[NAME_CAPACITY];

    for (int round = 0; round < 1000; round++) {
        struct slot slot = {.peer_port = (uint16_t)random_number(65536)};
        int family = round % 2 == 0 ? FAMILY_IPV4 : FAMILY_IPV6;
        memcpy(slot.peer_address, family == FAMILY_IPV4 ? MAPPED : NATIVE, 16);
        slot.peer_address[15] = (uint8_t)random_number(256);
        slot.peer_scope = family == FAMILY_IPV4 ? 0 : random_number(UINT32_MAX);
        struct slot again = read_name(name, slot_write_name(&slot, family, name));
        EXPECT_BYTES(&slot, &again, sizeof(slot));
    }
}

void names_are_read_and_written(void)
{
    an_ipv4_name_becomes_a_mapped_address();
    an_ipv6_name_keeps_its_scope();
    a_name_of_another_family_or_cut_short_leaves_no_peer();
    a_name_for_an_ipv4_socket_is_16_bytes_all_written();
    a_name_for_an_ipv6_socket_is_28_bytes_all_written();
    a_name_written_and_read_again_is_the_same();
}
