package org.pktinfo.it.support;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Datagram;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Source;

/**
 * Sends requests to many addresses of an echo server, as many at once as it can, and checks the source address of each
 * reply. It is a client with the JDK's sockets, bound to no address and not connected, so that it sees everything that
 * reaches its host. After {@link #forge} it also sends from other addresses; the replies to those are checked too.
 */
final class Asker {
    private static final int SOCKETS = 4;
    private static final int WINDOW = 64; // datagrams in flight on each socket
    private static final long PATIENCE = TimeUnit.MILLISECONDS.toNanos(20);
    private static final int MAGIC = 0x706b7469;
    private static final int LENGTH = 16;

    private final List<InetSocketAddress> servers;
    private final Random random;
    private final List<DatagramChannel> sockets = new ArrayList<>();
    private final int[] credits = new int[SOCKETS];
    private final ByteBuffer out = ByteBuffer.allocateDirect(LENGTH);
    private final ByteBuffer in = ByteBuffer.allocateDirect(2048);
    private long requests;
    private long replies;
    private long wrong;
    private long malformed;
    private long unsent;
    private long forged;
    private String firstWrong = "";

    private @Nullable PktInfoChannel forger;

    Asker(List<InetSocketAddress> servers, long seed) throws IOException {
        this.servers = servers;
        this.random = new Random(seed);
        for (int i = 0; i < SOCKETS; i++) {
            DatagramChannel socket = DatagramChannel.open();
            socket.bind(new InetSocketAddress(0));
            socket.configureBlocking(false);
            sockets.add(socket);
        }
    }

    /** Returns an endpoint from an address, optionally followed by #port. */
    static InetSocketAddress endpoint(String text, int port) throws IOException {
        String[] parts = text.split("#", 2);
        return new InetSocketAddress(
                InetAddress.getByName(parts[0]), parts.length > 1 ? Integer.parseInt(parts[1]) : port);
    }

    /** Returns its sockets' endpoints, as a server with IPv4 or IPv6 addresses sees them. */
    String endpoints(String ipv4, String ipv6) throws IOException {
        List<String> endpoints = new ArrayList<>();
        for (DatagramChannel socket : sockets) {
            int port = ((InetSocketAddress) socket.getLocalAddress()).getPort();
            endpoints.add(ipv4 + "#" + port);
            endpoints.add(ipv6 + "#" + port);
        }
        return String.join(" ", endpoints);
    }

    /**
     * Sends one request of sixteen from a forged address from now on: from the upper half of 10.9.0.0/24, and from
     * fd00:9::f000 to fd00:9::ffff, for which no neighbour answers.
     */
    void forge() throws IOException {
        forger = PktInfoChannel.open();
        forger.bind(new InetSocketAddress(0));
    }

    private void forge(PktInfoChannel from, int server) throws IOException {
        InetSocketAddress to = servers.get(server);
        IpAddress source = to.getAddress() instanceof Inet4Address
                ? IpAddress.of(InetAddress.getByAddress(new byte[] {10, 9, 0, (byte) (128 + random.nextInt(127))}))
                : new IpAddress(0xfd00_0009_0000_0000L, 0xf000 + random.nextInt(0x1000), 0);
        try {
            from.send(question(server), Endpoint.of(to), Source.of(source));
            forged++;
            for (Datagram reply = from.receive(Duration.ZERO); reply != null; reply = from.receive(Duration.ZERO)) {
                in.clear().put(reply.payload());
                check(reply.peer().toSocketAddress());
            }
        } catch (IOException e) {
            unsent++;
        }
    }

    /**
     * Sends for the given time at most {@code rate} requests a second; 0: as many as are answered. Returns the counts
     * since it was made.
     */
    String ask(long millis, int rate) throws IOException {
        long begin = System.nanoTime();
        long end = begin + TimeUnit.MILLISECONDS.toNanos(millis);
        long before = requests;
        long renewed = begin - PATIENCE;
        for (long now = begin; now < end; now = System.nanoTime()) {
            if (now - renewed >= PATIENCE) { // unanswered requests may be lost by now
                java.util.Arrays.fill(credits, WINDOW);
                renewed = now;
            }
            long allowed = rate == 0 ? Long.MAX_VALUE : (now - begin) / 1000 * rate / 1_000_000;
            boolean idle = true;
            for (int i = 0; i < SOCKETS; i++) {
                idle &= !takeReplies(i);
                idle &= !send(i, allowed - (requests - before));
            }
            if (idle) {
                LockSupport.parkNanos(100_000);
            }
        }
        return "requests " + requests + " replies " + replies + " wrong " + wrong + " malformed " + malformed
                + " unsent " + unsent + " forged " + forged + firstWrong;
    }

    private ByteBuffer question(int server) {
        return out.clear().putInt(MAGIC).putInt(server).putLong(requests).flip();
    }

    private boolean send(int socket, long allowed) throws IOException {
        int count = (int) Math.min(Math.min(credits[socket], 16), allowed);
        for (int i = 0; i < count; i++) {
            int server = random.nextInt(servers.size());
            if (forger != null && random.nextInt(16) == 0) {
                forge(forger, server);
            }
            try {
                sockets.get(socket).send(question(server), servers.get(server));
                requests++;
            } catch (IOException e) { // this host's own interface is down or gone
                unsent++;
            }
            credits[socket]--;
        }
        return count > 0;
    }

    private boolean takeReplies(int socket) throws IOException {
        boolean any = false;
        while (true) {
            in.clear();
            InetSocketAddress from = (InetSocketAddress) sockets.get(socket).receive(in);
            if (from == null) {
                return any;
            }
            any = true;
            credits[socket] = Math.min(WINDOW, credits[socket] + 1);
            check(from);
        }
    }

    private void check(InetSocketAddress from) {
        in.flip();
        if (in.remaining() != LENGTH
                || in.getInt(0) != MAGIC
                || Integer.compareUnsigned(in.getInt(4), servers.size()) >= 0) {
            malformed++;
            return;
        }
        replies++;
        InetSocketAddress asked = servers.get(in.getInt(4));
        if (!from.equals(asked)) {
            if (wrong++ == 0) {
                firstWrong = " first " + asked.getAddress().getHostAddress() + " answered by "
                        + from.getAddress().getHostAddress();
            }
        }
    }
}
