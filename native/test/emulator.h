/*
 * The parts of the emulator that receiving and sending share: the kernel whose rules it keeps, and the walk through
 * control messages.
 */
#ifndef PKTINFO_EMULATOR_H
#define PKTINFO_EMULATOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

/* CONTROL_LIMIT: more control data than this is refused when sent, and marked as truncated when received. */
enum { HEADER_SPACE = CMSG_LEN(0), CONTROL_LIMIT = 1024, MANY_LIMIT = 1024 };

struct kernel {
    const char *name;
    int old_receive; /* before 4b261c75a99f "ipv6: make IPV6_RECVPKTINFO work for ipv4 datagrams" */
    int old_send;    /* before c8e6ad0829a7 "ipv6: honor IPV6_PKTINFO with v4 mapped addresses on sendmsg" */
    int without_fields; /* before aa6615814533 "ipv4: processing ancillary IP_TOS or IP_TTL", Linux 3.13 */
    int without_numbers; /* before SCM_TS_OPT_ID, Linux 6.13 */
    int without_mmsg;
    int deaf;
};

ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
int __real_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
long send_many_as_then(int fd, struct mmsghdr *messages, unsigned count, int flags);

const struct kernel *emulated(void);
size_t read_header(struct cmsghdr *header, const uint8_t *at, size_t left);

#endif
