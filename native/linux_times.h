/* The kernel's times (SO_TIMESTAMPING) as its control messages hold them. */
#ifndef PKTINFO_LINUX_TIMES_H
#define PKTINFO_LINUX_TIMES_H

#include <stdint.h>
#include <time.h>

/* From asm/socket.h, which musl does not have. */
enum { SO_TIMESTAMPING_TYPE = 37, SCM_TS_OPT_ID_TYPE = 81 };

/* From linux/net_tstamp.h. */
enum {
    TIMESTAMPING_TX_SOFTWARE = 1 << 1,
    TIMESTAMPING_SOFTWARE = 1 << 4,
    TIMESTAMPING_OPT_ID = 1 << 7,
    TIMESTAMPING_OPT_TSONLY = 1 << 11,
};

/* struct scm_timestamping of linux/errqueue.h: a time of the system's clock, one unused, one of the device's clock. */
struct linux_times {
    struct timespec system, unused, hardware;
};

static inline int64_t linux_nanoseconds(const struct timespec *time)
{
    return (int64_t)((uint64_t)time->tv_sec * 1000000000U + (uint64_t)time->tv_nsec);
}

#endif
