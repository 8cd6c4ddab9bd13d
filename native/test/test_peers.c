/*
 * The memory of peers by itself: the peers that are known, until when, and that no thread reads a half-written entry.
 */
#define _GNU_SOURCE
#include "peers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "expect.h"
#include "sockets.h"

enum { OWNER = 7, NOW = 1000, EXPIRY = 60, NEVER = 0 };

static const struct reply_source UNICAST = {.high = 1, .low = 2, .interface = 3, .form = 1, .unicast = 1};
static const struct reply_source GROUP = {.high = 4, .low = 5, .interface = 6, .form = 2, .unicast = 0};
static const struct peer PEER = {.high = 11, .low = 12, .scope = 13, .port = 14};

static struct peers *new_peers(uint32_t capacity)
{
    struct peers *peers = peers_new(capacity);

    must(peers != NULL, "peers_new");
    return peers;
}

static uint64_t next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* Like IPv4 peers: only half a word and the port distinguish them. */
static struct peer random_peer(uint64_t *random)
{
    uint64_t number = next(random);

    return (struct peer){.high = 0, .low = number << 32 | 0xffff0000U, .port = (uint16_t)(number >> 40)};
}

#define EXPECT_KNOWS(what, peers, owner, peer, now, expiry) \
    do { \
        struct reply_source source_ = {0}; \
        EXPECT_EQUAL(1, peers_find(peers, owner, peer, now, expiry, &source_)); \
        EXPECT_EQUAL(1, is_same(&source_, &(what))); \
    } while (0)

#define EXPECT_UNKNOWN(peers, owner, peer, now, expiry) \
    do { \
        struct reply_source source_; \
        EXPECT_EQUAL(0, peers_find(peers, owner, peer, now, expiry, &source_)); \
    } while (0)

static int is_same(const struct reply_source *one, const struct reply_source *other)
{
    return one->high == other->high && one->low == other->low && one->interface == other->interface
        && one->form == other->form && one->unicast == other->unicast;
}

static void a_peer_is_remembered_and_forgotten(void)
{
    struct peers *peers = new_peers(LEAST_PEERS);

    EXPECT_UNKNOWN(peers, OWNER, &PEER, NOW, NEVER);
    peers_remember(peers, OWNER, &PEER, &UNICAST, NOW, NEVER);
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, NOW, NEVER);
    EXPECT_EQUAL(1, peers_count(peers, NOW, NEVER));
    peers_forget(peers, OWNER, &PEER, &GROUP); /* forgets only the source that is remembered */
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, NOW, NEVER);
    peers_forget(peers, OWNER, &PEER, &UNICAST);
    EXPECT_UNKNOWN(peers, OWNER, &PEER, NOW, NEVER);
    EXPECT_EQUAL(0, peers_count(peers, NOW, NEVER));
}

static void the_latest_address_counts(void)
{
    struct peers *peers = new_peers(LEAST_PEERS);
    struct reply_source other = UNICAST;

    other.low = 99;
    peers_remember(peers, OWNER, &PEER, &UNICAST, NOW, NEVER);
    peers_remember(peers, OWNER, &PEER, &other, NOW, NEVER);
    EXPECT_KNOWS(other, peers, OWNER, &PEER, NOW, NEVER);
    EXPECT_EQUAL(1, peers_count(peers, NOW, NEVER));
}

static void a_peer_expires_when_it_is_silent(uint32_t start)
{
    struct peers *peers = new_peers(LEAST_PEERS);

    peers_remember(peers, OWNER, &PEER, &UNICAST, start, EXPIRY);
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, start + EXPIRY, EXPIRY);
    EXPECT_UNKNOWN(peers, OWNER, &PEER, start + EXPIRY + 1, EXPIRY);
    EXPECT_EQUAL(0, peers_count(peers, start + EXPIRY + 1, EXPIRY));
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, start + INT32_MAX, NEVER);
    EXPECT_EQUAL(1, peers_count(peers, start + INT32_MAX, NEVER));
    peers_remember(peers, OWNER, &PEER, &UNICAST, start + EXPIRY, EXPIRY);
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, start + 2 * EXPIRY, EXPIRY);
}

/* The sending thread may have read the time before the receiving one. */
static void a_second_that_has_just_begun_is_no_age(void)
{
    struct peers *peers = new_peers(LEAST_PEERS);

    peers_remember(peers, OWNER, &PEER, &UNICAST, NOW + 1, EXPIRY);
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, NOW, EXPIRY);
    EXPECT_EQUAL(1, peers_count(peers, NOW, EXPIRY));
}

static void a_group_replaces_unicast_only_after_its_expiry(void)
{
    struct peers *peers = new_peers(LEAST_PEERS);

    peers_remember(peers, OWNER, &PEER, &UNICAST, NOW, EXPIRY);
    peers_remember(peers, OWNER, &PEER, &GROUP, NOW, EXPIRY);
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, NOW, EXPIRY);
    peers_remember(peers, OWNER, &PEER, &GROUP, NOW + EXPIRY + 1, EXPIRY);
    EXPECT_KNOWS(GROUP, peers, OWNER, &PEER, NOW + EXPIRY + 1, EXPIRY);
    peers_remember(peers, OWNER, &PEER, &UNICAST, NOW + EXPIRY + 1, EXPIRY);
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, NOW + EXPIRY + 1, EXPIRY);
    peers_remember(peers, OWNER, &PEER, &GROUP, (uint32_t)INT32_MAX, NEVER);
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, (uint32_t)INT32_MAX, NEVER);
}

static void peers_are_told_apart_by_each_part(void)
{
    struct peers *peers = new_peers(LEAST_PEERS);
    struct peer others[] = {PEER, PEER, PEER, PEER};

    others[0].high++;
    others[1].low++;
    others[2].scope++;
    others[3].port++;
    peers_remember(peers, OWNER, &PEER, &UNICAST, NOW, NEVER);
    for (int i = 0; i < 4; i++) {
        EXPECT_UNKNOWN(peers, OWNER, &others[i], NOW, NEVER);
        peers_forget(peers, OWNER, &others[i], &UNICAST);
        peers_remember(peers, OWNER, &others[i], &GROUP, NOW, NEVER);
    }
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, NOW, NEVER);
    EXPECT_EQUAL(5, peers_count(peers, NOW, NEVER));
}

static void an_owner_does_not_know_another_ones_peers(void)
{
    struct peers *peers = new_peers(LEAST_PEERS);

    peers_remember(peers, OWNER, &PEER, &UNICAST, NOW, NEVER);
    for (uint64_t owner = OWNER + 1; owner < 10000; owner++) {
        EXPECT_UNKNOWN(peers, owner, &PEER, NOW, NEVER);
    }
    peers_forget(peers, OWNER + 1, &PEER, &UNICAST);
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, NOW, NEVER);
}

static void a_cleared_memory_knows_nobody(void)
{
    enum { COUNT = 1000 };
    struct peers *peers = new_peers(COUNT);
    uint64_t random = 1;

    for (int i = 0; i < COUNT; i++) {
        struct peer peer = random_peer(&random);
        peers_remember(peers, OWNER, &peer, &UNICAST, NOW, NEVER);
    }
    EXPECT_EQUAL(COUNT, peers_count(peers, NOW, NEVER));
    peers_clear(peers);
    EXPECT_EQUAL(0, peers_count(peers, NOW, NEVER));
    random = 1;
    for (int i = 0; i < COUNT; i++) {
        struct peer peer = random_peer(&random);
        EXPECT_UNKNOWN(peers, OWNER, &peer, NOW, NEVER);
    }
    peers_remember(peers, OWNER, &PEER, &UNICAST, NOW, NEVER);
    EXPECT_KNOWS(UNICAST, peers, OWNER, &PEER, NOW, NEVER);
}

/* Of as many peers as the capacity. */
static void fewer_than_one_in_a_thousand_find_no_place(uint32_t capacity)
{
    long lost = 0;

    for (uint64_t key = 1; key <= 10; key++) {
        struct peers *peers = new_peers(capacity);
        struct reply_source source;
        uint64_t random = 12345;
        long mine = 0;
        peers_key(key * 0x9e3779b97f4a7c15U, key * 0xc2b2ae3d27d4eb4fU);
        for (uint32_t i = 0; i < capacity; i++) {
            struct peer peer = random_peer(&random);
            peers_remember(peers, OWNER, &peer, &UNICAST, NOW, NEVER);
        }
        random = 12345;
        for (uint32_t i = 0; i < capacity; i++) {
            struct peer peer = random_peer(&random);
            mine += !peers_find(peers, OWNER, &peer, NOW, NEVER, &source);
        }
        EXPECT_EQUAL(1, mine * 1000 < capacity);
        EXPECT_EQUAL(capacity - mine, peers_count(peers, NOW, NEVER));
        lost += mine;
    }
    printf("of 10 times %u peers %ld were lost\n", capacity, lost);
}

/* When full, it forgets the peers that have been silent for the longest time. */
static void the_oldest_make_room(void)
{
    enum { COUNT = 1000 };
    struct peers *peers = new_peers(COUNT);
    struct reply_source source;
    uint64_t random = 5;
    long known = 0;

    for (uint32_t i = 0; i < 10 * COUNT; i++) {
        struct peer peer = random_peer(&random);
        peers_remember(peers, OWNER, &peer, &UNICAST, NOW + i, NEVER);
    }
    random = 5;
    for (uint32_t i = 0; i < 10 * COUNT; i++) {
        struct peer peer = random_peer(&random);
        known += i >= 10 * COUNT - COUNT / 2 && peers_find(peers, OWNER, &peer, NOW + 10 * COUNT, NEVER, &source);
    }
    EXPECT_EQUAL(1, known > COUNT / 2 * 95 / 100);
}

static void a_flood_elsewhere_evicts_nobody(void)
{
    enum { COUNT = 1000, FLOOD = 1000000 };
    struct peers *mine = new_peers(COUNT), *flooded = new_peers(COUNT);
    uint64_t random = 2;

    for (int i = 0; i < COUNT; i++) {
        struct peer peer = random_peer(&random);
        peers_remember(mine, OWNER, &peer, &UNICAST, NOW, NEVER);
    }
    for (int i = 0; i < FLOOD; i++) {
        struct peer peer = random_peer(&random);
        peers_remember(flooded, OWNER, &peer, &GROUP, NOW, NEVER);
    }
    EXPECT_EQUAL(COUNT, peers_count(mine, NOW, NEVER));
    random = 2;
    for (int i = 0; i < COUNT; i++) {
        struct peer peer = random_peer(&random);
        EXPECT_KNOWS(UNICAST, mine, OWNER, &peer, NOW, NEVER);
    }
}

/* State shared by the threads: few places and many peers, so that they collide. */
static struct {
    struct peers *peers;
    atomic_int over, torn;
    atomic_long found;
} race;

static struct reply_source derived(const struct peer *peer, uint64_t round)
{
    return (struct reply_source){
        .high = peer->low * 3 + round, .low = (peer->low * 3 + round) * 5, .interface = (uint32_t)round,
        .form = 1, .unicast = 1};
}

static struct peer numbered(uint64_t number)
{
    return (struct peer){.high = number * 7, .low = number, .scope = (uint32_t)number, .port = (uint16_t)(number + 1)};
}

static void *reads(void *unused)
{
    struct reply_source source;
    long found = 0;

    for (uint64_t i = 0; !atomic_load(&race.over); i++) {
        struct peer peer = numbered(i % 40);
        if (peers_find(race.peers, OWNER, &peer, NOW, NEVER, &source)) {
            struct reply_source whole = derived(&peer, source.high - peer.low * 3);
            atomic_fetch_add(&race.torn, !is_same(&whole, &source));
            found++;
        }
    }
    atomic_fetch_add(&race.found, found);
    return unused;
}

static void *forgets_and_clears(void *unused)
{
    struct reply_source source;

    for (uint64_t i = 0; !atomic_load(&race.over); i++) {
        struct peer peer = numbered(i % 40);
        if (peers_find(race.peers, OWNER, &peer, NOW, NEVER, &source)) {
            peers_forget(race.peers, OWNER, &peer, &source);
        }
        if (i % 64 == 0) {
            peers_clear(race.peers);
        }
    }
    return unused;
}

static void writes_for_a_second(void)
{
    struct timespec begin, now;
    uint64_t round = 0;
    int64_t nanos;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        for (int i = 0; i < 1000; i++, round++) {
            struct peer peer = numbered(round % 40);
            struct reply_source source = derived(&peer, round / 40);
            peers_remember(race.peers, OWNER, &peer, &source, NOW, NEVER);
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        nanos = (int64_t)(now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec;
    } while (nanos < 1000000000);
    atomic_store(&race.over, 1);
}

static void nobody_reads_half_of_an_entry(void *(*fourth)(void *))
{
    void *(*work[])(void *) = {reads, reads, reads, fourth};
    int count = fourth == NULL ? 3 : 4;
    pthread_t threads[4];

    race.peers = new_peers(LEAST_PEERS);
    atomic_store(&race.over, 0);
    atomic_store(&race.found, 0);
    for (int i = 0; i < count; i++) {
        must(pthread_create(&threads[i], NULL, work[i], NULL) == 0, "pthread_create");
    }
    writes_for_a_second();
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT_EQUAL(0, atomic_load(&race.torn));
    EXPECT_EQUAL(1, atomic_load(&race.found) > 0);
    /* No lock is left behind. */
    for (uint64_t i = 0; i < 40; i++) {
        struct peer peer = numbered(i);
        peers_remember(race.peers, OWNER, &peer, &UNICAST, NOW, NEVER);
        EXPECT_KNOWS(UNICAST, race.peers, OWNER, &peer, NOW, NEVER);
    }
}

int main(void)
{
    peers_key(0x0123456789abcdefU, 0xfedcba9876543210U);
    a_peer_is_remembered_and_forgotten();
    the_latest_address_counts();
    a_peer_expires_when_it_is_silent(NOW);
    a_peer_expires_when_it_is_silent(UINT32_MAX - 5);
    a_second_that_has_just_begun_is_no_age();
    a_group_replaces_unicast_only_after_its_expiry();
    peers_are_told_apart_by_each_part();
    an_owner_does_not_know_another_ones_peers();
    a_cleared_memory_knows_nobody();
    the_oldest_make_room();
    a_flood_elsewhere_evicts_nobody();
    nobody_reads_half_of_an_entry(NULL);
    nobody_reads_half_of_an_entry(forgets_and_clears);
    fewer_than_one_in_a_thousand_find_no_place(8192);
    fewer_than_one_in_a_thousand_find_no_place(16384);
    return expect_failures > 0;
}
