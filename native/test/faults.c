/*
 * Linked around the shim with --wrap, makes system calls fail as a plan says, for tests. The environment variable
 * PKTINFO_FAULTS names a file with the plan, one struct fault for each enum step. The test maps the file as well: it
 * changes the plan and reads the results while the library runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calls.h"

/*
 * The calls that can fail; the numbers are those of Faults.Step in Java. The first two count datagrams, whichever call
 * carries them.
 */
enum step { RECEIVE, SEND, MMSG, SETSOCKOPT, GETSOCKOPT, FCNTL, EVENTFD, POLL, WRITE, NETLINK, ERROR_QUEUE, STEPS };

struct fault {
    int32_t error;  /* 0: none */
    int32_t at;     /* calls or datagrams that pass before */
    int32_t times;  /* of those behind, the number that fail; negative: all */
    int32_t most;   /* messages that a call takes at most; 0: all */
    int32_t passed; /* number that have passed */
    int32_t hits;   /* number that have failed, or were held */
    int32_t hold;   /* of WRITE only: not 0, the caller waits until it is */
};

int __real_fcntl(int fd, int command, ...);
int __real_eventfd(unsigned initial, int flags);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
ssize_t __real_write(int fd, const void *bytes, size_t count);
ssize_t __real_send(int fd, const void *bytes, size_t count, int flags);

int __wrap_fcntl(int fd, int command, ...);
int __wrap_eventfd(unsigned initial, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
ssize_t __wrap_write(int fd, const void *bytes, size_t count);
ssize_t __wrap_send(int fd, const void *bytes, size_t count, int flags);

static struct fault *plan;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Stops the process if there is no plan: a test must not pass because nothing fails. */
static void open_plan(void)
{
    const char *file = getenv("PKTINFO_FAULTS");
    int fd = file == NULL ? -1 : open(file, O_RDWR | O_CLOEXEC);
    void *mapped = fd == -1 ? MAP_FAILED
                            : mmap(NULL, STEPS * sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (mapped == MAP_FAILED) {
        perror("pktinfo: this test build needs the plan that PKTINFO_FAULTS names");
        _exit(EXIT_FAILURE);
    }
    close(fd);
    plan = mapped;
}

static struct fault *fault_of(enum step step)
{
    pthread_once(&once, open_plan);
    return &plan[step];
}

static int32_t get(const int32_t *number)
{
    return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

static void add(int32_t *number, int32_t value)
{
    __atomic_add_fetch(number, value, __ATOMIC_SEQ_CST);
}

/* Returns how many of `count` messages may pass; 0 if the first is to fail, with errno set. */
static unsigned allow(enum step step, unsigned count)
{
    struct fault *fault = fault_of(step);
    int32_t most = get(&fault->most);
    int32_t left = get(&fault->at) - get(&fault->passed);
    int32_t times = get(&fault->times);

    if (most > 0 && count > (unsigned)most) {
        count = (unsigned)most;
    }
    if (get(&fault->error) == 0 || times == 0) {
        return count;
    }
    if (left > 0) {
        return count < (unsigned)left ? count : (unsigned)left;
    }
    if (times > 0) {
        add(&fault->times, -1);
    }
    add(&fault->hits, 1);
    errno = get(&fault->error);
    return 0;
}

static long passed(enum step step, long result)
{
    if (result > 0) {
        add(&fault_of(step)->passed, (int32_t)result);
    }
    return result;
}

/* One datagram, whose length may be 0. */
static long one(enum step step, long number, int fd, void *message, int flags)
{
    if (allow(step, 1) == 0) {
        return -1;
    }
    long result = __real_syscall(number, fd, message, flags);
    passed(step, result >= 0);
    return result;
}

/* As the kernel does: stops before the message that fails, and fails when called again from there. */
static long many(enum step step, long number, int fd, void *messages, unsigned count, int flags)
{
    unsigned allowed = allow(MMSG, 1) == 0 ? 0 : allow(step, count);

    return allowed == 0 ? -1 : passed(step, __real_syscall(number, fd, messages, allowed, flags, NULL));
}

/* The numbers that the shim uses. */
long __wrap_syscall(long number, ...)
{
    va_list arguments;

    va_start(arguments, number);
    struct call call = take_call(number, arguments);
    va_end(arguments);
    switch (number) {
    case SYS_recvmsg:
        return one(call.third & MSG_ERRQUEUE ? ERROR_QUEUE : RECEIVE, number, call.fd, call.messages, (int)call.third);
    case SYS_recvmmsg:
        return many(RECEIVE, number, call.fd, call.messages, call.third, call.flags);
    case SYS_sendmsg:
        return one(SEND, number, call.fd, call.messages, (int)call.third);
    case SYS_sendmmsg:
        return many(SEND, number, call.fd, call.messages, call.third, call.flags);
    case SYS_bind:
    case SYS_connect:
        return __real_syscall(number, call.fd, call.messages, call.third);
    default:
        return fail(ENOSYS);
    }
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    if (allow(GETSOCKOPT, 1) == 0) {
        return -1;
    }
    passed(GETSOCKOPT, 1);
    return __real_getsockopt(fd, level, name, value, length);
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    if (allow(SETSOCKOPT, 1) == 0) {
        return -1;
    }
    passed(SETSOCKOPT, 1);
    return __real_setsockopt(fd, level, name, value, length);
}

/* The only command that the shim uses is F_DUPFD_CLOEXEC, which takes a number. */
int __wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;

    va_start(arguments, command);
    int least = va_arg(arguments, int);
    va_end(arguments);
    if (allow(FCNTL, 1) == 0) {
        return -1;
    }
    passed(FCNTL, 1);
    return __real_fcntl(fd, command, least);
}

int __wrap_eventfd(unsigned initial, int flags)
{
    if (allow(EVENTFD, 1) == 0) {
        return -1;
    }
    passed(EVENTFD, 1);
    return __real_eventfd(initial, flags);
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (allow(POLL, 1) == 0) {
        return -1;
    }
    passed(POLL, 1);
    return __real_poll(fds, count, timeout);
}

/* Held as long as the plan says, so that a test can do something else first. */
ssize_t __wrap_write(int fd, const void *bytes, size_t count)
{
    struct fault *fault = fault_of(WRITE);

    if (get(&fault->hold) != 0) {
        add(&fault->hits, 1);
        while (get(&fault->hold) != 0) {
            sched_yield();
        }
    }
    return __real_write(fd, bytes, count);
}

/* The shim uses this call for the routing table only. */
ssize_t __wrap_send(int fd, const void *bytes, size_t count, int flags)
{
    if (allow(NETLINK, 1) == 0) {
        return -1;
    }
    passed(NETLINK, 1);
    return __real_send(fd, bytes, count, flags);
}
