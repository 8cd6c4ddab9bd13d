package org.pktinfo;

import java.time.Duration;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Deadline;
import org.pktinfo.common.Hash;
import org.pktinfo.internal.Addresses;

/**
 * A memory of the request destination of each peer's last datagram, for programming interfaces such as
 * {@link java.net.DatagramSocket} that take a reply without its request. A reply is then sent from the address that the
 * peer sent to <em>last</em>. A peer that sends to two of the host's addresses at the same time from one port may get a
 * reply from the wrong one of the two, and so may a peer whose address another host forges. A multicast or broadcast
 * request names no address that could reply to it, so it does not replace a unicast destination of the peer that has
 * not expired. {@link PktInfoChannel#reply} has the request at hand and never chooses the wrong address.
 *
 * <p>The memory has a fixed size. Each peer has its place in one of two groups of eight. If both are full, a new peer
 * replaces the one of the sixteen that has been silent for longest. There are 24 places for 16 peers, so both groups
 * are almost never full while there are no more peers than the capacity. Secret numbers decide which peers share a
 * group: an attacker with forged addresses has to fill the memory to have other peers forgotten, and cannot make it
 * grow. It takes 6 bytes for each peer of the capacity, from the first peer on, and some 130 more for each place in use
 * (12 instead of 6 if the heap is larger than 32 GB).
 *
 * <p>Safe for use by any thread, without locks. A peer that is already remembered costs a lookup, and one new object a
 * second. If two threads receive from one peer at the same moment, either datagram may count as the last.
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public final class PeerMemory {
    /**
     * The default number of peers: takes about 2 MB when as many are remembered, and 3 MB when every place is in use.
     */
    public static final int DEFAULT_CAPACITY = 1 << 14;

    /** The default time after which a silent peer is forgotten. */
    public static final Duration DEFAULT_EXPIRY = Duration.ofMinutes(10);

    private static final int GROUP = 8;

    /** The interval at which the time of an entry is renewed: a busy peer does not cost an object per datagram. */
    private static final long REFRESH = TimeUnit.SECONDS.toNanos(1);

    /** An entry, whose tag distinguishes it from nearly all others without comparing the peers. */
    private record Entry(Endpoint peer, int tag, PacketInfo info, long time) {
        boolean isOf(Endpoint other, int otherTag) {
            return tag == otherTag && peer.equals(other);
        }
    }

    private final int capacity;
    private final int groups; // at least two
    private final long expiry; // nanoseconds
    private final LongAdder unknownPeers = new LongAdder();

    /**
     * A secret, so that an attacker cannot find out which peers share a group. Its seed includes the nanosecond at
     * which the program started.
     */
    private final long highKey;

    private final long lowKey;

    /** Null until the first peer is remembered: a socket that only sends needs no places. */
    private volatile @Nullable AtomicReferenceArray<@Nullable Entry> places;

    /** Creates a memory of the default capacity and expiry. */
    public PeerMemory() {
        this(DEFAULT_CAPACITY, DEFAULT_EXPIRY);
    }

    /**
     * Creates a memory.
     *
     * @param capacity the number of peers, in 8 to 2^24; rounded up to a power of two
     * @param expiry the time that a peer is remembered, at least 1 s, counted from its last datagram, whose time is
     *     known to the second
     * @throws IllegalArgumentException if a value is out of range
     */
    public PeerMemory(int capacity, Duration expiry) {
        if (capacity < GROUP || capacity > 1 << 24) {
            throw new IllegalArgumentException("capacity " + capacity + " is not in " + GROUP + " to " + (1 << 24));
        }
        if (expiry.compareTo(Duration.ofSeconds(1)) < 0) {
            throw new IllegalArgumentException("expiry " + expiry + " is less than a second");
        }
        this.capacity = Integer.highestOneBit(capacity * 2 - 1);
        this.groups = Math.max(2, this.capacity / 2 * 3 / GROUP);
        SplittableRandom random = new SplittableRandom();
        this.highKey = random.nextLong();
        this.lowKey = random.nextLong();
        this.expiry = Deadline.nanos(expiry);
    }

    /**
     * Returns the number of peers that there is room for; some more than that may be remembered.
     *
     * @return a power of two
     */
    public int capacity() {
        return capacity;
    }

    /**
     * Returns the number of times that a source was requested for a peer whose request destination was unknown, so that
     * the system chose: the peer was forgotten, had sent nothing, or its last datagram did not say where it was sent
     * to. Counting starts when the first peer is remembered: a client that has received nothing counts nothing. A
     * client that has received a reply and sends to further servers counts each datagram to a server from which it has
     * received nothing.
     *
     * @return a number that never decreases
     */
    public long unknownPeers() {
        return unknownPeers.sum();
    }

    /**
     * Remembers the destination of a peer's datagram.
     *
     * @param peer the sender of the datagram
     * @param info the packet information of the datagram
     */
    public void remember(Endpoint peer, PacketInfo info) {
        remember(peer, info, System.nanoTime());
    }

    private AtomicReferenceArray<@Nullable Entry> places() {
        AtomicReferenceArray<@Nullable Entry> result = places;
        return result == null ? newPlaces() : result;
    }

    private synchronized AtomicReferenceArray<@Nullable Entry> newPlaces() {
        AtomicReferenceArray<@Nullable Entry> result = places;
        if (result == null) {
            result = new AtomicReferenceArray<>(groups * GROUP);
            places = result;
        }
        return result;
    }

    /**
     * Remembers the destination of a peer's datagram at a given time. For a caller that remembers several at once:
     * reading the clock is the most expensive part.
     *
     * @param peer the sender of the datagram
     * @param info the packet information of the datagram
     * @param now a recent value of {@link System#nanoTime}
     */
    public void remember(Endpoint peer, PacketInfo info, long now) {
        Objects.requireNonNull(info, "info");
        AtomicReferenceArray<@Nullable Entry> entries = places();
        long hash = hash(peer);
        int tag = (int) hash;
        int first = first(hash);
        int second = second(hash, first);
        for (int i = 0; i < 2 * GROUP; i++) {
            int place = place(first, second, i);
            Entry entry = entries.get(place);
            if (entry != null && entry.isOf(peer, tag)) {
                renew(entries, place, entry, info, now);
                return;
            }
        }
        entries.set(room(entries, first, second, now), new Entry(peer, tag, info, now));
        dropSecond(entries, first, second, peer, tag);
    }

    /** Removes the second entry of a peer, which two threads may have added at once. The first one found counts. */
    private static void dropSecond(
            AtomicReferenceArray<@Nullable Entry> entries, int first, int second, Endpoint peer, int tag) {
        boolean found = false;
        for (int i = 0; i < 2 * GROUP; i++) {
            int place = place(first, second, i);
            Entry entry = entries.get(place);
            if (entry != null && entry.isOf(peer, tag)) {
                if (found) {
                    entries.compareAndSet(place, entry, null);
                }
                found = true;
            }
        }
    }

    private void renew(
            AtomicReferenceArray<@Nullable Entry> entries, int place, Entry entry, PacketInfo info, long now) {
        boolean same = entry.info.equals(info);
        long age = now - entry.time;
        if (!same && age <= expiry && isUnicast(entry.info) && !isUnicast(info)) {
            if (age > REFRESH) { // unless another unicast request has just renewed it
                entries.compareAndSet(place, entry, new Entry(entry.peer, entry.tag, entry.info, now));
            }
        } else if (!same || age > REFRESH) {
            entries.set(place, new Entry(entry.peer, entry.tag, info, now));
        }
    }

    /** Returns true if the datagram was sent to the very address that replies to it. */
    private static boolean isUnicast(PacketInfo info) {
        IpAddress local = info.local();
        return !info.truncated()
                && local.equals(info.destination())
                && Addresses.isUsableSource(local.high(), local.low());
    }

    /**
     * Finds a place for a new peer: in the first group, which lookups read first, while half of it is free; else in the
     * group with more free places, so that hardly any is ever full. If neither has a free place, returns that of the
     * peer that has been silent for longest.
     */
    private int room(AtomicReferenceArray<@Nullable Entry> entries, int first, int second, long now) {
        int freeInFirst = free(entries, first, now);
        int freeInSecond = free(entries, second, now);
        int inFirst = oldest(entries, first, now);
        int inSecond = oldest(entries, second, now);
        boolean takesFirst = freeInFirst + freeInSecond == 0
                ? age(entries, inFirst, now) >= age(entries, inSecond, now)
                : freeInFirst >= Math.min(freeInSecond, GROUP / 2);
        return takesFirst ? inFirst : inSecond;
    }

    private int free(AtomicReferenceArray<@Nullable Entry> entries, int group, long now) {
        int free = 0;
        for (int i = group; i < group + GROUP; i++) {
            Entry entry = entries.get(i);
            free += entry == null || now - entry.time > expiry ? 1 : 0;
        }
        return free;
    }

    private static int oldest(AtomicReferenceArray<@Nullable Entry> entries, int group, long now) {
        int oldest = group;
        for (int i = group + 1; i < group + GROUP; i++) {
            oldest = age(entries, i, now) > age(entries, oldest, now) ? i : oldest;
        }
        return oldest;
    }

    /** Returns the age of an entry; an empty place is older than all. */
    private static long age(AtomicReferenceArray<@Nullable Entry> entries, int place, long now) {
        Entry entry = entries.get(place);
        return entry == null ? Long.MAX_VALUE : now - entry.time;
    }

    /**
     * Returns the destination of the peer's last datagram. {@link #unknownPeers} does not count this call.
     *
     * @param peer the peer
     * @return the packet information of that datagram, null if the peer is not remembered
     */
    public @Nullable PacketInfo lastDestination(Endpoint peer) {
        return lastDestination(peer, System.nanoTime());
    }

    /**
     * Returns {@link #lastDestination}.
     *
     * @param peer the peer
     * @return null if the peer is not remembered
     * @deprecated renamed to {@link #lastDestination}
     */
    @Deprecated(since = "0.1.0", forRemoval = true)
    public @Nullable PacketInfo lastAsked(Endpoint peer) {
        return lastDestination(peer);
    }

    @Nullable
    PacketInfo lastDestination(Endpoint peer, long now) {
        AtomicReferenceArray<@Nullable Entry> entries = places;
        long hash = hash(peer);
        int tag = (int) hash;
        int first = first(hash);
        int second = second(hash, first);
        for (int i = 0; entries != null && i < 2 * GROUP; i++) {
            Entry entry = entries.get(place(first, second, i));
            if (entry != null && entry.isOf(peer, tag)) {
                return now - entry.time > expiry ? null : entry.info;
            }
        }
        return null;
    }

    /**
     * Forgets a peer. Until its next datagram the system chooses the source of replies to it.
     *
     * @param peer the peer, remembered or not
     */
    public void forget(Endpoint peer) {
        AtomicReferenceArray<@Nullable Entry> entries = places;
        long hash = hash(peer);
        int first = first(hash);
        int second = second(hash, first);
        for (int i = 0; entries != null && i < 2 * GROUP; i++) {
            int place = place(first, second, i);
            Entry entry = entries.get(place);
            if (entry != null && entry.isOf(peer, (int) hash)) {
                entries.compareAndSet(place, entry, null); // unless its next datagram has just arrived
            }
        }
    }

    /**
     * Returns the source of a datagram to a peer: the request destination of the peer's last datagram. For a socket
     * that is bound to all addresses and not connected.
     *
     * @param peer the peer
     * @return the system's choice if the peer is not remembered, or its last datagram did not say where it was sent to;
     *     {@link #unknownPeers} counts both
     */
    public Source source(Endpoint peer) {
        PacketInfo info = lastDestination(peer);
        return info == null ? unknown() : requestDestination(peer, info);
    }

    /**
     * Returns the source of a datagram that a channel sends to a peer: the request destination of the peer's last
     * datagram.
     *
     * @param peer the peer
     * @param channel the channel that sends the datagram
     * @return the system's choice if the peer is not remembered or its last datagram did not say where it was sent to,
     *     which {@link #unknownPeers} counts unless the channel has only one address to send from; also if the channel
     *     is not {@linkplain PktInfoChannel#isBoundTo bound to} the request destination
     */
    public Source source(Endpoint peer, PktInfoChannel channel) {
        return source(peer, lastDestination(peer), channel);
    }

    /**
     * Returns the same as {@link #source(Endpoint, PktInfoChannel)}, for a caller that has looked up the destination.
     *
     * @param peer the peer
     * @param destination a recent result of {@link #lastDestination}
     * @param channel the channel that sends the datagram
     * @return the system's choice in the same cases, counted in the same way
     */
    public Source source(Endpoint peer, @Nullable PacketInfo destination, PktInfoChannel channel) {
        Objects.requireNonNull(peer, "peer");
        Sender sender = channel.sender;
        if (destination == null) {
            return sender.isBoundToOne() ? Source.systemChoice() : unknown();
        }
        return sender.answers(destination) ? requestDestination(peer, destination) : Source.systemChoice();
    }

    private Source requestDestination(Endpoint peer, PacketInfo info) {
        try {
            return ReplyRule.select(peer, info);
        } catch (SendException e) {
            return unknown(); // as without this library
        }
    }

    private Source unknown() {
        if (places != null) {
            unknownPeers.increment();
        }
        return Source.systemChoice();
    }

    /** Returns one of the sixteen places of two groups. */
    private static int place(int first, int second, int number) {
        return (number < GROUP ? first : second - GROUP) + number;
    }

    /** Returns the first place of a group, by the upper half of the hash. */
    private int first(long hash) {
        return (int) (((hash >>> Integer.SIZE) * groups) >>> Integer.SIZE) * GROUP;
    }

    /** Returns the first place of a different group, by the lower half of the hash. */
    private int second(long hash, int first) {
        int further = 1 + (int) (((hash & 0xffff_ffffL) * (groups - 1)) >>> Integer.SIZE);
        int second = first + further * GROUP;
        return second < groups * GROUP ? second : second - groups * GROUP;
    }

    private long hash(Endpoint peer) {
        IpAddress address = peer.address();
        long mixed = Hash.mixed(address.high() ^ highKey) ^ Hash.mixed(address.low() ^ lowKey);
        return Hash.mixed(mixed ^ peer.port());
    }
}
