/*
 * The batch path on a kernel that lies: counts, lengths, flags and errors come from the fuzzer, within the return
 * values that kernel.h allows. Memory that a call must not touch is poisoned for the duration of the call, so that
 * AddressSanitizer reports an access from one slot into the next as well as one outside the arena.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sanitizer/asan_interface.h>
#include <stdint.h>
#include <string.h>

#include "../test/arenas.h"
#include "batch_kernel.h"

/* Small shapes for speed; the last two exceed the 64 segments, or the bytes, that can be sent as one message. */
static const struct {
    int slots;
    int capacity;
} shapes[SHAPES] = {{1, 8}, {2, 61}, {3, 65527}, {4, 8}, {5, 1472}, {16, 61}, {46, 1472}, {MOST, 8}};
static void *arenas[SHAPES]; /* made once each: filling them takes longer than a run */

struct lying_kernel kernel;

struct arena_header *header_of(void *arena)
{
    return arena;
}

size_t arena_bytes(void *arena)
{
    return arena_size(header_of(arena)->slot_count, header_of(arena)->payload_stride);
}

/* Only the kernel accesses the payloads: the C code never reads or writes one. */
void *arena_of(int shape)
{
    void **arena = &arenas[shape];

    if (*arena == NULL) {
        *arena = new_arena(shapes[shape].slots, shapes[shape].capacity, FAMILY_IPV4);
        ASAN_POISON_MEMORY_REGION(
            payload_of(*arena, 0), (size_t)shapes[shape].slots * (size_t)header_of(*arena)->payload_stride);
    }
    return *arena;
}

/* Poisons the slots from `first` on, which do not belong to the current call; outside a call none is poisoned. */
void forbid_slots_from(void *arena, int first)
{
    size_t slots = (size_t)header_of(arena)->slot_count;

    ASAN_UNPOISON_MEMORY_REGION(slot_of(arena, 0), slots * SLOT_SIZE);
    ASAN_POISON_MEMORY_REGION(slot_of(arena, first), (slots - (size_t)first) * SLOT_SIZE);
}

/* Checks a place for names, control data and headers: it is behind all payloads, within the arena. */
void expect_in_scratch(const void *at, size_t size)
{
    const uint8_t *first = payload_of(kernel.arena, header_of(kernel.arena)->slot_count);
    const uint8_t *end = (const uint8_t *)kernel.arena + arena_bytes(kernel.arena);

    CHECK((const uint8_t *)at >= first && size <= (size_t)(end - first) && (const uint8_t *)at <= end - size);
}

int any_errno(void)
{
    static const int usual[] = {EAGAIN, EIO, EINVAL, EMSGSIZE, ENOSYS, EPERM, ENETUNREACH, ENOBUFS, EINTR, ECANCELED};
    uint8_t choice = take_byte(kernel.input);

    if (choice < 200) {
        return usual[choice % (sizeof(usual) / sizeof(usual[0]))];
    }
    return 1 + (int)(take_number(kernel.input) % 4095);
}

/* Returns all, some or none of `count`, more than `count`, or an error. */
int any_count(unsigned count)
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

void expect_called(int fd, unsigned count)
{
    CHECK(fd == FD);
    CHECK(count >= 1 && count <= (unsigned)kernel.count);
}

/* Arguments that Java may pass by mistake are refused before any call to the kernel. */
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
