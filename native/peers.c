#define _GNU_SOURCE
#include "peers.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A peer has a place in one of two groups. There are one and a half times as many places as peers, so that fewer than
 * one in a thousand of the peers finds no place when the memory is full.
 */
enum { PLACES = 8, SPINS = 100 };

/* The words of an entry. */
enum { PEER_HIGH, PEER_LOW, LOCAL_HIGH, LOCAL_LOW, SCOPE_AND_INTERFACE, PORT_FORM_SECONDS, WORDS };

/* A place is a seqlock: a reader accepts its copy only if the sequence is even, and equal before and after. */
struct peer_place {
    _Atomic uint32_t sequence;
    _Atomic uint32_t tag; /* of the hash; 0: empty */
    _Atomic uint64_t words[WORDS];
    uint64_t unused;
};

/* A peer is in the place that its tag prefers, if that was free: most look-ups read one line of the cache. */
struct group {
    _Atomic uint32_t tags[PLACES]; /* the tags of the places, for a peer that is in none or in another one */
    uint32_t unused[8];
    struct peer_place places[PLACES];
};

_Static_assert(sizeof(struct peer_place) == 64 && sizeof(struct group) == 576, "lines of the cache");

struct peers {
    uint32_t groups; /* at least 2 */
    uint32_t unused[15];
    struct group group[];
};

struct entry {
    uint64_t words[WORDS];
};

static _Atomic uint64_t first_key, second_key;

void peers_key(uint64_t first, uint64_t second)
{
    atomic_store(&first_key, first);
    atomic_store(&second_key, second);
}

static uint32_t groups_for(uint32_t capacity)
{
    uint32_t groups = (uint32_t)(((uint64_t)capacity * 3 / 2 + PLACES - 1) / PLACES);

    return groups < 2 ? 2 : groups;
}

size_t peers_size(uint32_t capacity)
{
    return sizeof(struct peers) + (size_t)groups_for(capacity) * sizeof(struct group);
}

size_t peers_room(const struct peers *peers)
{
    return sizeof(struct peers) + (size_t)peers->groups * sizeof(struct group);
}

struct peers *peers_new(uint32_t capacity)
{
    struct peers *peers = mmap(NULL, peers_size(capacity), PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (peers == MAP_FAILED) {
        return NULL;
    }
    peers->groups = groups_for(capacity);
    return peers;
}

/* Odd, so that the products of different owners differ. */
static const uint64_t SPREAD = 0x9e3779b97f4a7c15U;

/* The finalizer of SplitMix64: every bit of the result depends on every bit of the argument. */
static uint64_t mixed(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

/* The two groups that may hold a peer, and its tag in both. */
struct where {
    struct group *groups[2];
    uint32_t tag;
};

static inline struct where where_is(struct peers *peers, uint64_t owner, const struct peer *peer)
{
    uint64_t parts = (uint64_t)peer->scope << 16 | peer->port;
    uint64_t high = peer->high ^ atomic_load_explicit(&first_key, memory_order_relaxed) ^ owner * SPREAD;
    uint64_t low = peer->low ^ atomic_load_explicit(&second_key, memory_order_relaxed);
    uint64_t hash = mixed(mixed(high) ^ mixed(low) ^ parts);
    uint64_t upper = hash >> 32, lower = hash & UINT32_MAX;
    uint64_t first = upper * peers->groups >> 32;
    uint64_t second = first + 1 + (lower * (peers->groups - 1) >> 32); /* less than twice the count: no division */

    second -= second < peers->groups ? 0 : peers->groups;
    return (struct where){
        .groups = {&peers->group[first], &peers->group[second]},
        .tag = lower == 0 ? 1 : (uint32_t)lower,
    };
}

static inline int preferred(uint32_t tag)
{
    return (int)(tag % PLACES);
}

static inline uint64_t read_word(const struct peer_place *place, int word)
{
    return atomic_load_explicit(&place->words[word], memory_order_relaxed);
}

static inline uint32_t read_tag(const _Atomic uint32_t *tag)
{
    return atomic_load_explicit(tag, memory_order_relaxed);
}

/*
 * Copies each word on its own: wider loads would stall on the narrower stores before them. The loop is unrolled by
 * hand, because after a system call the processor would mispredict its end.
 */
static inline void read_entry(const struct peer_place *place, struct entry *entry)
{
    entry->words[PEER_HIGH] = read_word(place, PEER_HIGH);
    entry->words[PEER_LOW] = read_word(place, PEER_LOW);
    entry->words[LOCAL_HIGH] = read_word(place, LOCAL_HIGH);
    entry->words[LOCAL_LOW] = read_word(place, LOCAL_LOW);
    entry->words[SCOPE_AND_INTERFACE] = read_word(place, SCOPE_AND_INTERFACE);
    entry->words[PORT_FORM_SECONDS] = read_word(place, PORT_FORM_SECONDS);
}

static inline int is_equal(const struct entry *one, const struct entry *other)
{
    const uint64_t *a = one->words, *b = other->words;

    return ((a[PEER_HIGH] ^ b[PEER_HIGH]) | (a[PEER_LOW] ^ b[PEER_LOW]) | (a[LOCAL_HIGH] ^ b[LOCAL_HIGH])
               | (a[LOCAL_LOW] ^ b[LOCAL_LOW]) | (a[SCOPE_AND_INTERFACE] ^ b[SCOPE_AND_INTERFACE])
               | (a[PORT_FORM_SECONDS] ^ b[PORT_FORM_SECONDS])) == 0;
}

static uint32_t seconds_of(const struct entry *entry)
{
    return (uint32_t)(entry->words[PORT_FORM_SECONDS] >> 32);
}

/* Returns the age in seconds; 0 if the entry is newer than now, because another thread already has the next second. */
static uint32_t age_of(const struct entry *entry, uint32_t now)
{
    uint32_t age = now - seconds_of(entry);

    return age > INT32_MAX ? 0 : age;
}

static int is_over(const struct entry *entry, uint32_t now, uint32_t expiry)
{
    return expiry != 0 && age_of(entry, now) > expiry;
}

static int is_of(const struct entry *entry, const struct peer *peer)
{
    return ((entry->words[PEER_LOW] ^ peer->low) | (entry->words[PEER_HIGH] ^ peer->high)
               | (uint32_t)(entry->words[SCOPE_AND_INTERFACE] ^ peer->scope)
               | (uint16_t)(entry->words[PORT_FORM_SECONDS] ^ peer->port)) == 0;
}

static void relax(int spins)
{
    if (spins > SPINS) {
        syscall(SYS_sched_yield); /* the writing thread may have been preempted */
    }
}

/* Returns 1 and copies the entry if a place holds the peer. */
static inline int holds(const struct peer_place *place, uint32_t tag, const struct peer *peer, struct entry *copy)
{
    for (int spins = 0;; spins++) {
        uint32_t before = atomic_load_explicit(&place->sequence, memory_order_acquire);
        int found = read_tag(&place->tag) == tag;

        if (found) {
            read_entry(place, copy);
        }
        atomic_thread_fence(memory_order_acquire);
        if ((before & 1) == 0 && atomic_load_explicit(&place->sequence, memory_order_relaxed) == before) {
            return found && is_of(copy, peer);
        }
        relax(spins);
    }
}

/* Looks for the peer in a group. Returns its place and copies its entry; NULL if it is not there. */
static inline struct peer_place *find_in(struct group *group, uint32_t tag, const struct peer *peer, struct entry *copy)
{
    struct peer_place *first = &group->places[preferred(tag)];

    if (holds(first, tag, peer, copy)) {
        return first;
    }
    for (int i = 0; i < PLACES; i++) {
        struct peer_place *place = &group->places[i];
        if (read_tag(&group->tags[i]) == tag && place != first && holds(place, tag, peer, copy)) {
            return place;
        }
    }
    return NULL;
}

/* Locks a place against other writers. Returns the even sequence, for unlock(). */
static uint32_t lock(struct peer_place *place)
{
    uint32_t even;

    for (int spins = 0;; spins++) {
        even = atomic_load_explicit(&place->sequence, memory_order_relaxed) & ~1U;
        if (atomic_compare_exchange_weak_explicit(
                &place->sequence, &even, even + 1, memory_order_acquire, memory_order_relaxed)) {
            break;
        }
        relax(spins);
    }
    atomic_thread_fence(memory_order_release); /* no reader sees later stores without the odd sequence */
    return even;
}

static void unlock(struct peer_place *place, uint32_t even)
{
    atomic_store_explicit(&place->sequence, even + 2, memory_order_release);
}

/* The lock must be held. */
static void write_tag(struct group *group, struct peer_place *place, uint32_t tag)
{
    atomic_store_explicit(&place->tag, tag, memory_order_relaxed);
    atomic_store_explicit(&group->tags[place - group->places], tag, memory_order_relaxed);
}

static void write_entry(struct group *group, struct peer_place *place, uint32_t tag, const struct entry *entry)
{
    uint32_t even = lock(place);

    write_tag(group, place, tag);
    for (int i = 0; i < WORDS; i++) {
        atomic_store_explicit(&place->words[i], entry->words[i], memory_order_relaxed);
    }
    unlock(place, even);
}

/*
 * Entries are cleared under the locks. Returning the pages with madvise(2) would zero a sequence that another thread
 * holds, or half an entry that another thread reads.
 */
void peers_clear(struct peers *peers)
{
    for (uint32_t i = 0; i < peers->groups; i++) {
        struct group *group = &peers->group[i];
        for (int j = 0; j < PLACES; j++) {
            if (read_tag(&group->tags[j]) != 0) { /* a page never written to stays unallocated */
                uint32_t even = lock(&group->places[j]);
                write_tag(group, &group->places[j], 0);
                unlock(&group->places[j], even);
            }
        }
    }
}

static struct entry entry_of(const struct peer *peer, const struct reply_source *source, uint32_t now)
{
    return (struct entry){{
        [PEER_HIGH] = peer->high,
        [PEER_LOW] = peer->low,
        [LOCAL_HIGH] = source->high,
        [LOCAL_LOW] = source->low,
        [SCOPE_AND_INTERFACE] = (uint64_t)source->interface << 32 | peer->scope,
        [PORT_FORM_SECONDS] = (uint64_t)now << 32 | (uint64_t)(source->unicast != 0) << 24
            | (uint64_t)(source->form & 0xff) << 16 | peer->port,
    }};
}

static void read_source(const struct entry *entry, struct reply_source *source)
{
    uint64_t rest = entry->words[PORT_FORM_SECONDS];

    source->high = entry->words[LOCAL_HIGH];
    source->low = entry->words[LOCAL_LOW];
    source->interface = (uint32_t)(entry->words[SCOPE_AND_INTERFACE] >> 32);
    source->form = (uint16_t)(rest >> 16 & 0xff);
    source->unicast = (uint16_t)(rest >> 24 & 1);
}

/*
 * The best place in a group for a new entry, and the number of free places. Without a free one, it is the oldest
 * entry's.
 */
struct room {
    struct peer_place *place;
    int free;
    uint32_t age;
};

static struct room room_in(struct group *group, uint32_t tag, uint32_t now, uint32_t expiry)
{
    struct room room = {.place = NULL, .free = 0, .age = 0};

    for (int i = 0; i < PLACES; i++) {
        int at = (preferred(tag) + i) % PLACES;
        struct peer_place *place = &group->places[at];
        struct entry entry;
        int nobody = read_tag(&group->tags[at]) == 0;
        if (!nobody) {
            read_entry(place, &entry);
            nobody = is_over(&entry, now, expiry);
        }
        uint32_t age = nobody ? UINT32_MAX : age_of(&entry, now);

        room.free += nobody;
        if (age > room.age || i == 0) {
            room.place = place;
            room.age = age;
        }
    }
    return room;
}

/* The first group is filled to one half before the second is used, so that most look-ups read only one. */
static void insert(const struct where *where, const struct entry *entry, uint32_t now, uint32_t expiry)
{
    struct room first = room_in(where->groups[0], where->tag, now, expiry);
    struct room second = room_in(where->groups[1], where->tag, now, expiry);
    int enough = second.free < PLACES / 2 ? second.free : PLACES / 2;
    int takes_first = first.free + second.free == 0 ? first.age >= second.age : first.free >= enough;

    write_entry(where->groups[takes_first ? 0 : 1], takes_first ? first.place : second.place, where->tag, entry);
}

void peers_remember(struct peers *peers, uint64_t owner, const struct peer *peer, const struct reply_source *source,
    uint32_t now, uint32_t expiry)
{
    struct where where = where_is(peers, owner, peer);
    struct entry entry = entry_of(peer, source, now);
    struct entry before;

    for (int i = 0; i < 2; i++) {
        struct peer_place *place = find_in(where.groups[i], where.tag, peer, &before);
        if (place != NULL) {
            struct reply_source known;
            read_source(&before, &known);
            if (known.unicast && !source->unicast && !is_over(&before, now, expiry)) {
                entry = entry_of(peer, &known, now);
            }
            /* Usually the entry is unchanged. It is then not written, and no reader is disturbed. */
            if (!is_equal(&before, &entry)) {
                write_entry(where.groups[i], place, where.tag, &entry);
            }
            return;
        }
    }
    insert(&where, &entry, now, expiry);
}

int peers_find(struct peers *peers, uint64_t owner, const struct peer *peer, uint32_t now, uint32_t expiry,
    struct reply_source *source)
{
    struct where where = where_is(peers, owner, peer);
    struct entry entry;

    for (int i = 0; i < 2; i++) {
        if (find_in(where.groups[i], where.tag, peer, &entry) != NULL) {
            read_source(&entry, source);
            return !is_over(&entry, now, expiry);
        }
    }
    return 0;
}

static int is_same(const struct reply_source *one, const struct reply_source *other)
{
    return one->high == other->high && one->low == other->low && one->interface == other->interface
        && one->form == other->form && one->unicast == other->unicast;
}

/* Another thread may have written to the place since it was found, so the entry is compared again under the lock. */
static void forget_in(struct group *group, struct peer_place *place, uint32_t tag, const struct peer *peer,
    const struct reply_source *source)
{
    uint32_t even = lock(place);
    struct entry entry;
    struct reply_source known;

    read_entry(place, &entry);
    read_source(&entry, &known);
    if (read_tag(&place->tag) == tag && is_of(&entry, peer) && is_same(&known, source)) {
        write_tag(group, place, 0);
    }
    unlock(place, even);
}

void peers_forget(struct peers *peers, uint64_t owner, const struct peer *peer, const struct reply_source *source)
{
    struct where where = where_is(peers, owner, peer);
    struct entry entry;

    for (int i = 0; i < 2; i++) {
        struct peer_place *place = find_in(where.groups[i], where.tag, peer, &entry);
        if (place != NULL) {
            forget_in(where.groups[i], place, where.tag, peer, source);
        }
    }
}

uint32_t peers_count(const struct peers *peers, uint32_t now, uint32_t expiry)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < peers->groups; i++) {
        const struct group *group = &peers->group[i];
        for (int j = 0; j < PLACES; j++) {
            struct entry entry;
            if (read_tag(&group->tags[j]) != 0) {
                read_entry(&group->places[j], &entry);
                count += !is_over(&entry, now, expiry);
            }
        }
    }
    return count;
}
