/* The rules of each kernel that the emulator knows, on real sockets: every one holds on some and not on others. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"
#include "messages.h"
#include "sockets.h"

enum { NOBODY = 65534 };

/* What holds on a kernel. */
struct kernel {
    const char *name;
    int in6_comes;  /* an in6_pktinfo with an IPv4 datagram */
    int in6_counts; /* an in6_pktinfo sent to an IPv4 peer */
    int foreign;    /* the error of an IPv4 source that is not the host's */
    int any;        /* index 0 means any interface, also on a socket that is bound to one */
    int mmsg;       /* recvmmsg and sendmmsg exist */
};

static const struct kernel kernels[] = {
    {.name = "legacy", .foreign = EINVAL, .any = 1, .mmsg = 1},
    {.name = "legacy-without-mmsg", .foreign = EINVAL, .any = 1},
    {.name = "half", .in6_comes = 1, .foreign = EINVAL, .any = 1, .mmsg = 1},
    {.name = "half-without-mmsg", .in6_comes = 1, .foreign = EINVAL, .any = 1},
    {.name = "modern", .in6_comes = 1, .in6_counts = 1, .foreign = ENETUNREACH, .mmsg = 1},
    {.name = "modern-without-mmsg", .in6_comes = 1, .in6_counts = 1, .foreign = ENETUNREACH},
};

static const struct kernel *kernel;

/* A dual-stack server with packet information, and an unconnected client at 127.0.0.1 or, if asked for, ::1. */
struct pair {
    int server;
    int client;
    uint16_t server_port;
    uint16_t client_port;
    int six;
};

static uint16_t bind_any_port(int fd, const char *address)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6};
    socklen_t length = sizeof(name);

    must(inet_pton(AF_INET6, address, &name.sin6_addr) == 1, "address");
    must(bind(fd, (struct sockaddr *)&name, length) == 0, "bind");
    must(getsockname(fd, (struct sockaddr *)&name, &length) == 0, "getsockname");
    return ntohs(name.sin6_port);
}

static struct pair new_pair(int six)
{
    struct pair pair = {
        .server = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0),
        .client = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0),
        .six = six,
    };

    must(pair.server >= 0 && pair.client >= 0, "socket");
    set(pair.server, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set(pair.client, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set(pair.server, IPPROTO_IP, IP_PKTINFO, 1);
    set(pair.server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    pair.server_port = bind_any_port(pair.server, "::");
    pair.client_port = bind_any_port(pair.client, six ? "::1" : "::ffff:127.0.0.1");
    return pair;
}

static void close_pair(struct pair pair)
{
    close(pair.server);
    close(pair.client);
}

static void ask(struct pair pair, const char *destination)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(pair.server_port)};

    must(inet_pton(AF_INET6, destination, &name.sin6_addr) == 1, "address");
    must(sendto(pair.client, "hello", 5, 0, (struct sockaddr *)&name, sizeof(name)) == 5, "sendto");
    struct pollfd readable = {.fd = pair.server, .events = POLLIN};
    must(poll(&readable, 1, PATIENCE_MILLIS) == 1, "poll");
}

/* Control messages one behind the other, each in its own place. */
struct control {
    uint8_t bytes[256];
    size_t length;
};

static struct control and(struct control before, int level, int type, const void *data, size_t length)
{
    before.length = append_message(before.bytes, before.length, level, type, data, length);
    return before;
}

static struct control none(void)
{
    return (struct control){.length = 0};
}

static struct control and_in4(struct control before, const char *source, int index)
{
    struct in_pktinfo info = {.ipi_ifindex = index};

    must(inet_pton(AF_INET, source, &info.ipi_spec_dst) == 1, "address");
    return and(before, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static struct control and_in6(struct control before, const char *source)
{
    struct in6_pktinfo info = {.ipi6_ifindex = 0};

    must(inet_pton(AF_INET6, source, &info.ipi6_addr) == 1, "address");
    return and(before, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

/* A message to send; the places that it points to are the caller's. */
static struct msghdr message_to(struct sockaddr_in6 *name, struct iovec *payload, struct control *control)
{
    return (struct msghdr){
        .msg_name = name,
        .msg_namelen = sizeof(*name),
        .msg_iov = payload,
        .msg_iovlen = 1,
        .msg_control = control->length == 0 ? NULL : control->bytes,
        .msg_controllen = control->length,
    };
}

/* The error of sending to an address, 0 if there is none. */
static int send_to(int fd, const char *address, uint16_t port, struct control control)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct iovec payload = {.iov_base = "hi", .iov_len = 2};
    struct msghdr message = message_to(&name, &payload, &control);

    must(inet_pton(AF_INET6, address, &name.sin6_addr) == 1, "address");
    return sendmsg(fd, &message, MSG_DONTWAIT) == 2 ? 0 : errno;
}

static int answer(struct pair pair, struct control control)
{
    return send_to(pair.server, pair.six ? "::1" : "::ffff:127.0.0.1", pair.client_port, control);
}

static void expect_from(struct pair pair, const char *source)
{
    struct sockaddr_in6 name = {0};
    struct in6_addr expected;
    socklen_t length = sizeof(name);
    char bytes[8];
    struct pollfd readable = {.fd = pair.client, .events = POLLIN};

    must(inet_pton(AF_INET6, source, &expected) == 1, "address");
    EXPECT_EQUAL(1, poll(&readable, 1, PATIENCE_MILLIS));
    EXPECT_EQUAL(2, recvfrom(pair.client, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&name, &length));
    EXPECT_BYTES(&expected, &name.sin6_addr, sizeof(expected));
}

static void expect_nothing(struct pair pair)
{
    struct pollfd readable = {.fd = pair.client, .events = POLLIN};

    EXPECT_EQUAL(0, poll(&readable, 1, 0));
}

/* What came with a datagram: the control messages in order, by a letter each, and the addresses that two of them name. */
struct came {
    char kinds[8];
    struct in_pktinfo in4;
    struct in6_pktinfo in6;
    size_t in4_length;
    int flags;
    size_t controllen;
    uint8_t control[256];
};

static void read_message(struct came *came, const struct cmsghdr *message)
{
    size_t length = message->cmsg_len - CMSG_LEN(0);
    char *kind = came->kinds + strlen(came->kinds);

    if (message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_PKTINFO) {
        *kind = '6';
        memcpy(&came->in6, CMSG_DATA(message), length < sizeof(came->in6) ? length : sizeof(came->in6));
    } else if (message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_PKTINFO) {
        *kind = '4';
        came->in4_length = length;
        memcpy(&came->in4, CMSG_DATA(message), length < sizeof(came->in4) ? length : sizeof(came->in4));
    } else {
        *kind = message->cmsg_level == SOL_SOCKET && message->cmsg_type == SO_TIMESTAMPNS ? 't' : '?';
    }
}

static void read_control(struct came *came, struct msghdr *message)
{
    came->flags = message->msg_flags;
    came->controllen = message->msg_controllen;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        read_message(came, at);
    }
}

static struct came receive(int fd, size_t room)
{
    struct came came = {.kinds = ""};
    char bytes[8];
    struct iovec payload = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr message = {
        .msg_iov = &payload,
        .msg_iovlen = 1,
        .msg_control = came.control,
        .msg_controllen = room,
    };

    memset(came.control, 0xaa, sizeof(came.control));
    EXPECT_EQUAL(5, recvmsg(fd, &message, MSG_DONTWAIT));
    EXPECT_EQUAL(1, message.msg_control == came.control);
    EXPECT_EQUAL(0xaa, came.control[room]);
    read_control(&came, &message);
    return came;
}

static void expect_kinds(const char *expected, const struct came *came)
{
    if (strcmp(expected, came->kinds) != 0) {
        fprintf(stderr, "%s: control messages '%s', not '%s'\n", kernel->name, came->kinds, expected);
        expect_failed();
    }
}

static void an_ipv4_datagram_comes_with_in6_pktinfo_since_3_14(void)
{
    struct pair pair = new_pair(0);
    struct in_addr asked = {.s_addr = htonl(0x7f000002)};

    ask(pair, "::ffff:127.0.0.2");
    struct came came = receive(pair.server, 200);
    expect_kinds(kernel->in6_comes ? "64" : "4", &came);
    EXPECT_EQUAL(0, came.flags);
    EXPECT_EQUAL((kernel->in6_comes ? CMSG_SPACE(sizeof(came.in6)) : 0) + CMSG_SPACE(sizeof(came.in4)), came.controllen);
    EXPECT_BYTES(&asked, &came.in4.ipi_addr, sizeof(asked));
    EXPECT_BYTES(&asked, &came.in4.ipi_spec_dst, sizeof(asked));
    EXPECT_EQUAL(if_nametoindex("lo"), came.in4.ipi_ifindex);
    close_pair(pair);
}

static void an_ipv6_datagram_comes_with_in6_pktinfo_always(void)
{
    struct pair pair = new_pair(1);

    ask(pair, "::1");
    struct came came = receive(pair.server, 200);
    expect_kinds("6", &came);
    EXPECT_BYTES(&in6addr_loopback, &came.in6.ipi6_addr, sizeof(in6addr_loopback));
    EXPECT_EQUAL(0, came.flags);
    close_pair(pair);
}

static void what_else_was_asked_for_comes_as_well(void)
{
    struct pair pair = new_pair(0);

    set(pair.server, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    ask(pair, "::ffff:127.0.0.2");
    struct came came = receive(pair.server, 200);
    expect_kinds(kernel->in6_comes ? "t64" : "t4", &came);
    set(pair.server, IPPROTO_IP, IP_PKTINFO, 0);
    set(pair.server, SOL_SOCKET, SO_TIMESTAMPNS, 0);
    ask(pair, "::ffff:127.0.0.2");
    came = receive(pair.server, 200);
    expect_kinds(kernel->in6_comes ? "6" : "", &came);
    close_pair(pair);
}

/* Room for one in_pktinfo: too little if an in6_pktinfo comes first, and then it is that one which is cut off. */
static void what_does_not_come_needs_no_room(void)
{
    struct pair pair = new_pair(0);

    ask(pair, "::ffff:127.0.0.2");
    struct came came = receive(pair.server, CMSG_SPACE(sizeof(came.in4)));
    expect_kinds(kernel->in6_comes ? "6" : "4", &came);
    EXPECT_EQUAL(kernel->in6_comes ? MSG_CTRUNC : 0, came.flags);
    ask(pair, "::ffff:127.0.0.2");
    came = receive(pair.server, 0);
    expect_kinds("", &came);
    EXPECT_EQUAL(MSG_CTRUNC, came.flags);
    set(pair.server, IPPROTO_IP, IP_PKTINFO, 0);
    ask(pair, "::ffff:127.0.0.2");
    came = receive(pair.server, 0);
    EXPECT_EQUAL(kernel->in6_comes ? MSG_CTRUNC : 0, came.flags);
    set(pair.server, IPPROTO_IP, IP_PKTINFO, 1);
    set(pair.server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 0);
    ask(pair, "::ffff:127.0.0.2");
    came = receive(pair.server, 0);
    EXPECT_EQUAL(MSG_CTRUNC, came.flags);
    close_pair(pair);
}

static void an_in_pktinfo_without_room_is_cut_off_as_the_kernel_does(void)
{
    struct pair pair = new_pair(0);

    set(pair.server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 0);
    ask(pair, "::ffff:127.0.0.2");
    struct came by_the_kernel = receive(pair.server, 20);
    set(pair.server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    ask(pair, "::ffff:127.0.0.2");
    struct came came = receive(pair.server, kernel->in6_comes ? CMSG_SPACE(sizeof(came.in6)) + 20 : 20);
    expect_kinds(kernel->in6_comes ? "64" : "4", &came);
    EXPECT_EQUAL(4, came.in4_length);
    EXPECT_EQUAL(20, by_the_kernel.controllen);
    EXPECT_EQUAL((kernel->in6_comes ? CMSG_SPACE(sizeof(came.in6)) : 0) + 20, came.controllen);
    EXPECT_EQUAL(by_the_kernel.in4_length, came.in4_length);
    EXPECT_EQUAL(by_the_kernel.flags, came.flags);
    EXPECT_EQUAL(MSG_CTRUNC, came.flags);
    close_pair(pair);
}

static void nothing_to_receive_leaves_the_message_as_it_was(void)
{
    struct pair pair = new_pair(0);
    uint8_t control[64];
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};

    EXPECT_EQUAL(-1, recvmsg(pair.server, &message, MSG_DONTWAIT));
    EXPECT_EQUAL(EAGAIN, errno);
    EXPECT_EQUAL(1, message.msg_control == control);
    EXPECT_EQUAL(sizeof(control), message.msg_controllen);
    close_pair(pair);
}

static void recvmmsg_gives_what_recvmsg_does_or_does_not_exist(void)
{
    struct pair pair = new_pair(0);
    struct came came[3] = {{.kinds = ""}, {.kinds = ""}, {.kinds = ""}};
    struct mmsghdr messages[3];

    for (int i = 0; i < 3; i++) {
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_control = came[i].control, .msg_controllen = 200}};
    }
    ask(pair, "::ffff:127.0.0.2");
    ask(pair, "::ffff:127.0.0.3");
    int received = recvmmsg(pair.server, messages, 3, MSG_DONTWAIT, NULL);
    EXPECT_EQUAL(kernel->mmsg ? 2 : -1, received);
    EXPECT_EQUAL(1, kernel->mmsg || errno == ENOSYS);
    for (int i = 0; i < received; i++) {
        read_control(&came[i], &messages[i].msg_hdr);
        expect_kinds(kernel->in6_comes ? "64" : "4", &came[i]);
        EXPECT_EQUAL(0x7f000002 + i, ntohl(came[i].in4.ipi_addr.s_addr));
    }
    EXPECT_EQUAL(200, messages[2].msg_hdr.msg_controllen);
    EXPECT_EQUAL(1, messages[2].msg_hdr.msg_control == came[2].control);
    close_pair(pair);
}

static void an_in6_pktinfo_to_an_ipv4_peer_counts_since_3_15(void)
{
    struct pair pair = new_pair(0);
    const char *source = kernel->in6_counts ? "::ffff:127.0.0.2" : "::ffff:127.0.0.1";

    EXPECT_EQUAL(0, answer(pair, and_in6(none(), "::ffff:127.0.0.2")));
    expect_from(pair, source);
    EXPECT_EQUAL(0, answer(pair, and_in6(and_in4(none(), "127.0.0.3", 0), "::ffff:127.0.0.2")));
    expect_from(pair, kernel->in6_counts ? "::ffff:127.0.0.2" : "::ffff:127.0.0.3");
    EXPECT_EQUAL(kernel->in6_counts ? EINVAL : 0, answer(pair, and_in6(none(), "2001:db8::7")));
    if (!kernel->in6_counts) {
        expect_from(pair, source);
    }
    expect_nothing(pair);
    close_pair(pair);
}

static void so_it_does_on_a_connected_socket(void)
{
    struct pair pair = new_pair(0);
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(pair.client_port)};
    struct control control = and_in6(none(), "::ffff:127.0.0.2");
    struct iovec payload = {.iov_base = "hi", .iov_len = 2};

    must(inet_pton(AF_INET6, "::ffff:127.0.0.1", &name.sin6_addr) == 1, "address");
    must(connect(pair.server, (struct sockaddr *)&name, sizeof(name)) == 0, "connect");
    struct msghdr message = message_to(NULL, &payload, &control);
    message.msg_namelen = 0;
    EXPECT_EQUAL(2, sendmsg(pair.server, &message, MSG_DONTWAIT));
    expect_from(pair, kernel->in6_counts ? "::ffff:127.0.0.2" : "::ffff:127.0.0.1");
    close_pair(pair);
}

static void an_in_pktinfo_counts_always(void)
{
    struct pair pair = new_pair(0);

    EXPECT_EQUAL(0, answer(pair, none()));
    expect_from(pair, "::ffff:127.0.0.1");
    EXPECT_EQUAL(0, answer(pair, and_in4(none(), "127.0.0.2", 0)));
    expect_from(pair, "::ffff:127.0.0.2");
    EXPECT_EQUAL(0, answer(pair, and_in4(and_in6(none(), "::ffff:127.0.0.3"), "127.0.0.2", 0)));
    expect_from(pair, "::ffff:127.0.0.2");
    EXPECT_EQUAL(ENODEV, answer(pair, and_in4(none(), "127.0.0.2", 999999)));
    close_pair(pair);
}

/* If it did not, a source that is not the host's would not be refused. */
static void an_in6_pktinfo_to_an_ipv6_peer_counts_always(void)
{
    struct pair pair = new_pair(1);

    EXPECT_EQUAL(0, answer(pair, and_in6(none(), "::1")));
    expect_from(pair, "::1");
    EXPECT_EQUAL(EINVAL, answer(pair, and_in6(none(), "2001:db8::7")));
    expect_nothing(pair);
    close_pair(pair);
}

static void a_source_that_is_not_the_hosts_has_its_own_error_since_later(void)
{
    struct pair pair = new_pair(0);

    EXPECT_EQUAL(kernel->foreign, answer(pair, and_in4(none(), "192.0.2.7", 0)));
    EXPECT_EQUAL(kernel->foreign, answer(pair, and_in4(none(), "127.255.255.255", 0)));
    EXPECT_EQUAL(kernel->foreign, answer(pair, and_in4(none(), "192.0.2.7", 999999)));
    EXPECT_EQUAL(EINVAL, answer(pair, and_in4(none(), "239.1.2.3", 0)));
    expect_nothing(pair);
    close_pair(pair);
}

static void malformed_control_data_is_refused_by_the_kernel(void)
{
    struct pair pair = new_pair(0);
    struct control cut = and_in4(none(), "127.0.0.2", 0);
    struct control behind = and_in6(none(), "::ffff:127.0.0.2");

    cut.length -= 8;
    EXPECT_EQUAL(EINVAL, answer(pair, cut));
    behind = and_in4(behind, "127.0.0.2", 0);
    behind.length -= 8;
    EXPECT_EQUAL(EINVAL, answer(pair, behind));
    close_pair(pair);
}

/* Of three datagrams, of which the second one has a source that is not the host's. */
static void sendmmsg_stops_at_the_first_error_or_does_not_exist(void)
{
    struct pair pair = new_pair(0);
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(pair.client_port)};
    struct iovec payload = {.iov_base = "hi", .iov_len = 2};
    struct control controls[3] = {
        and_in6(none(), "::ffff:127.0.0.2"), and_in4(none(), "192.0.2.7", 0), and_in4(none(), "127.0.0.3", 0)};
    struct mmsghdr messages[3];

    must(inet_pton(AF_INET6, "::ffff:127.0.0.1", &name.sin6_addr) == 1, "address");
    for (int i = 0; i < 3; i++) {
        messages[i] = (struct mmsghdr){.msg_hdr = message_to(&name, &payload, &controls[i])};
    }
    EXPECT_EQUAL(kernel->mmsg ? 1 : -1, syscall(SYS_sendmmsg, pair.server, messages, 3, MSG_DONTWAIT));
    if (kernel->mmsg) {
        EXPECT_EQUAL(2, messages[0].msg_len);
        expect_from(pair, kernel->in6_counts ? "::ffff:127.0.0.2" : "::ffff:127.0.0.1");
    }
    EXPECT_EQUAL(-1, syscall(SYS_sendmmsg, pair.server, messages + 1, 2, MSG_DONTWAIT));
    EXPECT_EQUAL(kernel->mmsg ? kernel->foreign : ENOSYS, errno);
    EXPECT_EQUAL(kernel->mmsg ? 1 : -1, syscall(SYS_sendmmsg, pair.server, messages + 2, 1, MSG_DONTWAIT));
    if (kernel->mmsg) {
        expect_from(pair, "::ffff:127.0.0.3");
    }
    expect_nothing(pair);
    close_pair(pair);
}

/* Runs a test in a process of its own, because what it does to itself lasts; 0, 1 or SKIPPED. */
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

/* A host that has a loopback interface and no route: what is bound there sends to anywhere, what is not has no way out. */
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
    EXPECT_EQUAL(kernel->in6_counts ? ENETUNREACH : 0, send_to(pair.server, far, 9, and_in6(none(), "::ffff:192.0.2.7")));
    EXPECT_EQUAL(0, answer(pair, and_in4(none(), "127.0.0.2", 0)));
    expect_from(pair, "::ffff:127.0.0.2");
    EXPECT_EQUAL(1, is_bound_to_loopback(pair.server));
    return 0;
}

/* Where the emulator may not lift the binding it says so, and does not send as if it had none to lift. */
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
    an_ipv4_datagram_comes_with_in6_pktinfo_since_3_14();
    an_ipv6_datagram_comes_with_in6_pktinfo_always();
    what_else_was_asked_for_comes_as_well();
    what_does_not_come_needs_no_room();
    an_in_pktinfo_without_room_is_cut_off_as_the_kernel_does();
    nothing_to_receive_leaves_the_message_as_it_was();
    recvmmsg_gives_what_recvmsg_does_or_does_not_exist();
    an_in6_pktinfo_to_an_ipv4_peer_counts_since_3_15();
    so_it_does_on_a_connected_socket();
    an_in_pktinfo_counts_always();
    an_in6_pktinfo_to_an_ipv6_peer_counts_always();
    a_source_that_is_not_the_hosts_has_its_own_error_since_later();
    malformed_control_data_is_refused_by_the_kernel();
    sendmmsg_stops_at_the_first_error_or_does_not_exist();
    EXPECT_EQUAL(0, in_a_child(without_the_right_to_it_the_emulator_fails));
    return in_a_child(index_zero_means_any_interface_until_later);
}

/* Looks for text in what the child says before it ends. */
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
    EXPECT_EQUAL(1, strstr(said, "legacy, half or modern, each perhaps followed by -without-mmsg") != NULL);
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
