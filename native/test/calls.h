/* The arguments of a system call that the shim makes by number: three, or five of which the last is NULL. */
#ifndef PKTINFO_CALLS_H
#define PKTINFO_CALLS_H

#include <stdarg.h>
#include <sys/syscall.h>

struct call {
    int fd;
    void *messages;
    unsigned third; /* flags, or how many messages */
    int flags;      /* of a call with many messages */
};

static inline struct call take_call(long number, va_list arguments)
{
    struct call call = {.fd = va_arg(arguments, int)};

    call.messages = va_arg(arguments, void *);
    call.third = va_arg(arguments, unsigned);
    call.flags = number == SYS_recvmmsg || number == SYS_sendmmsg ? va_arg(arguments, int) : 0;
    return call;
}

#endif
