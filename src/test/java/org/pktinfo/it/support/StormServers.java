package org.pktinfo.it.support;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;
import org.pktinfo.Datagram;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.SendException;
import org.pktinfo.SourceSelection;
import org.pktinfo.server.DatagramServer;
import org.pktinfo.server.ServerStats;

/** Echoes for {@link Asker}: a server for all addresses, servers bound to one address each, connected channels. */
final class StormServers {
    private final List<DatagramServer> servers = new ArrayList<>();
    private final List<PktInfoChannel> connected = new ArrayList<>(); // each has a thread
    private final Map<String, LongAdder> counts = new ConcurrentSkipListMap<>(); // of the threads

    void serve(InetSocketAddress local, SourceSelection selection) throws IOException {
        servers.add(DatagramServer.builder()
                .bind(local)
                .payloadCapacity(1500)
                .start(slot -> slot.reply(slot.length(), selection)));
    }

    /** Connects a channel; several share one address and port, as each has a peer of its own. */
    void connect(InetSocketAddress local, InetSocketAddress peer) throws IOException {
        PktInfoChannel channel = PktInfoChannel.open(PktInfoChannel.Family.DUAL_STACK, 1500);
        channel.jdkChannel().setOption(StandardSocketOptions.SO_REUSEADDR, true);
        channel.bind(local);
        channel.jdkChannel().connect(peer);
        connected.add(channel);
        Thread thread = new Thread(() -> echo(channel), "connected");
        thread.setDaemon(true);
        thread.start();
    }

    private void echo(PktInfoChannel channel) {
        while (channel.isOpen()) {
            try {
                Datagram request = channel.receive(Duration.ofSeconds(1));
                if (request != null) {
                    channel.reply(request, ByteBuffer.wrap(request.payload()));
                    count("replied");
                }
            } catch (SendException e) {
                count(e.kind().name());
            } catch (IOException e) {
                count(e.toString());
            }
        }
    }

    private void count(String what) {
        counts.computeIfAbsent(what, name -> new LongAdder()).increment();
    }

    /** Returns the counters of the server for all addresses. */
    ServerStats stats() {
        return servers.get(0).stats();
    }

    /** Returns the counters of all others, by outcome: the number sent, and the reasons why the rest was not. */
    String others() {
        Map<String, Long> bound = new TreeMap<>();
        for (DatagramServer server : servers.stream().skip(1).toList()) {
            ServerStats stats = server.stats();
            bound.merge("replied", stats.replied(), Long::sum);
            bound.merge("receiveErrors", stats.receiveErrors(), Long::sum);
            stats.sendErrors().forEach((kind, number) -> bound.merge(kind.name(), number, Long::sum));
        }
        return "bound " + bound + ", connected " + counts;
    }
}
