/* The system calls besides receiving and sending: waiting, descriptors, the routing table, options. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arenas.h"
#include "expect.h"
#include "interruptions.h"
#include "kernel.h"
#include "test_socket.h"

static void waiting_ends_with_a_datagram_or_with_room(void)
{
    struct server server = new_server(AF_INET);
    int client = new_client("127.0.0.1");

    EXPECT_EQUAL(0, kernel_wait(server.fd, -1, WAIT_READABLE, 0));
    EXPECT_EQUAL(1, kernel_wait(server.fd, -1, WAIT_WRITABLE, PATIENCE_MILLIS));
    ask(client, "127.0.0.1", server.port, "hello", 5);
    EXPECT_EQUAL(1, kernel_wait(server.fd, -1, WAIT_READABLE, PATIENCE_MILLIS));
    close(client);
    close(server.fd);
}

static void waiting_ends_when_the_time_is_over(void)
{
    struct server server = new_server(AF_INET);
    int event = kernel_new_event();
    int64_t before = now(CLOCK_MONOTONIC);

    EXPECT_EQUAL(0, kernel_wait(server.fd, event, WAIT_READABLE, 50));
    EXPECT_EQUAL(1, now(CLOCK_MONOTONIC) - before >= 49 * 1000000);
    kernel_close(event);
    close(server.fd);
}

static void waiting_ends_with_a_signal_on_the_event(void)
{
    struct server server = new_server(AF_INET);
    int event = kernel_new_event();

    EXPECT_EQUAL(FD_CLOEXEC, fcntl(event, F_GETFD) & FD_CLOEXEC);
    int64_t before = now(CLOCK_MONOTONIC);
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        poll(NULL, 0, 50);
        _exit(kernel_signal(event) != 0);
    }
    int status = -1;
    EXPECT_EQUAL(1, kernel_wait(server.fd, event, WAIT_READABLE, PATIENCE_MILLIS));
    EXPECT_EQUAL(1, now(CLOCK_MONOTONIC) - before >= 49 * 1000000);
    EXPECT_EQUAL(child, waitpid(child, &status, 0));
    EXPECT_EQUAL(0, status);
    EXPECT_EQUAL(0, kernel_signal(event));
    EXPECT_EQUAL(1, kernel_wait(server.fd, event, WAIT_READABLE, 0)); /* and remains so, for all that wait */
    kernel_close(event);
    close(server.fd);
}

static void ignore(int number)
{
    (void)number;
}

static void waiting_ends_early_without_an_error_when_it_is_interrupted(void)
{
    struct server server = new_server(AF_INET);
    const struct sigaction action = {.sa_handler = ignore};
    /* Repeatedly: the first alarm may arrive before the waiting has begun. */
    const struct itimerval soon = {.it_value.tv_usec = 20000, .it_interval.tv_usec = 20000};
    const struct itimerval never = {.it_value.tv_usec = 0};
    int64_t before = now(CLOCK_MONOTONIC);

    must(sigaction(SIGALRM, &action, NULL) == 0, "sigaction");
    must(setitimer(ITIMER_REAL, &soon, NULL) == 0, "setitimer");
    EXPECT_EQUAL(0, kernel_wait(server.fd, -1, WAIT_READABLE, PATIENCE_MILLIS));
    EXPECT_EQUAL(1, (now(CLOCK_MONOTONIC) - before) / 1000000 < PATIENCE_MILLIS);
    must(setitimer(ITIMER_REAL, &never, NULL) == 0, "setitimer");
    close(server.fd);
}

static void an_interrupted_call_is_made_again(void)
{
    struct server server = new_server(AF_INET);
    void *arena = new_arena(2, CAPACITY, FAMILY_IPV4);
    int client = new_client("127.0.0.2");
    int event = kernel_new_event();

    for (int count = 1; count <= 2; count++) {
        for (int i = 0; i < count; i++) {
            ask(client, "127.0.0.2", server.port, &i, sizeof(i));
        }
        EXPECT_EQUAL(1, kernel_wait(server.fd, -1, WAIT_READABLE, PATIENCE_MILLIS));
        interruptions = 3;
        serve(server, arena, count, 1);
        EXPECT_EQUAL(0, interruptions);
        int first = 0;
        expect_answer(client, "127.0.0.2", server.port, &first, sizeof(first));
        interruptions = 3;
        for (int i = 0; i < 2; i++) {
            answer(slot_of(arena, i));
        }
        EXPECT_EQUAL(count, arena_send(arena, server.fd, count));
        EXPECT_EQUAL(0, interruptions);
        EXPECT_EQUAL(0, slot_of(arena, 0)->error);
        while (arena_receive(arena, server.fd, 1) > 0) {
        }
    }
    interruptions = 3;
    EXPECT_EQUAL(0, kernel_signal(event));
    EXPECT_EQUAL(0, interruptions);
    kernel_close(event);
    close(client);
    close(server.fd);
    free(arena);
}

static void a_duplicate_is_closed_on_exec_and_outlives_the_original(void)
{
    struct server server = new_server(AF_INET);
    int duplicate = kernel_duplicate(server.fd);

    EXPECT_EQUAL(1, duplicate >= 3 && duplicate != server.fd);
    EXPECT_EQUAL(FD_CLOEXEC, fcntl(duplicate, F_GETFD) & FD_CLOEXEC);
    EXPECT_EQUAL(0, kernel_close(server.fd));
    EXPECT_EQUAL(-EBADF, kernel_close(server.fd));
    EXPECT_EQUAL(-EBADF, kernel_duplicate(server.fd));
    ask_and_answer((struct server){.fd = duplicate, .port = server.port}, FAMILY_IPV4, "127.0.0.2", "127.0.0.1");
    EXPECT_EQUAL(0, kernel_close(duplicate));
}

static void a_descriptor_takes_over_the_socket_of_another(void)
{
    struct server server = new_server(AF_INET);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int64_t cookie = kernel_cookie(server.fd);

    EXPECT_EQUAL(1, cookie > 0 ? kernel_cookie(fd) > cookie : cookie == -ENOPROTOOPT);
    EXPECT_EQUAL(fd, kernel_replace(fd, server.fd));
    EXPECT_EQUAL(cookie, kernel_cookie(fd));
    EXPECT_EQUAL(FD_CLOEXEC, fcntl(fd, F_GETFD) & FD_CLOEXEC);
    EXPECT_EQUAL(0, kernel_close(server.fd));
    EXPECT_EQUAL(-EBADF, kernel_replace(fd, server.fd));
    EXPECT_EQUAL(-EBADF, kernel_cookie(server.fd));
    ask_and_answer((struct server){.fd = fd, .port = server.port}, FAMILY_IPV4, "127.0.0.2", "127.0.0.1");
    EXPECT_EQUAL(0, kernel_close(fd));
}

static int route_type(int family, const char *text, int interface)
{
    uint8_t address[16] = {[10] = 0xff, [11] = 0xff};

    static int number;
    int fd = kernel_new_route_socket();

    must(fd >= 0, "netlink");
    must(inet_pton(family, text, family == AF_INET ? address + 12 : address) == 1, text);
    int first = kernel_route_type(fd, ++number, family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6, address, interface);
    int second = kernel_route_type(fd, ++number, family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6, address, interface);
    EXPECT_EQUAL(first, second);
    close(fd);
    EXPECT_EQUAL(-EBADF, kernel_route_type(fd, ++number, FAMILY_IPV4, address, interface));
    return first;
}

/* The numbers are RTN_LOCAL, RTN_BROADCAST and RTN_MULTICAST of rtnetlink(7). */
static void the_routing_table_tells_what_an_ipv4_address_is(void)
{
    EXPECT_EQUAL(2, route_type(AF_INET, "127.0.0.1", 0));
    EXPECT_EQUAL(2, route_type(AF_INET, "127.9.9.9", 0));
    EXPECT_EQUAL(3, route_type(AF_INET, "127.255.255.255", 0));
    int foreign = route_type(AF_INET, "192.0.2.1", 0);
    EXPECT_EQUAL(1, foreign == 0 || foreign == 1);
    EXPECT_EQUAL(0, route_type(AF_INET, "192.0.2.1", 1 << 30));
}

static void the_routing_table_tells_what_an_ipv6_address_is(void)
{
    EXPECT_EQUAL(2, route_type(AF_INET6, "::1", 0));
    int foreign = route_type(AF_INET6, "2001:db8::1", 0);
    EXPECT_EQUAL(1, foreign >= 0 && foreign != 2);
}

static void sockets_of_one_namespace_have_its_number(void)
{
    int one = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int two = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    EXPECT_EQUAL(kernel_namespace(one), kernel_namespace(two));
    EXPECT_EQUAL(1, kernel_namespace(one) > 0 || kernel_namespace(one) == -ENOPROTOOPT);
    EXPECT_EQUAL(-EBADF, kernel_namespace(-1));
    close(one);
    close(two);
}

static void what_was_signalled_is_taken_back(void)
{
    int event = kernel_new_event();

    EXPECT_EQUAL(0, kernel_calm(event));
    EXPECT_EQUAL(0, kernel_signal(event));
    EXPECT_EQUAL(0, kernel_signal(event));
    EXPECT_EQUAL(1, kernel_wait(event, event, WAIT_READABLE, 0) > 0);
    EXPECT_EQUAL(0, kernel_calm(event));
    EXPECT_EQUAL(0, kernel_wait(event, event, WAIT_READABLE, 0));
    EXPECT_EQUAL(0, kernel_close(event));
    EXPECT_EQUAL(-EBADF, kernel_calm(event));
}

static void options_of_an_ipv4_socket_are_set_and_read(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    for (int value = 1; value >= 0; value--) {
        EXPECT_EQUAL(0, kernel_set_option(fd, OPTION_IP_PKTINFO, value));
        EXPECT_EQUAL(value, kernel_get_option(fd, OPTION_IP_PKTINFO));
        EXPECT_EQUAL(0, kernel_set_option(fd, OPTION_IP_MTU_DISCOVER, value));
        EXPECT_EQUAL(value, kernel_get_option(fd, OPTION_IP_MTU_DISCOVER));
        int result = kernel_set_option(fd, OPTION_IP_MULTICAST_ALL, value); /* not supported by qemu-user */
        EXPECT_EQUAL(result == 0 ? value : -ENOPROTOOPT, kernel_get_option(fd, OPTION_IP_MULTICAST_ALL));
    }
    EXPECT_EQUAL(FAMILY_IPV4, kernel_get_option(fd, OPTION_FAMILY));
    EXPECT_EQUAL(0, kernel_get_option(fd, OPTION_BOUND_INTERFACE));
    EXPECT_EQUAL(-ENOPROTOOPT, kernel_set_option(fd, OPTION_IPV6_RECVPKTINFO, 1));
    close(fd);
}

static void options_of_an_ipv6_socket_are_set_and_read(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int options[] = {OPTION_IP_PKTINFO, OPTION_IPV6_RECVPKTINFO, OPTION_IPV6_V6ONLY, OPTION_IP_MTU_DISCOVER};

    for (int i = 0; i < 4; i++) {
        for (int value = 1; value >= 0; value--) {
            EXPECT_EQUAL(0, kernel_set_option(fd, options[i], value));
            EXPECT_EQUAL(value, kernel_get_option(fd, options[i]));
        }
    }
    for (int value = 1; value >= 0; value--) {
        int result = kernel_set_option(fd, OPTION_IPV6_MULTICAST_ALL, value);
        EXPECT_EQUAL(result == 0 ? value : -ENOPROTOOPT, kernel_get_option(fd, OPTION_IPV6_MULTICAST_ALL));
    }
    EXPECT_EQUAL(FAMILY_IPV6, kernel_get_option(fd, OPTION_FAMILY));
    close(fd);
}

/* Binding to a device needed a privilege before Linux 5.7. */
static void the_interface_that_a_socket_is_bound_to_is_told(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == -1) {
        EXPECT_EQUAL(EPERM, errno);
        puts("skipped: not allowed to bind to a device");
    } else {
        EXPECT_EQUAL(if_nametoindex("lo"), kernel_get_option(fd, OPTION_BOUND_INTERFACE));
    }
    close(fd);
}

static void an_unknown_option_or_a_descriptor_that_is_none_is_an_error(void)
{
    const int unknown[] = {0, -1, 99};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    for (int i = 0; i < 3; i++) {
        EXPECT_EQUAL(-ENOPROTOOPT, kernel_set_option(fd, unknown[i], 1));
        EXPECT_EQUAL(-ENOPROTOOPT, kernel_get_option(fd, unknown[i]));
    }
    EXPECT_EQUAL(-ENOPROTOOPT, kernel_set_option(fd, OPTION_FAMILY, 1));
    close(fd);
    for (int option = OPTION_IP_PKTINFO; option <= OPTION_BOUND_INTERFACE; option++) {
        EXPECT_EQUAL(-EBADF, kernel_get_option(fd, option));
    }
    EXPECT_EQUAL(-EBADF, kernel_set_option(fd, OPTION_IP_PKTINFO, 1));
    EXPECT_EQUAL(-EBADF, kernel_signal(fd));
}

static void a_socket_that_is_not_of_the_internet_has_no_family(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    EXPECT_EQUAL(-EAFNOSUPPORT, kernel_get_option(fd, OPTION_FAMILY));
    close(fd);
}

static void the_version_of_the_c_library_is_known_if_it_is_glibc(void)
{
#ifdef __GLIBC__
    /* Newer than the one compiled for is possible, older is not. */
    EXPECT_EQUAL(1, libc_glibc_version() >= __GLIBC__ * 1000 + __GLIBC_MINOR__);
    EXPECT_EQUAL(__GLIBC__, libc_glibc_version() / 1000);
#else
    EXPECT_EQUAL(0, libc_glibc_version());
#endif
}

void calls(void)
{
    waiting_ends_with_a_datagram_or_with_room();
    waiting_ends_when_the_time_is_over();
    waiting_ends_with_a_signal_on_the_event();
    waiting_ends_early_without_an_error_when_it_is_interrupted();
    if (!left_out("an_interrupted_call_is_made_again")) {
        an_interrupted_call_is_made_again();
    }
    a_duplicate_is_closed_on_exec_and_outlives_the_original();
    if (!left_out("a_descriptor_takes_over_the_socket_of_another")) {
        a_descriptor_takes_over_the_socket_of_another();
    }
    what_was_signalled_is_taken_back();
    if (!left_out("the_routing_table_tells_what_an_ipv4_address_is")) {
        the_routing_table_tells_what_an_ipv4_address_is();
    }
    if (!left_out("sockets_of_one_namespace_have_its_number")) {
        sockets_of_one_namespace_have_its_number();
    }
    options_of_an_ipv4_socket_are_set_and_read();
    if (!left_out("the_interface_that_a_socket_is_bound_to_is_told")) {
        the_interface_that_a_socket_is_bound_to_is_told();
    }
    an_unknown_option_or_a_descriptor_that_is_none_is_an_error();
    a_socket_that_is_not_of_the_internet_has_no_family();
    the_version_of_the_c_library_is_known_if_it_is_glibc();
}

void calls_of_ipv6(void)
{
    options_of_an_ipv6_socket_are_set_and_read();
    if (!left_out("the_routing_table_tells_what_an_ipv6_address_is")) {
        the_routing_table_tells_what_an_ipv6_address_is();
    }
}
