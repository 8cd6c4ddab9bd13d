/* Control messages as a kernel lays them out. */
#ifndef PKTINFO_MESSAGES_H
#define PKTINFO_MESSAGES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* Writes a message behind `length` bytes of control data; returns the new length. */
static inline size_t append_message(uint8_t *control, size_t at, int level, int type, const void *data, size_t length)
{
    struct cmsghdr header;

    memset(&header, 0, sizeof(header));
    header.cmsg_len = (socklen_t)CMSG_LEN(length);
    header.cmsg_level = level;
    header.cmsg_type = type;
    memset(control + at, 0xee, CMSG_SPACE(length)); /* the padding is not zero: no document promises that it is */
    memcpy(control + at, &header, sizeof(header));
    memcpy(control + at + CMSG_LEN(0), data, length);
    return at + CMSG_SPACE(length);
}

#endif
