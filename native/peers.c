#define _GNU_SOURCE
#include "peers.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A peer has a place in one of two groups, and there are one and a half as many places as peers: of as many peers as
 * there is room for, fewer than one in a thousand find no place.
 */
enum { PLACES = 8, SPINS = 100 };

/* Words of an entry. */
enum { PEER_HIGH, PEER_LOW, LOCAL_HIGH, LOCAL_LOW, SCOPE_AND_INTERFACE, PORT_FORM_SECONDS, WORDS };

/* A reader takes what it reads only if the sequence is even, and the same before and after. */
struct group {
    _Atomic uint32_t sequence;
    uint32_t unused[7];
    _Atomic uint32_t tags[PLACES]; /* of the hash; 0: nobody */
    _Atomic uint64_t entries[PLACES][WORDS];
};

_Static_assert(sizeof(struct group) == 448, "seven lines of the cache, of which a look-up reads two or three");

struct peers {
    uint32_t groups; /* two at least */
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

/* Odd, so that no two owners give the same. */
static const uint64_t SPREAD = 0x9e3779b97f4a7c15U;

/* The finalizer of SplitMix64: every bit of the result depends on every bit given. */
static uint64_t mixed(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

/* Where a peer may be: its two groups, and its tag in either. */
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
    uint64_t second = first + 1 + (lower * (peers->groups - 1) >> 32); /* fewer than twice as many: no division */

    second -= second < peers->groups ? 0 : peers->groups;
    return (struct where){
        .groups = {&peers->group[first], &peers->group[second]},
        .tag = lower == 0 ? 1 : (uint32_t)lower,
    };
}

static inline uint64_t read_word(const struct group *group, int place, int word)
{
    return atomic_load_explicit(&group->entries[place][word], memory_order_relaxed);
}

/*
 * Word by word to where it is wanted: a copy of the whole in larger pieces would have to wait for the words. No loop:
 * the kernel has just run, and the processor would guess its end wrong.
 */
static inline void read_entry(const struct group *group, int place, struct entry *entry)
{
    entry->words[PEER_HIGH] = read_word(group, place, PEER_HIGH);
    entry->words[PEER_LOW] = read_word(group, place, PEER_LOW);
    entry->words[LOCAL_HIGH] = read_word(group, place, LOCAL_HIGH);
    entry->words[LOCAL_LOW] = read_word(group, place, LOCAL_LOW);
    entry->words[SCOPE_AND_INTERFACE] = read_word(group, place, SCOPE_AND_INTERFACE);
    entry->words[PORT_FORM_SECONDS] = read_word(group, place, PORT_FORM_SECONDS);
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

/* 0 also if the entry is younger than that: another thread has just been told of the next second. */
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
        syscall(SYS_sched_yield); /* the thread that writes has been interrupted */
    }
}

/* Looks for the peer in a group; returns its place and a copy of its entry, -1 if it is not there. */
static inline int find_in(struct group *group, uint32_t tag, const struct peer *peer, struct entry *copy)
{
    for (int spins = 0;; spins++) {
        uint32_t before = atomic_load_explicit(&group->sequence, memory_order_acquire);
        int found = -1;

        for (int i = 0; i < PLACES && found < 0; i++) {
            if (atomic_load_explicit(&group->tags[i], memory_order_relaxed) == tag) {
                read_entry(group, i, copy);
                found = is_of(copy, peer) ? i : -1;
            }
        }
        atomic_thread_fence(memory_order_acquire);
        if ((before & 1) == 0 && atomic_load_explicit(&group->sequence, memory_order_relaxed) == before) {
            return found;
        }
        relax(spins);
    }
}

/* Returns the sequence that the group had. */
static uint32_t lock(struct group *group)
{
    uint32_t even;

    for (int spins = 0;; spins++) {
        even = atomic_load_explicit(&group->sequence, memory_order_relaxed) & ~1U;
        if (atomic_compare_exchange_weak_explicit(
                &group->sequence, &even, even + 1, memory_order_acquire, memory_order_relaxed)) {
            break;
        }
        relax(spins);
    }
    atomic_thread_fence(memory_order_release); /* nobody sees what follows without the odd sequence */
    return even;
}

static void unlock(struct group *group, uint32_t even)
{
    atomic_store_explicit(&group->sequence, even + 2, memory_order_release);
}

static void write_entry(struct group *group, int place, uint32_t tag, const struct entry *entry)
{
    uint32_t even = lock(group);

    atomic_store_explicit(&group->tags[place], tag, memory_order_relaxed);
    for (int i = 0; i < WORDS; i++) {
        atomic_store_explicit(&group->entries[place][i], entry->words[i], memory_order_relaxed);
    }
    unlock(group, even);
}

/*
 * Under the locks and not by giving the pages back to the system: that would zero a sequence while another thread holds
 * it, or half of an entry while another reads it.
 */
void peers_clear(struct peers *peers)
{
    for (uint32_t i = 0; i < peers->groups; i++) {
        struct group *group = &peers->group[i];
        uint32_t any = 0;
        for (int place = 0; place < PLACES; place++) {
            any |= atomic_load_explicit(&group->tags[place], memory_order_relaxed);
        }
        if (any == 0) {
            continue; /* a page that nobody has written to stays the system's */
        }
        uint32_t even = lock(group);
        for (int place = 0; place < PLACES; place++) {
            atomic_store_explicit(&group->tags[place], 0, memory_order_relaxed);
        }
        unlock(group, even);
    }
}

static struct entry entry_of(const struct peer *peer, const struct asked *asked, uint32_t now)
{
    return (struct entry){{
        [PEER_HIGH] = peer->high,
        [PEER_LOW] = peer->low,
        [LOCAL_HIGH] = asked->high,
        [LOCAL_LOW] = asked->low,
        [SCOPE_AND_INTERFACE] = (uint64_t)asked->interface << 32 | peer->scope,
        [PORT_FORM_SECONDS] = (uint64_t)now << 32 | (uint64_t)(asked->unicast != 0) << 24
            | (uint64_t)(asked->form & 0xff) << 16 | peer->port,
    }};
}

static void read_asked(const struct entry *entry, struct asked *asked)
{
    uint64_t rest = entry->words[PORT_FORM_SECONDS];

    asked->high = entry->words[LOCAL_HIGH];
    asked->low = entry->words[LOCAL_LOW];
    asked->interface = (uint32_t)(entry->words[SCOPE_AND_INTERFACE] >> 32);
    asked->form = (uint16_t)(rest >> 16 & 0xff);
    asked->unicast = (uint16_t)(rest >> 24 & 1);
}

/* A place in a group for one more, and how many are free: that one, or else the one of the oldest. */
struct room {
    int place;
    int free;
    uint32_t age;
};

static struct room room_in(const struct group *group, uint32_t now, uint32_t expiry)
{
    struct room room = {.place = 0, .free = 0, .age = 0};

    for (int i = 0; i < PLACES; i++) {
        struct entry entry;
        read_entry(group, i, &entry);
        int nobody = atomic_load_explicit(&group->tags[i], memory_order_relaxed) == 0 || is_over(&entry, now, expiry);
        uint32_t age = nobody ? UINT32_MAX : age_of(&entry, now);

        room.free += nobody;
        if (age > room.age || i == 0) {
            room.place = i;
            room.age = age;
        }
    }
    return room;
}

/* The first group is filled to its half before the second is looked at: a look-up then reads one of them most times. */
static void insert(const struct where *where, const struct entry *entry, uint32_t now, uint32_t expiry)
{
    struct room first = room_in(where->groups[0], now, expiry);
    struct room second = room_in(where->groups[1], now, expiry);
    int enough = second.free < PLACES / 2 ? second.free : PLACES / 2;
    int takes_first = first.free + second.free == 0 ? first.age >= second.age : first.free >= enough;

    write_entry(where->groups[takes_first ? 0 : 1], takes_first ? first.place : second.place, where->tag, entry);
}

void peers_remember(struct peers *peers, uint64_t owner, const struct peer *peer, const struct asked *asked,
    uint32_t now, uint32_t expiry)
{
    struct where where = where_is(peers, owner, peer);
    struct entry entry = entry_of(peer, asked, now);
    struct entry before;

    for (int i = 0; i < 2; i++) {
        int place = find_in(where.groups[i], where.tag, peer, &before);
        if (place >= 0) {
            struct asked known;
            read_asked(&before, &known);
            if (known.unicast && !asked->unicast && !is_over(&before, now, expiry)) {
                entry = entry_of(peer, &known, now);
            }
            /* Most times it is the same as a moment ago: nothing is written, and no reader disturbed. */
            if (!is_equal(&before, &entry)) {
                write_entry(where.groups[i], place, where.tag, &entry);
            }
            return;
        }
    }
    insert(&where, &entry, now, expiry);
}

int peers_find(struct peers *peers, uint64_t owner, const struct peer *peer, uint32_t now, uint32_t expiry,
    struct asked *asked)
{
    struct where where = where_is(peers, owner, peer);
    struct entry entry;

    for (int i = 0; i < 2; i++) {
        if (find_in(where.groups[i], where.tag, peer, &entry) >= 0) {
            read_asked(&entry, asked);
            return !is_over(&entry, now, expiry);
        }
    }
    return 0;
}

static int is_same(const struct asked *one, const struct asked *other)
{
    return one->high == other->high && one->low == other->low && one->interface == other->interface
        && one->form == other->form && one->unicast == other->unicast;
}

/* Another thread may have written to the place since it was found: what it holds is looked at under the lock. */
static void forget_in(struct group *group, int place, uint32_t tag, const struct peer *peer, const struct asked *asked)
{
    uint32_t even = lock(group);
    struct entry entry;
    struct asked known;

    read_entry(group, place, &entry);
    read_asked(&entry, &known);
    if (atomic_load_explicit(&group->tags[place], memory_order_relaxed) == tag && is_of(&entry, peer)
        && is_same(&known, asked)) {
        atomic_store_explicit(&group->tags[place], 0, memory_order_relaxed);
    }
    unlock(group, even);
}

void peers_forget(struct peers *peers, uint64_t owner, const struct peer *peer, const struct asked *asked)
{
    struct where where = where_is(peers, owner, peer);
    struct entry entry;

    for (int i = 0; i < 2; i++) {
        int place = find_in(where.groups[i], where.tag, peer, &entry);
        if (place >= 0) {
            forget_in(where.groups[i], place, where.tag, peer, asked);
        }
    }
}

uint32_t peers_count(const struct peers *peers, uint32_t now, uint32_t expiry)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < peers->groups; i++) {
        for (int place = 0; place < PLACES; place++) {
            struct entry entry;
            read_entry(&peers->group[i], place, &entry);
            count += atomic_load_explicit(&peers->group[i].tags[place], memory_order_relaxed) != 0
                && !is_over(&entry, now, expiry);
        }
    }
    return count;
}
