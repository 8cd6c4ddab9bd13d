/*
 * Many clients of one service: each flow has a port of its own, sends requests at a steady rate, and checks the source
 * of each reply. See usage(). The results are printed at the end, a word and numbers a line.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FLOWS = 4000, MOST_NAMES = 32, NAME_LENGTH = 64, MOST_REQUESTS = 100000 };

static const uint64_t SECOND = 1000000000;

/* Counts by name: of hosts, or of source addresses of answers. */
struct tally {
    char name[MOST_NAMES][NAME_LENGTH];
    unsigned count[MOST_NAMES];
    unsigned moved[MOST_NAMES];
};

struct flow {
    int socket;
    struct sockaddr_in6 asked; /* request destination; IPv4 as IPv4-mapped */
    uint64_t *unanswered;      /* time when each was sent; an answer is matched with the last request */
    unsigned waiting;
    unsigned answered;
    int host_before; /* the last host that answered before the event, -1 if none */
    int host;
};

static struct flow flows[MOST_FLOWS];
static struct tally hosts, sources;
static unsigned flow_count = 120;
static double seconds = 2, rate = 10, patience = 2, event_after = -1;
static const char *event_command;
static uint64_t event_time;
static pid_t event_process;
static unsigned sent, answered, wrong;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static int named(struct tally *tally, const char *name)
{
    for (int i = 0; i < MOST_NAMES; i++) {
        if (tally->name[i][0] == '\0') {
            snprintf(tally->name[i], NAME_LENGTH, "%s", name);
        }
        if (strncmp(tally->name[i], name, NAME_LENGTH - 1) == 0) {
            return i;
        }
    }
    fprintf(stderr, "load: more than %d different answers\n", MOST_NAMES);
    exit(1);
}

static const char *text_of(const struct sockaddr_in6 *address)
{
    static char text[INET6_ADDRSTRLEN];

    if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr)) {
        return inet_ntop(AF_INET, address->sin6_addr.s6_addr + 12, text, sizeof(text));
    }
    return inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof(text));
}

static void open_flow(struct flow *flow, const struct sockaddr_in6 *asked, int epoll)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = flow};

    flow->asked = *asked;
    flow->host_before = flow->host = -1;
    flow->unanswered = calloc((size_t)(seconds * rate) + 2, sizeof(uint64_t));
    flow->socket = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (flow->unanswered == NULL || flow->socket == -1 || epoll_ctl(epoll, EPOLL_CTL_ADD, flow->socket, &event) == -1) {
        die("load");
    }
}

static void ask(struct flow *flow)
{
    static const char request[] = "anycast";

    flow->unanswered[flow->waiting++] = now();
    sent++;
    /* A request that the network refuses counts as unanswered, like any other. */
    if (sendto(flow->socket, request, sizeof(request), 0, (struct sockaddr *)&flow->asked, sizeof(flow->asked)) == -1
        && errno == EBADF) {
        die("sendto");
    }
}

/* The answer is the host's name, alone or followed by a space and more. */
static void take(struct flow *flow)
{
    char text[65536];
    struct sockaddr_in6 from;
    socklen_t length = sizeof(from);
    ssize_t size;

    while ((size = recvfrom(flow->socket, text, sizeof(text) - 1, 0, (struct sockaddr *)&from, &length)) >= 0) {
        text[size] = '\0';
        text[strcspn(text, " \n")] = '\0';
        sources.count[named(&sources, text_of(&from))]++;
        if (from.sin6_port != flow->asked.sin6_port || memcmp(&from.sin6_addr, &flow->asked.sin6_addr, 16) != 0) {
            wrong++;
        } else if (flow->waiting > 0) {
            flow->waiting--;
            flow->answered++;
            answered++;
            flow->host = named(&hosts, text);
            hosts.count[flow->host]++;
            if (event_time == 0) {
                flow->host_before = flow->host;
            }
        }
        length = sizeof(from);
    }
    if (errno != EAGAIN && errno != EINTR) {
        die("recvfrom");
    }
}

static void begin_event(void)
{
    event_time = now();
    event_process = fork();
    if (event_process == -1) {
        die("fork");
    }
    if (event_process == 0) {
        execl("/bin/sh", "sh", "-c", event_command, (char *)NULL);
        die("/bin/sh");
    }
}

static void take_until(int epoll, uint64_t time)
{
    struct epoll_event events[64];
    uint64_t at = now();

    do {
        int millis = at < time ? (int)((time - at + 999999) / 1000000) : 0;
        int count = epoll_wait(epoll, events, 64, millis);
        if (count == -1 && errno != EINTR) {
            die("epoll_wait");
        }
        for (int i = 0; i < count; i++) {
            take(events[i].data.ptr);
        }
        at = now();
    } while (at < time);
}

static void run(int epoll)
{
    uint64_t begin = now();
    uint64_t period = (uint64_t)((double)SECOND / (rate * flow_count));
    uint64_t requests = (uint64_t)(seconds * rate) * flow_count;

    for (uint64_t i = 0; i < requests; i++) {
        take_until(epoll, begin + i * period);
        if (event_command != NULL && event_time == 0 && now() - begin >= (uint64_t)(event_after * (double)SECOND)) {
            begin_event();
        }
        ask(&flows[i % flow_count]);
    }
    for (uint64_t end = now() + (uint64_t)(patience * (double)SECOND); now() < end && answered + wrong < sent;) {
        take_until(epoll, now() + SECOND / 50);
    }
}

static void report_tally(const char *what, const struct tally *tally)
{
    for (int i = 0; i < MOST_NAMES && tally->name[i][0] != '\0'; i++) {
        printf("%s %s %u\n", what, tally->name[i], tally->count[i]);
    }
}

static void report_moves(void)
{
    unsigned before[MOST_NAMES] = {0};

    for (unsigned i = 0; i < flow_count; i++) {
        if (flows[i].host_before >= 0) {
            before[flows[i].host_before]++;
            hosts.moved[flows[i].host_before] += flows[i].host != flows[i].host_before;
        }
    }
    for (int i = 0; i < MOST_NAMES && hosts.name[i][0] != '\0'; i++) {
        printf("moved %s %u %u\n", hosts.name[i], hosts.moved[i], before[i]);
    }
}

static void report(void)
{
    uint64_t last = 0;
    unsigned silent[2] = {0};

    for (unsigned i = 0; i < flow_count; i++) {
        for (unsigned j = 0; j < flows[i].waiting; j++) {
            last = flows[i].unanswered[j] > last ? flows[i].unanswered[j] : last;
        }
        silent[IN6_IS_ADDR_V4MAPPED(&flows[i].asked.sin6_addr) ? 0 : 1] += flows[i].answered == 0;
    }
    printf("sent %u\nanswered %u\nlost %u\nwrong %u\n", sent, answered, sent - answered, wrong);
    printf("silent ipv4 %u\nsilent ipv6 %u\n", silent[0], silent[1]);
    report_tally("source", &sources);
    report_tally("host", &hosts);
    if (event_time != 0) {
        printf("last-loss-millis %lld\n", last == 0 ? 0 : (long long)(last - event_time) / 1000000);
        report_moves();
    }
}

static int event_failed(void)
{
    int status = 0;

    if (event_process != 0 && waitpid(event_process, &status, 0) == -1) {
        die("waitpid");
    }
    return status != 0 || (event_command != NULL && event_process == 0);
}

static void usage(void)
{
    fputs("usage: load [-f FLOWS] [-t SECONDS] [-r RATE] [-w SECONDS] [-e SECONDS -c COMMAND] PORT ADDRESS...\n"
          "  -f  so many ports that ask, 1 to 4000 (120); the addresses are asked by one flow after the other\n"
          "  -t  for so long, 0.1 to 1000 (2)      -r  requests a second of each flow, 0.1 to 100 (10)\n"
          "  -w  what is not answered so long after the last request is lost, 0 to 100 (2)\n"
          "  -c  run this after -e seconds and tell which flows another host answers since\n", stderr);
    exit(2);
}

static double number(const char *text, double from, double to)
{
    char *end;
    double value = strtod(text, &end);

    if (*text == '\0' || *end != '\0' || !(value >= from && value <= to)) {
        fprintf(stderr, "load: %s is not in %g to %g\n", text, from, to);
        exit(2);
    }
    return value;
}

static struct sockaddr_in6 parse(const char *text, double port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    char mapped[NAME_LENGTH];

    snprintf(mapped, sizeof(mapped), strchr(text, ':') == NULL ? "::ffff:%s" : "%s", text);
    if (inet_pton(AF_INET6, mapped, &address.sin6_addr) != 1) {
        fprintf(stderr, "load: %s is not an address\n", text);
        exit(2);
    }
    return address;
}

int main(int count, char **arguments)
{
    struct rlimit files = {MOST_FLOWS + 50, MOST_FLOWS + 50};
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    for (int option; (option = getopt(count, arguments, "f:t:r:w:e:c:")) != -1;) {
        switch (option) {
        case 'f': flow_count = (unsigned)number(optarg, 1, MOST_FLOWS); break;
        case 't': seconds = number(optarg, 0.1, 1000); break;
        case 'r': rate = number(optarg, 0.1, 100); break;
        case 'w': patience = number(optarg, 0, 100); break;
        case 'e': event_after = number(optarg, 0, 1000); break;
        case 'c': event_command = optarg; break;
        default: usage();
        }
    }
    if (count - optind < 2 || (event_after < 0) != (event_command == NULL) || seconds * rate > MOST_REQUESTS) {
        usage();
    }
    if (flow_count > 900 && setrlimit(RLIMIT_NOFILE, &files) == -1) {
        die("setrlimit");
    }
    double port = number(arguments[optind], 1, 65535);
    for (unsigned i = 0; i < flow_count; i++) {
        struct sockaddr_in6 asked = parse(arguments[optind + 1 + (int)i % (count - optind - 1)], port);
        open_flow(&flows[i], &asked, epoll);
    }
    run(epoll);
    report();
    return event_failed();
}
