package org.pktinfo.internal;

import java.io.IOException;
import java.lang.ref.Cleaner;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Exceptions;

/**
 * The socket of a channel and its life cycle: access to it, the JDK's socket below it, its open state and its counters.
 * Thread-safe.
 */
public final class ChannelSocket extends AbstractInterruptibleChannel {
    /** A part of a channel that is notified when the channel is closed. */
    interface Part {
        void channelClosed();
    }

    private final DatagramChannel channel;
    private final int payloadCapacity;
    private final Transport transport;
    private final OwnAddress ownAddress;
    private final JdkSocket jdkSocket;
    private final SocketOptions options;
    private final NetworkErrors errors;
    private final TransmitTimes transmitTimes;
    private final Cleaner.Cleanable cleanable;
    private final ChannelCounters counters = new ChannelCounters();
    private final Recorder recorder;

    private final List<Part> parts = new CopyOnWriteArrayList<>();

    /**
     * The watchdog's handle of this channel. It is reachable from here only, so the watchdog does not keep a channel
     * alive.
     */
    private final ChannelWatchdog.Watched watched = new ChannelWatchdog.Watched() {
        @Override
        public boolean watch() {
            return ChannelSocket.this.watch();
        }

        @Override
        public void countBackgroundErrors(long number) {
            counters.backgroundErrors(number);
        }
    };

    /**
     * Takes over the JDK's channel; if this fails, the JDK's channel stays the caller's. The native library must have
     * been loaded, or found missing, before.
     *
     * @param wantsIpv6Only true to switch IPV6_V6ONLY on
     * @param payloadCapacity the longest payload in bytes of datagrams that are received or sent one by one
     */
    public ChannelSocket(DatagramChannel channel, boolean wantsIpv6Only, int payloadCapacity) throws IOException {
        checkCapacity(payloadCapacity);
        if (!channel.isOpen()) {
            throw new ClosedChannelException();
        }
        this.channel = channel;
        this.recorder = new Recorder(channel);
        this.payloadCapacity = payloadCapacity;
        this.transport = newTransport(channel);
        this.ownAddress = new OwnAddress(channel);
        try {
            if (!channel.isOpen()) { // closed meanwhile: the descriptor number may be another socket's
                throw new ClosedChannelException();
            }
            this.jdkSocket = new JdkSocket(channel, transport, counters);
            this.options = new SocketOptions(transport, wantsIpv6Only);
            this.transmitTimes = new TransmitTimes(options);
            this.errors = new NetworkErrors(options, transmitTimes);
            if (transport.choosesSource()) {
                SourceProof.require(options.family(), options.isIpv6Only(), transport.namespace());
            }
            this.cleanable = Threads.cleaner().register(this, new Closing(transport));
            ChannelWatchdog.add(watched);
        } catch (Throwable e) {
            transport.close();
            throw e;
        }
    }

    /** The action that closes the transport of a channel that became unreachable without being closed. */
    private record Closing(Transport transport) implements Runnable {
        @Override
        public void run() {
            transport.close();
        }
    }

    private static Transport newTransport(DatagramChannel channel) throws IOException {
        return NativeLibrary.failure() == null ? NativeTransport.of(channel) : new JdkTransport(channel);
    }

    /** Throws IllegalArgumentException if a payload capacity is out of range. */
    public static void checkCapacity(int bytes) {
        if (bytes < 1 || bytes > Transport.LONGEST_PAYLOAD) {
            throw new IllegalArgumentException(
                    "payload capacity " + bytes + " is not in 1 to " + Transport.LONGEST_PAYLOAD + " bytes");
        }
    }

    public DatagramChannel channel() {
        return channel;
    }

    public SocketOptions options() {
        return options;
    }

    public NetworkErrors errors() {
        return errors;
    }

    public OwnAddress ownAddress() {
        return ownAddress;
    }

    public JdkSocket jdkSocket() {
        return jdkSocket;
    }

    public ChannelCounters counters() {
        return counters;
    }

    public Recorder recorder() {
        return recorder;
    }

    public int payloadCapacity() {
        return payloadCapacity;
    }

    public boolean choosesSource() {
        return transport.choosesSource();
    }

    public void checkOpen() throws IOException {
        closeIfJdkChannelIsClosed();
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
    }

    /**
     * Closes this channel if the owner of the JDK's channel has closed that one. Returns true if this channel is
     * closed.
     */
    private boolean closeIfJdkChannelIsClosed() {
        if (isOpen() && !channel.isOpen()) {
            try {
                close();
            } catch (IOException e) {
                throw new AssertionError("closing the JDK's channel, which is closed, does nothing", e);
            }
        }
        return !isOpen();
    }

    /** Binds to a local address. If this fails, the exception's message names the address and the missing privilege. */
    public void bind(@Nullable SocketAddress local) throws IOException {
        if (local instanceof InetSocketAddress address && address.getAddress() != null) {
            checkFamily(address.getAddress());
        }
        try {
            channel.bind(local);
        } catch (BindException e) {
            String text = "cannot bind " + local + ": " + e.getMessage() + Privileges.missing(local);
            throw Exceptions.causedBy(new BindException(text), e);
        }
    }

    private void checkFamily(InetAddress address) {
        boolean ipv4 = address.getAddress().length == 4;
        if (!address.isAnyLocalAddress() && !options.takes(ipv4)) {
            throw SocketOptions.otherFamily("cannot bind " + address.getHostAddress(), ipv4);
        }
    }

    /** Adds a part to be notified when this is closed. */
    void add(Part part) {
        parts.add(part);
    }

    @Override
    protected void implCloseChannel() throws IOException {
        try {
            channel.close();
        } finally {
            askForDrops();
            cleanable.clean();
            parts.forEach(Part::channelClosed);
        }
    }

    /** Begins an operation that may block, so that closing this or interrupting the thread ends it. */
    void beginBlocking() {
        begin();
    }

    /** Ends the operation. Throws if this was closed, or the thread interrupted, meanwhile. */
    void endBlocking(boolean completed) throws AsynchronousCloseException {
        end(completed);
    }

    /**
     * Admits this thread to the socket until it leaves. If {@code look} is true, checks first which socket the JDK's
     * channel has.
     */
    private void enter(boolean look) throws IOException {
        checkOpen();
        if (look) {
            follow();
        }
        while (!transport.enter()) {
            if (transport.awaitEntry()) {
                continue;
            }
            if (isOpen()) {
                throw new IllegalStateException("not while this very thread connects or disconnects the channel");
            }
            throw new ClosedChannelException();
        }
    }

    private void follow() throws IOException {
        if (jdkSocket.hasMoved()) {
            askForDrops();
            jdkSocket.follow();
            ownAddress.look();
        }
    }

    /** Runs an action on the socket. */
    public void change(IoAction action) throws IOException {
        enter(/* look= */ true);
        try {
            action.run();
        } finally {
            transport.leave();
        }
    }

    /** A query of the socket. */
    public interface Query<T> {
        T get() throws IOException;
    }

    /** Returns the result of a query. */
    public <T> T get(Query<T> query) throws IOException {
        enter(/* look= */ true);
        try {
            return query.get();
        } finally {
            transport.leave();
        }
    }

    /** Returns the traffic class that the socket gives to datagrams of a family. */
    public int trafficClass(boolean ipv4) throws IOException {
        enter(/* look= */ false);
        try {
            return options.trafficClass(ipv4);
        } finally {
            transport.leave();
        }
    }

    /** Connects or disconnects the JDK's channel while no other thread sends or receives. */
    public void reconnect(IoAction action) throws IOException {
        askForDrops();
        try {
            jdkSocket.change(action);
        } finally {
            ownAddress.look();
        }
    }

    /**
     * Checks for changes that cause no notification while no thread calls this channel. Returns true if it is closed.
     */
    private boolean watch() {
        if (Recorder.recordsDropped()) { // otherwise the counter is read on demand
            askForDrops();
        }
        if (closeIfJdkChannelIsClosed()) {
            return true;
        }
        try {
            follow();
        } catch (IOException e) {
            return false; // the next caller tries again and gets the exception
        }
        return false;
    }

    /**
     * Receives up to {@code count} queued datagrams without waiting; 0 if there are none. Only the caller may use the
     * arena.
     */
    public int receive(Arena arena, int count) throws IOException {
        enter(jdkSocket.isRestless());
        Object event = Recorder.beginReceive();
        try {
            int result = errors.areOn() ? errors.receive(transport, arena, count) : transport.receive(arena, count);
            if (result == -Errno.EAGAIN) {
                return 0;
            }
            Errno.check("recvmsg", result);
            recorder.received(event, result);
            int dropCount = arena.dropCount(result - 1); // the last one was queued last
            if (dropCount != 0) {
                noteDrops(dropCount); // before another socket begins to count its drops
            }
            return result;
        } finally {
            transport.leave();
        }
    }

    /**
     * Sends the pending slots among the first {@code count}. Returns the number of slots that are done, sent or failed.
     */
    public int send(Arena arena, int count) throws IOException {
        enter(jdkSocket.isRestless());
        Object event = Recorder.beginSend();
        try {
            int refused = options.checksSources() ? OwnSources.refuseOthers(arena, count) : 0;
            int result = errors.areOn() ? sendAndTakeReports(arena, count) : transport.send(arena, count);
            int done = refused + Errno.check("sendmsg", result);
            arena.tally.add(Tally.SEND_CALLS, done > 0 ? 1 : 0);
            recorder.sent(event, done);
            return done;
        } finally {
            transport.leave();
        }
    }

    private int sendAndTakeReports(Arena arena, int count) throws IOException {
        if (!options.takesTransmitTimes()) {
            return errors.send(transport, arena, count);
        }
        long[] ids = arena.transmitIds();
        if (ids == null) {
            int result = errors.send(transport, arena, count);
            if (options.transmitForm() == Layout.TRANSMIT_ALL) {
                errors.drainTimes(transport, result);
            }
            return result;
        }
        transmitTimes.begin(arena, ids, count);
        try {
            int result = errors.send(transport, arena, count);
            errors.drainTimes(transport, result);
            return result;
        } finally {
            transmitTimes.end(arena, count);
        }
    }

    /**
     * Waits for one of {@link Layout}'s events; may return early. Returns 0 if none occurred, and throws once the
     * channel is closed.
     */
    int await(int events, int timeoutMillis) throws IOException {
        enter(/* look= */ true);
        try {
            int ready = Errno.check("poll", transport.await(events, timeoutMillis));
            if ((ready & Layout.WAIT_ERROR) != 0 && errors.areOn()) {
                errors.drain(transport);
            }
            return ready;
        } finally {
            transport.leave();
        }
    }

    /** Returns the oldest report of an error, null if there is none; never waits. */
    public NetworkErrors.@Nullable Report receiveError() throws IOException {
        checkOpen();
        NetworkErrors.Report report = errors.poll();
        if (report != null || !options.reportsErrors()) {
            return report;
        }
        drainReports();
        return errors.poll();
    }

    /** Returns the next time of transmission, null if none is known; never waits. */
    public TransmitTimes.@Nullable Time receiveTransmitTime() throws IOException {
        checkOpen();
        if (transmitTimes.hasAny() && options.takesTransmitTimes()) {
            drainReports();
        }
        return transmitTimes.poll();
    }

    private void drainReports() throws IOException {
        enter(jdkSocket.isRestless());
        try {
            errors.drain(transport);
        } finally {
            transport.leave();
        }
    }

    /** Reads the socket's drop counter, because the kernel itself reports drops with received datagrams only. */
    public void askForDrops() {
        if (transport.enter()) {
            try {
                long dropCount = transport.drops();
                if (dropCount >= 0) {
                    noteDrops((int) dropCount);
                }
            } finally {
                transport.leave();
            }
        }
    }

    private void noteDrops(int reported) {
        long lost = counters.lost(reported);
        if (lost > 0) {
            recorder.dropped(lost, counters.kernelDrops());
        }
    }

    /** Returns an arena whose payloads may be exposed. Its counts outlive it. */
    public Arena newArena(int slots, int capacity) {
        Arena arena = new Arena(slots, capacity, options.family());
        counters.add(arena.tally);
        Threads.cleaner().register(arena, retirement(counters, arena.tally));
        return arena;
    }

    /** Returns an action that retires the tally and holds no reference to the arena or its memory. */
    private static Runnable retirement(ChannelCounters counters, Tally tally) {
        return () -> counters.retire(tally);
    }

    /** Returns an arena that the caller exposes to no other code, and frees. */
    Arena newHiddenArena(int slots) throws ClosedChannelException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        Arena arena = Arena.hidden(slots, payloadCapacity, options.family());
        counters.add(arena.tally);
        return arena;
    }

    /** Frees an arena from {@link #newHiddenArena}. */
    void free(Arena arena) {
        counters.retire(arena.tally);
        arena.free();
    }

    /** Returns the local address, and whether the channel is open. */
    @Override
    public String toString() {
        try {
            return isOpen() ? String.valueOf(channel.getLocalAddress()) : "closed";
        } catch (IOException e) {
            return "closed";
        }
    }
}
