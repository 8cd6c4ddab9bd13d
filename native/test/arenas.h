/* Arenas as Java prepares them. */
#ifndef PKTINFO_ARENAS_H
#define PKTINFO_ARENAS_H

#include <stdlib.h>
#include <string.h>

#include "batch.h"

/* Makes an arena of exactly the documented size, filled with garbage. */
static inline void *new_arena(int slot_count, int capacity, int family)
{
    int stride = (capacity + 7) / 8 * 8;
    size_t size = arena_size(slot_count, stride);
    void *arena = size == 0 ? NULL : malloc(size);

    if (arena == NULL) {
        abort();
    }
    memset(arena, 0xaa, size);
    *(struct arena_header *)arena = (struct arena_header){
        .slot_count = slot_count,
        .payload_capacity = capacity,
        .payload_stride = stride,
        .socket_family = family,
    };
    return arena;
}

static inline struct slot *slot_of(void *arena, int index)
{
    return (void *)((uint8_t *)arena + HEADER_SIZE + (size_t)index * SLOT_SIZE);
}

static inline uint8_t *payload_of(void *arena, int index)
{
    const struct arena_header *header = arena;

    return (uint8_t *)slot_of(arena, header->slot_count) + (size_t)index * (size_t)header->payload_stride;
}

#endif
