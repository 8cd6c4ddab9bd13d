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
 * Which of the host's addresses a peer asked last: for programming interfaces such as {@link java.net.DatagramSocket}
 * that hand over a reply without its request. A reply is sent from the address that its peer asked <em>last</em>; a
 * peer that asks two of the host's addresses at once from one port may get an answer from the wrong one of the two, and
 * so may one in whose name somebody else sends. A request to a group or to broadcast names no address that could answer
 * it, so it does not replace one that the peer has asked by unicast and that has not expired. With the request at hand,
 * {@link PktInfoChannel#reply} never errs.
 *
 * <p>Of a fixed size: each peer has its place in one of two groups of eight, and one that finds both full takes the
 * place of that of the sixteen that has been silent for longest. For 16 peers there are 24 places, so that nearly
 * nobody ever finds both full while no more peers come than there is room for. Which peers meet in a group depends on
 * secret numbers: an attacker with forged addresses has to fill the memory to have others forgotten, and cannot have it
 * grow. It takes 6 bytes for each peer that there is room for, from the first peer on, and some 130 more for each place
 * that is taken (12 instead of 6 where the heap is larger than 32 GB).
 *
 * <p>Safe for use by any thread, without locks. A peer that is known costs a look, and an object once a second. Of two
 * threads that receive from one peer at the same moment either may be the last one.
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public final class PeerMemory {
    /**
     * The number of peers that are remembered unless something else is said: about 2 MB with so many, and 3 MB when
     * every place is taken.
     */
    public static final int DEFAULT_CAPACITY = 1 << 14;

    /** How long a peer that is silent is remembered unless something else is said. */
    public static final Duration DEFAULT_EXPIRY = Duration.ofMinutes(10);

    private static final int GROUP = 8;

    /** The time is written anew once in a while only, so that a busy peer does not cost an object for each packet. */
    private static final long REFRESH = TimeUnit.SECONDS.toNanos(1);

    /** The tag tells nearly all others apart without a look at their peers. */
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
     * So that nobody finds out which peers meet in a group: they begin with the nanosecond at which the program
     * started.
     */
    private final long highKey;

    private final long lowKey;

    /** Null until somebody asks: a socket that only sends does without. */
    private volatile @Nullable AtomicReferenceArray<@Nullable Entry> places;

    /** A memory of the default size and expiry. */
    public PeerMemory() {
        this(DEFAULT_CAPACITY, DEFAULT_EXPIRY);
    }

    /**
     * A memory.
     *
     * @param capacity how many peers, in 8 to 2^24; rounded up to a power of two
     * @param expiry for how long at least 1 s, counted from a peer's last datagram, which is known to the second
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
     * Returns how many peers there is room for; some more than that may be remembered.
     *
     * @return a power of two
     */
    public int capacity() {
        return capacity;
    }

    /**
     * Returns how often a source was asked for and the memory did not know where the peer had asked, so that the system
     * chose: the peer was forgotten, had not asked, or its last datagram did not say where it was sent to. Counts from
     * when the first peer was remembered: a client that nobody has sent anything yet counts nothing. Sending to further
     * servers, one that has been answered counts each datagram that goes to a server it has not heard of.
     *
     * @return a number that only grows
     */
    public long unknownPeers() {
        return unknownPeers.sum();
    }

    /**
     * Notes that a peer asked.
     *
     * @param peer who
     * @param info where to
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
     * Notes that a peer asked, for who notes several at once: reading the clock costs more than all else here.
     *
     * @param peer who
     * @param info where to
     * @param now what {@link System#nanoTime} said a moment ago
     */
    public void remember(Endpoint peer, PacketInfo info, long now) {
        Objects.requireNonNull(info, "info");
        AtomicReferenceArray<@Nullable Entry> there = places();
        long hash = hash(peer);
        int tag = (int) hash;
        int first = first(hash);
        int second = second(hash, first);
        for (int i = 0; i < 2 * GROUP; i++) {
            int place = place(first, second, i);
            Entry entry = there.get(place);
            if (entry != null && entry.isOf(peer, tag)) {
                renew(there, place, entry, info, now);
                return;
            }
        }
        there.set(room(there, first, second, now), new Entry(peer, tag, info, now));
        dropSecond(there, first, second, peer, tag);
    }

    /**
     * Two threads may have given one peer two places at once; of these the one that is found first counts, and the
     * other grows old.
     */
    private static void dropSecond(
            AtomicReferenceArray<@Nullable Entry> there, int first, int second, Endpoint peer, int tag) {
        boolean found = false;
        for (int i = 0; i < 2 * GROUP; i++) {
            int place = place(first, second, i);
            Entry entry = there.get(place);
            if (entry != null && entry.isOf(peer, tag)) {
                if (found) {
                    there.compareAndSet(place, entry, null);
                }
                found = true;
            }
        }
    }

    private void renew(AtomicReferenceArray<@Nullable Entry> there, int place, Entry entry, PacketInfo info, long now) {
        boolean same = entry.info.equals(info);
        long age = now - entry.time;
        if (!same && age <= expiry && isUnicast(entry.info) && !isUnicast(info)) {
            if (age > REFRESH) { // unless it has just asked by unicast again
                there.compareAndSet(place, entry, new Entry(entry.peer, entry.tag, entry.info, now));
            }
        } else if (!same || age > REFRESH) {
            there.set(place, new Entry(entry.peer, entry.tag, info, now));
        }
    }

    /** Returns true if it was sent to the very address that answers it. */
    private static boolean isUnicast(PacketInfo info) {
        IpAddress local = info.local();
        return !info.truncated()
                && local.equals(info.destination())
                && Addresses.isUsableSource(local.high(), local.low());
    }

    /**
     * Finds a free place: in the first group while half of that is free, which is looked at first; else in the one with
     * more of them, so that hardly one is ever full. There is none in either: that of the peer that has been silent for
     * longest.
     */
    private int room(AtomicReferenceArray<@Nullable Entry> there, int first, int second, long now) {
        int freeInFirst = free(there, first, now);
        int freeInSecond = free(there, second, now);
        int inFirst = oldest(there, first, now);
        int inSecond = oldest(there, second, now);
        boolean takesFirst = freeInFirst + freeInSecond == 0
                ? age(there, inFirst, now) >= age(there, inSecond, now)
                : freeInFirst >= Math.min(freeInSecond, GROUP / 2);
        return takesFirst ? inFirst : inSecond;
    }

    private int free(AtomicReferenceArray<@Nullable Entry> there, int group, long now) {
        int free = 0;
        for (int i = group; i < group + GROUP; i++) {
            Entry entry = there.get(i);
            free += entry == null || now - entry.time > expiry ? 1 : 0;
        }
        return free;
    }

    private static int oldest(AtomicReferenceArray<@Nullable Entry> there, int group, long now) {
        int oldest = group;
        for (int i = group + 1; i < group + GROUP; i++) {
            oldest = age(there, i, now) > age(there, oldest, now) ? i : oldest;
        }
        return oldest;
    }

    /** Of nobody, older than all. */
    private static long age(AtomicReferenceArray<@Nullable Entry> there, int place, long now) {
        Entry entry = there.get(place);
        return entry == null ? Long.MAX_VALUE : now - entry.time;
    }

    /**
     * Returns where the peer asked last. Not counted by {@link #unknownPeers}.
     *
     * @param peer who
     * @return null if it is not remembered (any more)
     */
    public @Nullable PacketInfo lastAsked(Endpoint peer) {
        return lastAsked(peer, System.nanoTime());
    }

    @Nullable
    PacketInfo lastAsked(Endpoint peer, long now) {
        AtomicReferenceArray<@Nullable Entry> there = places;
        long hash = hash(peer);
        int tag = (int) hash;
        int first = first(hash);
        int second = second(hash, first);
        for (int i = 0; there != null && i < 2 * GROUP; i++) {
            Entry entry = there.get(place(first, second, i));
            if (entry != null && entry.isOf(peer, tag)) {
                return now - entry.time > expiry ? null : entry.info;
            }
        }
        return null;
    }

    /**
     * Forgets a peer: what is sent to it leaves by the system's choice until it asks again.
     *
     * @param peer who, remembered or not
     */
    public void forget(Endpoint peer) {
        AtomicReferenceArray<@Nullable Entry> there = places;
        long hash = hash(peer);
        int first = first(hash);
        int second = second(hash, first);
        for (int i = 0; there != null && i < 2 * GROUP; i++) {
            int place = place(first, second, i);
            Entry entry = there.get(place);
            if (entry != null && entry.isOf(peer, (int) hash)) {
                there.compareAndSet(place, entry, null); // unless it asks just now
            }
        }
    }

    /**
     * Returns the source of something for a peer: the address that it asked last. For a socket that is bound to all
     * addresses and not connected.
     *
     * @param peer who
     * @return the system's choice if the peer is not remembered, or its last datagram did not say where it was sent to:
     *     {@link #unknownPeers} counts both
     */
    public Source source(Endpoint peer) {
        PacketInfo info = lastAsked(peer);
        return info == null ? unknown() : asked(peer, info);
    }

    /**
     * Returns the source of something that a channel sends to a peer: the address that the peer asked last.
     *
     * @param peer who
     * @param channel by which it is sent
     * @return the system's choice if the peer is not remembered or its last datagram did not say where it was sent to,
     *     which {@link #unknownPeers} counts unless the channel has only one address to send from; also if the peer
     *     asked an address that the channel is not {@linkplain PktInfoChannel#isBoundTo bound to}
     */
    public Source source(Endpoint peer, PktInfoChannel channel) {
        return source(peer, lastAsked(peer), channel);
    }

    /**
     * Returns the same as {@link #source(Endpoint, PktInfoChannel)}, for who has looked where the peer asked last.
     *
     * @param peer who
     * @param asked what {@link #lastAsked} returned a moment ago
     * @param channel by which it is sent
     * @return the system's choice in the same cases, counted in the same way
     */
    public Source source(Endpoint peer, @Nullable PacketInfo asked, PktInfoChannel channel) {
        Objects.requireNonNull(peer, "peer");
        Outbox outbox = channel.outbox;
        if (asked == null) {
            return outbox.isBoundToOne() ? Source.systemChoice() : unknown();
        }
        return outbox.answers(asked) ? asked(peer, asked) : Source.systemChoice();
    }

    private Source asked(Endpoint peer, PacketInfo info) {
        try {
            return AddressAsked.select(peer, info);
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

    /** One of the sixteen of two groups. */
    private static int place(int first, int second, int number) {
        return (number < GROUP ? first : second - GROUP) + number;
    }

    /** The first place of a group, by the upper half of the hash. */
    private int first(long hash) {
        return (int) (((hash >>> Integer.SIZE) * groups) >>> Integer.SIZE) * GROUP;
    }

    /** The same of another group, by the lower half. */
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
