/* The rules of each kernel that the emulator knows, on real sockets: every rule holds on some and not on others. */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "expect.h"
#include "sockets.h"
#include "test_emulator.h"

enum { NOBODY = 65534 };

static const struct kernel kernels[] = {
    {.name = "legacy", .foreign = EINVAL, .any = 1, .mmsg = 1, .field = EINVAL, .byte_field = EINVAL},
    {.name = "legacy-without-mmsg", .foreign = EINVAL, .any = 1, .field = EINVAL, .byte_field = EINVAL},
    {.name = "half", .in6_comes = 1, .foreign = EINVAL, .any = 1, .mmsg = 1, .byte_field = EINVAL},
    {.name = "half-without-mmsg", .in6_comes = 1, .foreign = EINVAL, .any = 1, .byte_field = EINVAL},
    {.name = "unnumbered", .in6_comes = 1, .in6_counts = 1, .foreign = ENETUNREACH, .mmsg = 1,
        .form = TRANSMIT_REQUESTED},
    {.name = "unnumbered-without-mmsg", .in6_comes = 1, .in6_counts = 1, .foreign = ENETUNREACH,
        .form = TRANSMIT_REQUESTED},
    {.name = "modern", .in6_comes = 1, .in6_counts = 1, .foreign = ENETUNREACH, .mmsg = 1, .form = TRANSMIT_NUMBERED},
    {.name = "modern-without-mmsg", .in6_comes = 1, .in6_counts = 1, .foreign = ENETUNREACH,
        .form = TRANSMIT_NUMBERED},
};

const struct kernel *kernel;

/* Runs a test in a process of its own, because its changes to the process last; returns 0, 1 or SKIPPED. */
static int in_a_child(int (*test)(void))
{
    int status;
    pid_t child = fork();

    must(child != -1, "fork");
    if (child == 0) {
        int result = test();
        _exit(expect_failures > 0 ? 1 : result);
    }
    must(waitpid(child, &status, 0) == child, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void bind_to_loopback(int fd)
{
    must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) == 0, "SO_BINDTODEVICE");
}

static int is_bound_to_loopback(int fd)
{
    char name[IF_NAMESIZE] = {0};
    socklen_t length = sizeof(name);

    return getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0 && strcmp(name, "lo") == 0;
}

/* A host with a loopback interface and no route: a socket bound to it sends to any address, another has no route. */
static int enter_a_host_without_routes(void)
{
    struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    if (unshare(CLONE_NEWNET) == -1 && unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1) {
        return 0;
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(ioctl(fd, SIOCSIFFLAGS, &up) == 0, "interface up");
    close(fd);
    return 1;
}

static int index_zero_means_any_interface_until_later(void)
{
    const char *far = "::ffff:203.0.113.1";
    int loopback = (int)if_nametoindex("lo");

    if (!enter_a_host_without_routes()) {
        return SKIPPED;
    }
    struct pair pair = new_pair(0);
    EXPECT_EQUAL(ENETUNREACH, send_to(pair.server, far, 9, and_in4(none(), "127.0.0.2", 0)));
    EXPECT_EQUAL(ENETUNREACH, send_to(pair.server, far, 9, none()));
    bind_to_loopback(pair.server);
    EXPECT_EQUAL(kernel->any ? ENETUNREACH : 0, send_to(pair.server, far, 9, and_in4(none(), "127.0.0.2", 0)));
    EXPECT_EQUAL(1, is_bound_to_loopback(pair.server));
    EXPECT_EQUAL(0, send_to(pair.server, far, 9, and_in4(none(), "127.0.0.2", loopback)));
    EXPECT_EQUAL(0, send_to(pair.server, far, 9, none()));
    EXPECT_EQUAL(
        kernel->in6_counts ? ENETUNREACH : 0, send_to(pair.server, far, 9, and_in6(none(), "::ffff:192.0.2.7")));
    EXPECT_EQUAL(0, answer(pair, and_in4(none(), "127.0.0.2", 0)));
    expect_from(pair, "::ffff:127.0.0.2");
    EXPECT_EQUAL(1, is_bound_to_loopback(pair.server));
    return 0;
}

/* If the emulator is not allowed to lift the binding it says so, and does not send as if there were none. */
static int without_the_right_to_it_the_emulator_fails(void)
{
    struct pair pair = new_pair(0);

    bind_to_loopback(pair.server);
    must(geteuid() != 0 || setuid(NOBODY) == 0, "setuid");
    EXPECT_EQUAL(kernel->any ? EPERM : 0, answer(pair, and_in4(none(), "127.0.0.2", 0)));
    if (kernel->any) {
        expect_nothing(pair);
    }
    EXPECT_EQUAL(1, is_bound_to_loopback(pair.server));
    EXPECT_EQUAL(0, answer(pair, and_in4(none(), "127.0.0.2", (int)if_nametoindex("lo"))));
    EXPECT_EQUAL(0, answer(pair, none()));
    return 0;
}

static int test_kernel(void)
{
    receiving();
    sending();
    transmitting();
    EXPECT_EQUAL(0, in_a_child(without_the_right_to_it_the_emulator_fails));
    return in_a_child(index_zero_means_any_interface_until_later);
}

/* Expects a text in the output of a child, read until the child ends. */
static void expect_refusal(const char *name, const char *text)
{
    int ends[2];
    char said[1000] = {0};
    int status;

    must(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    must(child != -1, "fork");
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        must((name == NULL ? unsetenv("PKTINFO_EMULATE") : setenv("PKTINFO_EMULATE", name, 1)) == 0, "setenv");
        recvmsg(-1, &(struct msghdr){.msg_iovlen = 0}, 0);
        _exit(0);
    }
    close(ends[1]);
    must(waitpid(child, &status, 0) == child, "waitpid");
    must(read(ends[0], said, sizeof(said) - 1) >= 0, "read");
    close(ends[0]);
    EXPECT_EQUAL(1, WIFEXITED(status) && WEXITSTATUS(status) == 1);
    EXPECT_EQUAL(1, strstr(said, text) != NULL);
    EXPECT_EQUAL(1, strstr(said, "legacy, half, unnumbered or modern, each perhaps followed by -without-mmsg") != NULL);
}

static void a_name_that_it_does_not_know_stops_the_process(void)
{
    expect_refusal(NULL, "It is not set.");
    expect_refusal("", "It is ''.");
    expect_refusal("moderne", "It is 'moderne'.");
    expect_refusal("half-", "It is 'half-'.");
}

int main(void)
{
    int skipped = 0;
    int six = socket(AF_INET6, SOCK_DGRAM, 0);

    a_name_that_it_does_not_know_stops_the_process();
    if (six == -1 && errno == EAFNOSUPPORT) {
        puts("skipped: no IPv6");
        return expect_failures > 0 ? 1 : SKIPPED;
    }
    close(six);
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        kernel = &kernels[i];
        must(setenv("PKTINFO_EMULATE", kernel->name, 1) == 0, "setenv");
        int result = in_a_child(test_kernel);
        EXPECT_EQUAL(1, result == 0 || result == SKIPPED);
        skipped |= result == SKIPPED;
    }
    if (skipped) {
        puts("skipped: the rule for bound sockets needs the right to make network namespaces");
    }
    return expect_failures > 0 ? 1 : skipped ? SKIPPED : 0;
}
