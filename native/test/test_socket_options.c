/* Every socket option by the project's own number: set, read back, and refused where the kernel has to refuse it. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "expect.h"
#include "kernel.h"
#include "test_socket.h"

/* SOF_TIMESTAMPING_RX_HARDWARE and SOF_TIMESTAMPING_RAW_HARDWARE of linux/net_tstamp.h. */
enum { HARDWARE_TIMES = 1 << 2 | 1 << 6 };

struct option {
    const char *name;
    int number;
    int value;      /* set first, then 0 */
    int since;      /* Linux's version, 1000 * major + minor; 0: all that this test runs on */
    int six;        /* of IPv6 sockets only */
    int privileged; /* EPERM without a capability */
};

static const struct option options[] = {
    {"IP_PKTINFO", OPTION_IP_PKTINFO, 1, 0, 0, 0},
    {"IPV6_RECVPKTINFO", OPTION_IPV6_RECVPKTINFO, 1, 0, 1, 0},
    {"IPV6_V6ONLY", OPTION_IPV6_V6ONLY, 1, 0, 1, 0},
    {"UDP_SEGMENT", OPTION_UDP_SEGMENT, 1200, 4018, 0, 0},
    {"UDP_GRO", OPTION_UDP_GRO, 1, 5000, 0, 0},
    {"SO_RXQ_OVFL", OPTION_RXQ_OVFL, 1, 2006, 0, 0},
    {"IP_MTU_DISCOVER", OPTION_IP_MTU_DISCOVER, 1, 0, 0, 0},
    {"IP_MTU_DISCOVER", OPTION_IP_MTU_DISCOVER, 2, 0, 0, 0},
    {"IP_MTU_DISCOVER", OPTION_IP_MTU_DISCOVER, 3, 2006, 0, 0},
    {"IP_MTU_DISCOVER", OPTION_IP_MTU_DISCOVER, 4, 3014, 0, 0},
    {"IP_MTU_DISCOVER", OPTION_IP_MTU_DISCOVER, 5, 3015, 0, 0},
    {"IPV6_MTU_DISCOVER", OPTION_IPV6_MTU_DISCOVER, 1, 0, 1, 0},
    {"IPV6_MTU_DISCOVER", OPTION_IPV6_MTU_DISCOVER, 2, 0, 1, 0},
    {"IPV6_MTU_DISCOVER", OPTION_IPV6_MTU_DISCOVER, 3, 2006, 1, 0},
    {"IPV6_MTU_DISCOVER", OPTION_IPV6_MTU_DISCOVER, 4, 3015, 1, 0},
    {"IPV6_MTU_DISCOVER", OPTION_IPV6_MTU_DISCOVER, 5, 3015, 1, 0},
    {"IPV6_DONTFRAG", OPTION_IPV6_DONTFRAG, 1, 2006, 1, 0},
    {"IP_MULTICAST_ALL", OPTION_IP_MULTICAST_ALL, 1, 2006, 0, 0},
    {"IPV6_MULTICAST_ALL", OPTION_IPV6_MULTICAST_ALL, 1, 4020, 1, 0},
    {"IP_RECVTOS", OPTION_IP_RECVTOS, 1, 0, 0, 0},
    {"IPV6_RECVTCLASS", OPTION_IPV6_RECVTCLASS, 1, 0, 1, 0},
    {"IP_RECVTTL", OPTION_IP_RECVTTL, 1, 0, 0, 0},
    {"IPV6_RECVHOPLIMIT", OPTION_IPV6_RECVHOPLIMIT, 1, 0, 1, 0},
    {"SO_TIMESTAMPNS", OPTION_TIMESTAMPNS, 1, 2006, 0, 0},
    {"SO_TIMESTAMPING", OPTION_TIMESTAMPING, HARDWARE_TIMES, 2006, 0, 0},
    {"IP_RECVORIGDSTADDR", OPTION_IP_RECVORIGDSTADDR, 1, 2006, 0, 0},
    {"IPV6_RECVORIGDSTADDR", OPTION_IPV6_RECVORIGDSTADDR, 1, 2006, 1, 0},
    {"SO_RCVMARK", OPTION_RCVMARK, 1, 5019, 0, 0},
    {"IP_TOS", OPTION_IP_TOS, 0xb9, 0, 0, 0},
    {"IPV6_TCLASS", OPTION_IPV6_TCLASS, 0xb9, 0, 1, 0},
    {"IP_TRANSPARENT", OPTION_IP_TRANSPARENT, 1, 2006, 0, 1},
    {"IPV6_TRANSPARENT", OPTION_IPV6_TRANSPARENT, 1, 2006, 1, 1},
    {"SO_MARK", OPTION_MARK, INT_MIN + 1, 2006, 0, 1}, /* read as 2147483649 */
    {"SO_BUSY_POLL", OPTION_BUSY_POLL, 50, 3011, 0, 1},
    {"SO_INCOMING_CPU", OPTION_INCOMING_CPU, 3, 4004, 0, 0},
    {"IPV6_FREEBIND", OPTION_IPV6_FREEBIND, 1, 4015, 1, 0},
};

enum { COUNT = sizeof(options) / sizeof(options[0]) };

static int must_exist(const struct option *option)
{
    struct utsname host;
    int major = 0;
    int minor = 0;

    must(uname(&host) == 0 && sscanf(host.release, "%d.%d", &major, &minor) == 2, "uname");
    return 1000 * major + minor >= option->since;
}

/* Returns 1 if the option was set; prints the reason if the environment does not allow it. */
static int is_set(int fd, const struct option *option, int value)
{
    int result = kernel_set_option(fd, option->number, value);

    if (result == -EPERM && option->privileged) {
        printf("skipped: not allowed to set %s\n", option->name);
    } else if (result == 0 || must_exist(option)) {
        EXPECT_EQUAL(0, result);
    } else {
        printf("skipped: no %s\n", option->name);
    }
    return result == 0;
}

static void every_option_is_read_as_it_was_set(int family)
{
    for (int i = 0; i < COUNT; i++) {
        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const int values[] = {options[i].value, 0};
        must(fd >= 0, "socket");
        for (int j = 0; j < 2 && (family == AF_INET6 || !options[i].six); j++) {
            if (is_set(fd, &options[i], values[j])) {
                expect_equal(options[i].name, __LINE__, "value", (uint32_t)values[j],
                    kernel_get_option(fd, options[i].number));
            }
        }
        close(fd);
    }
}

static void an_option_of_ipv6_is_none_of_an_ipv4_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    for (int i = 0; i < COUNT; i++) {
        if (options[i].six) {
            int result = kernel_set_option(fd, options[i].number, options[i].value);
            expect_equal(options[i].name, __LINE__, "set", -ENOPROTOOPT, result);
            EXPECT_EQUAL(1, kernel_get_option(fd, options[i].number) < 0);
        }
    }
    close(fd);
}

static void numbers_that_are_no_option_are_refused(int family)
{
    const int unknown[] = {0, -1, 99, INT_MAX, INT_MIN};
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    for (int i = 0; i < 5; i++) {
        EXPECT_EQUAL(-ENOPROTOOPT, kernel_set_option(fd, unknown[i], 1));
        EXPECT_EQUAL(-ENOPROTOOPT, kernel_get_option(fd, unknown[i]));
    }
    EXPECT_EQUAL(-ENOPROTOOPT, kernel_set_option(fd, OPTION_FAMILY, 1));
    close(fd);
}

static void an_option_of_a_descriptor_that_is_none_is_an_error(void)
{
    for (int i = 0; i < COUNT; i++) {
        EXPECT_EQUAL(-EBADF, kernel_set_option(-1, options[i].number, options[i].value));
        EXPECT_EQUAL(-EBADF, kernel_get_option(-1, options[i].number));
    }
    EXPECT_EQUAL(-EBADF, kernel_set_option(-1, OPTION_BOUND_INTERFACE, 0));
    EXPECT_EQUAL(-EBADF, kernel_get_option(-1, OPTION_BOUND_INTERFACE));
}

/* The kernel doubles the size (socket(7)), and SO_RCVBUFFORCE is read as SO_RCVBUF. */
static void the_receive_buffer_is_read_as_twice_its_size(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    EXPECT_EQUAL(0, kernel_set_option(fd, OPTION_RCVBUF, 20000));
    EXPECT_EQUAL(40000, kernel_get_option(fd, OPTION_RCVBUF));
    int result = kernel_set_option(fd, OPTION_RCVBUFFORCE, 30000);
    if (result == -EPERM) {
        puts("skipped: not allowed to set SO_RCVBUFFORCE");
    } else {
        EXPECT_EQUAL(0, result);
    }
    EXPECT_EQUAL(result == 0 ? 60000 : 40000, kernel_get_option(fd, OPTION_RCVBUF));
    close(fd);
}

/* Binding to a device needed a privilege before Linux 5.7. */
static void a_socket_is_bound_to_an_interface_and_released_again(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int loopback = (int)if_nametoindex("lo");
    int result = kernel_set_option(fd, OPTION_BOUND_INTERFACE, loopback);

    EXPECT_EQUAL(-ENODEV, kernel_set_option(fd, OPTION_BOUND_INTERFACE, -1));
    EXPECT_EQUAL(-ENODEV, kernel_set_option(fd, OPTION_BOUND_INTERFACE, INT_MAX));
    if (result == -EPERM) {
        puts("skipped: not allowed to bind to a device");
    } else {
        EXPECT_EQUAL(0, result);
        EXPECT_EQUAL(loopback, kernel_get_option(fd, OPTION_BOUND_INTERFACE));
        result = kernel_set_option(fd, OPTION_BOUND_INTERFACE, 0);
        EXPECT_EQUAL(1, result == 0 || result == -EPERM); /* to change it needs the privilege still */
        EXPECT_EQUAL(result == 0 ? 0 : loopback, kernel_get_option(fd, OPTION_BOUND_INTERFACE));
    }
    close(fd);
}

void options_of_ipv4(void)
{
    if (!left_out("every_option_exists")) {
        every_option_is_read_as_it_was_set(AF_INET);
        an_option_of_a_descriptor_that_is_none_is_an_error();
    }
    an_option_of_ipv6_is_none_of_an_ipv4_socket();
    numbers_that_are_no_option_are_refused(AF_INET);
    the_receive_buffer_is_read_as_twice_its_size();
    if (!left_out("the_interface_that_a_socket_is_bound_to_is_told")) {
        a_socket_is_bound_to_an_interface_and_released_again();
    }
}

void options_of_ipv6(void)
{
    if (!left_out("every_option_exists")) {
        every_option_is_read_as_it_was_set(AF_INET6);
    }
    numbers_that_are_no_option_are_refused(AF_INET6);
}
