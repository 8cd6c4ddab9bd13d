package org.pktinfo.server;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.pktinfo.ChannelStats;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SendException;
import org.pktinfo.SendOptions;
import org.pktinfo.SourceSelection;
import org.pktinfo.common.Deadline;

/**
 * A UDP server with workers that receive datagrams in batches, hand each to a {@link DatagramHandler} and send its
 * replies from the request destinations.
 *
 * <pre>{@code
 * DatagramServer server = DatagramServer.builder()
 *         .bind(new InetSocketAddress(8888))
 *         .workers(2)
 *         .start(request -> request.reply(request.length())); // an echo
 * }</pre>
 *
 * <p>No peer, route, firewall or vanished interface ends the server. Such failures are counted, and logged through
 * {@link System.Logger} {@code org.pktinfo.server}, at most one line a second for each kind. The same holds for replies
 * for which the send buffer has no room: a worker waits for room while the buffer drains, and 250 ms at most. Neither
 * an exception of the handler nor an interrupt ends the server. Safe for use by any thread.
 *
 * <p>A datagram with a forged source can set two programs answering each other. The server therefore never handles
 * datagrams that claim to come from its own address and port, nor those from a port whose service answers every
 * datagram: echo (7), daytime (13), quote of the day (17), chargen (19) and time (37). No client sends from these
 * ports. Between two servers that take each other's replies for requests only a {@link RateLimit} helps: it ends an
 * exchange that is faster than its rate, and holds a slower one to its pace.
 */
public final class DatagramServer implements AutoCloseable {
    /**
     * The size of the send buffer that a server requests from the kernel, in bytes. The kernel grants at most
     * net.core.wmem_max. Replies to neighbours that do not resolve stay in the buffer for three seconds; this size
     * holds some 1500 of them a second.
     */
    public static final int SEND_BUFFER = Settings.SEND_BUFFER;

    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final Duration LONGEST_PATIENCE = Duration.ofDays(365);

    private final Service service;
    private final List<Worker> workers = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final Beans beans;

    /** A builder of servers. Not safe for use by several threads. */
    public static final class Builder {
        private final Settings settings = new Settings();

        private Builder() {}

        /**
         * Sets the local address. Default: all addresses, a port of the system's choice.
         *
         * @param address the address and port
         * @return this
         */
        public Builder bind(SocketAddress address) {
            settings.local = Objects.requireNonNull(address, "address");
            return this;
        }

        /**
         * Sets the address family to serve. Default: IPv6 and IPv4.
         *
         * @param which the family
         * @return this
         */
        public Builder family(Family which) {
            settings.family = Objects.requireNonNull(which, "which");
            return this;
        }

        /**
         * Sets the number of sockets on the same port (SO_REUSEPORT), each with a thread. The kernel delivers every
         * flow to one of them. It delivers broadcast and multicast datagrams to all; the first worker answers them.
         * Default: 1.
         *
         * @param count the number of workers, at least 1
         * @return this
         * @throws IllegalArgumentException if the count is less than 1
         */
        public Builder workers(int count) {
            settings.workers(count);
            return this;
        }

        /**
         * Sets the number of datagrams that a worker receives with one call. Default: 32.
         *
         * @param count the number of slots, in 1 to {@value DatagramBatch#MAX_SLOTS}
         * @return this
         * @throws IllegalArgumentException if the number is out of range
         */
        public Builder batchSize(int count) {
            settings.batchSize(count);
            return this;
        }

        /**
         * Sets the length of the longest payload, of a request or a reply. Default: the largest possible, which takes 2
         * MiB for each worker.
         *
         * @param bytes the length, in 1 to {@value PktInfoChannel#MAX_PAYLOAD}
         * @return this
         * @throws IllegalArgumentException if the number is out of range
         */
        public Builder payloadCapacity(int bytes) {
            settings.payloadCapacity(bytes);
            return this;
        }

        /**
         * Limits the replies a second to the peers of one prefix, see {@link RateLimit#of}. Default: 0, no limit.
         *
         * @param repliesPerSecond the rate, in 0 to {@value RateLimit#MAX}
         * @return this
         * @throws IllegalArgumentException if the number is out of range
         */
        public Builder rateLimit(int repliesPerSecond) {
            settings.rateLimit = repliesPerSecond == 0 ? null : RateLimit.of(repliesPerSecond);
            return this;
        }

        /**
         * Limits the replies to the peers of one prefix. All workers share the limit. Default: no limit.
         *
         * @param limit the limit
         * @return this
         */
        public Builder rateLimit(RateLimit limit) {
            settings.rateLimit = Objects.requireNonNull(limit, "limit");
            return this;
        }

        /**
         * Enables or disables the coalescing of neighbouring replies to one peer, see {@link
         * DatagramBatch}. Default: enabled.
         *
         * @param on true to enable
         * @return this
         */
        public Builder coalesceReplies(boolean on) {
            settings.coalesceReplies = on;
            return this;
        }

        /**
         * Sets an option of each worker's socket, before the socket is bound: of {@link PktInfoSocketOptions} or of the
         * JDK. For a socket that exists already, see {@link #channel}, it is set when the server starts. Of several
         * values for one option the last counts. An option that cannot be set fails {@link #start}.
         *
         * @param <T> the type of its value
         * @param option any but {@link PktInfoSocketOptions#COALESCE_RECEIVED}: a handler takes one datagram at a time
         * @param value the value, for example {@link org.pktinfo.Fragmentation#DONT} for {@link
         *     PktInfoSocketOptions#FRAGMENTATION} if several hosts share the address
         * @return this
         * @throws IllegalArgumentException if COALESCE_RECEIVED is to be enabled
         */
        public <T> Builder option(SocketOption<T> option, T value) {
            settings.option(option, value);
            return this;
        }

        /**
         * Enables or disables datagrams to groups that only another socket of this host has joined, see {@link
         * PktInfoSocketOptions#RECEIVE_ALL_GROUPS}. Default: disabled.
         *
         * @param on true to enable
         * @return this
         */
        public Builder allGroups(boolean on) {
            if (on) {
                settings.option(PktInfoSocketOptions.RECEIVE_ALL_GROUPS, true);
            } else {
                settings.forget(PktInfoSocketOptions.RECEIVE_ALL_GROUPS);
            }
            return this;
        }

        /**
         * Sets the time that a worker polls for the next datagram before it sleeps. The first datagram of a burst is
         * then answered sooner, at the cost of a processor that is busy for that time. Default: zero, a worker sleeps
         * at once.
         *
         * @param time the time to poll, in zero to a second; ten to some hundred microseconds are useful
         * @return this
         * @throws IllegalArgumentException if the time is out of range
         */
        public Builder spin(Duration time) {
            settings.spin(time);
            return this;
        }

        /**
         * Serves a bound socket that exists already, such as {@link System#inheritedChannel}, instead of opening one.
         * {@link #bind} and {@link #family} are then ignored, and there is one worker. Stopping the server closes the
         * socket.
         *
         * @param channel a bound channel of the JDK's own provider
         * @return this
         */
        public Builder channel(DatagramChannel channel) {
            settings.existing = Objects.requireNonNull(channel, "channel");
            return this;
        }

        /**
         * Starts the server. When this method returns, the server is listening.
         *
         * @param handler the handler of the datagrams, called by the threads of all workers
         * @return the server
         * @throws IOException if a socket cannot be opened or bound, or an option cannot be set, as for lack of a
         *     privilege; no socket stays open if this method throws
         * @throws IllegalArgumentException if a number is out of range, the address is not of the family, or an option
         *     does not take its value
         * @throws UnsupportedOperationException if IPv6 is requested and the host has none, or the kernel or the JDK
         *     lacks an option
         * @throws UnsatisfiedLinkError if the native library cannot be loaded
         */
        public DatagramServer start(DatagramHandler handler) throws IOException {
            Objects.requireNonNull(handler, "handler");
            DatagramServer server = new DatagramServer(new Service(handler, settings.rateLimit));
            try {
                server.open(settings);
                server.startThreads();
            } catch (Throwable e) {
                server.close();
                throw e;
            }
            return server;
        }
    }

    private DatagramServer(Service service) {
        this.service = service;
        this.beans = new Beans(service.throttledLog());
    }

    /**
     * Returns a new builder.
     *
     * @return a builder with the default settings
     */
    public static Builder builder() {
        return new Builder();
    }

    private void open(Settings settings) throws IOException {
        SocketAddress local = settings.local;
        int count = settings.existing == null ? settings.workers : 1;
        for (int i = 0; i < count; i++) {
            PktInfoChannel channel = Sockets.open(settings, local);
            try {
                InetSocketAddress bound = Objects.requireNonNull(channel.localAddress(), "the channel is not bound");
                workers.add(new Worker(service, channel, i == 0, bound.getPort(), settings));
                if (local instanceof InetSocketAddress wanted
                        && wanted.getPort() == 0) { // the other workers share the first one's port
                    local = new InetSocketAddress(wanted.getAddress(), bound.getPort());
                }
            } catch (Throwable e) {
                channel.close();
                throw e;
            }
        }
    }

    private void startThreads() {
        for (int i = 0; i < workers.size(); i++) {
            Thread thread = new Thread(workers.get(i), "pktinfo-server-" + i);
            threads.add(thread);
            thread.start();
        }
    }

    /**
     * Returns the address that the server listens on.
     *
     * @return the address and port
     * @throws IOException if the server is stopped
     */
    public InetSocketAddress localAddress() throws IOException {
        return Objects.requireNonNull(workers.get(0).channel.localAddress());
    }

    /**
     * Joins a multicast group of either family with the sockets of all workers. The kernel would otherwise deliver a
     * datagram for the group to any one socket of the port. The first worker answers.
     *
     * @param group the group
     * @param networkInterface the interface on which to join
     * @throws IOException if the group cannot be joined
     */
    public void join(InetAddress group, NetworkInterface networkInterface) throws IOException {
        for (Worker worker : workers) {
            worker.channel.jdkChannel().join(group, networkInterface);
        }
    }

    /**
     * Replies to a request later, from the request destination. Any thread may call this method. The copy of the
     * request is from {@link org.pktinfo.DatagramSlot#toDatagram}.
     *
     * @param request the request, received by this server
     * @param payload the reply, from position to limit
     * @throws SendException if the reply is not sent; also if this server is bound to one address and the request was
     *     sent to another
     * @throws InterruptedIOException if this thread was interrupted before, as by cancelling its task: nothing is sent,
     *     the thread stays interrupted, and the server goes on
     * @throws IOException if the server is stopped
     */
    public void reply(Datagram request, ByteBuffer payload) throws IOException {
        reply(request, payload, SendOptions.NONE);
    }

    /**
     * Replies to a request later as {@link #reply(Datagram, ByteBuffer)} does, with header fields of its own.
     *
     * @param request the request, received by this server
     * @param payload the reply, from position to limit
     * @param options the fields, such as {@link SendOptions#ecnOf}
     * @throws IOException if {@link #reply(Datagram, ByteBuffer)} throws it
     */
    public void reply(Datagram request, ByteBuffer payload, SendOptions options) throws IOException {
        if (Thread.currentThread().isInterrupted()) {
            throw new InterruptedIOException("interrupted before the reply to " + request.peer() + " was sent");
        }
        try {
            workers.get(0).channel.reply(request, payload, SourceSelection.requestDestination(), options);
            service.counters().replied.increment();
        } catch (SendException e) {
            service.counters().sendError(e.kind());
            service.throttledLog().log(e.kind(), e::toString);
            throw e;
        }
    }

    /**
     * Returns the counters of the server since it started.
     *
     * @return a snapshot
     */
    public ServerStats stats() {
        return service.counters().snapshot(channelStats().stream().reduce(ChannelStats.NONE, ChannelStats::plus));
    }

    /**
     * Returns the counters of each worker's channel.
     *
     * @return snapshots, in the order of the workers; also of a server that has stopped
     */
    public List<ChannelStats> channelStats() {
        return workers.stream().map(worker -> worker.channel.stats()).toList();
    }

    /**
     * Registers {@link #stats} as a JMX bean {@code org.pktinfo:type=DatagramServer,name=...} of the platform's
     * MBeanServer, until the server is stopped. The bean has one attribute for each number: {@code received} and so on,
     * {@code channelsReceived} and so on for those of {@link ServerStats#channels}, and one for each kind of send
     * error, {@code sendErrorsSourceUnusable} and so on.
     *
     * @param name any text that is not empty and that no other server's bean has
     * @throws IllegalArgumentException if the name is empty
     * @throws IllegalStateException if another bean has this name, or the server is stopped
     * @throws UnsupportedOperationException if the run-time image has no module java.management, or it was not resolved
     */
    public void registerBean(String name) {
        beans.register(name, this::stats);
    }

    /**
     * Stops receiving, and returns when the datagrams received before are handled and answered. The sockets stay open
     * and bound until {@link #stop}. Between the two calls {@link #stats} is complete, and a program whose socket was
     * passed as standard input can still print (when {@link System#inheritedChannel} is closed, the JDK closes the
     * standard outputs too). Called by a handler, it does not wait; the datagrams received before are answered
     * afterwards.
     *
     * @param patience the longest time to wait for a handler, or for room in a send buffer
     * @throws IllegalArgumentException if the patience is negative
     */
    public void finish(Duration patience) {
        long deadline = deadline(patience);
        boolean byHandler = isHandler();
        for (Worker worker : workers) {
            worker.finish(byHandler ? 0 : Deadline.remaining(deadline));
        }
        service.throttledLog().finish();
    }

    private static long deadline(Duration patience) {
        if (patience.isNegative()) {
            throw new IllegalArgumentException("patience " + patience + " is negative");
        }
        return Deadline.after(patience.compareTo(LONGEST_PATIENCE) > 0 ? LONGEST_PATIENCE : patience);
    }

    /**
     * Returns true if the current thread is in a handler, which can wait neither for itself nor for another that waits
     * for it.
     */
    private boolean isHandler() {
        return workers.stream().anyMatch(Worker::isHandling);
    }

    /**
     * Stops the server after every datagram received before is handled and answered. Datagrams still in the kernel's
     * queue are left there. Waits for the workers' threads to end. Called by a handler, it does not wait: each busy
     * worker, the handler's own among them, answers the datagrams that it has received and then closes its socket.
     *
     * @param patience the longest time to wait for a handler, or for room in a send buffer; after that the channels are
     *     closed nevertheless and the unfinished replies count as failed
     * @throws IllegalArgumentException if the patience is negative
     * @throws IOException if a channel cannot be closed
     */
    public void stop(Duration patience) throws IOException {
        long deadline = deadline(patience);
        beans.close();
        if (isHandler()) {
            for (Worker worker : workers) {
                worker.stopWhenIdle();
            }
            return;
        }
        for (Worker worker : workers) {
            worker.stop(Deadline.remaining(deadline));
        }
        for (Thread thread : threads) {
            join(thread, deadline);
        }
        service.throttledLog().finish();
    }

    private static void join(Thread thread, long deadline) {
        try {
            thread.join(Math.max(1, Deadline.remaining(deadline) / 1_000_000));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Stops the server with a patience of five seconds. */
    @Override
    public void close() throws IOException {
        stop(PATIENCE);
    }

    /**
     * Returns the addresses that the server listens on.
     *
     * @return a text for a log
     */
    @Override
    public String toString() {
        return "DatagramServer"
                + workers.stream().map(worker -> worker.channel.toString()).toList();
    }
}
