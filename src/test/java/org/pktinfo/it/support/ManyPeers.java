package org.pktinfo.it.support;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.pktinfo.Datagram;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Source;

/**
 * Sends requests as thousands of peers: from every address in the upper half of 10.9.0.0/24, which are local routes of
 * its host, and from as many ports as needed. Each peer sends to one of the server's addresses and checks the source of
 * the reply.
 */
final class ManyPeers {
    private static final int ADDRESSES = 127;
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(5);

    private final List<PktInfoChannel> sockets = new ArrayList<>(); // each for as many peers as there are addresses

    /** Sends a request as each of {@code count} peers, from the peer number {@code first} on. */
    void ask(int first, int count, int port, List<String> asked) throws IOException {
        for (int peer = first; peer < first + count; peer++) {
            while (sockets.size() <= peer / ADDRESSES) {
                sockets.add(PktInfoChannel.open(PktInfoChannel.Family.IPV4, 100).bind(new InetSocketAddress(0)));
            }
            byte[] address = {10, 9, 0, (byte) (128 + peer % ADDRESSES)};
            InetSocketAddress server =
                    new InetSocketAddress(InetAddress.getByName(asked.get(peer % asked.size())), port);
            sockets.get(peer / ADDRESSES)
                    .send(
                            ByteBuffer.allocate(4).putInt(peer).flip(),
                            Endpoint.of(server),
                            Source.of(IpAddress.of(InetAddress.getByAddress(address))));
        }
    }

    /** Waits for that many answers; returns how many came from the request destination, and the other sources. */
    String collect(int count, List<String> asked) throws IOException {
        Map<String, Integer> others = new TreeMap<>();
        int right = 0;
        int came = 0;
        long end = System.nanoTime() + PATIENCE;
        while (came < count && System.nanoTime() < end) {
            boolean idle = true;
            for (PktInfoChannel socket : sockets) {
                for (Datagram answer = socket.receive(Duration.ZERO); answer != null; ) {
                    int peer = ByteBuffer.wrap(answer.payload()).getInt();
                    String source = answer.peer().address().toString();
                    if (source.equals(asked.get(peer % asked.size()))) {
                        right++;
                    } else {
                        others.merge(source, 1, Integer::sum);
                    }
                    came++;
                    idle = false;
                    answer = socket.receive(Duration.ZERO);
                }
            }
            if (idle) {
                LockSupport.parkNanos(100_000);
            }
        }
        return "right " + right + " others " + others;
    }
}
