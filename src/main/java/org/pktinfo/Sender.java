package org.pktinfo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Deadline;
import org.pktinfo.common.KindCounters;
import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.ChannelSocket;
import org.pktinfo.internal.Errno;
import org.pktinfo.internal.GuardedArena;
import org.pktinfo.internal.OwnAddress;
import org.pktinfo.internal.SocketOptions;
import org.pktinfo.internal.Tally;
import org.pktinfo.internal.Waiting;

/**
 * Sends a channel's datagrams: checks them, prepares those that are sent separately, waits for room in the send buffer,
 * and counts those that are not sent. For any thread.
 */
final class Sender {
    private static final long SEND_AGAIN = TimeUnit.MILLISECONDS.toNanos(1);

    private final ChannelSocket socket;
    private final Waiting waiting;
    private final GuardedArena memory;
    private @Nullable SlotRecords records; // of the arena in memory, guarded by its lock
    private final KindCounters<SendException.Kind> errors = new KindCounters<>(SendException.Kind.class);

    Sender(ChannelSocket socket, Waiting waiting) {
        this.socket = socket;
        this.waiting = waiting;
        this.memory = new GuardedArena(socket);
    }

    SocketOptions options() {
        return socket.options();
    }

    boolean choosesSource() {
        return socket.choosesSource();
    }

    int boundInterface() {
        return socket.options().boundInterface();
    }

    /** Returns true if the kernel may be asked to segment what is sent. */
    boolean segments() {
        return socket.options().segments();
    }

    /** Returns the source that a selection chooses for the reply to a request. */
    Source select(Datagram request, SourceSelection selection) throws SendException {
        Endpoint peer = request.peer();
        try {
            if (!Addresses.isUsableSource(peer.address().high(), peer.address().low())) {
                throw SendException.unanswerable(peer); // Linux would send a datagram for 0.0.0.0 to this host itself
            }
            if (!choosesSource()) {
                return Source.systemChoice();
            }
            Source source = selection.select(peer, request.packetInfo());
            checkOwn(selection, peer, request.packetInfo());
            return Objects.requireNonNull(source, "the source that the selection chose");
        } catch (SendException e) {
            countUnsent(e, null, peer);
            throw e;
        }
    }

    /**
     * Refuses to reply to a request to an address that the channel is not bound to, if the request alone determines the
     * source.
     */
    void checkOwn(SourceSelection selection, Endpoint peer, PacketInfo packetInfo) throws SendException {
        if (ReplyRule.isRuleOf(selection) && !answers(packetInfo)) {
            throw ReplyRule.elsewhere(peer, packetInfo);
        }
    }

    /**
     * Returns true if this channel may reply to such a request: it was sent to the channel's own address, or to a
     * broadcast address that the channel is bound to.
     */
    boolean answers(PacketInfo packetInfo) {
        return isBoundTo(packetInfo.local()) || isBoundTo(packetInfo.destination());
    }

    /** Returns true if this channel has only one address. */
    boolean isBoundToOne() {
        return socket.ownAddress().look().isOne();
    }

    OwnAddress ownAddress() {
        return socket.ownAddress();
    }

    boolean isBoundTo(IpAddress address) {
        return socket.ownAddress().is(address.high(), address.low(), address.scopeId());
    }

    /** Refuses a datagram that cannot be sent. */
    void check(int length, Endpoint peer, Source source) throws SendException {
        IpAddress address = peer.address();
        boolean ipv4 = address.isIpv4();
        if (!socket.options().takes(ipv4)) {
            throw SocketOptions.otherFamily("cannot send to " + peer, ipv4);
        }
        if (peer.port() == 0) {
            throw SendException.portZero(peer);
        }
        socket.jdkSocket().checkPeer(address.high(), address.low(), peer.port());
        if (!fits(source, ipv4)) {
            throw SendException.wrongFamily(source, peer);
        }
        if (length > socket.payloadCapacity()) {
            throw SendException.refused(
                    SendException.Kind.MESSAGE_TOO_LONG,
                    length + " bytes are more than the channel's capacity of " + socket.payloadCapacity(),
                    peer);
        }
    }

    /** The kernel ignores an in_pktinfo for an IPv6 peer without an error; the reply would leave from any address. */
    static boolean fits(Source source, boolean ipv4Peer) {
        return source.controlMessage() == Source.ControlMessage.NONE
                || source.address().isIpv4() == ipv4Peer;
    }

    /**
     * Returns the interface of the control message. On kernels of the RHEL 7 generation index 0 there clears the
     * socket's binding to a device for that datagram; naming the device again changes nothing on any kernel.
     */
    int interfaceIndex(Source source) {
        return source.interfaceIndex() != 0 || source.controlMessage() == Source.ControlMessage.NONE
                ? source.interfaceIndex()
                : boundInterface();
    }

    /** Sends a datagram, and waits for room in blocking mode; the payload has no bytes remaining afterwards. */
    void send(ByteBuffer payload, Endpoint peer, Source source, SendOptions options) throws IOException {
        try {
            check(payload.remaining(), peer, source);
            sendOrWait(payload, peer, source, options);
        } catch (SendException e) {
            countUnsent(e, source, peer);
            throw e;
        }
    }

    private void sendOrWait(ByteBuffer payload, Endpoint peer, Source source, SendOptions options) throws IOException {
        if (!socket.channel().isBlocking()) {
            if (!sendNow(payload, peer, source, options)) {
                throw SendException.failed(Errno.EAGAIN, source, peer, false);
            }
            return;
        }
        if (!waiting.isInterrupted() && sendNow(payload, peer, source, options)) {
            return;
        }
        socket.checkOpen();
        boolean completed = false;
        try {
            waiting.begin();
            while (!sendNow(payload, peer, source, options)) {
                socket.counters().sendWait();
                boolean unused = waiting.awaitRoom(Deadline.NEVER, Long.MAX_VALUE);
            }
            completed = true;
        } catch (SendException e) {
            completed = true;
            throw e;
        } finally {
            waiting.end(completed);
        }
    }

    /** Returns false if the send buffer is full. */
    private boolean sendNow(ByteBuffer payload, Endpoint peer, Source source, SendOptions options) throws IOException {
        memory.lock();
        try {
            Arena arena = memory.withRoomFor(1);
            SlotRecords current = SlotRecords.of(arena, records);
            records = current;
            arena.write(0, payload);
            current.prepareSend(0, payload.remaining(), peer, source, interfaceIndex(source));
            options.applyTo(arena, 0, socket.options());
            completeTrafficClasses(arena, 1);
            if (socket.send(arena, 1) == 0) {
                return false;
            }
            int error = arena.error(0);
            if (error != 0) {
                throw SendException.failed(error, source, peer, current.hasOwnFields(0));
            }
            arena.tally.add(Tally.SENT, 1);
            arena.tally.add(Tally.SENT_BYTES, payload.remaining());
        } finally {
            memory.unlock();
        }
        payload.position(payload.limit());
        return true;
    }

    /** Adds the socket's DSCP or ECN to datagrams that have only the other one of their own. */
    void completeTrafficClasses(Arena arena, int count) throws IOException {
        int ofIpv4 = -1; // each is read once a call, and only if needed
        int ofIpv6 = -1;
        for (int i = 0; i < count; i++) {
            if (!arena.lacksTrafficClass(i)) {
                continue;
            }
            if (Addresses.isIpv4(arena.peerHigh(i), arena.peerLow(i))) {
                ofIpv4 = ofIpv4 < 0 ? socket.trafficClass(true) : ofIpv4;
                arena.completeTrafficClass(i, ofIpv4);
            } else {
                ofIpv6 = ofIpv6 < 0 ? socket.trafficClass(false) : ofIpv6;
                arena.completeTrafficClass(i, ofIpv6);
            }
        }
    }

    /**
     * Sends the pending datagrams in the first slots of a batch; waits for room in blocking mode.
     *
     * @param count number of those slots
     * @param pending number of pending datagrams in them
     * @param patience nanoseconds to wait for the next datagram to be sent; starts anew with each one that is sent
     * @param limit nanoseconds to wait at most in all; 0 does not wait
     */
    void send(Arena arena, int count, int pending, long patience, long limit) throws IOException {
        if (limit == 0 || !socket.channel().isBlocking()) {
            socket.send(arena, count);
            return;
        }
        int remaining = waiting.isInterrupted() ? pending : pending - socket.send(arena, count);
        if (remaining == 0) {
            return;
        }
        socket.checkOpen();
        boolean completed = false;
        try {
            waiting.begin();
            remaining -= socket.send(arena, count);
            if (remaining > 0) {
                sendAsRoomComes(arena, count, remaining, patience, limit);
            }
            completed = true;
        } finally {
            waiting.end(completed);
        }
    }

    /**
     * Sends the rest as the buffer drains. The kernel reports a socket writable only when half its buffer is free
     * (sock_def_write_space), so a wait for each datagram tries again in between.
     */
    private void sendAsRoomComes(Arena arena, int count, int pending, long patience, long limit) throws IOException {
        socket.counters().sendWait();
        long end = Deadline.after(limit);
        long patienceEnds = Deadline.after(patience);
        long atOnce = patience < limit ? SEND_AGAIN : limit;
        int remaining = pending;
        while (remaining > 0 && !Deadline.isOver(patienceEnds) && waiting.awaitRoom(end, atOnce)) {
            int done = socket.send(arena, count);
            remaining -= done;
            patienceEnds = done > 0 ? Deadline.after(patience) : patienceEnds;
        }
    }

    /** Counts and records a datagram that is not sent; the source is null if none was found. */
    void countUnsent(SendException.Kind kind, int errno, @Nullable Source source, Endpoint peer) {
        errors.count(kind);
        boolean sourceUnusable = kind == SendException.Kind.SOURCE_UNUSABLE;
        socket.recorder().unsent(sourceUnusable, kind.name(), errno, source, peer);
    }

    void countUnsent(SendException failure, @Nullable Source source, Endpoint peer) {
        countUnsent(failure.kind(), failure.errno(), source, peer);
    }

    /** Returns the numbers of datagrams that were not sent, by kind. */
    Map<SendException.Kind, Long> errors() {
        return errors.snapshot();
    }
}
