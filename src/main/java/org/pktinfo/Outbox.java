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
 * Sends a channel's datagrams: checks them, makes ready those that are sent one by one, waits for room, counts what is
 * not sent. For any thread.
 */
final class Outbox {
    private static final long SEND_AGAIN = TimeUnit.MILLISECONDS.toNanos(1);

    private final ChannelSocket socket;
    private final Waiting waiting;
    private final GuardedArena memory;
    private @Nullable SlotRecords records; // of its arena, guarded by its lock
    private final KindCounters<SendException.Kind> errors = new KindCounters<>(SendException.Kind.class);

    Outbox(ChannelSocket socket, Waiting waiting) {
        this.socket = socket;
        this.waiting = waiting;
        this.memory = new GuardedArena(socket);
    }

    boolean choosesSource() {
        return socket.choosesSource();
    }

    int boundInterface() {
        return socket.options().boundInterface();
    }

    /** Returns true if the kernel may be asked to cut what is sent into datagrams. */
    boolean segments() {
        return socket.options().segments();
    }

    /** Returns the source that a selection chooses for the answer to a request. */
    Source select(Datagram request, SourceSelection selection) throws SendException {
        Endpoint peer = request.peer();
        try {
            if (!Addresses.isUsableSource(peer.address().high(), peer.address().low())) {
                throw SendException.unanswerable(peer); // Linux would send what is for 0.0.0.0 to this host itself
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
     * Refuses to answer what was sent to an address to which the channel is not bound, if the request alone says where
     * from.
     */
    void checkOwn(SourceSelection selection, Endpoint peer, PacketInfo asked) throws SendException {
        if (AddressAsked.isRuleOf(selection) && !answers(asked)) {
            throw AddressAsked.elsewhere(peer, asked);
        }
    }

    /**
     * Returns true if what was asked there is this channel's to answer: by its own address, or to a broadcast address
     * that it is bound to.
     */
    boolean answers(PacketInfo asked) {
        return isBoundTo(asked.local()) || isBoundTo(asked.destination());
    }

    /** Returns true if there is only one address that this channel has. */
    boolean isBoundToOne() {
        return socket.ownAddress().look().isOne();
    }

    OwnAddress ownAddress() {
        return socket.ownAddress();
    }

    boolean isBoundTo(IpAddress address) {
        return socket.ownAddress().is(address.high(), address.low(), address.scopeId());
    }

    /** Refuses what cannot be sent. */
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

    /** The kernel ignores an in_pktinfo for an IPv6 peer without an error, and the reply would leave from anywhere. */
    static boolean fits(Source source, boolean ipv4Peer) {
        return source.controlMessage() == Source.ControlMessage.NONE
                || source.address().isIpv4() == ipv4Peer;
    }

    /**
     * On kernels of the RHEL 7 age index 0 in the control message clears the socket's binding to a device for that
     * datagram; naming the device again changes nothing on any kernel.
     */
    int interfaceIndex(Source source) {
        return source.interfaceIndex() != 0 || source.controlMessage() == Source.ControlMessage.NONE
                ? source.interfaceIndex()
                : boundInterface();
    }

    /** Sends a datagram, whose payload has no bytes left then; waits for room in blocking mode. */
    void send(ByteBuffer payload, Endpoint peer, Source source) throws IOException {
        try {
            check(payload.remaining(), peer, source);
            sendOrWait(payload, peer, source);
        } catch (SendException e) {
            countUnsent(e, source, peer);
            throw e;
        }
    }

    private void sendOrWait(ByteBuffer payload, Endpoint peer, Source source) throws IOException {
        if (!socket.channel().isBlocking()) {
            if (!sendNow(payload, peer, source)) {
                throw SendException.failed(Errno.EAGAIN, source, peer);
            }
            return;
        }
        if (!waiting.isInterrupted() && sendNow(payload, peer, source)) {
            return;
        }
        socket.checkOpen();
        boolean completed = false;
        try {
            waiting.begin();
            while (!sendNow(payload, peer, source)) {
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
    private boolean sendNow(ByteBuffer payload, Endpoint peer, Source source) throws IOException {
        memory.lock();
        try {
            Arena arena = memory.withRoomFor(1);
            SlotRecords current = SlotRecords.of(arena, records);
            records = current;
            arena.write(0, payload);
            current.prepareSend(0, payload.remaining(), peer, source, interfaceIndex(source));
            if (socket.send(arena, 1) == 0) {
                return false;
            }
            int error = arena.error(0);
            if (error != 0) {
                throw SendException.failed(error, source, peer);
            }
            arena.tally.add(Tally.SENT, 1);
            arena.tally.add(Tally.SENT_BYTES, payload.remaining());
        } finally {
            memory.unlock();
        }
        payload.position(payload.limit());
        return true;
    }

    /**
     * Sends what is pending in the first slots of a batch; in blocking mode it waits for room.
     *
     * @param count number of those slots
     * @param pending number of those that are pending
     * @param patience nanoseconds to wait for the next datagram to leave; the time begins anew with each that has left
     * @param limit nanoseconds to wait at most in all; 0: not at all
     */
    void send(Arena arena, int count, int pending, long patience, long limit) throws IOException {
        if (limit == 0 || !socket.channel().isBlocking()) {
            socket.send(arena, count);
            return;
        }
        int left = waiting.isInterrupted() ? pending : pending - socket.send(arena, count);
        if (left == 0) {
            return;
        }
        socket.checkOpen();
        boolean completed = false;
        try {
            waiting.begin();
            left -= socket.send(arena, count);
            if (left > 0) {
                sendAsRoomComes(arena, count, left, patience, limit);
            }
            completed = true;
        } finally {
            waiting.end(completed);
        }
    }

    /**
     * A socket is writable when half its buffer is free (sock_def_write_space), so who waits for each datagram tries
     * again meanwhile.
     */
    private void sendAsRoomComes(Arena arena, int count, int pending, long patience, long limit) throws IOException {
        socket.counters().sendWait();
        long end = Deadline.after(limit);
        long patienceEnds = Deadline.after(patience);
        long atOnce = patience < limit ? SEND_AGAIN : limit;
        int left = pending;
        while (left > 0 && !Deadline.isOver(patienceEnds) && waiting.awaitRoom(end, atOnce)) {
            int done = socket.send(arena, count);
            left -= done;
            patienceEnds = done > 0 ? Deadline.after(patience) : patienceEnds;
        }
    }

    /** Counts and records a datagram that is not sent; without a source if none was found. */
    void countUnsent(SendException.Kind kind, int errno, @Nullable Source source, Endpoint peer) {
        errors.count(kind);
        boolean sourceUnusable = kind == SendException.Kind.SOURCE_UNUSABLE;
        socket.recorder().unsent(sourceUnusable, kind.name(), errno, source, peer);
    }

    void countUnsent(SendException failure, @Nullable Source source, Endpoint peer) {
        countUnsent(failure.kind(), failure.errno(), source, peer);
    }

    /** Returns how many datagrams were not sent, by kind. */
    Map<SendException.Kind, Long> errors() {
        return errors.snapshot();
    }
}
