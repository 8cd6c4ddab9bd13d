package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.Datagram;
import org.pktinfo.Endpoint;
import org.pktinfo.PacketReport;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.Requires;
import org.pktinfo.SendOptions;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.CommandLoop;
import org.pktinfo.it.support.TwoHosts;
import org.pktinfo.netty.PktInfoChannelOption;
import org.pktinfo.netty.PktInfoDatagramChannel;
import org.pktinfo.netty.PktInfoDatagramPacket;
import org.pktinfo.server.DatagramServer;
import org.pktinfo.socket.PktInfoDatagramSocket;

/**
 * The facts of a request and the header fields of its reply, through each adapter and across a network: the server
 * replies with the traffic class of the request, and with a hop limit of one less than the request arrived with.
 */
@Timeout(120)
class AdapterFactsIT extends TwoHosts {
    private static final int UDP_PORT = 7002;

    /** A server on one of the adapters. */
    static final class Mirror {
        public static void main(String[] arguments) throws Exception {
            switch (arguments[0]) {
                case "netty" -> netty();
                case "server" -> server();
                case "socket" -> socket();
                default -> throw new IllegalArgumentException(arguments[0]);
            }
        }

        private static SendOptions mirrored(int trafficClass, int hopLimit) {
            return SendOptions.NONE.withTrafficClass(trafficClass).withHopLimit(hopLimit - 1);
        }

        private static void netty() throws Exception {
            new Bootstrap()
                    .group(new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory()))
                    .channel(PktInfoDatagramChannel.class)
                    .option(PktInfoChannelOption.of(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS), true)
                    .option(PktInfoChannelOption.of(PktInfoSocketOptions.RECEIVE_HOP_LIMIT), true)
                    .handler(new SimpleChannelInboundHandler<PktInfoDatagramPacket>() {
                        @Override
                        @SuppressWarnings("FutureReturnValueIgnored") // the client sees the outcome
                        protected void channelRead0(ChannelHandlerContext context, PktInfoDatagramPacket packet) {
                            context.writeAndFlush(packet.reply(
                                    packet.content().retain(),
                                    SourceSelection.requestDestination(),
                                    mirrored(
                                            packet.facts().trafficClass(),
                                            packet.facts().hopLimit())));
                        }
                    })
                    .bind(UDP_PORT)
                    .sync();
            System.out.println("ready");
        }

        private static void server() throws Exception {
            DatagramServer server = DatagramServer.builder()
                    .bind(new InetSocketAddress(UDP_PORT))
                    .option(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true)
                    .option(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true)
                    .start(request -> {
                        SendOptions options = mirrored(
                                request.facts().trafficClass(), request.facts().hopLimit());
                        request.reply(request.length());
                        request.sendOptions(options);
                    });
            System.out.println("ready " + server.localAddress().getPort());
        }

        private static void socket() throws IOException {
            try (PktInfoDatagramSocket socket = new PktInfoDatagramSocket(UDP_PORT)) {
                socket.setOption(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true);
                socket.setOption(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true);
                System.out.println("ready");
                DatagramPacket packet = new DatagramPacket(new byte[100], 100);
                while (true) {
                    PacketReport report = socket.receiveReport(packet);
                    socket.send(
                            packet,
                            mirrored(
                                    report.facts().trafficClass(),
                                    report.facts().hopLimit()));
                }
            }
        }
    }

    /** Sends a request for each line of address, DSCP, ECN and hop limit; prints the reply's source and fields. */
    static final class Asking {
        public static void main(String[] arguments) throws IOException {
            try (PktInfoChannel channel = PktInfoChannel.open()
                    .setOption(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true)
                    .setOption(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true)
                    .bind(new InetSocketAddress(0))) {
                CommandLoop.run(words -> {
                    InetSocketAddress to = new InetSocketAddress(InetAddress.getByName(words[0]), UDP_PORT);
                    SendOptions options = new SendOptions(
                            Integer.parseInt(words[1]), Integer.parseInt(words[2]), Integer.parseInt(words[3]));
                    channel.send(ByteBuffer.wrap(new byte[5]), Endpoint.of(to), Source.systemChoice(), options);
                    return text(channel.receive(Duration.ofSeconds(5)));
                });
            }
        }

        private static String text(Datagram reply) {
            return reply == null
                    ? "nothing"
                    : reply.peer().address() + " " + reply.facts().dscp() + " "
                            + reply.facts().ecn() + " " + reply.facts().hopLimit();
        }
    }

    private ChildProcess start(String host, Path java, Class<?> program, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(
                List.of(java.toString(), "-cp", System.getProperty("java.class.path"), program.getName()));
        command.addAll(List.of(arguments));
        return ChildProcess.start(hosts.inside(host, command.toArray(String[]::new)));
    }

    @ParameterizedTest
    @CsvSource({"netty, 17", "server, 17", "socket, 17", "netty, 25", "server, 25", "socket, 25"})
    void theReplyHasTheFieldsThatItsRequestDetermines(String adapter, int jdk) throws Exception {
        connect();
        Path java = jdk == 25 ? Requires.jdk25() : ChildProcess.java();
        try (ChildProcess server = start("server", java, Mirror.class, adapter);
                ChildProcess asking = start("client", ChildProcess.java(), Asking.class)) {
            server.awaitOut(line -> line.startsWith("ready"));
            for (String destination :
                    List.of("10.9.0.2", "10.99.0.1", "10.9.0.1", "fd00:9::2", "fd99::1", "fd00:9::1")) {
                for (String fields : List.of("46 2 64", "0 1 200", "10 0 3")) {
                    String[] sent = fields.split(" ", -1);
                    assertThat(asking.say(destination + " " + fields))
                            .as("%s", server)
                            .isEqualTo(destination + " " + sent[0] + " " + sent[1] + " "
                                    + (Integer.parseInt(sent[2]) - 1));
                }
            }
        }
    }
}
