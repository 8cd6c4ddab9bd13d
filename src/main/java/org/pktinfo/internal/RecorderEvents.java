package org.pktinfo.internal;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Unsigned;
import org.jspecify.annotations.Nullable;

/**
 * The flight recorder's events, loaded only if there is a module jdk.jfr. Their names and fields are those of
 * docs/observability.md.
 */
@SuppressWarnings("unused") // the recorder reads the fields
final class RecorderEvents {
    /** The fields of all events. There is no stack trace: the cause is in the fields, not in the program. */
    @Category("pktinfo")
    @StackTrace(false)
    private abstract static class ChannelEvent extends Event {
        @Label("Local Port")
        int localPort;
    }

    /** The fields of events that may be so frequent that not each is recorded. */
    private abstract static class PacedEvent extends ChannelEvent {
        @Label("Left Out")
        @Description("Events of this type and channel since the last one that were not recorded")
        @Unsigned
        long leftOut;
    }

    private abstract static class Unsent extends PacedEvent {
        @Label("Kind")
        @Description("What to make of it, a SendException.Kind")
        @Nullable
        String kind;

        @Label("Error Number")
        @Description("Of the kernel, 0 if it was not asked")
        int errno;

        @Label("Source")
        @Nullable
        String source;

        @Label("Peer")
        @Nullable
        String peer;
    }

    @Name("pktinfo.SourceUnusable")
    @Label("Source Unusable")
    @Description("A datagram was not sent: its source is not, or not yet, an address of this host or not of the"
            + " peer's family")
    private static final class SourceUnusable extends Unsent {}

    @Name("pktinfo.SendFailed")
    @Label("Send Failed")
    @Description("A datagram was not sent for any other reason")
    private static final class SendFailed extends Unsent {}

    @Name("pktinfo.DatagramTruncated")
    @Label("Datagram Truncated")
    @Description("A datagram was longer than there was room for")
    private static final class DatagramTruncated extends PacedEvent {
        @Label("Length")
        @DataAmount
        int length;

        @Label("Length on the Wire")
        @DataAmount
        int wireLength;

        @Label("Peer")
        @Nullable
        String peer;
    }

    @Name("pktinfo.DatagramsDropped")
    @Label("Datagrams Dropped")
    @Description("The kernel has lost datagrams: the receive buffer was full, a checksum was wrong, or a socket"
            + " filter refused them")
    private static final class DatagramsDropped extends PacedEvent {
        @Label("Datagrams")
        @Description("More than were known, not counting those of events left out")
        @Unsigned
        long datagrams;

        @Label("Total")
        @Description("Since the socket was made")
        @Unsigned
        long total;
    }

    private abstract static class Call extends ChannelEvent {
        @Label("Slots")
        @Description("Received or sent with the call")
        int slots;
    }

    @Name("pktinfo.Receive")
    @Label("Receive")
    @Description("A call that took datagrams from the kernel")
    @Enabled(false)
    private static final class Receive extends Call {}

    @Name("pktinfo.Send")
    @Label("Send")
    @Description("A call that gave datagrams to the kernel")
    @Enabled(false)
    private static final class Send extends Call {}

    /**
     * An instance for {@code isEnabled} only: a new one for each check would be garbage until the JIT compiler removes
     * it.
     */
    private static final SourceUnusable SOURCE_UNUSABLE = new SourceUnusable();

    private static final SendFailed SEND_FAILED = new SendFailed();
    private static final DatagramTruncated DATAGRAM_TRUNCATED = new DatagramTruncated();
    private static final DatagramsDropped DATAGRAMS_DROPPED = new DatagramsDropped();
    private static final Receive RECEIVE = new Receive();
    private static final Send SEND = new Send();

    private RecorderEvents() {}

    static @Nullable Object beginReceive() {
        return RECEIVE.isEnabled() ? begun(new Receive()) : null;
    }

    static @Nullable Object beginSend() {
        return SEND.isEnabled() ? begun(new Send()) : null;
    }

    private static Event begun(Event event) {
        event.begin();
        return event;
    }

    static void commit(Object begun, int slots, int localPort) {
        Call event = (Call) begun;
        event.end();
        event.slots = slots;
        event.localPort = localPort;
        event.commit();
    }

    static boolean recordsUnsent(boolean sourceUnusable) {
        return sourceUnusable ? SOURCE_UNUSABLE.isEnabled() : SEND_FAILED.isEnabled();
    }

    static void unsent(
            boolean sourceUnusable,
            String kind,
            int errno,
            @Nullable String source,
            String peer,
            int localPort,
            long leftOut) {
        Unsent event = sourceUnusable ? new SourceUnusable() : new SendFailed();
        event.kind = kind;
        event.errno = errno;
        event.source = source;
        event.peer = peer;
        event.localPort = localPort;
        event.leftOut = leftOut;
        event.commit();
    }

    static boolean recordsTruncated() {
        return DATAGRAM_TRUNCATED.isEnabled();
    }

    static void truncated(int length, int wireLength, String peer, int localPort, long leftOut) {
        DatagramTruncated event = new DatagramTruncated();
        event.length = length;
        event.wireLength = wireLength;
        event.peer = peer;
        event.localPort = localPort;
        event.leftOut = leftOut;
        event.commit();
    }

    static boolean recordsDropped() {
        return DATAGRAMS_DROPPED.isEnabled();
    }

    static void dropped(long datagrams, long total, int localPort, long leftOut) {
        DatagramsDropped event = new DatagramsDropped();
        event.datagrams = datagrams;
        event.total = total;
        event.localPort = localPort;
        event.leftOut = leftOut;
        event.commit();
    }
}
