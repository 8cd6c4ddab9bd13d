/*
 * Control messages: what RFC 3542 says of all of them, then what each operating system says by numbers and structures
 * of its own, as control_linux.c does for Linux.
 */
#ifndef PKTINFO_CONTROL_H
#define PKTINFO_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "pktinfo.h"

/*
 * Where a control message's data begins (RFC 3542 20.4). glibc's CMSG_NXTHDR is a function call that musl does not have
 * and that refuses to append (glibc bug 13500).
 */
enum { HEADER_SPACE = CMSG_LEN(0) };

/* Rounds length up to where the next message may begin: CMSG_SPACE is of the header and the data, each rounded up. */
static inline size_t control_aligned(size_t length)
{
    return CMSG_SPACE(length) - CMSG_SPACE(0);
}

/* Reads one message with length bytes of data; skips it if it is unknown or not exactly of the size it must have. */
typedef void control_reader(struct slot *slot, int level, int type, const uint8_t *data, size_t length);

/*
 * Reads all messages; stops at one that is malformed. Inline, as its reader then is: a call for each message would cost
 * a datagram 5 % more instructions.
 */
static inline void control_walk(struct slot *slot, const uint8_t *at, size_t length, control_reader *read)
{
    struct cmsghdr header;

    while (length >= HEADER_SPACE) {
        memcpy(&header, at, sizeof(header));
        if (header.cmsg_len < HEADER_SPACE || header.cmsg_len > length) {
            return;
        }
        read(slot, header.cmsg_level, header.cmsg_type, at + HEADER_SPACE, header.cmsg_len - HEADER_SPACE);
        size_t step = control_aligned(header.cmsg_len);
        if (step > length) {
            return;
        }
        at += step;
        length -= step;
    }
}

/* Writes the header of a message with length bytes of data, padding as zero; returns where the data goes. */
static inline uint8_t *control_begin(uint8_t *control, int level, int type, size_t length)
{
    /* A size_t in glibc, a socklen_t in RFC 3542 and elsewhere. */
    const __typeof__(((struct cmsghdr *)0)->cmsg_len) whole = (socklen_t)CMSG_LEN(length);

    memset(control, 0, HEADER_SPACE);
    memcpy(control + offsetof(struct cmsghdr, cmsg_len), &whole, sizeof(whole));
    memcpy(control + offsetof(struct cmsghdr, cmsg_level), &level, sizeof(level));
    memcpy(control + offsetof(struct cmsghdr, cmsg_type), &type, sizeof(type));
    return control + HEADER_SPACE;
}

/*
 * Each system's own, as is slot_read_control() of pktinfo.h, which is control_walk() with the system's reader: writes
 * the message that names the source address and, unless it is 0, the interface; returns its length unpadded.
 */
size_t control_write_ipv4(uint8_t *control, const uint8_t address[4], uint32_t interface);
size_t control_write_ipv6(uint8_t *control, const uint8_t address[16], uint32_t interface);

/*
 * Writes the message that names the size of the datagrams which the kernel is to segment the payload into; returns its
 * length unpadded. Called only where OPTION_UDP_SEGMENT can be read.
 */
size_t control_write_segment_size(uint8_t *control, size_t segment_size);

#endif
