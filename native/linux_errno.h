/*
 * The error numbers that the C code compares or returns. Across kernel.h and towards Java, error numbers are Linux's on
 * every operating system (asm-generic/errno.h). Those known to Java are listed in ErrorNumbers.java.
 */
#ifndef PKTINFO_LINUX_ERRNO_H
#define PKTINFO_LINUX_ERRNO_H

enum {
    LINUX_EIO = 5,
    LINUX_EAGAIN = 11,
    LINUX_ENODEV = 19,
    LINUX_EINVAL = 22,
    LINUX_ENOSYS = 38,
    LINUX_EMSGSIZE = 90,
    LINUX_EOPNOTSUPP = 95,
    LINUX_EADDRNOTAVAIL = 99,
    LINUX_ENETUNREACH = 101,
    LINUX_ECONNREFUSED = 111,
};

#endif
