#define _GNU_SOURCE
#include "hook_sockets.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "peers.h"

/* The chooser of the port, stored in the state word between the mode and the count. */
enum { BOUND_UNSEEN, BOUND_BY_PROGRAM, BOUND_BY_SYSTEM };
enum { BOUND_SHIFT = 4, BOUND_BITS = 3 << BOUND_SHIFT };

enum { CHUNK = 1024, CHUNKS = 4096 };

static _Atomic(struct place *) chunks[CHUNKS];
static _Atomic uint64_t last_socket = 1;
static _Atomic uint64_t first_valid = 1; /* sockets with a lower count are void */
static _Atomic uint64_t sockets;
static _Atomic uint64_t bytes;
static _Atomic uint32_t seconds = 1;

/* The fields of hook_settings. Each is atomic, as other threads may read them while hook_begin() sets them. */
static struct {
    _Atomic uint32_t ranges[MOST_RANGES]; /* the first port in the upper half, the last in the lower */
    _Atomic uint32_t transfers[MOST_RANGES];
    _Atomic uint32_t range_count, transfer_count, ephemeral, memory, expiry;
    _Atomic int all;
    _Atomic uint64_t most_bytes;
} settings;

struct place *hook_place(int fd)
{
    if (fd < 0 || fd >= CHUNK * CHUNKS) {
        return NULL;
    }
    _Atomic(struct place *) *at = &chunks[fd / CHUNK];
    struct place *chunk = atomic_load_explicit(at, memory_order_acquire);
    if (chunk == NULL) {
        struct place *fresh = calloc(CHUNK, sizeof(*fresh));
        if (fresh == NULL) {
            return NULL;
        }
        if (atomic_compare_exchange_strong(at, &chunk, fresh)) {
            chunk = fresh;
        } else {
            free(fresh);
        }
    }
    return &chunk[fd % CHUNK];
}

/* Returns the place of a descriptor without allocating one; NULL for a number that never was a datagram socket. */
static struct place *seen_place(int fd)
{
    struct place *chunk = fd < 0 || fd >= CHUNK * CHUNKS ? NULL : atomic_load(&chunks[fd / CHUNK]);

    return chunk == NULL ? NULL : &chunk[fd % CHUNK];
}

static void forget_all(struct place *place)
{
    struct peers *peers = atomic_load(&place->peers);

    atomic_store(&place->verdict, VERDICT_NONE);
    atomic_store(&place->told, VERDICT_NONE);
    atomic_store(&place->transfers, 0);
    atomic_store(&place->number, 0);
    if (peers != NULL && atomic_exchange(&place->remembers, 0)) {
        peers_clear(peers);
    }
}

static uint32_t packed(struct range range)
{
    return (uint32_t)range.first << 16 | range.last;
}

static int contains(uint32_t range, uint32_t port)
{
    return port >= range >> 16 && port <= (range & UINT16_MAX);
}

static void copy_ranges(_Atomic uint32_t *to, _Atomic uint32_t *to_count, const struct range *from, uint32_t count)
{
    count = count < MOST_RANGES ? count : MOST_RANGES;
    for (uint32_t i = 0; i < count; i++) {
        atomic_store(&to[i], packed(from[i]));
    }
    atomic_store(to_count, count);
}

static int is_in(_Atomic uint32_t *ranges, _Atomic uint32_t *range_count, uint32_t port)
{
    uint32_t count = atomic_load(range_count);

    for (uint32_t i = 0; i < count; i++) {
        if (contains(atomic_load(&ranges[i]), port)) {
            return 1;
        }
    }
    return 0;
}

static void copy_settings(const struct hook_settings *wanted)
{
    uint32_t memory = wanted->memory < MOST_PEERS ? wanted->memory : MOST_PEERS;

    copy_ranges(settings.ranges, &settings.range_count, wanted->ranges, wanted->range_count);
    copy_ranges(settings.transfers, &settings.transfer_count, wanted->transfers, wanted->transfer_count);
    atomic_store(&settings.ephemeral, packed(wanted->ephemeral));
    atomic_store(&settings.all, wanted->all);
    atomic_store(&settings.memory, memory > LEAST_PEERS ? memory : LEAST_PEERS);
    atomic_store(&settings.expiry, wanted->expiry);
    atomic_store(&settings.most_bytes, wanted->most_bytes);
}

void hook_begin(const struct hook_settings *wanted)
{
    copy_settings(wanted);
    atomic_store(&sockets, 0);
    for (int i = 0; i < CHUNKS; i++) {
        struct place *chunk = atomic_load(&chunks[i]);
        for (int j = 0; chunk != NULL && j < CHUNK; j++) {
            atomic_store(&chunk[j].pinned, 0);
            atomic_store(&chunk[j].unknown, 0);
            atomic_store(&chunk[j].gone, 0);
            forget_all(&chunk[j]);
        }
    }
    /* This store is last: a thread that examines a socket afterwards sees all of the above. */
    atomic_store(&first_valid, atomic_fetch_add(&last_socket, 1) + 1);
}

void hook_now(uint32_t now)
{
    atomic_store_explicit(&seconds, now, memory_order_relaxed);
}

uint32_t hook_seconds(void)
{
    return atomic_load_explicit(&seconds, memory_order_relaxed);
}

uint32_t hook_expiry(void)
{
    return atomic_load_explicit(&settings.expiry, memory_order_relaxed);
}

static uint64_t new_state(uint64_t mode)
{
    return (atomic_fetch_add(&last_socket, 1) + 1) << COUNT_SHIFT | mode;
}

static void renew(struct place *place, uint64_t mode)
{
    atomic_store(&place->state, new_state(mode));
    forget_all(place);
}

void hook_new_socket(int fd)
{
    struct place *place = hook_place(fd);

    if (place != NULL) {
        renew(place, MODE_UNKNOWN);
    }
}

void hook_other(int fd)
{
    struct place *place = seen_place(fd);

    if (place != NULL && atomic_load(&place->state) != 0) {
        renew(place, MODE_LEAVE);
        atomic_store(&place->number, UINT64_MAX);
    }
}

static int is_wanted(uint64_t state, uint32_t port, enum verdict *why)
{
    if (atomic_load(&settings.range_count) > 0) {
        *why = VERDICT_PORT;
        return is_in(settings.ranges, &settings.range_count, port);
    }
    *why = VERDICT_EPHEMERAL;
    if (atomic_load(&settings.all) || (state & BOUND_BITS) == BOUND_BY_PROGRAM << BOUND_SHIFT) {
        return 1;
    }
    return (state & BOUND_BITS) == BOUND_UNSEEN && !contains(atomic_load(&settings.ephemeral), port);
}

static struct peers *memory_of(struct place *place)
{
    struct peers *before = atomic_load(&place->peers), *peers = NULL;
    uint32_t capacity = atomic_load(&settings.memory);
    uint64_t size = peers_size(capacity);

    /*
     * A memory for at least as many peers is reused. One that is too small stays allocated, as a thread may be using
     * it.
     */
    if (before != NULL && peers_room(before) >= size) {
        return before;
    }
    if (atomic_fetch_add(&bytes, size) + size <= atomic_load(&settings.most_bytes)) {
        peers = peers_new(capacity);
    }
    if (peers == NULL) {
        atomic_fetch_sub(&bytes, size);
        return NULL;
    }
    if (!atomic_compare_exchange_strong(&place->peers, &before, peers)) {
        return before; /* another thread was first to use the socket; this memory is not freed */
    }
    return peers;
}

static int is_any(const struct sockaddr_storage *name)
{
    static const struct in6_addr any = IN6ADDR_ANY_INIT;

    return name->ss_family == AF_INET6
        ? memcmp(&((const struct sockaddr_in6 *)name)->sin6_addr, &any, sizeof(any)) == 0
        : ((const struct sockaddr_in *)name)->sin_addr.s_addr == INADDR_ANY;
}

/*
 * Enables packet information; returns 1 on success. An IPv6 socket needs IP_PKTINFO too: for an IPv4 datagram to a
 * group or broadcast only in_pktinfo has the local address.
 */
static int has_packet_information(int fd, int family)
{
    int ipv4 = kernel_set_option(fd, OPTION_IP_PKTINFO, 1);

    return family == AF_INET6 ? kernel_set_option(fd, OPTION_IPV6_RECVPKTINFO, 1) == 0 : ipv4 == 0;
}

/* Reads a socket's local address. Returns its port, 0 if it is not bound, -1 if it is not a UDP socket. */
static int read_own(int fd, struct sockaddr_storage *name)
{
    in_port_t port;

    memset(name, 0, sizeof(*name));
    if (kernel_datagram_name(fd, name) < 0 || (name->ss_family != AF_INET && name->ss_family != AF_INET6)) {
        return -1;
    }
    memcpy(&port, (const uint8_t *)name + offsetof(struct sockaddr_in, sin_port), sizeof(port));
    return ntohs(port);
}

/* Decides on a socket. Returns VERDICT_NONE if it is not bound. */
static enum verdict judge(int fd, struct place *place, uint64_t state)
{
    struct sockaddr_storage name;
    enum verdict why;
    int port = read_own(fd, &name);

    if (port < 0) {
        return VERDICT_REFUSED;
    }
    atomic_store(&place->port, (uint32_t)port);
    if (port == 0) {
        return VERDICT_NONE;
    }
    if (!is_wanted(state, (uint32_t)port, &why)) {
        return why;
    }
    if (!is_any(&name)) {
        return VERDICT_ONE;
    }
    return memory_of(place) != NULL && has_packet_information(fd, name.ss_family) ? VERDICT_CHOOSES : VERDICT_REFUSED;
}

int hook_has_transfers(void)
{
    return atomic_load_explicit(&settings.transfer_count, memory_order_relaxed) > 0;
}

/* Returns 1 if a socket with an ephemeral port may serve a transfer, which its first send decides. */
static int may_be_fresh(enum verdict verdict, uint64_t state)
{
    return hook_has_transfers() && (state & BOUND_BITS) == BOUND_BY_SYSTEM << BOUND_SHIFT
        && (verdict == VERDICT_EPHEMERAL || verdict == VERDICT_PORT || verdict == VERDICT_CHOOSES);
}

/* Returns the socket's cookie; 0 before Linux 4.12. */
static uint64_t number_of(int fd)
{
    int64_t cookie = kernel_cookie(fd);

    return cookie < 0 ? 0 : (uint64_t)cookie;
}

uint64_t hook_enter(int fd, struct place *place, uint64_t state, enum verdict verdict, uint64_t mode)
{
    uint64_t made = (state & ~(uint64_t)MODE_BITS) | mode;

    if (!atomic_compare_exchange_strong(&place->state, &state, made)) {
        return state;
    }
    atomic_store(&place->number, number_of(fd));
    uint32_t before = atomic_exchange(&place->verdict, verdict); /* unchanged by a disconnect: counted already */
    atomic_fetch_add(&sockets, verdict == VERDICT_CHOOSES && before != VERDICT_CHOOSES);
    return made;
}

static uint64_t set_up(int fd, struct place *place, uint64_t state, int look_for_fresh)
{
    enum verdict verdict = judge(fd, place, state);

    if (verdict == VERDICT_NONE) {
        return state;
    }
    if (look_for_fresh && may_be_fresh(verdict, state)) {
        return hook_enter(fd, place, state, verdict == VERDICT_CHOOSES ? VERDICT_NONE : verdict, MODE_FRESH);
    }
    if (verdict == VERDICT_CHOOSES
        && is_in(settings.transfers, &settings.transfer_count, atomic_load(&place->port))) {
        atomic_store(&place->transfers, 1);
        transfer_add(fd);
    }
    return hook_enter(fd, place, state, verdict, verdict == VERDICT_CHOOSES ? MODE_CHOOSE : MODE_LEAVE);
}

uint64_t hook_decide(int fd, struct place *place, uint64_t state)
{
    return set_up(fd, place, state, 0);
}

uint64_t hook_take(int fd, struct place *place, uint64_t state)
{
    struct sockaddr_storage name;

    if (read_own(fd, &name) < 0 || !is_any(&name) || memory_of(place) == NULL
        || !has_packet_information(fd, name.ss_family)) {
        return hook_decide(fd, place, state);
    }
    return hook_enter(fd, place, state, VERDICT_CHOOSES, MODE_CHOOSE);
}

/* Returns 1 if the socket was seen since the beginning. */
static int is_valid(uint64_t state)
{
    return state >> COUNT_SHIFT >= atomic_load_explicit(&first_valid, memory_order_acquire);
}

uint64_t hook_look(int fd, struct place *place)
{
    uint64_t state = atomic_load_explicit(&place->state, memory_order_acquire);

    if (!is_valid(state)) {
        uint64_t fresh = new_state(MODE_UNKNOWN);
        if (atomic_compare_exchange_strong(&place->state, &state, fresh)) {
            state = fresh;
        }
    }
    return (state & MODE_BITS) == MODE_UNKNOWN ? set_up(fd, place, state, 1) : state;
}

void hook_bound(int fd, int port)
{
    struct place *place = seen_place(fd);

    if (place == NULL) {
        return;
    }
    uint64_t state = atomic_load(&place->state);
    if (!is_valid(state)) {
        return; /* older than the beginning; its first use shows if it is a datagram socket */
    }
    /* Only the first bind counts: after a disconnect the JDK binds the socket again, with an explicit port. */
    if ((state & BOUND_BITS) == BOUND_UNSEEN && (state & MODE_BITS) != MODE_LEAVE) {
        uint64_t bound = state | (uint64_t)(port == 0 ? BOUND_BY_SYSTEM : BOUND_BY_PROGRAM) << BOUND_SHIFT;
        atomic_compare_exchange_strong(&place->state, &state, bound);
    }
    hook_look(fd, place);
}

void hook_disconnected(int fd)
{
    struct place *place = seen_place(fd);

    if (place != NULL) {
        atomic_store(&place->number, 0);
        atomic_fetch_and(&place->state, ~(uint64_t)MODE_BITS);
    }
}

/* Returns 1 if the descriptor still has the port that was noted for it. */
static int is_open(int fd, const struct place *place)
{
    struct sockaddr_storage name;

    return read_own(fd, &name) == (int)atomic_load(&place->port);
}

void hook_count(struct hook_counters *counters, int with_peers)
{
    memset(counters, 0, sizeof(*counters));
    counters->sockets = atomic_load(&sockets);
    for (int fd = 0; fd < CHUNK * CHUNKS; fd++) {
        struct place *chunk = atomic_load(&chunks[fd / CHUNK]);
        if (chunk == NULL) {
            fd += CHUNK - 1;
            continue;
        }
        struct place *place = &chunk[fd % CHUNK];
        struct peers *peers = atomic_load(&place->peers);
        counters->pinned += atomic_load(&place->pinned);
        counters->unknown += atomic_load(&place->unknown);
        counters->gone += atomic_load(&place->gone);
        if (with_peers && peers != NULL && atomic_load(&place->remembers) && is_open(fd, place)) {
            counters->peers += peers_count(peers, hook_seconds(), hook_expiry());
        }
    }
}

int hook_tell(int from, struct hook_news *news)
{
    for (int fd = from < 0 ? 0 : from; fd < CHUNK * CHUNKS; fd++) {
        struct place *chunk = atomic_load(&chunks[fd / CHUNK]);
        if (chunk == NULL) {
            fd += CHUNK - 1 - fd % CHUNK;
            continue;
        }
        struct place *place = &chunk[fd % CHUNK];
        uint32_t verdict = atomic_load(&place->verdict);
        if (verdict != VERDICT_NONE && atomic_exchange(&place->told, verdict) != verdict) {
            *news = (struct hook_news){.fd = fd, .port = atomic_load(&place->port), .verdict = verdict};
            return 1;
        }
    }
    return 0;
}

/*
 * Returns 1 if the JDK has created the socket. Other code may have reused the number after the JDK's socket was closed.
 */
static int is_jdks(int fd, struct place *place, enum unseen unseen)
{
    uint64_t number = atomic_load(&place->number);

    if (kernel_closes_on_exec(fd)) {
        return 0;
    }
    if (!is_valid(atomic_load(&place->state))) {
        return unseen == UNSEEN_IS_ADOPTED;
    }
    return number == 0 || number == number_of(fd);
}

int hook_find(int fd, enum unseen unseen, struct hook_news *news)
{
    struct sockaddr_storage name;
    struct place *place;
    int port = read_own(fd, &name);

    if (port <= 0) {
        return 0;
    }
    *news = (struct hook_news){.fd = fd, .port = (uint32_t)port, .verdict = VERDICT_REFUSED};
    place = hook_place(fd);
    if (place != NULL && is_jdks(fd, place, unseen)) {
        hook_look(fd, place);
        news->verdict = atomic_load(&place->verdict);
        atomic_store(&place->told, news->verdict);
    } else if (place != NULL) {
        enum verdict why;
        news->verdict = !is_wanted(0, (uint32_t)port, &why) ? why : is_any(&name) ? VERDICT_FOREIGN : VERDICT_ONE;
    }
    return 1;
}
