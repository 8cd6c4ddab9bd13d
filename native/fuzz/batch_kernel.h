/* The part of the lying kernel that receiving and sending share. */
#ifndef PKTINFO_BATCH_KERNEL_H
#define PKTINFO_BATCH_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "input.h"
#include "pktinfo.h"

enum { FD = 5, SHAPES = 8, MOST = 70 };

/* The arguments and results of the kernel's calls in this run. */
struct lying_kernel {
    struct input *input;
    void *arena;
    int count;        /* requested by this call */
    long calls;
    int answered_many; /* last result of receive_many or send_many */
    /* Received: the contents of each slot. */
    struct {
        uint8_t name[NAME_CAPACITY];
        uint8_t control[CONTROL_CAPACITY];
        size_t name_length;
        size_t control_length;
        uint32_t length;
        int flags;
    } put[MOST];
    int offered; /* messages that a receive has filled */
    /* Sent: the bytes taken of each slot, and the error of each that failed. */
    size_t taken[MOST];
    int accepted[MOST];
    int failed[MOST];
    int full; /* EAGAIN was the last result */
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
