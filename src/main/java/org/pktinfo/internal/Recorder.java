package org.pktinfo.internal;

import java.nio.channels.DatagramChannel;
import java.util.concurrent.TimeUnit;
import jdk.jfr.FlightRecorder;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Throttle;

/**
 * What a channel tells the JDK's flight recorder: nothing where the run-time image has no module jdk.jfr, or it was not
 * resolved. Only behind {@link #isOn} may {@link RecorderEvents} be named in a call: loading it takes a starting JVM a
 * tenth of a second. For any thread.
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

    /** Returns 0 or less if the channel is not bound or closed. */
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

    /** Whether the recorder was ever started, by the command line, jcmd or the program. */
    private static boolean isOn() {
        return PRESENT && FlightRecorder.isInitialized();
    }

    /** Before datagrams are received; null unless that is recorded, which costs nothing then. */
    static @Nullable Object beginReceive() {
        return isOn() ? RecorderEvents.beginReceive() : null;
    }

    void received(@Nullable Object event, int slots) {
        if (event != null) {
            RecorderEvents.commit(event, slots, localPort());
        }
    }

    /** Before datagrams are sent; null unless that is recorded, which costs nothing then. */
    static @Nullable Object beginSend() {
        return isOn() ? RecorderEvents.beginSend() : null;
    }

    void sent(@Nullable Object event, int slots) {
        if (event != null) {
            RecorderEvents.commit(event, slots, localPort());
        }
    }

    /**
     * Records a datagram that is not sent.
     *
     * @param sourceUnusable true if that is because of its source: an event of its own
     * @param kind of the failure, for the event
     * @param source null if none was found
     */
    public void unsent(boolean sourceUnusable, String kind, int errno, @Nullable Object source, Object peer) {
        if (!isOn() || !RecorderEvents.recordsUnsent(sourceUnusable)) {
            return;
        }
        long leftOut = (sourceUnusable ? unusable : failed).next();
        if (leftOut >= 0) {
            String from = source == null ? null : source.toString();
            RecorderEvents.unsent(sourceUnusable, kind, errno, from, peer.toString(), localPort(), leftOut);
        }
    }

    /** The first of those received that did not fit stands for all. */
    public void truncated(Arena arena, int received) {
        if (!isOn() || !RecorderEvents.recordsTruncated()) {
            return;
        }
        for (int i = 0; i < received; i++) {
            if (arena.wireLength(i) > arena.length(i)) {
                long leftOut = truncated.next();
                if (leftOut >= 0) {
                    RecorderEvents.truncated(
                            arena.length(i),
                            arena.wireLength(i),
                            Addresses.text(arena.peerHigh(i), arena.peerLow(i), arena.peerScope(i), arena.peerPort(i)),
                            localPort(),
                            leftOut);
                }
            }
        }
    }

    static boolean recordsDropped() {
        return isOn() && RecorderEvents.recordsDropped();
    }

    /** So many more than were known. */
    void dropped(long more, long total) {
        if (recordsDropped()) {
            long leftOut = dropped.next();
            if (leftOut >= 0) {
                RecorderEvents.dropped(more, total, localPort(), leftOut);
            }
        }
    }
}
