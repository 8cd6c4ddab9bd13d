/* The kernel that lies to the batch path, as far as receiving and sending share it. */
#ifndef PKTINFO_BATCH_KERNEL_H
#define PKTINFO_BATCH_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "input.h"
#include "pktinfo.h"

enum { FD = 5, SHAPES = 8, MOST = 70 };

/* What the kernel of this run has heard and said. */
struct lying_kernel {
    struct input *input;
    void *arena;
    int count;        /* asked for by this call */
    long calls;
    int answered_many; /* what receive_many or send_many said last */
    /* Received: what was put into each slot. */
    struct {
        uint8_t name[NAME_CAPACITY];
        uint8_t control[CONTROL_CAPACITY];
        size_t name_length;
        size_t control_length;
        uint32_t length;
        int flags;
    } put[MOST];
    int offered; /* messages that a receive has filled */
    /* Sent: how much of each slot was taken, which failed with what. */
    size_t taken[MOST];
    int accepted[MOST];
    int failed[MOST];
    int full; /* EAGAIN was the last word */
};
extern struct lying_kernel kernel;

static inline size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct arena_header *header_of(void *arena);
size_t arena_bytes(void *arena);
void *arena_of(int shape);
void forbid_slots_from(void *arena, int first);
void expect_in_scratch(const void *at, size_t size);
int any_errno(void);
int any_count(unsigned count);
void expect_called(int fd, unsigned count);

void receive(struct input *input);
void send_pending(struct input *input);

#endif
