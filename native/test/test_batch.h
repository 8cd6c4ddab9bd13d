/* Declarations that the parts of test-batch share, and the parts. */
#ifndef PKTINFO_TEST_BATCH_H
#define PKTINFO_TEST_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "fake_kernel.h"

enum { FD = 5, CAPACITY = 61, UNTOUCHED = 0xaa };

struct fake_datagram *arrive(int port, char letter, size_t length);
void add_control(struct fake_datagram *datagram, int level, int type, const void *data, size_t length);
void add_in_pktinfo(struct fake_datagram *datagram);
void expect_filled(const char *what, const uint8_t *bytes, int value, size_t length);
void pend(void *arena, int index, size_t length);
void *pending_arena(int count);
void expect_sent(int at, int index);
void expect_state(void *arena, int index, int state, int error);

void receiving(void);
void sending(void);
void coalescing(void);

#endif
