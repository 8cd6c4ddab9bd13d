#define _GNU_SOURCE
#include "interruptions.h"

#include <errno.h>
#include <unistd.h>

#include "calls.h"

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
ssize_t __wrap_write(int fd, const void *data, size_t length);

ssize_t __wrap_write(int fd, const void *data, size_t length)
{
    return interrupted() ? -1 : __real_write(fd, data, length);
}

long __wrap_syscall(long number, ...)
{
    va_list arguments;

    va_start(arguments, number);
    struct call call = take_call(number, arguments);
    va_end(arguments);
    return interrupted() ? -1 : __real_syscall(number, call.fd, call.messages, call.third, call.flags, NULL);
}
