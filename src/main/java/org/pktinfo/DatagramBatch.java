package org.pktinfo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import java.util.function.IntConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Deadline;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.ChannelSocket;
import org.pktinfo.internal.Layout;
import org.pktinfo.internal.OwnAddress;
import org.pktinfo.internal.SegmentationRefusals;
import org.pktinfo.internal.Tally;
import org.pktinfo.internal.Waiting;

/**
 * A fixed number of datagrams that are received, and whose replies are sent, with one system call each: receive, look
 * at each slot, write replies, send them all.
 *
 * <pre>{@code
 * DatagramBatch batch = channel.newBatch(32, 1500);
 * while (true) {
 *     int count = batch.receive();
 *     for (int i = 0; i < count; i++) {
 *         DatagramSlot slot = batch.slot(i);
 *         slot.reply(slot.length()); // an echo
 *     }
 *     batch.send();
 * }
 * }</pre>
 *
 * <p>Replies that are neighbours in the batch, have the same peer, source and {@link SendOptions}, and the same length
 * except for a shorter last one, are passed to the kernel as one, which segments them (UDP_SEGMENT, udp(7)): from Linux
 * 4.18 on, unless {@link org.pktinfo.doctor.Doctor#segmentation} is off. The datagrams on the wire are the same. If a
 * device or a route does not support this, replies to that peer are sent separately for up to ten minutes.
 *
 * <p>Nothing is allocated per datagram with {@link SourceSelection#requestDestination} or an existing {@link Source}.
 *
 * <p>A batch and its slots belong to the first thread that uses the batch; any other thread gets an
 * {@link IllegalStateException}. Only {@link #capacity}, {@link #payloadCapacity}, {@link #size} and
 * {@link #coalesceReplies} access no slot and do not check the thread. A channel may have several batches.
 */
public final class DatagramBatch {
    /** The maximum number of slots of a batch: the kernel takes no more datagrams with one call. */
    public static final int MAX_SLOTS = Layout.MAX_SLOTS;

    /** The longest payload that fits unfragmented into the usual MTU of 1500 bytes, over either family. */
    private static final int LONGEST_COALESCED = 1500 - 40 - 8;

    private final Receiver receiver;
    private final Sender sender;
    private final Arena arena;
    private final SlotRecords records;
    private final DatagramSlot[] slots;
    private final Waiting.Attempt<DatagramBatch> many = this::take;
    final IntConsumer checkFilled = this::checkFilled; // one for all slots
    private final SegmentationRefusals segmentationRefusals = new SegmentationRefusals();
    private int size;
    private int receiveLimit; // limit of the receive in progress
    private OwnAddress.Place place; // the local address of the channel when it last received
    private @Nullable Thread owner;

    /** Creates a batch with its own arena; refuses numbers out of range. */
    static DatagramBatch of(Receiver receiver, Sender sender, int slots, int payloadCapacity) {
        if (slots < 1 || slots > MAX_SLOTS) {
            throw new IllegalArgumentException(slots + " slots are not in 1 to " + MAX_SLOTS);
        }
        ChannelSocket.checkCapacity(payloadCapacity);
        return new DatagramBatch(receiver, sender, receiver.newArena(slots, payloadCapacity));
    }

    DatagramBatch(Receiver receiver, Sender sender, Arena arena) {
        this.receiver = receiver;
        this.sender = sender;
        this.arena = arena;
        this.records = new SlotRecords(arena);
        this.place = sender.ownAddress().last();
        coalesceReplies(true);
        this.slots = new DatagramSlot[arena.slots()];
        for (int i = 0; i < slots.length; i++) {
            this.slots[i] = new DatagramSlot(this, arena, records, i);
        }
    }

    /**
     * Receives the datagrams that are queued, waiting until there is at least one but not for more. Discards the
     * contents of the slots, including replies that were not sent.
     *
     * @return the number of filled slots, the first of which is 0
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.IllegalBlockingModeException if the JDK's channel is in non-blocking mode
     * @throws java.nio.channels.AsynchronousCloseException if another thread closes the channel meanwhile
     * @throws java.nio.channels.ClosedByInterruptException if this thread is interrupted; the channel is closed then
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if receiving fails otherwise
     */
    public int receive() throws IOException {
        receiver.checkBlocking();
        int count;
        do {
            count = receive(slots.length, Long.MAX_VALUE);
        } while (count == 0);
        return count;
    }

    /**
     * Receives as {@link #receive()} does, but waits no longer than the timeout, and does so in either blocking mode.
     *
     * @param timeout the longest time to wait; zero does not wait
     * @return the number of filled slots, 0 if no datagram arrived in time
     * @throws IllegalArgumentException if the timeout is negative
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.AsynchronousCloseException if another thread closes the channel meanwhile
     * @throws java.nio.channels.ClosedByInterruptException if this thread is interrupted and the timeout is not zero;
     *     the channel is closed then
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if receiving fails otherwise
     */
    public int receive(Duration timeout) throws IOException {
        return receive(slots.length, nanos(timeout));
    }

    /**
     * Receives as {@link #receive()} does, but a limited number of datagrams and without waiting. For an event loop
     * that divides its time between channels.
     *
     * @param limit the maximum number of datagrams, in 1 to {@link #capacity}
     * @return the number of filled slots, 0 if no datagram is queued
     * @throws IllegalArgumentException if the limit is out of range
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if receiving fails otherwise
     */
    public int receiveNow(int limit) throws IOException {
        if (limit < 1 || limit > slots.length) {
            throw new IllegalArgumentException(limit + " is not in 1 to the batch's capacity of " + slots.length);
        }
        return receive(limit, 0);
    }

    /** Returns the nanoseconds of a timeout, and refuses a negative one. */
    static long nanos(Duration timeout) {
        if (timeout.isNegative()) {
            throw new IllegalArgumentException("timeout " + timeout + " is negative");
        }
        return Deadline.nanos(timeout);
    }

    private @Nullable DatagramBatch take() throws IOException {
        place = sender.ownAddress().look();
        size = receiver.take(arena, receiveLimit);
        return size == 0 ? null : this;
    }

    private int receive(int limit, long nanos) throws IOException {
        checkThread();
        size = 0;
        receiveLimit = limit;
        receiver.receive(many, nanos);
        for (int i = 0; i < size; i++) {
            slots[i].filled();
        }
        return size;
    }

    /**
     * Sends every reply that was written since the last call. A reply that cannot be sent is marked, see
     * {@link DatagramSlot#failure}, and does not keep the others from being sent. If the send buffer is full, this
     * method waits in blocking mode; in non-blocking mode the replies without room fail with
     * {@link SendException.Kind#TRANSIENT}, see {@link DatagramSlot#wouldBlock}. If an exception ends the wait for
     * room, {@link DatagramSlot#isSent} reports which replies were sent; the others are still to be sent.
     *
     * @return the number of replies sent
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.AsynchronousCloseException if another thread closes the channel meanwhile
     * @throws java.nio.channels.ClosedByInterruptException if this thread is interrupted in blocking mode; the channel
     *     is closed then
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if sending fails for a reason that concerns more than a single datagram
     */
    public int send() throws IOException {
        return send(Long.MAX_VALUE, Long.MAX_VALUE);
    }

    /**
     * Sends as {@link #send()} does, but waits no longer than the timeout for room in the send buffer. Replies that
     * have no room by then fail with {@link SendException.Kind#TRANSIENT}, in blocking mode too.
     *
     * @param timeout the longest time to wait; zero does not wait
     * @return the number of replies sent
     * @throws IllegalArgumentException if the timeout is negative
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.AsynchronousCloseException if {@link #send()} throws it
     * @throws java.nio.channels.ClosedByInterruptException if {@link #send()} throws it and the timeout is not zero
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if sending fails for a reason that concerns more than a single datagram
     */
    public int send(Duration timeout) throws IOException {
        long nanos = nanos(timeout);
        return send(nanos, nanos);
    }

    /**
     * Sends as {@link #send(Duration)} does, but waits only as long as the send buffer drains. A slow device makes room
     * again and again, while datagrams to neighbours that do not exist occupy the buffer for seconds.
     *
     * @param patience the longest time to wait for the next datagram to be sent; starts anew with each one that is sent
     * @param limit the longest time to wait in all; zero does not wait
     * @return the number of replies sent
     * @throws IllegalArgumentException if a time is negative
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.AsynchronousCloseException if {@link #send()} throws it
     * @throws java.nio.channels.ClosedByInterruptException if {@link #send()} throws it and the limit is not zero
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if sending fails for a reason that concerns more than a single datagram
     */
    public int send(Duration patience, Duration limit) throws IOException {
        return send(nanos(patience), nanos(limit));
    }

    private int send(long patience, long limit) throws IOException {
        checkThread();
        int pending = 0;
        boolean lacking = false;
        for (int i = 0; i < size; i++) {
            pending += slots[i].isPending() ? 1 : 0;
            lacking |= arena.lacksTrafficClass(i);
        }
        if (pending == 0) {
            return 0;
        }
        if (lacking) {
            sender.completeTrafficClasses(arena, size);
        }
        try {
            sender.send(arena, size, pending, patience, limit);
        } catch (IOException e) {
            int unused = countSent(DatagramSlot::settled);
            throw e;
        }
        return countSent(DatagramSlot::finished);
    }

    private int countSent(Predicate<DatagramSlot> wasSent) {
        int sent = 0;
        int datagrams = 0;
        long bytes = 0;
        int coalesced = 0;
        for (int i = 0; i < size; i++) {
            if (wasSent.test(slots[i])) {
                sent++;
                datagrams += arena.datagramsToSend(i);
                bytes += arena.length(i);
                coalesced += arena.isCoalesced(i) ? 1 : 0;
            }
        }
        arena.tally.add(Tally.SENT, datagrams);
        arena.tally.add(Tally.SENT_BYTES, bytes);
        arena.tally.add(Tally.COALESCED, coalesced);
        return sent;
    }

    /**
     * Appends a datagram to the batch, for a peer that need not have sent a request. {@link #send} sends it.
     *
     * @param payload the bytes from position to limit, which are copied; the position is the limit afterwards
     * @param peer the destination
     * @param source the source
     * @return the slot of the datagram, of which only the reply, the peer and the payload have a meaning
     * @throws SendException if the peer or the source cannot be used, see {@link PktInfoChannel#send}; the batch is
     *     unchanged then
     * @throws IllegalArgumentException if the peer's address is not of the channel's family, or the payload is longer
     *     than the batch's capacity
     * @throws java.nio.channels.AlreadyConnectedException if the channel is connected to another peer, see
     *     {@link PktInfoChannel#send}
     * @throws IllegalStateException if the batch is full, until {@link #clear} or the next receive; or if another
     *     thread uses it
     */
    public DatagramSlot put(ByteBuffer payload, Endpoint peer, Source source) throws SendException {
        int length = payload.remaining();
        checkPut(length, peer, source);
        arena.write(size, payload);
        payload.position(payload.limit());
        return added(length, peer, source);
    }

    /**
     * Appends a datagram whose payload is still to be written, to the slot's {@link DatagramSlot#payload} and before
     * {@link #send}. Until then its bytes are undefined.
     *
     * @param length the number of bytes, in 0 to {@link #payloadCapacity}
     * @param peer the destination
     * @param source the source
     * @return the slot of the datagram, of which only the reply, the peer and the payload have a meaning
     * @throws SendException if {@link #put(ByteBuffer, Endpoint, Source)} throws it
     * @throws IllegalArgumentException if the peer's address is not of the channel's family, or the length is out of
     *     range
     * @throws IllegalStateException if {@link #put(ByteBuffer, Endpoint, Source)} throws it
     */
    public DatagramSlot put(int length, Endpoint peer, Source source) throws SendException {
        checkPut(length, peer, source);
        return added(length, peer, source);
    }

    private void checkPut(int length, Endpoint peer, Source source) throws SendException {
        checkThread();
        if (size == slots.length) {
            throw new IllegalStateException("all " + size + " slots are taken");
        }
        if (length < 0 || length > arena.payloadCapacity()) {
            throw new IllegalArgumentException(
                    length + " bytes are not in 0 to the batch's capacity of " + arena.payloadCapacity());
        }
        try {
            sender.check(length, peer, source);
        } catch (SendException e) {
            sender.countUnsent(e, source, peer);
            throw e;
        }
    }

    private DatagramSlot added(int length, Endpoint peer, Source source) {
        slots[size].put(length, peer, source);
        return slots[size++];
    }

    /**
     * Discards the contents of the slots, including replies that were not sent.
     *
     * @throws IllegalStateException if another thread uses this batch
     */
    public void clear() {
        checkThread();
        size = 0;
    }

    /**
     * Enables or disables sending neighbouring replies to one peer as one. Default: on, if the kernel can segment.
     * Disable it for a device or a tunnel that announces segmentation and does not perform it. While
     * {@link org.pktinfo.doctor.Doctor#segmentation} is off, replies are sent separately in either case.
     *
     * @param on true to enable
     * @return this batch
     */
    public DatagramBatch coalesceReplies(boolean on) {
        arena.coalesce(on && sender.segments() ? LONGEST_COALESCED : 0);
        return this;
    }

    /**
     * Returns the number of filled slots.
     *
     * @return 0 to {@link #capacity}
     */
    public int size() {
        return size;
    }

    /**
     * Returns the number of slots.
     *
     * @return at least 1
     */
    public int capacity() {
        return slots.length;
    }

    /**
     * Returns the length of the longest payload that a slot can hold.
     *
     * @return bytes
     */
    public int payloadCapacity() {
        return arena.payloadCapacity();
    }

    /**
     * Returns the slot of one of the datagrams in the batch.
     *
     * @param index the index, in 0 to {@link #size} - 1
     * @return always the same object for the same index: a view of the datagram that the last receive stored there
     * @throws IndexOutOfBoundsException if the slot is not filled
     * @throws IllegalStateException if another thread uses this batch
     */
    public DatagramSlot slot(int index) {
        checkThread();
        Objects.checkIndex(index, size);
        return slots[index];
    }

    /** Detects use by two threads in nearly all cases, without the cost of a lock. */
    void checkThread() {
        Thread current = Thread.currentThread();
        if (owner == null) {
            owner = current;
        } else if (owner != current) {
            throw new IllegalStateException("this batch belongs to " + owner + ", not to " + current);
        }
    }

    void checkFilled(int index) {
        checkThread();
        Objects.checkIndex(index, size);
    }

    /** Returns true if the kernel may be asked to segment datagrams to this destination. */
    boolean maySegment(long high, long low) {
        return sender.segments() && !segmentationRefusals.has(high, low);
    }

    /**
     * Checks only if the channel was bound, connected or disconnected since the datagrams were received: before that,
     * all their destinations were its own.
     */
    @SuppressWarnings("ReferenceEquality") // each look that finds a change creates a new object
    void checkOwn(int index, SourceSelection selection) throws SendException {
        if (sender.ownAddress().last() != place) {
            sender.checkOwn(selection, records.peer(index), records.packetInfo(index));
        }
    }

    SegmentationRefusals segmentationRefusals() {
        return segmentationRefusals;
    }

    Sender sender() {
        return sender;
    }
}
