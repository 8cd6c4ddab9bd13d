package org.pktinfo.server;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
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
import org.pktinfo.SendException;
import org.pktinfo.common.Deadline;

/**
 * A UDP server: workers that take datagrams in batches, hand each to a {@link DatagramHandler} and send its replies
 * from the addresses asked.
 *
 * <pre>{@code
 * DatagramServer server = DatagramServer.builder()
 *         .bind(new InetSocketAddress(8888))
 *         .workers(2)
 *         .start(request -> request.reply(request.length())); // an echo
 * }</pre>
 *
 * <p>Nothing that a peer, a route, a firewall or a vanished interface does ends it: such things are counted, and logged
 * through {@link System.Logger} {@code org.pktinfo.server}, of each kind at most one a second. Replies for which the
 * send buffer has no room are such a thing too: room is waited for while the buffer drains, and 250 ms at most. Nor
 * does an exception of the handler end it, or an interrupt. Safe for use by any thread.
 *
 * <p>A datagram with a forged source can set two programs answering each other. So datagrams that claim to come from
 * the server's own address and port are never handled, nor those from a port whose service answers whatever it gets:
 * echo (7), daytime (13), quote of the day (17), chargen (19) and time (37). No client asks from there. Between two
 * servers that take each other's answers for requests only a {@link RateLimit} stands: it ends an exchange that is
 * faster than its rate, and keeps a slower one to its pace.
 */
public final class DatagramServer implements AutoCloseable {
    /**
     * The send buffer that a server asks the kernel for, in bytes; net.core.wmem_max is what it gives at most. Replies
     * to neighbours that are not found stay in it for three seconds: this is for some 1500 of them a second.
     */
    public static final int SEND_BUFFER = Settings.SEND_BUFFER;

    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final Duration LONGEST_PATIENCE = Duration.ofDays(365);
    private static final Duration LONGEST_SPIN = Duration.ofSeconds(1);

    private final Service service;
    private final List<Worker> workers = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final Beans beans;

    /** What a server is started with. For one thread. */
    public static final class Builder {
        private final Settings settings = new Settings();

        private Builder() {}

        /**
         * Where to listen. Default: all addresses, a port of the system's choice.
         *
         * @param address the address and port
         * @return this
         */
        public Builder bind(SocketAddress address) {
            settings.local = Objects.requireNonNull(address, "address");
            return this;
        }

        /**
         * Which addresses to serve. Default: IPv6 and IPv4.
         *
         * @param which the family
         * @return this
         */
        public Builder family(Family which) {
            settings.family = Objects.requireNonNull(which, "which");
            return this;
        }

        /**
         * How many sockets on the same port (SO_REUSEPORT), each with a thread. The kernel gives every flow to one of
         * them; broadcast and multicast datagrams, which it gives to all, are answered by the first. Default: 1.
         *
         * @param count at least 1
         * @return this
         * @throws IllegalArgumentException if the count is less than 1
         */
        public Builder workers(int count) {
            if (count < 1) {
                throw new IllegalArgumentException(count + " workers: at least 1");
            }
            settings.workers = count;
            return this;
        }

        /**
         * How many datagrams a worker takes with one call. Default: 32.
         *
         * @param count in 1 to {@value DatagramBatch#MAX_SLOTS}
         * @return this
         * @throws IllegalArgumentException if the number is out of range
         */
        public Builder batchSize(int count) {
            if (count < 1 || count > DatagramBatch.MAX_SLOTS) {
                throw new IllegalArgumentException(
                        "a batch of " + count + " slots is not in 1 to " + DatagramBatch.MAX_SLOTS);
            }
            settings.batchSize = count;
            return this;
        }

        /**
         * The longest payload, request or reply. Default: the largest there is, which takes 2 MiB for each worker.
         *
         * @param bytes in 1 to {@value PktInfoChannel#MAX_PAYLOAD}
         * @return this
         * @throws IllegalArgumentException if the number is out of range
         */
        public Builder payloadCapacity(int bytes) {
            if (bytes < 1 || bytes > PktInfoChannel.MAX_PAYLOAD) {
                throw new IllegalArgumentException(
                        "payload capacity " + bytes + " is not in 1 to " + PktInfoChannel.MAX_PAYLOAD + " bytes");
            }
            settings.payloadCapacity = bytes;
            return this;
        }

        /**
         * How many replies a second the peers of one prefix get, see {@link RateLimit#of}. Default: 0, no limit.
         *
         * @param repliesPerSecond in 0 to {@value RateLimit#MAX}
         * @return this
         * @throws IllegalArgumentException if the number is out of range
         */
        public Builder rateLimit(int repliesPerSecond) {
            settings.rateLimit = repliesPerSecond == 0 ? null : RateLimit.of(repliesPerSecond);
            return this;
        }

        /**
         * How many replies the peers of one prefix get. All workers share the limit. Default: there is none.
         *
         * @param limit the limit
         * @return this
         */
        public Builder rateLimit(RateLimit limit) {
            settings.rateLimit = Objects.requireNonNull(limit, "limit");
            return this;
        }

        /**
         * Whether neighbouring replies to one peer leave together, see {@link org.pktinfo.DatagramBatch}. Default: yes.
         *
         * @param on yes or no
         * @return this
         */
        public Builder coalesceReplies(boolean on) {
            settings.coalesceReplies = on;
            return this;
        }

        /**
         * Whether IPv4 replies leave with the don't-fragment bit, see {@link PktInfoChannel#pathMtuDiscovery}. Default:
         * yes; no for an address that several hosts share.
         *
         * @param on yes, which leaves it to the system, or no
         * @return this
         */
        public Builder pathMtuDiscovery(boolean on) {
            settings.pathMtuDiscovery = on;
            return this;
        }

        /**
         * Whether datagrams to groups are handled that only another socket of this host has joined, see {@link
         * PktInfoChannel#allGroups}. Default: no.
         *
         * @param on yes or no
         * @return this
         */
        public Builder allGroups(boolean on) {
            settings.allGroups = on;
            return this;
        }

        /**
         * How long a worker asks again and again for the next datagram before it sleeps: the first of a burst is
         * answered sooner, and as long a processor is busy with nothing else. Default: zero, it sleeps at once.
         *
         * @param time in zero to a second; useful are some ten to hundred microseconds
         * @return this
         * @throws IllegalArgumentException if the time is out of range
         */
        public Builder spin(Duration time) {
            if (time.isNegative() || time.compareTo(LONGEST_SPIN) > 0) {
                throw new IllegalArgumentException("spin " + time + " is not in zero to " + LONGEST_SPIN);
            }
            settings.spin = time;
            return this;
        }

        /**
         * Serves a socket that exists already and is bound, such as {@link System#inheritedChannel}, instead of opening
         * one: then {@link #bind} and {@link #family} do not matter and there is one worker. Stopping the server closes
         * it.
         *
         * @param channel a bound channel of the JDK's own provider
         * @return this
         */
        public Builder channel(DatagramChannel channel) {
            settings.existing = Objects.requireNonNull(channel, "channel");
            return this;
        }

        /**
         * Starts the server; when this returns it is listening.
         *
         * @param handler what to do with a datagram; called by all workers' threads
         * @return the server
         * @throws IOException if a socket cannot be had or bound; nothing is left open then
         * @throws IllegalArgumentException if a number is out of range or the address is not of the family
         * @throws UnsupportedOperationException if IPv6 is asked for and there is none
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
        this.beans = new Beans(service.complaints());
    }

    /**
     * The way to a server.
     *
     * @return settings with their defaults
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
                        && wanted.getPort() == 0) { // the others share the first one's
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
     * The address that the server listens on.
     *
     * @return address and port
     * @throws IOException if it is stopped
     */
    public InetSocketAddress localAddress() throws IOException {
        return Objects.requireNonNull(workers.get(0).channel.localAddress());
    }

    /**
     * Joins a multicast group of either family with every worker's socket, because of those of one port the kernel
     * would otherwise give a datagram for the group to any one; the first worker answers.
     *
     * @param group the group
     * @param networkInterface where
     * @throws IOException if it cannot be joined
     */
    public void join(InetAddress group, NetworkInterface networkInterface) throws IOException {
        for (Worker worker : workers) {
            worker.channel.channel().join(group, networkInterface);
        }
    }

    /**
     * Replies to a request later, from any thread, from the address asked. The copy is from
     * {@link org.pktinfo.DatagramSlot#toDatagram}.
     *
     * @param request the request, received by this server
     * @param payload the reply, from position to limit
     * @throws SendException if it is not sent; also if this server is bound to one address and the request was sent to
     *     another
     * @throws InterruptedIOException if this thread was interrupted before, as by cancelling its task: nothing is sent,
     *     the thread stays interrupted, and the server goes on
     * @throws IOException if the server is stopped
     */
    public void reply(Datagram request, ByteBuffer payload) throws IOException {
        if (Thread.currentThread().isInterrupted()) {
            throw new InterruptedIOException("interrupted before the reply to " + request.peer() + " was sent");
        }
        try {
            workers.get(0).channel.reply(request, payload);
            service.counters().replied.increment();
        } catch (SendException e) {
            service.counters().sendError(e.kind());
            service.complaints().log(e.kind(), e::toString);
            throw e;
        }
    }

    /**
     * What the server has done so far.
     *
     * @return a snapshot
     */
    public ServerStats stats() {
        return service.counters().snapshot(channelStats().stream().reduce(ChannelStats.NONE, ChannelStats::plus));
    }

    /**
     * What went through the channel of each worker so far.
     *
     * @return snapshots, in the order of the workers, also of a server that has stopped
     */
    public List<ChannelStats> channelStats() {
        return workers.stream().map(worker -> worker.channel.stats()).toList();
    }

    /**
     * Shows {@link #stats} as a JMX bean {@code org.pktinfo:type=DatagramServer,name=...} of the platform's
     * MBeanServer, until the server is stopped: one attribute for each number, {@code received} and so on, {@code
     * channelsReceived} and so on for those of {@link ServerStats#channels}, and one for each kind of send error,
     * {@code sendErrorsSourceUnusable} and so on.
     *
     * @param name any text that is not empty, one server's alone
     * @throws IllegalArgumentException if the name is empty
     * @throws IllegalStateException if another bean has this name, or the server is stopped
     * @throws UnsupportedOperationException if the run-time image has no module java.management, or it was not resolved
     */
    public void registerBean(String name) {
        beans.register(name, this::stats);
    }

    /**
     * Takes no more datagrams, and returns when those that were taken are handled and answered. The sockets stay open
     * and bound until {@link #stop}: between the two, {@link #stats} is complete, and a program whose socket was handed
     * over as standard input can still say so (closing {@link System#inheritedChannel}, the JDK closes the standard
     * outputs too). Called by a handler, it waits for nothing; what was taken is answered afterwards.
     *
     * @param patience how long to wait for a handler, or for room in a send buffer
     * @throws IllegalArgumentException if the patience is negative
     */
    public void finish(Duration patience) {
        long deadline = deadline(patience);
        boolean byHandler = isHandler();
        for (Worker worker : workers) {
            worker.finish(byHandler ? 0 : Deadline.left(deadline));
        }
        service.complaints().finish();
    }

    private static long deadline(Duration patience) {
        if (patience.isNegative()) {
            throw new IllegalArgumentException("patience " + patience + " is negative");
        }
        return Deadline.after(patience.compareTo(LONGEST_PATIENCE) > 0 ? LONGEST_PATIENCE : patience);
    }

    /** Whether the current thread is in a handler: it can wait neither for itself nor for another that waits for it. */
    private boolean isHandler() {
        return workers.stream().anyMatch(Worker::isHandling);
    }

    /**
     * Stops: every datagram that was taken is handled and answered first, what is still in the kernel's queue is left
     * there. Waits for the workers' threads to end. Called by a handler, it waits for nothing: each worker that is
     * busy, the handler's own among them, answers what it has taken and closes its socket then.
     *
     * @param patience how long to wait for a handler, or for room in a send buffer; after that the channels are closed
     *     all the same and the replies under way count as failed
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
            worker.stop(Deadline.left(deadline));
        }
        for (Thread thread : threads) {
            join(thread, deadline);
        }
        service.complaints().finish();
    }

    private static void join(Thread thread, long deadline) {
        try {
            thread.join(Math.max(1, Deadline.left(deadline) / 1_000_000));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Stops with five seconds of patience. */
    @Override
    public void close() throws IOException {
        stop(PATIENCE);
    }

    /**
     * Where the server listens.
     *
     * @return for a log
     */
    @Override
    public String toString() {
        return "DatagramServer"
                + workers.stream().map(worker -> worker.channel.toString()).toList();
    }
}
