package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.pktinfo.DatagramBatch;
import org.pktinfo.Endpoint;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.Source;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Namespaces;
import org.pktinfo.it.support.Opened;
import org.pktinfo.server.DatagramServer;

/**
 * A send buffer that is full because the device is slow, and one that is full because neighbours do not exist.
 *
 * <pre>
 *   client, 10.9.0.2/16 --- 10.9.0.1/16, server
 * </pre>
 */
@Timeout(120)
class RoomIT {
    private static final int PORT = 7100;
    private static final int LENGTH = 1400;

    /**
     * Sends from a socket with a small buffer. Takes the number of datagrams, the number of hosts, the first host's
     * address, and the patience in milliseconds.
     */
    static final class Sender {
        public static void main(String[] arguments) throws Exception {
            int count = Integer.parseInt(arguments[0]);
            int hosts = Integer.parseInt(arguments[1]);
            int first = ByteBuffer.wrap(InetAddress.getByName(arguments[2]).getAddress())
                    .getInt();
            try (PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
                channel.jdkChannel().setOption(StandardSocketOptions.SO_SNDBUF, 20_000);
                DatagramBatch batch = channel.newBatch(count, LENGTH);
                batch.coalesceReplies(false);
                for (int i = 0; i < count; i++) {
                    byte[] address =
                            ByteBuffer.allocate(4).putInt(first + i % hosts).array();
                    Endpoint peer = Endpoint.of(new InetSocketAddress(InetAddress.getByAddress(address), PORT));
                    batch.put(ByteBuffer.allocate(LENGTH), peer, Source.systemChoice());
                }
                long start = System.nanoTime();
                int sent = batch.send(Duration.ofMillis(Long.parseLong(arguments[3])), Duration.ofSeconds(60));
                boolean longerThanANeighbour = System.nanoTime() - start > 2_900_000_000L;
                System.out.println("sent " + sent + " of " + count + " waits "
                        + channel.stats().sendWaits() + (longerThanANeighbour ? " long" : " short"));
            }
        }
    }

    /** Counts the datagrams that arrive at the port, until the given number has arrived or none for ten seconds. */
    static final class Counter {
        public static void main(String[] arguments) throws Exception {
            int wanted = Integer.parseInt(arguments[0]);
            int count = 0;
            try (DatagramSocket socket = new DatagramSocket(PORT)) {
                socket.setSoTimeout(10_000);
                socket.setReceiveBufferSize(4 << 20);
                System.out.println("ready");
                for (; count < wanted; count++) {
                    socket.receive(new DatagramPacket(new byte[LENGTH], LENGTH));
                }
            } catch (SocketTimeoutException e) {
                // the missing ones do not arrive any more
            }
            System.out.println("counted " + count);
        }
    }

    /** Counts the server's replies to the given number of requests that are sent at once. */
    static final class Asker {
        public static void main(String[] arguments) throws Exception {
            int count = Integer.parseInt(arguments[0]);
            int replies = 0;
            try (DatagramSocket socket = new DatagramSocket()) {
                socket.setSoTimeout(10_000);
                socket.setReceiveBufferSize(4 << 20);
                InetAddress server = InetAddress.getByName("10.9.0.1");
                for (int i = 0; i < count; i++) {
                    socket.send(new DatagramPacket(new byte[1], 1, server, PORT));
                }
                for (; replies < count; replies++) {
                    socket.receive(new DatagramPacket(new byte[LENGTH], LENGTH));
                }
            } catch (SocketTimeoutException e) {
                // the missing ones do not arrive any more
            }
            System.out.println("answered " + replies);
        }
    }

    /** A server with long replies. */
    static final class Server {
        public static void main(String[] arguments) throws Exception {
            DatagramServer server =
                    DatagramServer.builder().bind(new InetSocketAddress(PORT)).start(request -> request.reply(LENGTH));
            System.out.println("ready on " + server.localAddress());
        }
    }

    @RegisterExtension
    final Opened opened = new Opened();

    private Namespaces hosts;

    @BeforeEach
    void connect() throws Exception {
        hosts = opened.add(new Namespaces());
        Requires.tool("tc");
        hosts.host("client");
        hosts.host("server");
        hosts.cable("client", "c0", "server", "s0");
        hosts.address("client", "c0", "10.9.0.2/16");
        hosts.address("server", "s0", "10.9.0.1/16");
    }

    private List<String> program(String host, Class<?> program, String... arguments) {
        List<String> command = hosts.inside(
                host, ChildProcess.java().toString(), "-cp", System.getProperty("java.class.path"), program.getName());
        command.addAll(List.of(arguments));
        return command;
    }

    private void slowDown() {
        hosts.in("server", "tc qdisc add dev s0 root tbf rate 3mbit burst 3000 limit 10000000");
    }

    @Test
    void roomIsWaitedForAsLongAsASlowDeviceDrainsTheBuffer() throws Exception {
        slowDown();
        try (ChildProcess counter = ChildProcess.start(program("client", Counter.class, "200"))) {
            counter.awaitOut(line -> line.equals("ready"));
            ChildProcess sender = ChildProcess.run(program("server", Sender.class, "200", "1", "10.9.0.2", "2000"));
            assertThat(sender.out()).as("%s", sender).containsExactly("sent 200 of 200 waits 1 short");
            assertThat(counter.awaitOut(line -> line.startsWith("counted"))).isEqualTo("counted 200");
        }
    }

    @Test
    void roomIsNotWaitedForWhereNothingDrainsTheBuffer() throws Exception {
        ChildProcess sender = ChildProcess.run(program("server", Sender.class, "100", "100", "10.9.1.1", "100"));
        assertThat(sender.out())
                .as("%s", sender)
                .singleElement()
                .asString()
                .matches("sent \\d\\d? of 100 waits 1 short");
    }

    @Test
    void noReplyOfABurstToASlowDeviceIsDropped() throws Exception {
        slowDown();
        try (ChildProcess server = ChildProcess.start(program("server", Server.class))) {
            server.awaitOut(line -> line.startsWith("ready"));
            ChildProcess client = ChildProcess.run(program("client", Asker.class, "200"));
            assertThat(client.out()).as("%s", client).containsExactly("answered 200");
        }
    }
}
