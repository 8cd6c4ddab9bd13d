#define _GNU_SOURCE
#include "interruptions.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int interruptions;

static int interrupted(void)
{
    if (interruptions == 0) {
        return 0;
    }
    interruptions--;
    errno = EINTR;
    return 1;
}

ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
int __real_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_write(int fd, const void *data, size_t length);
long __real_syscall(long number, ...);

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_write(int fd, const void *data, size_t length);
long __wrap_syscall(long number, ...);

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    return interrupted() ? -1 : __real_recvmsg(fd, message, flags);
}

int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    return interrupted() ? -1 : __real_recvmmsg(fd, messages, count, flags, timeout);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return interrupted() ? -1 : __real_sendmsg(fd, message, flags);
}

ssize_t __wrap_write(int fd, const void *data, size_t length)
{
    return interrupted() ? -1 : __real_write(fd, data, length);
}

/* The only number that the library uses is sendmmsg's, which takes four arguments. */
long __wrap_syscall(long number, ...)
{
    va_list arguments;

    va_start(arguments, number);
    int fd = va_arg(arguments, int);
    struct mmsghdr *messages = va_arg(arguments, struct mmsghdr *);
    unsigned count = va_arg(arguments, unsigned);
    int flags = va_arg(arguments, int);
    va_end(arguments);
    return interrupted() ? -1 : __real_syscall(number, fd, messages, count, flags);
}
