/*
 * Control messages, see cmsg(3). First the common part by RFC 3542, then the functions that each operating system
 * implements with its own numbers and structures, as control_linux.c does for Linux.
 */
#ifndef PKTINFO_CONTROL_H
#define PKTINFO_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "pktinfo.h"

/*
 * The offset of a control message's data (RFC 3542 20.4). CMSG_NXTHDR is not used: in glibc it is a function call,
 * which musl does not have, and it refuses to append (glibc bug 13500).
 */
enum { HEADER_SPACE = CMSG_LEN(0) };

/*
 * Returns length rounded up to the alignment of the next control message: CMSG_SPACE is the sum of header and data,
 * each rounded up.
 */
static inline size_t control_aligned(size_t length)
{
    return CMSG_SPACE(length) - CMSG_SPACE(0);
}

/*
 * Reads one control message with length bytes of data into the target, such as a slot. Ignores it if it is unknown or
 * not exactly of its type's size.
 */
typedef void control_reader(void *target, int level, int type, const uint8_t *data, size_t length);

/*
 * Reads all control messages of a buffer, up to the first malformed one. This function and its reader are inline,
 * because a call for each message would cost a datagram 5 % more instructions.
 */
static inline void control_walk(void *target, const uint8_t *at, size_t length, control_reader *read)
{
    struct cmsghdr header;

    while (length >= HEADER_SPACE) {
        memcpy(&header, at, sizeof(header));
        if (header.cmsg_len < HEADER_SPACE || header.cmsg_len > length) {
            return;
        }
        read(target, header.cmsg_level, header.cmsg_type, at + HEADER_SPACE, header.cmsg_len - HEADER_SPACE);
        size_t step = control_aligned(header.cmsg_len);
        if (step > length) {
            return;
        }
        at += step;
        length -= step;
    }
}

/*
 * Writes the header of a control message with length bytes of data, with zero padding. Returns the address of the data.
 */
static inline uint8_t *control_begin(uint8_t *control, int level, int type, size_t length)
{
    /* size_t in glibc, socklen_t in RFC 3542 and elsewhere */
    const __typeof__(((struct cmsghdr *)0)->cmsg_len) whole = (socklen_t)CMSG_LEN(length);

    memset(control, 0, HEADER_SPACE);
    memcpy(control + offsetof(struct cmsghdr, cmsg_len), &whole, sizeof(whole));
    memcpy(control + offsetof(struct cmsghdr, cmsg_level), &level, sizeof(level));
    memcpy(control + offsetof(struct cmsghdr, cmsg_type), &type, sizeof(type));
    return control + HEADER_SPACE;
}

/*
 * Implemented by each system, as is slot_read_control() of pktinfo.h, which is control_walk() with the system's reader.
 * Each writes the packet information message that names the source address and, unless it is 0, the interface. Returns
 * the length without padding.
 */
size_t control_write_ipv4(uint8_t *control, const uint8_t address[4], uint32_t interface);
size_t control_write_ipv6(uint8_t *control, const uint8_t address[16], uint32_t interface);

/*
 * Each writes the control message of a header field, for an IPv4 or an IPv6 peer. Returns the length without padding.
 */
size_t control_write_traffic_class(uint8_t *control, int ipv4, uint8_t traffic_class);
size_t control_write_hop_limit(uint8_t *control, int ipv4, uint8_t hop_limit);

/*
 * Each writes a control message about the datagram's time of transmission: the request for it, and the number by which
 * it comes back. Returns the length without padding. The kernel must take them, see transmit.h.
 */
size_t control_write_transmit_request(uint8_t *control);
size_t control_write_transmit_number(uint8_t *control, uint32_t number);

/*
 * Writes the control message that names the segment size (UDP_SEGMENT). Returns the length without padding. The caller
 * must ensure that OPTION_UDP_SEGMENT can be read on the socket.
 */
size_t control_write_segment_size(uint8_t *control, size_t segment_size);

#endif
