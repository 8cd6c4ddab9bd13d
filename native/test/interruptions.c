#define _GNU_SOURCE
#include "interruptions.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
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

ssize_t __real_write(int fd, const void *data, size_t length);
long __real_syscall(long number, ...);

ssize_t __wrap_write(int fd, const void *data, size_t length);
long __wrap_syscall(long number, ...);

ssize_t __wrap_write(int fd, const void *data, size_t length)
{
    return interrupted() ? -1 : __real_write(fd, data, length);
}

/* The numbers that the library uses take three arguments, or five of which the last is NULL. */
long __wrap_syscall(long number, ...)
{
    va_list arguments;

    va_start(arguments, number);
    int fd = va_arg(arguments, int);
    void *messages = va_arg(arguments, void *);
    unsigned third = va_arg(arguments, unsigned);
    int fourth = number == SYS_recvmmsg || number == SYS_sendmmsg ? va_arg(arguments, int) : 0;
    va_end(arguments);
    return interrupted() ? -1 : __real_syscall(number, fd, messages, third, fourth, NULL);
}
