/*
 * Linked around the shim with --wrap, makes a kernel since 3.15 keep the packet information rules of an older one, for
 * tests. The environment variable PKTINFO_EMULATE names the kernel:
 *
 *   legacy   RHEL 6 to 7.3, Linux to 3.13; refuses IP_TOS and IP_TTL messages, as Linux before 3.13 does
 *   half     RHEL 7.4 and 7.5, Linux 3.14; takes these as int only, as Linux before 4.9 does
 *   unnumbered   Linux 4.6 to 6.12: refuses a datagram with a number for its time of transmission
 *   modern   none: everything is passed on
 *   deaf     a kernel, such as gVisor, that accepts packet information of either family on sending and ignores it
 *            without an error
 *
 * each optionally followed by -without-mmsg: without recvmmsg(2) and sendmmsg(2), which came with Linux 2.6.33 and 3.0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calls.h"
#include "emulator.h"

/* From asm/socket.h, which old systems lack. */
enum { MEMINFO_OPTION = 55 };

/* From asm/socket.h and linux/net_tstamp.h. */
enum { TIMESTAMPING_OPTION = 37, SINCE_3_17 = 1 << 7 };

/* From linux/in6.h. */
enum { MULTICAST_ALL_OPTION = 29 };

static const struct kernel kernels[] = {
    {.name = "legacy", .old_receive = 1, .old_send = 1, .without_fields = 1},
    {.name = "legacy-without-mmsg", .old_receive = 1, .old_send = 1, .without_fields = 1, .without_mmsg = 1},
    {.name = "half", .old_send = 1},
    {.name = "half-without-mmsg", .old_send = 1, .without_mmsg = 1},
    {.name = "unnumbered", .without_numbers = 1},
    {.name = "unnumbered-without-mmsg", .without_numbers = 1, .without_mmsg = 1},
    {.name = "modern"},
    {.name = "modern-without-mmsg", .without_mmsg = 1},
    {.name = "deaf", .deaf = 1},
};

static const struct kernel *chosen;
static pthread_once_t choice = PTHREAD_ONCE_INIT;

/* Stops the process if the variable names no kernel: a test must not pass on another kernel than it names. */
static void choose(void)
{
    const char *name = getenv("PKTINFO_EMULATE");

    for (size_t i = 0; name != NULL && i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        if (strcmp(name, kernels[i].name) == 0) {
            chosen = &kernels[i];
            return;
        }
    }
    fprintf(stderr,
        "pktinfo: this test build emulates the kernel that PKTINFO_EMULATE names: legacy, half, unnumbered or modern,"
        " each perhaps followed by -without-mmsg, or deaf. It is %s%s%s.\n",
        name == NULL ? "not set" : "'", name == NULL ? "" : name, name == NULL ? "" : "'");
    _exit(EXIT_FAILURE);
}

const struct kernel *emulated(void)
{
    pthread_once(&choice, choose);
    return chosen;
}

/*
 * Copies the header of the control message that begins here; returns the distance to the next, 0 if no whole one is
 * left.
 */
size_t read_header(struct cmsghdr *header, const uint8_t *at, size_t left)
{
    if (left < sizeof(*header)) {
        return 0;
    }
    memcpy(header, at, sizeof(*header));
    if (header->cmsg_len < HEADER_SPACE || header->cmsg_len > left) {
        return 0;
    }
    size_t step = CMSG_ALIGN(header->cmsg_len);
    return step < left ? step : left;
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
        return __wrap_recvmsg(call.fd, call.messages, (int)call.third);
    case SYS_recvmmsg:
        return __wrap_recvmmsg(call.fd, call.messages, call.third, call.flags, NULL);
    case SYS_sendmsg:
        return __wrap_sendmsg(call.fd, call.messages, (int)call.third);
    case SYS_sendmmsg:
        return send_many_as_then(call.fd, call.messages, call.third, call.flags);
    case SYS_bind:
    case SYS_connect:
        return __real_syscall(number, call.fd, call.messages, call.third);
    default:
        return fail(ENOSYS);
    }
}

/*
 * SO_MEMINFO came with Linux 4.12, UDP_SEGMENT with 4.18, IPV6_MULTICAST_ALL with 4.20 and UDP_GRO with 5.0: a kernel
 * that ignores in6_pktinfo has none of them, and one that ignores all packet information has no UDP_SEGMENT here, which
 * would be lost with the rest.
 */
static int is_newer(int level, int name)
{
    if (level == IPPROTO_UDP) {
        return emulated()->old_send || emulated()->deaf;
    }
    return emulated()->old_send
        && ((level == SOL_SOCKET && name == MEMINFO_OPTION) || (level == IPPROTO_IPV6 && name == MULTICAST_ALL_OPTION));
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    return is_newer(level, name) ? (int)fail(ENOPROTOOPT) : __real_getsockopt(fd, level, name, value, length);
}

/* SOF_TIMESTAMPING_OPT_ID came with Linux 3.17, all later flags are of higher value. */
static int has_newer_flags(int level, int name, const void *value, socklen_t length)
{
    uint32_t flags = 0;

    if (level == SOL_SOCKET && name == TIMESTAMPING_OPTION && length >= sizeof(flags)) {
        memcpy(&flags, value, sizeof(flags));
    }
    return emulated()->old_send && flags >= SINCE_3_17;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    if (has_newer_flags(level, name, value, length)) {
        return (int)fail(EINVAL);
    }
    return is_newer(level, name) ? (int)fail(ENOPROTOOPT) : __real_setsockopt(fd, level, name, value, length);
}
