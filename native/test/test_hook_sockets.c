/*
 * The sockets that the hook handles, its reports of them, and the state that is void when a descriptor number has
 * another socket.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "expect.h"
#include "hook_sockets.h"
#include "kernel.h"
#include "sockets.h"
#include "test_hook.h"

static void expect_verdict(enum verdict expected, int server)
{
    EXPECT_EQUAL(expected, verdict_on(server));
    if (expected == VERDICT_CHOOSES) {
        ask_and_reply(server, "127.0.0.9");
    } else {
        expect_left_alone(server, expected == VERDICT_ONE ? "127.0.0.5" : "127.0.0.9");
    }
    EXPECT_EQUAL(expected == VERDICT_CHOOSES, counters().sockets);
    close(server);
}

static void the_port_and_the_address_decide(void)
{
    struct hook_settings all = usual();

    all.all = 1;
    begin(usual());
    expect_verdict(VERDICT_CHOOSES, new_server("0.0.0.0", 0, 1));
    begin(usual());
    expect_verdict(VERDICT_EPHEMERAL, new_server("0.0.0.0", 0, 0));
    expect_verdict(VERDICT_ONE, new_server("127.0.0.5", 0, 1));
    begin(all);
    expect_verdict(VERDICT_CHOOSES, new_server("0.0.0.0", 0, 0));
    begin(all);
    expect_verdict(VERDICT_ONE, new_server("127.0.0.5", 0, 0));
}

/* The settings are made for the port that the socket has been given. */
static void ranges_of_ports_decide_alone(void)
{
    for (int by_program = 0; by_program < 2; by_program++) {
        begin(usual());
        int server = new_server("0.0.0.0", 0, by_program);
        uint16_t port = port_of(server);
        uint16_t below = (uint16_t)(port - 1), above = (uint16_t)(port + 1);
        const struct range in[] = {{port, port}, {below, port}, {port, above}, {1, 65535}};
        const struct range out[] = {{1, below}, {above, 65535}};
        for (int i = 0; i < 4; i++) {
            struct hook_settings settings = usual();
            settings.range_count = 2;
            settings.ranges[0] = out[i & 1];
            settings.ranges[1] = in[i];
            begin(settings);
            ask_and_reply(server, "127.0.0.9");
        }
        for (int i = 0; i < 2; i++) {
            struct hook_settings settings = usual();
            settings.all = 1; /* ignored */
            settings.range_count = 1;
            settings.ranges[0] = out[i];
            begin(settings);
            expect_left_alone(server, "127.0.0.9");
            EXPECT_EQUAL(VERDICT_PORT, verdict_on(server));
        }
        close(server);
    }
}

static void a_socket_without_memory_is_left_alone(void)
{
    struct hook_settings settings = usual();

    settings.most_bytes = 100;
    settings.memory = 1 << 20; /* more than earlier sockets with this number had: an existing memory would be reused */
    begin(settings);
    expect_verdict(VERDICT_REFUSED, new_server("0.0.0.0", 0, 1));
}

static void a_socket_of_before_the_beginning_is_looked_at(void)
{
    begin(usual());
    union name name = name_of("0.0.0.0", 0);
    int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    must(server >= 0 && bind(server, &name.any, sizeof(name.in)) == 0, "bind");
    begin(usual());
    ask_and_reply(server, "127.0.0.9");
    close(server);
}

/* The hook has not seen whether the program or the system chose the port: the port range decides. */
static void of_a_socket_of_before_the_beginning_the_port_decides(void)
{
    struct hook_settings settings = usual();
    union name name = name_of("0.0.0.0", 0);
    int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    must(server >= 0 && bind(server, &name.any, sizeof(name.in)) == 0, "bind");
    uint16_t port = port_of(server);
    settings.ephemeral = (struct range){port, port};
    begin(settings);
    expect_left_alone(server, "127.0.0.9");
    EXPECT_EQUAL(VERDICT_EPHEMERAL, verdict_on(server));
    settings.ephemeral = (struct range){(uint16_t)(port + 1), UINT16_MAX};
    begin(settings);
    ask_and_reply(server, "127.0.0.9");
    settings.ephemeral = (struct range){1, UINT16_MAX};
    settings.all = 1;
    begin(settings);
    ask_and_reply(server, "127.0.0.9");
    close(server);
}

static void sockets_are_found_that_are_the_jdks_and_others_are_told_apart(void)
{
    struct hook_news news;
    union name name = name_of("0.0.0.0", 0);

    begin(usual());
    int jdks = socket(AF_INET, SOCK_DGRAM, 0), other = new_server("0.0.0.0", 0, 1);
    int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), local = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(jdks >= 0 && stream >= 0 && local >= 0, "sockets");
    EXPECT_EQUAL(0, hook_find(jdks, UNSEEN_IS_ADOPTED, &news)); /* not bound */
    must(bind(jdks, &name.any, sizeof(name.in)) == 0, "bind");
    EXPECT_EQUAL(1, hook_find(jdks, UNSEEN_IS_ADOPTED, &news));
    EXPECT_EQUAL(jdks, news.fd);
    EXPECT_EQUAL(port_of(jdks), news.port);
    EXPECT_EQUAL(VERDICT_CHOOSES, news.verdict);
    EXPECT_EQUAL(1, hook_find(other, UNSEEN_IS_ADOPTED, &news));
    EXPECT_EQUAL(port_of(other), news.port);
    EXPECT_EQUAL(VERDICT_FOREIGN, news.verdict);
    struct hook_settings settings = usual();
    settings.range_count = 1;
    settings.ranges[0] = (struct range){port_of(jdks), port_of(jdks)};
    begin(settings);
    EXPECT_EQUAL(1, hook_find(other, UNSEEN_IS_ADOPTED, &news));
    EXPECT_EQUAL(VERDICT_PORT, news.verdict);
    int one = new_server("127.0.0.5", 0, 1);
    begin(usual());
    EXPECT_EQUAL(1, hook_find(one, UNSEEN_IS_ADOPTED, &news));
    EXPECT_EQUAL(VERDICT_ONE, news.verdict);
    close(one);
    EXPECT_EQUAL(1, hook_find(jdks, UNSEEN_IS_ADOPTED, &news));
    EXPECT_EQUAL(0, hook_find(stream, UNSEEN_IS_ADOPTED, &news));
    EXPECT_EQUAL(0, hook_find(local, UNSEEN_IS_ADOPTED, &news));
    EXPECT_EQUAL(0, hook_find(-1, UNSEEN_IS_ADOPTED, &news));
    ask_and_reply(jdks, "127.0.0.9");
    EXPECT_EQUAL(0, hook_tell(0, &news)); /* the socket that was found has been reported */
    close(jdks);
    close(other);
    close(stream);
    close(local);
}

static void expect_found(enum verdict verdict, int fd, enum unseen unseen)
{
    struct hook_news news;

    EXPECT_EQUAL(1, hook_find(fd, unseen, &news));
    EXPECT_EQUAL(verdict, news.verdict);
}

/* Neither Netty's sockets nor the JDK's are closed on exec. */
static int bound_socket(void (*seen)(int fd))
{
    union name name = name_of("0.0.0.0", 0);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    must(fd >= 0, "socket");
    if (seen != NULL) {
        seen(fd);
    }
    must(bind(fd, &name.any, sizeof(name.in)) == 0, "bind");
    hook_bound(fd, port_of(fd));
    return fd;
}

static void a_socket_that_the_jdk_has_not_made_is_foreign(void)
{
    begin(usual());
    int before = bound_socket(NULL);
    expect_found(VERDICT_CHOOSES, before, UNSEEN_IS_ADOPTED);
    expect_found(VERDICT_CHOOSES, before, UNSEEN_IS_FOREIGN);
    int jdks = bound_socket(hook_new_socket), other = bound_socket(NULL);
    expect_found(VERDICT_CHOOSES, jdks, UNSEEN_IS_FOREIGN);
    expect_found(VERDICT_FOREIGN, other, UNSEEN_IS_FOREIGN);
    hook_disconnected(jdks); /* which may replace the socket */
    must(dup2(other, jdks) == jdks, "dup2");
    expect_found(VERDICT_CHOOSES, jdks, UNSEEN_IS_FOREIGN);
    close(before);
    close(jdks);
    close(other);
}

static void a_foreign_socket_is_so_at_a_number_that_the_jdk_has_used(void)
{
    begin(usual());
    int jdks = bound_socket(hook_new_socket);
    must(kernel_cookie(jdks) > 0, "SO_COOKIE");
    close(jdks);
    int other = bound_socket(NULL);
    EXPECT_EQUAL(jdks, other);
    expect_found(VERDICT_FOREIGN, other, UNSEEN_IS_FOREIGN);
    expect_found(VERDICT_FOREIGN, other, UNSEEN_IS_ADOPTED);
    hook_new_socket(other);
    hook_other(other); /* a stream of the JDK's, closed since */
    expect_found(VERDICT_FOREIGN, other, UNSEEN_IS_FOREIGN);
    close(other);
}

static void a_socket_that_is_not_bound_yet_is_looked_at_again(void)
{
    union name name = name_of("0.0.0.0", 0), peer = name_of("127.0.0.1", 9);

    begin(usual());
    int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(server >= 0, "socket");
    hook_new_socket(server);
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, &peer, sizeof(peer.in)));
    EXPECT_EQUAL(VERDICT_NONE, verdict_on(server));
    must(bind(server, &name.any, sizeof(name.in)) == 0, "bind");
    ask_and_reply(server, "127.0.0.9");
    close(server);
}

static void what_is_no_datagram_socket_is_left_alone(void)
{
    char bytes[16];
    union name name;
    socklen_t length = sizeof(name);
    struct hook_news news;

    begin(usual());
    int server = new_server("0.0.0.0", 0, 1);
    close(server);
    int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQUAL(server, stream); /* the lowest number that is free */
    hook_other(stream);
    hook_bound(stream, 7);
    EXPECT_EQUAL(HOOK_NOT_MINE, hook_receive(stream, bytes, sizeof(bytes), &name, &length));
    EXPECT_EQUAL(0, hook_tell(0, &news));
    close(stream);
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0, "socketpair");
    hook_new_socket(pair[0]);
    EXPECT_EQUAL(HOOK_NOT_MINE, hook_receive(pair[0], bytes, sizeof(bytes), &name, &length));
    EXPECT_EQUAL(VERDICT_REFUSED, verdict_on(pair[0]));
    close(pair[0]);
    close(pair[1]);
}

static void the_next_socket_of_a_number_knows_nobody(void)
{
    union name peer;
    socklen_t length;

    begin(usual());
    int server = new_server("0.0.0.0", 0, 1), client = new_client("127.0.0.9");
    ask(client, "127.0.0.9", port_of(server));
    EXPECT_EQUAL(3, hear(server, &peer, &length));
    EXPECT_EQUAL(5, reply(server, &peer, length));
    expect_reply(client, "127.0.0.9", port_of(server));
    struct peers *memory = atomic_load(&hook_place(server)->peers);
    uint64_t before = atomic_load(&hook_place(server)->state) >> COUNT_SHIFT;
    close(server);
    int again = new_server("0.0.0.0", 0, 1);
    EXPECT_EQUAL(server, again);
    EXPECT_EQUAL(0, peers_count(memory, 0, 0));
    EXPECT_EQUAL(1, memory == atomic_load(&hook_place(again)->peers));
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(again, &peer, length));
    /* A thread that leaves late remembers for the socket that it was in. */
    struct peer key = peer_named(&peer, length);
    const struct reply_source source = {.high = 1, .low = 2, .form = 1, .unicast = 1};
    peers_remember(memory, before, &key, &source, hook_seconds(), hook_expiry());
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(again, &peer, length));
    expect_nothing(client);
    EXPECT_EQUAL(2, counters().unknown);
    EXPECT_EQUAL(1, counters().pinned);
    EXPECT_EQUAL(2, counters().sockets);
    close(again);
    close(client);
}

static void beginning_voids_everything(void)
{
    struct hook_news news;
    union name peer;
    socklen_t length;

    begin(usual());
    int server = new_server("0.0.0.0", 0, 1), client = new_client("127.0.0.9");
    ask(client, "127.0.0.9", port_of(server));
    EXPECT_EQUAL(3, hear(server, &peer, &length));
    EXPECT_EQUAL(5, reply(server, &peer, length));
    expect_reply(client, "127.0.0.9", port_of(server));
    begin(usual());
    EXPECT_EQUAL(0, hook_tell(0, &news));
    struct hook_counters none = counters();
    EXPECT_EQUAL(0, none.sockets + none.peers + none.pinned + none.unknown + none.gone);
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, &peer, length));
    expect_nothing(client);
    EXPECT_EQUAL(1, counters().sockets);
    EXPECT_EQUAL(1, counters().unknown);
    /* A larger memory takes effect at once. */
    struct hook_settings larger = usual();
    larger.memory = 5000;
    begin(larger);
    ask_and_reply(server, "127.0.0.9");
    EXPECT_EQUAL(1, peers_room(atomic_load(&hook_place(server)->peers)) >= peers_size(5000));
    close(server);
    close(client);
}

static void disconnect(int fd)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};

    must(connect(fd, &none, sizeof(none)) == 0, "disconnect");
    hook_disconnected(fd);
}

static void after_a_disconnect_the_socket_is_looked_at_again(int by_program)
{
    struct hook_news news;
    union name other = name_of("127.0.0.1", 9);

    begin(usual());
    int server = new_server("0.0.0.0", 0, by_program);
    uint16_t port = port_of(server);
    EXPECT_EQUAL(1, hook_tell(0, &news));
    must(connect(server, &other.any, sizeof(other.in)) == 0, "connect");
    disconnect(server);
    EXPECT_EQUAL(MODE_UNKNOWN, atomic_load(&hook_place(server)->state) & MODE_BITS);
    if (port_of(server) != port) { /* as the JDK does: the system releases the port that it has chosen */
        union name name = name_of("0.0.0.0", port);
        must(bind(server, &name.any, sizeof(name.in)) == 0, "bind");
    }
    hook_bound(server, port);
    expect_verdict(by_program ? VERDICT_CHOOSES : VERDICT_EPHEMERAL, server); /* and is counted once */
    EXPECT_EQUAL(0, hook_tell(0, &news));
}

/* Connected to a peer on loopback it has one address, and the JDK does not call the hook until it is disconnected. */
static void a_connected_socket_is_bound_to_one_address(void)
{
    union name other = name_of("127.0.0.1", 9), name = name_of("0.0.0.0", 0);

    begin(usual());
    int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(server >= 0 && bind(server, &name.any, sizeof(name.in)) == 0, "bind");
    uint16_t port = port_of(server);
    must(connect(server, &other.any, sizeof(other.in)) == 0, "connect");
    EXPECT_EQUAL(HOOK_NOT_MINE, reply(server, &other, sizeof(other.in)));
    EXPECT_EQUAL(VERDICT_ONE, verdict_on(server));
    disconnect(server);
    if (port_of(server) != port) {
        name = name_of("0.0.0.0", port);
        must(bind(server, &name.any, sizeof(name.in)) == 0, "bind");
    }
    ask_and_reply(server, "127.0.0.9");
    EXPECT_EQUAL(VERDICT_CHOOSES, verdict_on(server));
    close(server);
}

static void each_socket_is_told_of_once(void)
{
    struct hook_news news;

    begin(usual());
    int one = new_server("0.0.0.0", 0, 1), two = new_server("127.0.0.5", 0, 1);
    EXPECT_EQUAL(1, hook_tell(0, &news));
    EXPECT_EQUAL(one, news.fd);
    EXPECT_EQUAL(port_of(one), news.port);
    EXPECT_EQUAL(VERDICT_CHOOSES, news.verdict);
    EXPECT_EQUAL(1, hook_tell(news.fd + 1, &news));
    EXPECT_EQUAL(two, news.fd);
    EXPECT_EQUAL(port_of(two), news.port);
    EXPECT_EQUAL(VERDICT_ONE, news.verdict);
    EXPECT_EQUAL(0, hook_tell(news.fd + 1, &news));
    EXPECT_EQUAL(0, hook_tell(0, &news));
    EXPECT_EQUAL(0, hook_tell(INT32_MAX, &news));
    EXPECT_EQUAL(0, hook_tell(-1, &news));
    close(one);
    one = new_server("0.0.0.0", 0, 1);
    EXPECT_EQUAL(1, hook_tell(-1, &news));
    EXPECT_EQUAL(one, news.fd);
    EXPECT_EQUAL(0, hook_tell(0, &news));
    close(one);
    close(two);
}

static void a_number_beyond_the_first_thousand_is_as_good(void)
{
    struct hook_news news;

    begin(usual());
    int low = new_server("0.0.0.0", 0, 1), high = fcntl(low, F_DUPFD_CLOEXEC, 3000);
    if (high == -1) { /* over the limit of descriptors */
        close(low);
        return;
    }
    close(low);
    hook_new_socket(high);
    hook_bound(high, port_of(high));
    EXPECT_EQUAL(1, hook_tell(low + 1, &news));
    EXPECT_EQUAL(high, news.fd);
    ask_and_reply(high, "127.0.0.9");
    EXPECT_EQUAL(1, counters().pinned);
    close(high);
}

static volatile sig_atomic_t interrupted;

static void note_interruption(int signal)
{
    interrupted = signal;
}

/* The kernel's SIGRTMAX and the C library's are both 64. */
static void a_thread_is_interrupted_by_the_jdks_signal_if_that_has_a_handler(void)
{
    struct sigaction action = {.sa_handler = note_interruption}, before;
    int self = (int)syscall(SYS_gettid), signal = SIGRTMAX - 2;

    EXPECT_EQUAL(62, signal);
    EXPECT_EQUAL(-ENOPROTOOPT, kernel_interrupt(self));
    must(sigaction(signal, &action, &before) == 0, "sigaction");
    EXPECT_EQUAL(0, kernel_interrupt(self));
    EXPECT_EQUAL(signal, interrupted);
    EXPECT_EQUAL(-EINVAL, kernel_interrupt(0));
    EXPECT_EQUAL(-ESRCH, kernel_interrupt(INT32_MAX));
    must(sigaction(signal, &before, NULL) == 0, "sigaction");
    EXPECT_EQUAL(SYS_recvfrom, kernel_recvfrom_number());
}

static void a_descriptor_tells_whether_it_is_closed_on_exec(void)
{
    int closed = open("/dev/null", O_RDONLY | O_CLOEXEC), kept = open("/dev/null", O_RDONLY);

    EXPECT_EQUAL(1, kernel_closes_on_exec(closed));
    EXPECT_EQUAL(0, kernel_closes_on_exec(kept));
    close(closed);
    close(kept);
    EXPECT_EQUAL(-EBADF, kernel_closes_on_exec(kept));
}

void sockets_and_verdicts(void)
{
    a_socket_without_memory_is_left_alone();
    the_port_and_the_address_decide();
    ranges_of_ports_decide_alone();
    a_socket_of_before_the_beginning_is_looked_at();
    of_a_socket_of_before_the_beginning_the_port_decides();
    sockets_are_found_that_are_the_jdks_and_others_are_told_apart();
    a_socket_that_the_jdk_has_not_made_is_foreign();
    if (!left_out("a_foreign_socket_is_so_at_a_number_that_the_jdk_has_used")) {
        a_foreign_socket_is_so_at_a_number_that_the_jdk_has_used();
    }
    a_socket_that_is_not_bound_yet_is_looked_at_again();
    what_is_no_datagram_socket_is_left_alone();
    the_next_socket_of_a_number_knows_nobody();
    beginning_voids_everything();
    after_a_disconnect_the_socket_is_looked_at_again(0);
    after_a_disconnect_the_socket_is_looked_at_again(1);
    a_connected_socket_is_bound_to_one_address();
    each_socket_is_told_of_once();
    a_number_beyond_the_first_thousand_is_as_good();
    if (!left_out("a_thread_is_interrupted_by_the_jdks_signal_if_that_has_a_handler")) {
        a_thread_is_interrupted_by_the_jdks_signal_if_that_has_a_handler();
    }
    a_descriptor_tells_whether_it_is_closed_on_exec();
}
