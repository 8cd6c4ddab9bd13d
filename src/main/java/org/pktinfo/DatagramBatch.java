package org.pktinfo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Deadline;
import org.pktinfo.internal.Arena;
import org.pktinfo.internal.ChannelSocket;
import org.pktinfo.internal.Layout;
import org.pktinfo.internal.OwnAddress;
import org.pktinfo.internal.Tally;
import org.pktinfo.internal.UncutDestinations;
import org.pktinfo.internal.Waiting;

/**
 * Many datagrams with one system call: receive what is there, look at each slot, write replies, send them all.
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
 * <p>Replies that are neighbours in the batch, go to one peer from one source and have one length, only the last may be
 * shorter, leave in one piece that the kernel cuts again (UDP_SEGMENT, udp(7)), where it can: since Linux 4.18, and not
 * where {@link org.pktinfo.doctor.Doctor#segmentation} is off. On the wire nothing changes. Where a device or a route
 * cannot, they leave one by one, also in the next ten minutes.
 *
 * <p>Nothing is allocated on the way, with {@link SourceSelection#addressAsked} or a {@link Source} that exists. A
 * batch and its slots belong to the thread that uses the batch first; any other gets an {@link IllegalStateException}.
 * Only {@link #capacity}, {@link #size} and {@link #coalesceReplies} look at no slot, and so do not tell threads apart.
 * A channel may have several batches.
 */
public final class DatagramBatch {
    /** The most slots that a batch may have: the kernel takes no more datagrams with one call. */
    public static final int MAX_SLOTS = Layout.MAX_SLOTS;

    /** The longest payload that leaves a host with the usual MTU of 1500 bytes whole, over either family. */
    private static final int LONGEST_COALESCED = 1500 - 40 - 8;

    private final Inbox inbox;
    private final Outbox outbox;
    private final Arena arena;
    private final SlotRecords records;
    private final DatagramSlot[] slots;
    private final Waiting.Attempt<DatagramBatch> many = this::take;
    private final UncutDestinations uncut = new UncutDestinations();
    private int size;
    private int most; // how many the receive that is going on may take
    private OwnAddress.Place place; // where the channel was when it last received
    private @Nullable Thread owner;

    /** Makes one with an arena of its own; refuses numbers out of range. */
    static DatagramBatch of(Inbox inbox, Outbox outbox, int slots, int payloadCapacity) {
        if (slots < 1 || slots > MAX_SLOTS) {
            throw new IllegalArgumentException(slots + " slots are not in 1 to " + MAX_SLOTS);
        }
        ChannelSocket.checkCapacity(payloadCapacity);
        return new DatagramBatch(inbox, outbox, inbox.newArena(slots, payloadCapacity));
    }

    DatagramBatch(Inbox inbox, Outbox outbox, Arena arena) {
        this.inbox = inbox;
        this.outbox = outbox;
        this.arena = arena;
        this.records = new SlotRecords(arena);
        this.place = outbox.ownAddress().last();
        coalesceReplies(true);
        this.slots = new DatagramSlot[arena.slots()];
        for (int i = 0; i < slots.length; i++) {
            this.slots[i] = new DatagramSlot(this, arena, records, i);
        }
    }

    /**
     * Receives what is there, at least one datagram, never waiting for more; waits until one comes. Forgets what was in
     * the slots, replies that were not sent included.
     *
     * @return how many slots are filled now, from 0 on
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.IllegalBlockingModeException if the JDK's channel is in non-blocking mode
     * @throws java.nio.channels.AsynchronousCloseException if another thread closes the channel meanwhile
     * @throws java.nio.channels.ClosedByInterruptException if this thread is interrupted; the channel is closed then
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if receiving fails otherwise
     */
    public int receive() throws IOException {
        inbox.checkBlocking();
        int count;
        do {
            count = receive(slots.length, Long.MAX_VALUE);
        } while (count == 0);
        return count;
    }

    /**
     * As {@link #receive()}, but waits no longer than a time, and whatever the blocking mode.
     *
     * @param timeout how long to wait at most; zero: not at all
     * @return how many slots are filled now, 0 if nothing came in time
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
     * As {@link #receive()}, but takes at most so many, and never waits: for an event loop that shares its time between
     * channels.
     *
     * @param most how many at most, in 1 to {@link #capacity}
     * @return how many slots are filled now, 0 if nothing was there
     * @throws IllegalArgumentException if the number is out of range
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if receiving fails otherwise
     */
    public int receiveNow(int most) throws IOException {
        if (most < 1 || most > slots.length) {
            throw new IllegalArgumentException(most + " is not in 1 to the batch's capacity of " + slots.length);
        }
        return receive(most, 0);
    }

    /** Returns the nanoseconds of a timeout, and refuses a negative one. */
    static long nanos(Duration timeout) {
        if (timeout.isNegative()) {
            throw new IllegalArgumentException("timeout " + timeout + " is negative");
        }
        return Deadline.nanos(timeout);
    }

    private @Nullable DatagramBatch take() throws IOException {
        place = outbox.ownAddress().look();
        size = inbox.take(arena, most);
        return size == 0 ? null : this;
    }

    private int receive(int atMost, long nanos) throws IOException {
        checkThread();
        size = 0;
        most = atMost;
        inbox.receive(many, nanos);
        for (int i = 0; i < size; i++) {
            slots[i].filled();
        }
        return size;
    }

    /**
     * Sends every reply that was written since the last call. One that cannot be sent is marked, see
     * {@link DatagramSlot#failure}, and holds back nobody. If the send buffer is full it waits in blocking mode; in
     * non-blocking mode what does not fit fails with {@link SendException.Kind#TRANSIENT}, see {@link
     * DatagramSlot#isHeldBack}. If an exception ends the wait for room, {@link DatagramSlot#isSent} tells what has left
     * before; the rest is still to be sent.
     *
     * @return how many were sent
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.AsynchronousCloseException if another thread closes the channel meanwhile
     * @throws java.nio.channels.ClosedByInterruptException if this thread is interrupted in blocking mode; the channel
     *     is closed then
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if sending fails otherwise than for one datagram
     */
    public int send() throws IOException {
        return send(Long.MAX_VALUE, Long.MAX_VALUE);
    }

    /**
     * As {@link #send()}, but waits no longer than a time for room in the send buffer: what does not fit by then fails
     * with {@link SendException.Kind#TRANSIENT}, also in blocking mode.
     *
     * @param timeout how long to wait at most; zero: not at all
     * @return how many were sent
     * @throws IllegalArgumentException if the timeout is negative
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.AsynchronousCloseException as {@link #send()} does
     * @throws java.nio.channels.ClosedByInterruptException as {@link #send()} does, if the timeout is not zero
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if sending fails otherwise than for one datagram
     */
    public int send(Duration timeout) throws IOException {
        long nanos = nanos(timeout);
        return send(nanos, nanos);
    }

    /**
     * As {@link #send(Duration)}, but waits only as long as the send buffer drains: a slow device makes room again and
     * again, while neighbours that do not exist hold theirs for seconds.
     *
     * @param patience how long to wait for the next datagram to leave; the time begins anew with each that has left
     * @param limit how long to wait at most in all; zero: not at all
     * @return how many were sent
     * @throws IllegalArgumentException if a time is negative
     * @throws IllegalStateException if another thread uses this batch
     * @throws java.nio.channels.AsynchronousCloseException as {@link #send()} does
     * @throws java.nio.channels.ClosedByInterruptException as {@link #send()} does, if the limit is not zero
     * @throws java.nio.channels.ClosedChannelException if the channel is closed
     * @throws IOException if sending fails otherwise than for one datagram
     */
    public int send(Duration patience, Duration limit) throws IOException {
        return send(nanos(patience), nanos(limit));
    }

    private int send(long patience, long limit) throws IOException {
        checkThread();
        int pending = 0;
        for (int i = 0; i < size; i++) {
            pending += slots[i].isPending() ? 1 : 0;
        }
        if (pending == 0) {
            return 0;
        }
        try {
            outbox.send(arena, size, pending, patience, limit);
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
        int together = 0;
        for (int i = 0; i < size; i++) {
            if (wasSent.test(slots[i])) {
                sent++;
                datagrams += arena.datagramsToSend(i);
                bytes += arena.length(i);
                together += arena.leftTogether(i) ? 1 : 0;
            }
        }
        arena.tally.add(Tally.SENT, datagrams);
        arena.tally.add(Tally.SENT_BYTES, bytes);
        arena.tally.add(Tally.COALESCED, together);
        return sent;
    }

    /**
     * Puts a datagram for a peer that need not have asked behind those that are there; sent by {@link #send}.
     *
     * @param payload the bytes, from position to limit; copied, and the position is the limit afterwards
     * @param peer where to
     * @param source where from
     * @return its slot, of which only the reply, the peer and the payload mean anything
     * @throws SendException if the peer or the source cannot be, as with {@link PktInfoChannel#send}; nothing is put
     *     there then
     * @throws IllegalArgumentException if the peer's address is not of the channel's family, or the payload is longer
     *     than the batch's capacity
     * @throws java.nio.channels.AlreadyConnectedException if the channel is connected to another peer, as with {@link
     *     PktInfoChannel#send}
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
     * The same with a payload that is still to be written, into the slot's {@link DatagramSlot#payload} and before
     * {@link #send}: until then it is what the memory happens to hold.
     *
     * @param length how many bytes, in 0 to {@link #payloadCapacity}
     * @param peer where to
     * @param source where from
     * @return its slot, of which only the reply, the peer and the payload mean anything
     * @throws SendException as with a payload
     * @throws IllegalArgumentException if the peer's address is not of the channel's family, or the length is out of
     *     range
     * @throws IllegalStateException as with a payload
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
            outbox.check(length, peer, source);
        } catch (SendException e) {
            outbox.countUnsent(e, source, peer);
            throw e;
        }
    }

    private DatagramSlot added(int length, Endpoint peer, Source source) {
        slots[size].put(length, peer, source);
        return slots[size++];
    }

    /**
     * Forgets what is in the slots, replies that were not sent included.
     *
     * @throws IllegalStateException if another thread uses this batch
     */
    public void clear() {
        checkThread();
        size = 0;
    }

    /**
     * Whether neighbouring replies to one peer leave together. Default: yes, where the kernel can. Off is for a device
     * or a tunnel that claims to cut and does not. Where {@link org.pktinfo.doctor.Doctor#segmentation} is off, they
     * leave one by one all the same.
     *
     * @param on yes or no
     * @return this
     */
    public DatagramBatch coalesceReplies(boolean on) {
        arena.coalesce(on && outbox.segments() ? LONGEST_COALESCED : 0);
        return this;
    }

    /**
     * How many slots are filled.
     *
     * @return 0 to {@link #capacity}
     */
    public int size() {
        return size;
    }

    /**
     * How many slots there are.
     *
     * @return at least 1
     */
    public int capacity() {
        return slots.length;
    }

    /**
     * The longest payload that a slot holds.
     *
     * @return bytes
     */
    public int payloadCapacity() {
        return arena.payloadCapacity();
    }

    /**
     * One of the datagrams received.
     *
     * @param index in 0 to {@link #size} - 1
     * @return always the same object for the same index: a view that shows what the last receive put there
     * @throws IndexOutOfBoundsException if nothing was received into it
     * @throws IllegalStateException if another thread uses this batch
     */
    public DatagramSlot slot(int index) {
        checkThread();
        Objects.checkIndex(index, size);
        return slots[index];
    }

    /** Not a lock: it finds the mistake in all runs but the unluckiest. */
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

    /** Returns true if the kernel may be asked to cut what goes there. */
    boolean mayBeCut(long high, long low) {
        return outbox.segments() && !uncut.has(high, low);
    }

    /**
     * Looks only if the channel was bound, connected or disconnected since the datagrams came: before that all were its
     * own.
     */
    @SuppressWarnings("ReferenceEquality") // there is a new object each time
    void checkOwn(int index, SourceSelection selection) throws SendException {
        if (outbox.ownAddress().last() != place) {
            outbox.checkOwn(selection, records.peer(index), records.packetInfo(index));
        }
    }

    UncutDestinations uncut() {
        return uncut;
    }

    Outbox outbox() {
        return outbox;
    }
}
