/* The system calls that are wrapped with --wrap in more than one library or program of the tests. */
#ifndef PKTINFO_CALLS_H
#define PKTINFO_CALLS_H

#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/syscall.h>

long __real_syscall(long number, ...);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t length);

long __wrap_syscall(long number, ...);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length);

/* The arguments of a system call that the shim makes by number: three, or five of which the last is NULL. */
struct call {
    int fd;
    void *messages;
    unsigned third; /* flags, or the number of messages */
    int flags;      /* of a call for many messages */
};

static inline struct call take_call(long number, va_list arguments)
{
    struct call call = {.fd = va_arg(arguments, int)};

    call.messages = va_arg(arguments, void *);
    call.third = va_arg(arguments, unsigned);
    call.flags = number == SYS_recvmmsg || number == SYS_sendmmsg ? va_arg(arguments, int) : 0;
    return call;
}

/* Returns the result of a system call that fails. */
static inline long fail(int error)
{
    errno = error;
    return -1;
}

#endif
