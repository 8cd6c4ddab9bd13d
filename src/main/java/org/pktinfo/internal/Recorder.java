package org.pktinfo.internal;

import java.nio.channels.DatagramChannel;
import java.util.concurrent.TimeUnit;
import jdk.jfr.FlightRecorder;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Throttle;

/**
 * A channel's events for the JDK's flight recorder; none if the run-time image has no module jdk.jfr, or it was not
 * resolved. A call may name {@link RecorderEvents} only behind {@link #isOn}: loading it takes a starting JVM a tenth
 * of a second. Thread-safe.
 */
public final class Recorder {
    private static final boolean PRESENT = isPresent();

    private static final long INTERVAL = TimeUnit.MILLISECONDS.toNanos(10);

    private final DatagramChannel channel;
    private final Throttle unusable = new Throttle(INTERVAL);
    private final Throttle failed = new Throttle(INTERVAL);
    private final Throttle truncated = new Throttle(INTERVAL);
    private final Throttle dropped = new Throttle(INTERVAL);

    Recorder(DatagramChannel channel) {
        this.channel = channel;
    }

    /** Returns the local port; 0 or less if the channel is closed or not bound. */
    private int localPort() {
        return channel.socket().getLocalPort();
    }

    private static boolean isPresent() {
        try {
            Class.forName("jdk.jfr.Event", false, Recorder.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    /** Returns true if the recorder was ever started, by the command line, jcmd or the program. */
    private static boolean isOn() {
        return PRESENT && FlightRecorder.isInitialized();
    }

    /** Begins an event before datagrams are received; null, at no cost, unless such events are recorded. */
    static @Nullable Object beginReceive() {
        return isOn() ? RecorderEvents.beginReceive() : null;
    }

    void received(@Nullable Object event, int slots) {
        if (event != null) {
            RecorderEvents.commit(event, slots, localPort());
        }
    }

    /** Begins an event before datagrams are sent; null, at no cost, unless such events are recorded. */
    static @Nullable Object beginSend() {
        return isOn() ? RecorderEvents.beginSend() : null;
    }

    void sent(@Nullable Object event, int slots) {
        if (event != null) {
            RecorderEvents.commit(event, slots, localPort());
        }
    }

    /**
     * Records a datagram that was not sent.
     *
     * @param sourceUnusable true if its source is the reason, which has an event of its own
     * @param kind the kind of failure, for the event
     * @param source the source address, null if none was found
     */
    public void unsent(boolean sourceUnusable, String kind, int errno, @Nullable Object source, Object peer) {
        if (!isOn() || !RecorderEvents.recordsUnsent(sourceUnusable)) {
            return;
        }
        long suppressed = (sourceUnusable ? unusable : failed).next();
        if (suppressed >= 0) {
            String from = source == null ? null : source.toString();
            RecorderEvents.unsent(sourceUnusable, kind, errno, from, peer.toString(), localPort(), suppressed);
        }
    }

    /** Records the truncated datagrams of a receive call; the first one stands for all. */
    public void truncated(Arena arena, int received) {
        if (!isOn() || !RecorderEvents.recordsTruncated()) {
            return;
        }
        for (int i = 0; i < received; i++) {
            if (arena.wireLength(i) > arena.length(i)) {
                long suppressed = truncated.next();
                if (suppressed >= 0) {
                    RecorderEvents.truncated(
                            arena.length(i),
                            arena.wireLength(i),
                            Addresses.text(arena.peerHigh(i), arena.peerLow(i), arena.peerScope(i), arena.peerPort(i)),
                            localPort(),
                            suppressed);
                }
            }
        }
    }

    static boolean recordsDropped() {
        return isOn() && RecorderEvents.recordsDropped();
    }

    /** Records newly dropped datagrams. */
    void dropped(long more, long total) {
        if (recordsDropped()) {
            long suppressed = dropped.next();
            if (suppressed >= 0) {
                RecorderEvents.dropped(more, total, localPort(), suppressed);
            }
        }
    }
}
