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
 * The socket of a channel, and its life: who may use it now, which socket of the JDK's it is, whether it is open, what
 * it has counted. For any thread.
 */
public final class ChannelSocket extends AbstractInterruptibleChannel {
    /** A part of a channel that has something to do once the channel is closed. */
    interface Part {
        void channelClosed();
    }

    private final DatagramChannel channel;
    private final int payloadCapacity;
    private final Transport transport;
    private final OwnAddress ownAddress;
    private final JdkSocket jdkSocket;
    private final SocketOptions options;
    private final Cleaner.Cleanable cleanable;
    private final ChannelCounters counters = new ChannelCounters();
    private final Recorder recorder;

    private final List<Part> parts = new CopyOnWriteArrayList<>();

    /** Reachable from here only: the watch does not keep a channel. */
    private final Watch.Watched watched = new Watch.Watched() {
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
     * Takes over the JDK's channel only if it succeeds. The native library is loaded, or will not be.
     *
     * @param wantsIpv6Only switches that on
     * @param payloadCapacity the longest payload of datagrams that are received or sent one by one
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
            if (!channel.isOpen()) { // closed meanwhile: the number may already be another socket's
                throw new ClosedChannelException();
            }
            this.jdkSocket = new JdkSocket(channel, transport, counters);
            this.options = new SocketOptions(transport, wantsIpv6Only);
            if (transport.choosesSource()) {
                SourceProof.require(options.family(), options.isIpv6Only(), transport.namespace());
            }
            this.cleanable = Threads.cleaner().register(this, new Closing(transport));
            Watch.add(watched);
        } catch (Throwable e) {
            transport.close();
            throw e;
        }
    }

    /** Closes what a forgotten channel has left open. */
    private record Closing(Transport transport) implements Runnable {
        @Override
        public void run() {
            transport.close();
        }
    }

    private static Transport newTransport(DatagramChannel channel) throws IOException {
        return NativeLibrary.failure() == null ? Descriptors.of(channel) : new PlainTransport(channel);
    }

    /** Refuses a capacity for payloads that is none. */
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

    /** The JDK's channel may have been closed by its owner: then this one goes too. True if this one is closed. */
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

    /** Binds to a local address; the exception's text names it, and the privilege that is missing. */
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

    /** Adds a part that is told once this is closed. */
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

    /** Begins what may block, for the sake of who closes this or interrupts the thread. */
    void beginBlocking() {
        begin();
    }

    /** Ends what began, with an exception if this was closed or the thread interrupted meanwhile. */
    void endBlocking(boolean completed) throws AsynchronousCloseException {
        end(completed);
    }

    /**
     * Lets this thread use the socket, until it leaves; looks before, if that is wanted, which socket the JDK's channel
     * has.
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

    /** Does something to the socket. */
    public void change(IoAction action) throws IOException {
        enter(/* look= */ true);
        try {
            action.run();
        } finally {
            transport.leave();
        }
    }

    /** Has the JDK's channel connected or disconnected while nobody else sends or receives. */
    public void reconnect(IoAction action) throws IOException {
        askForDrops();
        try {
            jdkSocket.change(action);
        } finally {
            ownAddress.look();
        }
    }

    /** Looks after what nothing tells while nobody calls; true if the channel is closed. */
    private boolean watch() {
        if (Recorder.recordsDropped()) { // who wants a number asks for it
            askForDrops();
        }
        if (closeIfJdkChannelIsClosed()) {
            return true;
        }
        try {
            follow();
        } catch (IOException e) {
            return false; // who calls next tries it again, and is told
        }
        return false;
    }

    /** Receives what is there, at most so many, into an arena that only the caller uses; 0 if nothing is. */
    public int receive(Arena arena, int count) throws IOException {
        enter(jdkSocket.isRestless());
        Object event = Recorder.beginReceive();
        try {
            int result = transport.receive(arena, count);
            if (result == -Errno.EAGAIN) {
                return 0;
            }
            Errno.check("recvmsg", result);
            recorder.received(event, result);
            int told = arena.dropCount(result - 1); // the last one was queued last
            if (told != 0) {
                noteDrops(told); // before another socket begins to count what it has lost
            }
            return result;
        } finally {
            transport.leave();
        }
    }

    /** Sends the pending ones of the first so many slots; how many are done now, sent or failed. */
    public int send(Arena arena, int count) throws IOException {
        enter(jdkSocket.isRestless());
        Object event = Recorder.beginSend();
        try {
            int done = Errno.check("sendmsg", transport.send(arena, count));
            arena.tally.add(Tally.SEND_CALLS, done > 0 ? 1 : 0);
            recorder.sent(event, done);
            return done;
        } finally {
            transport.leave();
        }
    }

    /**
     * Waits for one of {@link Layout}'s events; may return early. Returns 0 if none has come, and fails once the
     * channel is closed.
     */
    int await(int events, int timeoutMillis) throws IOException {
        enter(/* look= */ true);
        try {
            return Errno.check("poll", transport.await(events, timeoutMillis));
        } finally {
            transport.leave();
        }
    }

    /** The kernel does not tell what it lost while nothing is received, if not asked. */
    public void askForDrops() {
        if (transport.enter()) {
            try {
                long told = transport.drops();
                if (told >= 0) {
                    noteDrops((int) told);
                }
            } finally {
                transport.leave();
            }
        }
    }

    private void noteDrops(int told) {
        long lost = counters.lost(told);
        if (lost > 0) {
            recorder.dropped(lost, counters.kernelDrops());
        }
    }

    /** Returns an arena whose payloads may be shown. What it has counted outlives it. */
    public Arena newArena(int slots, int capacity) {
        Arena arena = new Arena(slots, capacity, options.family());
        counters.add(arena.tally);
        Threads.cleaner().register(arena, retirement(counters, arena.tally));
        return arena;
    }

    /** Keeps neither the arena nor its memory. */
    private static Runnable retirement(ChannelCounters counters, Tally tally) {
        return () -> counters.retire(tally);
    }

    /** For who shows nobody what is in it, and frees it. */
    Arena newHiddenArena(int slots) throws ClosedChannelException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        Arena arena = Arena.hidden(slots, payloadCapacity, options.family());
        counters.add(arena.tally);
        return arena;
    }

    /** Frees what {@link #newHiddenArena} gave. */
    void free(Arena arena) {
        counters.retire(arena.tally);
        arena.free();
    }

    /** Says where it is bound, and whether it is open. */
    @Override
    public String toString() {
        try {
            return isOpen() ? String.valueOf(channel.getLocalAddress()) : "closed";
        } catch (IOException e) {
            return "closed";
        }
    }
}
