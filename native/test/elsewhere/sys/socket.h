/*
 * Sockets of no real system, found before the system's own headers: they differ from Linux where POSIX and RFC 3542
 * leave it open. A length byte precedes the family, control messages are aligned to 4 bytes, and nothing is declared
 * beyond the two documents.
 */
#ifndef ELSEWHERE_SOCKET_H
#define ELSEWHERE_SOCKET_H

#include <stdint.h>
#include <sys/uio.h>

typedef uint32_t socklen_t;
typedef uint8_t sa_family_t;

enum { AF_INET = 4, AF_INET6 = 30, MSG_TRUNC = 0x10, MSG_CTRUNC = 0x40 };

struct sockaddr {
    uint8_t sa_len;
    sa_family_t sa_family;
    char sa_data[14];
};

struct msghdr {
    void *msg_name;
    socklen_t msg_namelen;
    struct iovec *msg_iov;
    int msg_iovlen;
    void *msg_control;
    socklen_t msg_controllen;
    int msg_flags;
};

struct cmsghdr {
    socklen_t cmsg_len;
    int cmsg_level;
    int cmsg_type;
};

#define ELSEWHERE_ALIGNED(length) (((length) + 3) & ~(size_t)3)
#define CMSG_SPACE(length) (ELSEWHERE_ALIGNED(sizeof(struct cmsghdr)) + ELSEWHERE_ALIGNED(length))
#define CMSG_LEN(length) (ELSEWHERE_ALIGNED(sizeof(struct cmsghdr)) + (length))

struct sockaddr_storage;

#endif
