package org.pktinfo;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.Addresses;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.Errno;
import org.pktinfo.internal.HostAddress;
import org.pktinfo.internal.Layout;

/**
 * One datagram in a {@link DatagramBatch}, and the reply to it: a view that allocates nothing unless a method says so.
 * Valid until the batch receives again, and for the batch's thread only: every method throws
 * {@link IllegalStateException} in another, and {@link IndexOutOfBoundsException} if the slot is not filled.
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public final class DatagramSlot {
    /** The state of the reply. */
    private enum Reply {
        NONE,
        PENDING,
        REFUSED,
        FAILED,
        SENT
    }

    private final DatagramBatch batch;
    private final Arena arena;
    private final SlotRecords records;
    private final int index;
    private final ByteBuffer payload;
    private final SlotFacts facts;
    private Reply reply = Reply.NONE;
    private @Nullable SendException refusal;
    private SendException.@Nullable Kind failureKind;

    DatagramSlot(DatagramBatch batch, Arena arena, SlotRecords records, int index) {
        this.batch = batch;
        this.arena = arena;
        this.records = records;
        this.index = index;
        this.payload = arena.payload(index);
        this.facts = new SlotFacts(batch::checkFilled, arena, index);
    }

    void put(int length, Endpoint peer, Source source) {
        records.put(index, length, peer, source, batch.sender().interfaceIndex(source));
        filled();
        prepared();
    }

    void filled() {
        payload.limit(arena.length(index)).position(0);
        reply = Reply.NONE;
        refusal = null;
    }

    /**
     * Returns the payload, from position 0 to its length. Its capacity is the batch's; clear it to write a reply there.
     *
     * @return always the same direct buffer
     */
    public ByteBuffer payload() {
        batch.checkFilled(index);
        return payload;
    }

    /** {@return the length of the received payload in bytes, 0 for an empty datagram} */
    public int length() {
        batch.checkFilled(index);
        return Math.min(arena.wireLength(index), payload.capacity());
    }

    /** {@return the number of bytes that the peer sent, more than {@link #length} if the payload was truncated} */
    public int wireLength() {
        batch.checkFilled(index);
        return arena.wireLength(index);
    }

    /** {@return true if the peer sent more bytes than the slot holds; the rest is lost} */
    public boolean isTruncated() {
        return wireLength() > length();
    }

    /** {@return the first 8 bytes of the peer's address in network order, 0 for IPv4, as in {@link IpAddress#high}} */
    public long peerAddressHigh() {
        batch.checkFilled(index);
        return arena.peerHigh(index);
    }

    /**
     * {@return the last 8 bytes of the peer's address in network order, an IPv4 address IPv4-mapped, as in
     * {@link IpAddress#low}}
     */
    public long peerAddressLow() {
        batch.checkFilled(index);
        return arena.peerLow(index);
    }

    /**
     * Returns the scope of the peer's address, as {@link IpAddress#scopeId} does.
     *
     * @return the index of the interface that a link-local peer is on, 0 for any other peer
     */
    public int peerScopeId() {
        batch.checkFilled(index);
        return arena.peerScope(index);
    }

    /** {@return the peer's port, 0 to 65535} */
    public int peerPort() {
        batch.checkFilled(index);
        return arena.peerPort(index);
    }

    /** {@return the index of the arrival interface, 0 if unknown} */
    public int interfaceIndex() {
        batch.checkFilled(index);
        return ReplyRule.interfaceIndex(arena, index);
    }

    /**
     * Returns true if the kernel reported the address that the datagram was sent to.
     *
     * @return false if it was queued before packet information was switched on, or its control data was truncated
     */
    public boolean hasPacketInfo() {
        batch.checkFilled(index);
        return ReplyRule.hasPacketInfo(arena, index);
    }

    /**
     * Returns true if the datagram was sent to a unicast address of this host, not to a multicast or broadcast address.
     * If several sockets share a port (SO_REUSEPORT), each receives every datagram that is not unicast.
     *
     * @return true for unicast; false also if the kernel did not report the destination
     */
    public boolean isUnicast() {
        batch.checkFilled(index);
        return ReplyRule.isUnicast(arena, index);
    }

    /**
     * Returns true if the peer's address is one of this host, or a broadcast address that reaches it. Costs two system
     * calls; for a peer with the server's own port.
     *
     * @return true if so; false also if it cannot be determined, see {@link IpAddress#isLocal}
     */
    public boolean isFromThisHost() {
        batch.checkFilled(index);
        int scope = arena.peerScope(index);
        int interfaceIndex = scope != 0 ? scope : batch.sender().boundInterface();
        return HostAddress.isThisHosts(arena.peerHigh(index), arena.peerLow(index), interfaceIndex);
    }

    /** {@return the sender's address and port} May allocate. */
    public Endpoint peer() {
        batch.checkFilled(index);
        return records.peer(index);
    }

    /** {@return the address that the datagram was sent to and the arrival interface} May allocate. */
    public PacketInfo packetInfo() {
        batch.checkFilled(index);
        return records.packetInfo(index);
    }

    /** {@return the facts that the kernel reported on demand, without allocating; always the same view} */
    public SlotFacts facts() {
        batch.checkFilled(index);
        return facts;
    }

    /**
     * Returns the length of each of the coalesced datagrams, if {@link PktInfoSocketOptions#COALESCE_RECEIVED} is on.
     *
     * @return bytes, of which the last datagram may have fewer; 0 if the payload is one datagram
     */
    public int segmentSize() {
        batch.checkFilled(index);
        return arena.segmentSize(index);
    }

    /**
     * Copies all coalesced datagrams, each with the same packet information. Valid only before a reply is written.
     *
     * @return at least one datagram
     */
    public List<Datagram> toDatagrams() {
        int segment = segmentSize();
        if (segment == 0) {
            return List.of(toDatagram());
        }
        return records.datagrams(index, length(), segment);
    }

    /**
     * {@return a copy of the datagram, for another thread or for later use} Valid only before a reply is written.
     *
     * @throws IllegalStateException if the slot holds coalesced datagrams: use {@link #toDatagrams}
     */
    public Datagram toDatagram() {
        if (segmentSize() > 0) {
            throw new IllegalStateException("several datagrams of " + segmentSize() + " bytes came as one");
        }
        return records.datagram(index, 0, length(), wireLength());
    }

    /**
     * Writes a reply from the request destination, with the first bytes of {@link #payload}; {@link DatagramBatch#send}
     * sends it. Replaces an earlier reply. Without a source or a usable peer it is refused, see {@link #failure}.
     *
     * @param length the number of bytes, in 0 to the batch's payload capacity
     * @throws IllegalArgumentException if the length is out of range
     */
    public void reply(int length) {
        reply(length, ReplyRule.SELECTION);
    }

    /**
     * Writes a reply as {@link #reply(int)} does, from the source that a selection chooses.
     *
     * @param length the number of bytes, in 0 to the batch's payload capacity
     * @param selection chooses the source; its {@link SendException} becomes the {@link #failure}. If it throws any
     *     other exception, there is no reply
     * @throws IllegalArgumentException if the length is out of range
     * @throws NullPointerException if the selection returns null
     */
    public void reply(int length, SourceSelection selection) {
        Objects.requireNonNull(selection, "selection");
        if (!begin(length)) {
            return;
        }
        if (!batch.sender().choosesSource()) {
            replyFrom(length, Source.systemChoice());
            return;
        }
        try {
            batch.checkOwn(index, selection);
            if (selection == ReplyRule.SELECTION) {
                replyFromRequestDestination(length);
                return;
            }
            Source source = selection.select(records.peer(index), records.packetInfo(index));
            replyFrom(length, Objects.requireNonNull(source, "the source that the selection chose"));
        } catch (SendException e) {
            refuse(e);
        }
    }

    /**
     * Writes a reply as {@link #reply(int)} does, to be sent as several datagrams of one size: with one system call if
     * the kernel can segment and {@code Doctor.segmentation()} is on, separately otherwise. If one fails, the preceding
     * ones were sent and the following ones are not.
     *
     * @param length the number of bytes, in 1 to the batch's payload capacity
     * @param segmentSize the length of each datagram, at least 1; the last may be shorter
     * @throws IllegalArgumentException if a number is out of range
     */
    public void replyInSegments(int length, int segmentSize) {
        if (segmentSize < 1 || length < 1) {
            throw new IllegalArgumentException(
                    length + " bytes in segments of " + segmentSize + ": both are at least 1");
        }
        reply(length);
        if (reply == Reply.PENDING && segmentSize < length) {
            arena.cut(index, segmentSize);
        }
    }

    /**
     * Writes a reply as {@link #reply(int)} does, from the given source.
     *
     * @param length the number of bytes, in 0 to the batch's payload capacity
     * @param source the source
     * @throws IllegalArgumentException if the length is out of range
     */
    public void reply(int length, Source source) {
        Objects.requireNonNull(source, "source");
        if (begin(length)) {
            replyFrom(length, source);
        }
    }

    /**
     * Sends the reply that was just written with header fields of its own, in place of the socket's.
     *
     * @param options the fields
     * @throws IllegalStateException if no reply was written, or it was sent
     */
    public void sendOptions(SendOptions options) {
        Objects.requireNonNull(options, "options");
        batch.checkFilled(index);
        if (reply == Reply.NONE || reply == Reply.SENT) {
            throw new IllegalStateException("options are for a reply that was written and not sent");
        }
        if (reply == Reply.PENDING) {
            options.applyTo(arena, index, batch.sender().options());
        }
    }

    /**
     * Writes a reply from the request destination with a copy of a buffer, otherwise as {@link #reply(int)} does.
     *
     * @param reply from position to limit; the position is the limit then. May be {@link #payload} or a part of it
     * @throws IllegalArgumentException if the bytes are more than the batch's payload capacity
     */
    public void reply(ByteBuffer reply) {
        copy(reply);
        reply(payload.limit());
    }

    /**
     * Writes a reply as {@link #reply(int, SourceSelection)} does, with a copy of a buffer.
     *
     * @param reply the bytes, from position to limit; the position is the limit afterwards
     * @param selection chooses the source; its {@link SendException} becomes the {@link #failure}
     * @throws IllegalArgumentException if the bytes are more than the batch's payload capacity
     */
    public void reply(ByteBuffer reply, SourceSelection selection) {
        Objects.requireNonNull(selection, "selection");
        copy(reply);
        reply(payload.limit(), selection);
    }

    @SuppressWarnings("ReferenceEquality") // a buffer cannot be put into itself; an equal one can
    private void copy(ByteBuffer reply) {
        batch.checkFilled(index);
        checkLength(reply.remaining());
        ByteBuffer bytes = reply == payload ? reply.duplicate() : reply;
        payload.clear();
        payload.put(bytes).flip();
    }

    private void checkLength(int length) {
        if (length < 0 || length > payload.capacity()) {
            throw new IllegalArgumentException(
                    "a reply of " + length + " bytes is not in 0 to the batch's capacity of " + payload.capacity());
        }
    }

    private boolean begin(int length) {
        batch.checkFilled(index);
        checkLength(length);
        arena.cancel(index);
        reply = Reply.NONE; // also if the selection throws
        refusal = null;
        if (arena.peerPort(index) == 0) {
            refuse(SendException.Kind.PEER_PORT_ZERO, 0);
            return false;
        }
        if (!Addresses.isUsableSource(arena.peerHigh(index), arena.peerLow(index))) {
            refuse(SendException.Kind.PEER_UNANSWERABLE, 0);
            return false;
        }
        return true;
    }

    private void replyFromRequestDestination(int length) {
        if (ReplyRule.prepareReply(arena, index, length, batch.sender().boundInterface())
                .isRefusal()) {
            refuse(SendException.Kind.NO_SOURCE, 0);
        } else {
            prepared();
        }
    }

    private void replyFrom(int length, Source source) {
        if (!Sender.fits(source, Addresses.isIpv4(arena.peerHigh(index), arena.peerLow(index)))) {
            refuse(SendException.wrongFamily(source, records.peer(index)));
            return;
        }
        records.prepareReply(index, length, source, batch.sender().interfaceIndex(source));
        prepared();
    }

    private void prepared() {
        if (!batch.maySegment(arena.peerHigh(index), arena.peerLow(index))) {
            arena.sendSeparately(index);
        }
        reply = Reply.PENDING;
    }

    private void refuse(SendException reason) {
        refusal = reason;
        refuse(reason.kind(), reason.errno());
    }

    private void refuse(SendException.Kind kind, int errno) {
        failureKind = kind;
        reply = Reply.REFUSED;
        batch.sender().countUnsent(kind, errno, null, records.peer(index));
    }

    /**
     * Returns true if a reply was written, whatever its state.
     *
     * @return true once a {@code reply} method was called
     */
    public boolean hasReply() {
        batch.checkFilled(index);
        return reply != Reply.NONE;
    }

    /** Cancels a reply that was not sent yet. */
    public void cancelReply() {
        batch.checkFilled(index);
        if (reply != Reply.SENT) {
            arena.cancel(index);
            reply = Reply.NONE;
        }
    }

    boolean isPending() {
        return reply == Reply.PENDING;
    }

    /** Settles the reply after sending: returns true if it was just sent. Without room it has failed. */
    boolean finished() {
        if (reply == Reply.PENDING && arena.sendState(index) != Layout.STATE_DONE) {
            arena.finish(index, Errno.EAGAIN);
        }
        return settled();
    }

    /** Settles the reply as {@link #finished} does, but without room it remains pending. */
    boolean settled() {
        if (reply != Reply.PENDING || arena.sendState(index) != Layout.STATE_DONE) {
            return false;
        }
        reply = arena.error(index) == 0 ? Reply.SENT : Reply.FAILED;
        if (reply == Reply.FAILED) {
            Source source = records.source(index);
            failureKind = SendException.kind(arena.error(index), source);
            batch.sender().countUnsent(failureKind, arena.error(index), source, records.peer(index));
        }
        if (reply == Reply.SENT && arena.segmentationRefused(index)) {
            batch.segmentationRefusals().add(arena.peerHigh(index), arena.peerLow(index));
        }
        return reply == Reply.SENT;
    }

    /**
     * Returns true if the reply was sent.
     *
     * @return true once {@link DatagramBatch#send} has sent it
     */
    public boolean isSent() {
        batch.checkFilled(index);
        return reply == Reply.SENT;
    }

    /**
     * Returns true if the send buffer had no room for the reply, in non-blocking mode or by the end of a timeout. The
     * replies behind it had none either: sent again once the channel is writable, they keep their order.
     *
     * @return true if it was not sent for this reason; the {@link #failureKind} is {@code TRANSIENT} then
     */
    public boolean wouldBlock() {
        batch.checkFilled(index);
        return reply == Reply.FAILED && arena.error(index) == Errno.EAGAIN;
    }

    /**
     * {@return true if the send buffer was full}
     *
     * @deprecated renamed to {@link #wouldBlock}
     */
    @Deprecated(since = "0.1.0", forRemoval = true)
    public boolean isHeldBack() {
        return wouldBlock();
    }

    /**
     * {@return the kind of the {@link #failure}, without allocating; null if there is none, or it is pending or sent}
     */
    public SendException.@Nullable Kind failureKind() {
        batch.checkFilled(index);
        return reply == Reply.FAILED || reply == Reply.REFUSED ? failureKind : null;
    }

    /**
     * Returns the reason why the reply was not or will not be sent; allocates.
     *
     * @return the reason, null if there is no reply yet, or it is pending or sent
     */
    public @Nullable SendException failure() {
        SendException.Kind kind = failureKind();
        if (kind == null) {
            return null;
        }
        if (reply == Reply.FAILED) {
            return records.failure(index, kind);
        }
        return refusal != null ? refusal : records.refusal(index, kind);
    }
}
