package org.pktinfo.it;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Asks many addresses of a server that echoes, as many at once as it can, and checks where each reply comes from. A plain client
 * of the JDK, its sockets bound to no address and not connected, so that it sees whatever reaches its host.
 */
final class Asker {
    private static final int SOCKETS = 4;
    private static final int WINDOW = 64; // datagrams under way on each socket
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
    private String firstWrong = "";

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

    /** For so long, at most so many requests a second; 0: as many as are answered. What was counted since it was made. */
    String ask(long millis, int rate) throws IOException {
        long begin = System.nanoTime();
        long end = begin + TimeUnit.MILLISECONDS.toNanos(millis);
        long before = requests;
        long renewed = begin - PATIENCE;
        for (long now = begin; now < end; now = System.nanoTime()) {
            if (now - renewed >= PATIENCE) { // what is not answered by now may be lost
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
                + " unsent " + unsent + firstWrong;
    }

    private boolean send(int socket, long allowed) throws IOException {
        int count = (int) Math.min(Math.min(credits[socket], 16), allowed);
        for (int i = 0; i < count; i++) {
            int server = random.nextInt(servers.size());
            out.clear();
            out.putInt(MAGIC).putInt(server).putLong(requests).flip();
            try {
                sockets.get(socket).send(out, servers.get(server));
                requests++;
            } catch (IOException e) { // this host's own interface is away
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
