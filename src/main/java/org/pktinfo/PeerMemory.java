package org.pktinfo;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Which of the host's addresses a peer asked last: for programming interfaces such as {@link java.net.DatagramSocket} that hand over
 * a reply without its request. A reply is sent from the address that its peer asked <em>last</em>; a peer that asks two of
 * the host's addresses at once from one port may get an answer from the wrong one of the two. Who has the request answers it by {@link
 * PktInfoChannel#reply}, which never errs.
 *
 * <p>Of a fixed size: each peer has its place in one of many groups of eight, and who comes into a full group takes the place of
 * the one that has been silent for longest. So who sends with many forged addresses can make peers be forgotten, but not the memory grow.
 * It takes 4 bytes for each peer that there is room for, from the first peer on, and some 130 more for each that is there (8 instead of
 * 4 where the heap is larger than 32 GB).
 *
 * <p>Safe for use by any thread, without locks. A peer that is known costs a look, and an object once a second. Of two threads that
 * receive from one peer at the same moment either may be the last one.
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public final class PeerMemory {
    /** How many peers are remembered unless something else is said: about 2 MB when full. */
    public static final int DEFAULT_CAPACITY = 1 << 14;

    /** How long a peer that is silent is remembered unless something else is said. */
    public static final Duration DEFAULT_EXPIRY = Duration.ofMinutes(10);

    private static final int GROUP = 8;

    /** The time is written anew once in a while only, so that a busy peer does not cost an object for each packet. */
    private static final long REFRESH = TimeUnit.SECONDS.toNanos(1);

    private record Entry(Endpoint peer, PacketInfo info, long time) {}

    private final int capacity;
    private final int groupBits;
    private final long expiry; // nanoseconds

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
        int groups = Math.max(1, Integer.highestOneBit(capacity * 2 - 1) / GROUP);
        this.groupBits = Integer.numberOfTrailingZeros(groups);
        this.capacity = groups * GROUP;
        this.expiry = expiry.compareTo(Duration.ofDays(10_000)) > 0 ? Long.MAX_VALUE : expiry.toNanos();
    }

    /**
     * How many peers there is room for.
     *
     * @return a power of two
     */
    public int capacity() {
        return capacity;
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
            result = new AtomicReferenceArray<>(capacity);
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
        int group = group(peer);
        int place = group;
        long oldest = Long.MIN_VALUE;
        for (int i = group; i < group + GROUP; i++) {
            Entry entry = there.get(i);
            if (entry != null && entry.peer.equals(peer)) {
                if (now - entry.time > REFRESH || !entry.info.equals(info)) {
                    there.set(i, new Entry(peer, info, now));
                }
                return;
            }
            long age = entry == null ? Long.MAX_VALUE : now - entry.time;
            if (age > oldest) {
                oldest = age;
                place = i;
            }
        }
        there.set(place, new Entry(peer, info, now));
    }

    /**
     * Where the peer asked last.
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
        int group = group(peer);
        for (int i = group; there != null && i < group + GROUP; i++) {
            Entry entry = there.get(i);
            if (entry != null && entry.peer.equals(peer)) {
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
        int group = group(peer);
        for (int i = group; there != null && i < group + GROUP; i++) {
            Entry entry = there.get(i);
            if (entry != null && entry.peer.equals(peer)) {
                there.compareAndSet(i, entry, null); // unless it asks just now
            }
        }
    }

    /**
     * The source of something for a peer: the address that it asked last.
     *
     * @param peer who
     * @return the system's choice if the peer is not remembered, or its last datagram did not say where it was sent to
     */
    public Source source(Endpoint peer) {
        PacketInfo info = lastAsked(peer);
        if (info == null) {
            return Source.systemChoice();
        }
        try {
            return AddressAsked.select(peer, info);
        } catch (SendException e) {
            return Source.systemChoice(); // nobody knows: as without this library
        }
    }

    /** The upper bits of a multiplication by a large odd number depend on all bits. */
    private int group(Endpoint peer) {
        long key = (peer.address().high() * 0x9e3779b97f4a7c15L ^ peer.address().low()) * 0xc2b2ae3d27d4eb4fL
                + peer.port();
        int group = groupBits == 0 ? 0 : (int) ((key * 0x9e3779b97f4a7c15L) >>> (Long.SIZE - groupBits));
        return group * GROUP;
    }
}
