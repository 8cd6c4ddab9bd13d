package org.pktinfo;

import java.util.function.IntConsumer;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Layout;

/**
 * The {@link ReceivedFacts} of the datagram in a {@link DatagramSlot}: a view that allocates nothing. Valid as long as
 * the slot, and for the same thread: every method throws {@link IllegalStateException} in another, and
 * {@link IndexOutOfBoundsException} if the slot is not filled.
 */
public final class SlotFacts {
    private final IntConsumer check;
    private final Arena arena;
    private final int index;

    /**
     * Creates the view of a slot.
     *
     * @param check throws if the slot of an index is not filled, or this is not the batch's thread
     */
    SlotFacts(IntConsumer check, Arena arena, int index) {
        this.check = check;
        this.arena = arena;
        this.index = index;
    }

    private boolean has(int flag) {
        check.accept(index);
        return arena.has(index, flag);
    }

    /** {@return the traffic class, in 0 to 255; -1 if absent, see {@link ReceivedFacts#trafficClass}} */
    public int trafficClass() {
        return has(Layout.FLAG_TRAFFIC_CLASS) ? arena.trafficClass(index) : -1;
    }

    /** {@return the differentiated services code point, in 0 to 63; -1 if absent} */
    public int dscp() {
        return trafficClass() >> 2;
    }

    /** {@return the explicit congestion notification, in 0 to 3; -1 if absent, see {@link ReceivedFacts#ecn}} */
    public int ecn() {
        int trafficClass = trafficClass();
        return trafficClass < 0 ? -1 : trafficClass & 3;
    }

    /** {@return the hop limit that was left on arrival, in 0 to 255; -1 if absent} */
    public int hopLimit() {
        return has(Layout.FLAG_HOP_LIMIT) ? arena.hopLimit(index) : -1;
    }

    /** {@return true if the kernel reported its time of reception} */
    public boolean hasTime() {
        return has(Layout.FLAG_RECEIVE_TIME);
    }

    /** {@return the kernel's time of reception, in nanoseconds since 1970 UTC; 0 if absent, see {@link #hasTime}} */
    public long timeNanos() {
        return hasTime() ? arena.receiveTime(index) : 0;
    }

    /** {@return true if the network device reported its time of reception} */
    public boolean hasHardwareTime() {
        return has(Layout.FLAG_HARDWARE_TIME);
    }

    /**
     * {@return the network device's time of reception, in nanoseconds of its own clock; 0 if absent, see
     * {@link #hasHardwareTime}}
     */
    public long hardwareTimeNanos() {
        return hasHardwareTime() ? arena.hardwareTime(index) : 0;
    }

    /** {@return the port that the datagram was sent to, in 0 to 65535; -1 if absent} */
    public int originalPort() {
        return has(Layout.FLAG_ORIGINAL_PORT) ? arena.originalPort(index) : -1;
    }

    /** {@return the packet's mark, in 0 to 4294967295; -1 if absent} */
    public long mark() {
        return has(Layout.FLAG_MARK) ? arena.mark(index) : -1;
    }

    /** {@return a copy of all facts, {@link ReceivedFacts#NONE} if all are absent} Allocates otherwise. */
    public ReceivedFacts toRecord() {
        check.accept(index);
        return ReceivedFacts.of(arena, index);
    }

    @Override
    public String toString() {
        return toRecord().toString();
    }
}
