/* The fuzzer's input, taken byte by byte, and the report of a failed check. */
#ifndef PKTINFO_INPUT_H
#define PKTINFO_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

/* Returns zero once the input is used up: every target ends on that. */
static inline uint8_t take_byte(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

/* Copies the bytes that remain and fills the rest with zero. */
static inline void take_bytes(struct input *input, void *to, size_t size)
{
    size_t have = size < input->left ? size : input->left;

    memset(to, 0, size);
    memcpy(to, input->at, have);
    input->at += have;
    input->left -= have;
}

static inline uint32_t take_number(struct input *input)
{
    uint32_t number;

    take_bytes(input, &number, sizeof(number));
    return number;
}

/* Not assert(3): the fuzzer must stop here in every build. */
#define CHECK(holds) \
    do { \
        if (!(holds)) { \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds); \
            abort(); \
        } \
    } while (0)

#endif
