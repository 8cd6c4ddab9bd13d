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
 * Valid until the batch receives again, for the batch's thread only: every method throws {@link IllegalStateException}
 * in another, and {@link IndexOutOfBoundsException} if the last receive did not fill this slot.
 */
@SuppressWarnings("exports") // the annotations are not needed at run time
public final class DatagramSlot {
    /** What has become of the reply. */
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
    private Reply reply = Reply.NONE;
    private @Nullable SendException refusal;
    private SendException.@Nullable Kind failureKind;

    DatagramSlot(DatagramBatch batch, Arena arena, SlotRecords records, int index) {
        this.batch = batch;
        this.arena = arena;
        this.records = records;
        this.index = index;
        this.payload = arena.payload(index);
    }

    void put(int length, Endpoint peer, Source source) {
        records.put(index, length, peer, source, batch.outbox().interfaceIndex(source));
        filled();
        prepared();
    }

    void filled() {
        payload.limit(arena.length(index)).position(0);
        reply = Reply.NONE;
        refusal = null;
    }

    /**
     * The payload, from position 0 to its length. Clear it to write a reply in place: its capacity is the batch's.
     *
     * @return always the same direct buffer
     */
    public ByteBuffer payload() {
        batch.checkFilled(index);
        return payload;
    }

    /**
     * The payload's length as received.
     *
     * @return bytes, 0 for an empty datagram
     */
    public int length() {
        batch.checkFilled(index);
        return Math.min(arena.wireLength(index), payload.capacity());
    }

    /**
     * How many bytes the peer sent.
     *
     * @return bytes, more than {@link #length} if they did not fit
     */
    public int wireLength() {
        batch.checkFilled(index);
        return arena.wireLength(index);
    }

    /**
     * Returns true if the peer sent more than the slot holds.
     *
     * @return true if the rest is lost
     */
    public boolean isTruncated() {
        return wireLength() > length();
    }

    /**
     * The first 8 bytes of the peer's address, as in {@link IpAddress#high}.
     *
     * @return network order, 0 for IPv4
     */
    public long peerAddressHigh() {
        batch.checkFilled(index);
        return arena.peerHigh(index);
    }

    /**
     * The last 8 bytes of the peer's address, as in {@link IpAddress#low}.
     *
     * @return network order, an IPv4 address IPv4-mapped
     */
    public long peerAddressLow() {
        batch.checkFilled(index);
        return arena.peerLow(index);
    }

    /**
     * The scope of the peer's address, as in {@link IpAddress#scopeId}.
     *
     * @return the index of the interface that a link-local peer is on, 0 for any other
     */
    public int peerScopeId() {
        batch.checkFilled(index);
        return arena.peerScope(index);
    }

    /**
     * The peer's port.
     *
     * @return 0 to 65535
     */
    public int peerPort() {
        batch.checkFilled(index);
        return arena.peerPort(index);
    }

    /**
     * The interface that the datagram came in on.
     *
     * @return its index, 0 if unknown
     */
    public int interfaceIndex() {
        batch.checkFilled(index);
        return AddressAsked.interfaceIndex(arena, index);
    }

    /**
     * Whether the kernel told where it was sent to.
     *
     * @return false for what was queued before packet information was switched on, or if control data was cut off
     */
    public boolean hasPacketInfo() {
        batch.checkFilled(index);
        return AddressAsked.hasPacketInfo(arena, index);
    }

    /**
     * Returns true if it was sent to one address of this host, and not to a group or a broadcast address. With several
     * sockets on one port (SO_REUSEPORT) each of these gets every datagram that is not unicast.
     *
     * @return true for unicast; false also if the kernel did not tell the destination
     */
    public boolean isUnicast() {
        batch.checkFilled(index);
        return AddressAsked.isUnicast(arena, index);
    }

    /**
     * Returns true if its source is an address of this host, or a broadcast address that reaches it. Two system calls;
     * for a peer with the server's own port.
     *
     * @return true if so; false also if nobody would say, see {@link IpAddress#isLocal}
     */
    public boolean isFromThisHost() {
        batch.checkFilled(index);
        int scope = arena.peerScope(index);
        int interfaceIndex = scope != 0 ? scope : batch.outbox().boundInterface();
        return HostAddress.isThisHosts(arena.peerHigh(index), arena.peerLow(index), interfaceIndex);
    }

    /**
     * Who sent it; may make new objects.
     *
     * @return the peer
     */
    public Endpoint peer() {
        batch.checkFilled(index);
        return records.peer(index);
    }

    /**
     * Where it was sent to and came in; may make new objects.
     *
     * @return the packet information
     */
    public PacketInfo packetInfo() {
        batch.checkFilled(index);
        return records.packetInfo(index);
    }

    /**
     * How long the datagrams are that came as one, if {@link PktInfoChannel#coalesceReceived} is on.
     *
     * @return bytes, of the last perhaps fewer; 0 if the payload is one datagram
     */
    public int segmentSize() {
        batch.checkFilled(index);
        return arena.segmentSize(index);
    }

    /**
     * Copies all datagrams that came as one, each with the packet information of all. Before a reply is written only.
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
     * Copies it, for another thread or for later. Only before a reply is written in place.
     *
     * @return the datagram
     * @throws IllegalStateException if several came as one: {@link #toDatagrams} is for that
     */
    public Datagram toDatagram() {
        if (segmentSize() > 0) {
            throw new IllegalStateException("several datagrams of " + segmentSize() + " bytes came as one");
        }
        return records.datagram(index, 0, length(), wireLength());
    }

    /**
     * Replies from the address asked with the first bytes of {@link #payload}; sent by {@link DatagramBatch#send}.
     * Replaces a reply written before. Without a source or a peer to send to there is none: {@link #failure} says why.
     *
     * @param length how many bytes, in 0 to the batch's payload capacity
     * @throws IllegalArgumentException if the length is out of range
     */
    public void reply(int length) {
        reply(length, AddressAsked.SELECTION);
    }

    /**
     * As {@link #reply(int)} from the source that a selection chooses.
     *
     * @param length how many bytes, in 0 to the batch's payload capacity
     * @param selection chooses the source; a {@link SendException} that it throws becomes the {@link #failure}. If it
     *     throws anything else, there is no reply
     * @throws IllegalArgumentException if the length is out of range
     * @throws NullPointerException if the selection returns null
     */
    public void reply(int length, SourceSelection selection) {
        Objects.requireNonNull(selection, "selection");
        if (!begin(length)) {
            return;
        }
        if (!batch.outbox().choosesSource()) {
            replyFrom(length, Source.systemChoice());
            return;
        }
        try {
            batch.checkOwn(index, selection);
            if (selection == AddressAsked.SELECTION) {
                replyFromAddressAsked(length);
                return;
            }
            Source source = selection.select(records.peer(index), records.packetInfo(index));
            replyFrom(length, Objects.requireNonNull(source, "the source that the selection chose"));
        } catch (SendException e) {
            refuse(e);
        }
    }

    /**
     * As {@link #reply(int)}, but the bytes leave as several datagrams of one size: with one system call where the
     * kernel can cut and {@code Doctor.segmentation()} is on, else one by one. If one fails, those before it were sent
     * and those behind are not.
     *
     * @param length how many bytes, in 1 to the batch's payload capacity
     * @param segmentSize the length of each datagram, at least 1; of the last perhaps less
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
     * As {@link #reply(int)} from a source.
     *
     * @param length how many bytes, in 0 to the batch's payload capacity
     * @param source where from
     * @throws IllegalArgumentException if the length is out of range
     */
    public void reply(int length, Source source) {
        Objects.requireNonNull(source, "source");
        if (begin(length)) {
            replyFrom(length, source);
        }
    }

    /**
     * Replies from the address asked with a copy of other bytes; otherwise as {@link #reply(int)}.
     *
     * @param reply from position to limit; the position is the limit then. May be {@link #payload} or a part of it
     * @throws IllegalArgumentException if they are more than the batch's payload capacity
     */
    public void reply(ByteBuffer reply) {
        copy(reply);
        reply(payload.limit());
    }

    /**
     * As {@link #reply(int, SourceSelection)} with a copy of other bytes.
     *
     * @param reply the bytes, from position to limit; the position is the limit afterwards
     * @param selection chooses the source; what it throws becomes the {@link #failure}
     * @throws IllegalArgumentException if they are more than the batch's payload capacity
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

    private void replyFromAddressAsked(int length) {
        if (AddressAsked.prepareReply(arena, index, length, batch.outbox().boundInterface())
                .isRefusal()) {
            refuse(SendException.Kind.NO_SOURCE, 0);
        } else {
            prepared();
        }
    }

    private void replyFrom(int length, Source source) {
        if (!Outbox.fits(source, Addresses.isIpv4(arena.peerHigh(index), arena.peerLow(index)))) {
            refuse(SendException.wrongFamily(source, records.peer(index)));
            return;
        }
        records.prepareReply(index, length, source, batch.outbox().interfaceIndex(source));
        prepared();
    }

    private void prepared() {
        if (!batch.mayBeCut(arena.peerHigh(index), arena.peerLow(index))) {
            arena.sendAlone(index);
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
        batch.outbox().countUnsent(kind, errno, null, records.peer(index));
    }

    /**
     * Whether a reply was written, whatever has become of it.
     *
     * @return true once a {@code reply} method was called
     */
    public boolean hasReply() {
        batch.checkFilled(index);
        return reply != Reply.NONE;
    }

    /** Takes back a reply that was not sent yet. */
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

    /** After sending: true if this slot's reply went out just now. One for which there was no room has failed. */
    boolean finished() {
        if (reply == Reply.PENDING && arena.sendState(index) != Layout.STATE_DONE) {
            arena.finish(index, Errno.EAGAIN);
        }
        return settled();
    }

    /** As {@link #finished}, but one for which there was no room stays pending. */
    boolean settled() {
        if (reply != Reply.PENDING || arena.sendState(index) != Layout.STATE_DONE) {
            return false;
        }
        reply = arena.error(index) == 0 ? Reply.SENT : Reply.FAILED;
        if (reply == Reply.FAILED) {
            Source source = records.source(index);
            failureKind = SendException.kind(arena.error(index), source);
            batch.outbox().countUnsent(failureKind, arena.error(index), source, records.peer(index));
        }
        if (reply == Reply.SENT && arena.cutRefused(index)) {
            batch.uncut().add(arena.peerHigh(index), arena.peerLow(index));
        }
        return reply == Reply.SENT;
    }

    /**
     * Whether the reply was sent.
     *
     * @return true once {@link DatagramBatch#send} has sent it
     */
    public boolean isSent() {
        batch.checkFilled(index);
        return reply == Reply.SENT;
    }

    /**
     * Returns true if the socket's send buffer had no room for the reply, in non-blocking mode. Those behind it had
     * none either, so they keep their order if they are sent again once the channel is writable.
     *
     * @return true if it was not sent for this reason; the {@link #failureKind} is {@code TRANSIENT} then
     */
    public boolean isHeldBack() {
        batch.checkFilled(index);
        return reply == Reply.FAILED && arena.error(index) == Errno.EAGAIN;
    }

    /**
     * Returns the kind of the {@link #failure} without making an object, to count what forged addresses cause.
     *
     * @return the kind, null if there is no reply yet, or it is pending or sent
     */
    public SendException.@Nullable Kind failureKind() {
        batch.checkFilled(index);
        return reply == Reply.FAILED || reply == Reply.REFUSED ? failureKind : null;
    }

    /**
     * Why the reply was not or will not be sent; makes a new object.
     *
     * @return the reason, null if there is no reply yet, or it is pending or sent
     */
    public @Nullable SendException failure() {
        SendException.Kind kind = failureKind();
        if (kind == null) {
            return null;
        }
        if (reply == Reply.FAILED) {
            return SendException.failed(kind, arena.error(index), records.source(index), records.peer(index));
        }
        return refusal != null ? refusal : records.refusal(index, kind);
    }
}
