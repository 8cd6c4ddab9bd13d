/* The requests for times of transmission on each kernel that the emulator knows. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "expect.h"
#include "forms.h"
#include "linux_times.h"
#include "sockets.h"
#include "test_emulator.h"
#include "transmit.h"

/* Whether the emulated kernel and the one below it, on which everything is passed on, have a form. */
static int has_form(int form)
{
    int below = kernel->form == TRANSMIT_NUMBERED ? transmit_form() : form_of_version();

    return kernel->form >= form && below >= form;
}

static struct control and_request(struct control before, int flags)
{
    return and_message(before, SOL_SOCKET, SO_TIMESTAMPING_TYPE, &flags, sizeof(flags));
}

static struct control and_number(struct control before, uint32_t number)
{
    return and_message(before, SOL_SOCKET, SCM_TS_OPT_ID_TYPE, &number, sizeof(number));
}

static int flags_error(int fd, int flags)
{
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING_TYPE, &flags, sizeof(flags)) == 0 ? 0 : errno;
}

/* Takes a message from the error queue. Returns 1 if there is one; loopback has queued it when the datagram is sent. */
static int take_time(int fd)
{
    uint8_t control[512];
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};

    return recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) != -1;
}

static void numbers_came_with_3_17_and_times_alone_with_4_0(void)
{
    struct pair pair = new_pair(0);
    int refused = kernel->in6_counts ? 0 : EINVAL;

    EXPECT_EQUAL(0, flags_error(pair.server, TIMESTAMPING_TX_SOFTWARE | TIMESTAMPING_SOFTWARE));
    EXPECT_EQUAL(refused, flags_error(pair.server, TIMESTAMPING_SOFTWARE | TIMESTAMPING_OPT_ID));
    EXPECT_EQUAL(refused, flags_error(pair.server, TIMESTAMPING_SOFTWARE | TIMESTAMPING_OPT_TSONLY));
    EXPECT_EQUAL(0, flags_error(pair.server, 0));
    close_pair(pair);
}

static void a_request_by_control_message_is_ignored_before_4_6(int six)
{
    struct pair pair = new_pair(six);
    int counts = has_form(TRANSMIT_REQUESTED);
    struct control source = six ? and_in6(none(), "::1") : and_in4(none(), "127.0.0.2", 0);

    set(pair.server, SOL_SOCKET, SO_TIMESTAMPING_TYPE, TIMESTAMPING_SOFTWARE);
    EXPECT_EQUAL(0, answer(pair, and_request(source, TIMESTAMPING_TX_SOFTWARE)));
    expect_from(pair, six ? "::1" : "::ffff:127.0.0.2");
    EXPECT_EQUAL(counts, take_time(pair.server));
    EXPECT_EQUAL(0, take_time(pair.server));
    EXPECT_EQUAL(counts ? EINVAL : 0, answer(pair, and_request(none(), -1)));
    if (!counts) {
        expect_from(pair, six ? "::1" : "::ffff:127.0.0.1");
    }
    expect_nothing(pair);
    close_pair(pair);
}

static void without_control_messages_the_option_gives_times_on_every_kernel(int six)
{
    struct pair pair = new_pair(six);

    set(pair.server, SOL_SOCKET, SO_TIMESTAMPING_TYPE, TIMESTAMPING_TX_SOFTWARE | TIMESTAMPING_SOFTWARE);
    EXPECT_EQUAL(0, answer(pair, none()));
    expect_from(pair, six ? "::1" : "::ffff:127.0.0.1");
    EXPECT_EQUAL(1, take_time(pair.server));
    close_pair(pair);
}

/* The error of a message with a number. */
static int number_error(void)
{
    return !has_form(TRANSMIT_REQUESTED) || has_form(TRANSMIT_NUMBERED) ? 0 : EINVAL;
}

static void a_number_is_ignored_before_4_6_and_refused_before_6_13(int six)
{
    struct pair pair = new_pair(six);

    flags_error(pair.server, TIMESTAMPING_SOFTWARE | TIMESTAMPING_OPT_ID); /* old kernels refuse it */
    EXPECT_EQUAL(number_error(), answer(pair, and_number(none(), 7)));
    EXPECT_EQUAL(number_error(), answer(pair, and_number(and_request(none(), TIMESTAMPING_TX_SOFTWARE), 8)));
    for (int i = 0; i < 2 && number_error() == 0; i++) {
        expect_from(pair, six ? "::1" : "::ffff:127.0.0.1");
    }
    expect_nothing(pair);
    close_pair(pair);
}

/* Of two datagrams, of which the second one has a number. */
static void sendmmsg_stops_at_the_number_that_is_refused(int six)
{
    struct pair pair = new_pair(six);
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(pair.client_port)};
    struct iovec payload = {.iov_base = "hi", .iov_len = 2};
    struct control controls[2] = {none(), and_number(none(), 7)};
    struct mmsghdr messages[2];
    int sent = number_error() == 0 ? 2 : 1;

    must(inet_pton(AF_INET6, six ? "::1" : "::ffff:127.0.0.1", &name.sin6_addr) == 1, "address");
    flags_error(pair.server, TIMESTAMPING_SOFTWARE | TIMESTAMPING_OPT_ID);
    for (int i = 0; i < 2; i++) {
        messages[i] = (struct mmsghdr){.msg_hdr = message_to(&name, &payload, &controls[i])};
    }
    EXPECT_EQUAL(kernel->mmsg ? sent : -1, syscall(SYS_sendmmsg, pair.server, messages, 2, MSG_DONTWAIT));
    for (int i = 0; i < sent && kernel->mmsg; i++) {
        expect_from(pair, six ? "::1" : "::ffff:127.0.0.1");
    }
    expect_nothing(pair);
    close_pair(pair);
}

static void the_form_is_found_out(void)
{
    if (kernel->form == TRANSMIT_NUMBERED) {
        EXPECT_EQUAL(1, transmit_form() >= form_of_version());
    } else {
        EXPECT_EQUAL(has_form(kernel->form) ? kernel->form : TRANSMIT_ALL, transmit_form());
    }
}

void transmitting(void)
{
    numbers_came_with_3_17_and_times_alone_with_4_0();
    for (int six = 0; six < 2; six++) {
        a_request_by_control_message_is_ignored_before_4_6(six);
        without_control_messages_the_option_gives_times_on_every_kernel(six);
        a_number_is_ignored_before_4_6_and_refused_before_6_13(six);
        sendmmsg_stops_at_the_number_that_is_refused(six);
    }
    the_form_is_found_out();
}
