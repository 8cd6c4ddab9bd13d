package org.pktinfo;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Layout;

/**
 * The facts that the kernel reports with a datagram on demand. An option of {@link PktInfoSocketOptions} enables each;
 * without it, the fact is absent. The option counts at the time of receiving: a datagram that was queued before it was
 * set has the fact too (tried on Linux 6.18). A peer or a router can write any traffic class and hop limit.
 *
 * @param trafficClass the TOS byte of IPv4 or the traffic class of IPv6, in 0 to 255: DSCP (RFC 2474) and ECN (RFC
 *     3168); -1 if absent
 * @param hopLimit the TTL of IPv4 or the hop limit of IPv6 that was left on arrival, in 0 to 255; -1 if absent
 * @param time the time at which the kernel received the datagram from the network device, by the system's clock; null
 *     if absent
 * @param hardwareTime the time at which the network device received the datagram, by its own clock, which need not be
 *     set to any time; null if absent
 * @param originalPort the port that the datagram was sent to, before a transparent proxy's redirection, in 0 to 65535;
 *     -1 if absent
 * @param mark the mark that the firewall gave the packet, in 0 to 4294967295, where 0 is also the mark of a packet
 *     that got none; -1 if absent
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public record ReceivedFacts(
        int trafficClass,
        int hopLimit,
        @Nullable Instant time,
        @Nullable Instant hardwareTime,
        int originalPort,
        long mark) {
    /** No facts: all are absent. */
    public static final ReceivedFacts NONE = new ReceivedFacts(-1, -1, null, null, -1, -1);

    private static final long MAX_MARK = 0xffff_ffffL;
    private static final int NANOS = 1_000_000_000;

    /** The flags of all facts. */
    private static final int FLAGS = Layout.FLAG_TRAFFIC_CLASS
            | Layout.FLAG_HOP_LIMIT
            | Layout.FLAG_RECEIVE_TIME
            | Layout.FLAG_HARDWARE_TIME
            | Layout.FLAG_ORIGINAL_PORT
            | Layout.FLAG_MARK;

    /**
     * Checks the ranges.
     *
     * @param trafficClass the traffic class, -1 if absent
     * @param hopLimit the hop limit, -1 if absent
     * @param time the kernel's time, null if absent
     * @param hardwareTime the device's time, null if absent
     * @param originalPort the port, -1 if absent
     * @param mark the mark, -1 if absent
     * @throws IllegalArgumentException if a number is out of its range
     */
    public ReceivedFacts {
        check("traffic class", trafficClass, 0xff);
        check("hop limit", hopLimit, 0xff);
        check("original port", originalPort, 0xffff);
        check("mark", mark, MAX_MARK);
    }

    private static void check(String name, long value, long most) {
        if (value < -1 || value > most) {
            throw new IllegalArgumentException(name + " " + value + " is neither -1 nor in 0 to " + most);
        }
    }

    /**
     * {@return the differentiated services code point, the upper six bits of the traffic class, in 0 to 63; -1 if
     * absent}
     */
    public int dscp() {
        return trafficClass >> 2;
    }

    /**
     * {@return the explicit congestion notification, the lower two bits of the traffic class, in 0 to 3: 0 is Not-ECT,
     * 1 ECT(1), 2 ECT(0), 3 CE; -1 if absent}
     */
    public int ecn() {
        return trafficClass < 0 ? -1 : trafficClass & 3;
    }

    /** Reads the facts of a slot; allocates nothing if there are none. */
    static ReceivedFacts of(Arena arena, int index) {
        int flags = arena.flags(index);
        if ((flags & FLAGS) == 0) {
            return NONE;
        }
        return new ReceivedFacts(
                (flags & Layout.FLAG_TRAFFIC_CLASS) == 0 ? -1 : arena.trafficClass(index),
                (flags & Layout.FLAG_HOP_LIMIT) == 0 ? -1 : arena.hopLimit(index),
                (flags & Layout.FLAG_RECEIVE_TIME) == 0 ? null : instant(arena.receiveTime(index)),
                (flags & Layout.FLAG_HARDWARE_TIME) == 0 ? null : instant(arena.hardwareTime(index)),
                (flags & Layout.FLAG_ORIGINAL_PORT) == 0 ? -1 : arena.originalPort(index),
                (flags & Layout.FLAG_MARK) == 0 ? -1 : arena.mark(index));
    }

    static Instant instant(long nanos) {
        return Instant.ofEpochSecond(Math.floorDiv(nanos, NANOS), Math.floorMod(nanos, NANOS));
    }
}
