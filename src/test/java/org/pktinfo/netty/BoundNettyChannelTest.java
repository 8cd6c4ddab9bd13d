package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.socket.DatagramPacket;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.IpAddress;
import org.pktinfo.PeerMemory;
import org.pktinfo.SendException;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;

/**
 * A channel that is bound to one address or connected sends from no other, like Netty's own; the source is verified at
 * the client.
 */
@Timeout(60)
class BoundNettyChannelTest extends NettyTest {
    private final Recorder handler = new Recorder();

    private PktInfoDatagramChannel bind(Bootstrap bootstrap, String local) throws Exception {
        ChannelFuture future = bootstrap
                .group(loops)
                .channel(PktInfoDatagramChannel.class)
                .handler(handler)
                .bind(local, 0);
        return opened(future);
    }

    private PktInfoDatagramChannel bind(String local) throws Exception {
        return bind(new Bootstrap(), local);
    }

    private static ByteBuf content() {
        return Unpooled.copiedBuffer("x", StandardCharsets.UTF_8);
    }

    private PktInfoDatagramPacket ask(String destination, PktInfoDatagramChannel server) throws Exception {
        InetSocketAddress to =
                new InetSocketAddress(destination, server.localAddress().getPort());
        client.send(new java.net.DatagramPacket(new byte[1], 1, to));
        return (PktInfoDatagramPacket) handler.next();
    }

    private InetSocketAddress received() throws IOException {
        java.net.DatagramPacket packet = new java.net.DatagramPacket(new byte[9], 9);
        client.receive(packet);
        return (InetSocketAddress) packet.getSocketAddress();
    }

    private void assertLeavesFrom(InetSocketAddress source, PktInfoDatagramChannel channel, Object message)
            throws Exception {
        done(channel.writeAndFlush(message));
        assertThat(received()).isEqualTo(source);
    }

    private static void assertRefused(PktInfoDatagramChannel channel, Object message, String why) throws Exception {
        assertThat(channel.writeAndFlush(message).await().cause())
                .isInstanceOfSatisfying(
                        SendException.class, e -> assertThat(e.kind()).isEqualTo(SendException.Kind.NO_SOURCE))
                .hasMessageContaining(why)
                .hasMessageContaining("bound to " + channel.localAddress());
    }

    /** A relay with an address of its own for the requests that it passes on. */
    @Test
    void aRequestOfAnotherChannelDoesNotMoveOneThatIsBoundToAnAddress() throws Exception {
        PktInfoDatagramChannel asked = bind("0.0.0.0");
        PktInfoDatagramChannel bound = bind("127.0.0.9");
        PktInfoDatagramPacket request = ask("127.0.0.2", asked);
        assertLeavesFrom(bound.localAddress(), bound, new DatagramPacket(content(), request.sender()));
        assertLeavesFrom(
                new InetSocketAddress("127.0.0.2", asked.localAddress().getPort()),
                asked,
                new DatagramPacket(content(), request.sender()));
    }

    @Test
    void aMemoryThatIsSharedDoesNotMoveOneThatIsBoundToAnAddress() throws Exception {
        PeerMemory memory = new PeerMemory();
        PktInfoDatagramChannel asked =
                bind(new Bootstrap().option(PktInfoChannelOption.PEER_MEMORY, memory), "0.0.0.0");
        PktInfoDatagramChannel bound =
                bind(new Bootstrap().option(PktInfoChannelOption.PEER_MEMORY, memory), "127.0.0.9");
        ask("127.0.0.2", asked);
        assertLeavesFrom(bound.localAddress(), bound, new DatagramPacket(content(), clientAddress()));
        assertThat(memory.unknownPeers()).isZero();
    }

    @Test
    void aRequestAtAnotherPortIsNotThisChannels() throws Exception {
        PktInfoDatagramPacket request = ask("127.0.0.2", bind("0.0.0.0"));
        PktInfoDatagramChannel other = bind("0.0.0.0");
        assertLeavesFrom(
                new InetSocketAddress("127.0.0.1", other.localAddress().getPort()),
                other,
                new DatagramPacket(content(), request.sender()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.9", "::1"})
    void aBoundChannelAnswersWhatItIsAskedInEveryWay(String address) throws Exception {
        PktInfoDatagramChannel bound = bind(address);
        PktInfoDatagramPacket request = ask(address, bound);
        InetSocketAddress peer = new InetSocketAddress(
                request.sender().getAddress(), request.sender().getPort());
        for (DatagramPacket answer : List.of(
                new DatagramPacket(content(), request.sender()),
                new DatagramPacket(content(), request.sender(), request.recipient()),
                new DatagramPacket(content(), peer),
                new DatagramPacket(content(), peer, bound.localAddress()),
                request.reply(content()),
                request.reply(content(), SourceSelection.interfacePinned()))) {
            assertLeavesFrom(new InetSocketAddress(address, bound.localAddress().getPort()), bound, answer);
        }
    }

    @Test
    void aSourceThatIsNotTheBoundOneFailsItsOwnPromise() throws Exception {
        PktInfoDatagramPacket request = ask("127.0.0.2", bind("0.0.0.0"));
        PktInfoDatagramChannel bound = bind("127.0.0.9");
        String asked = "the request was sent to 127.0.0.2";
        assertRefused(bound, request.reply(content()), asked);
        assertRefused(bound, request.reply(content(), SourceSelection.interfacePinned()), asked);
        String sender = "the packet's sender is 127.0.0.2";
        assertRefused(bound, new DatagramPacket(content(), request.sender(), request.recipient()), sender);
        assertRefused(bound, new DatagramPacket(content(), clientAddress(), request.recipient()), sender);
        assertLeavesFrom(bound.localAddress(), bound, new DatagramPacket(content(), clientAddress()));
    }

    @Test
    void aSelectionOfTheProgramsOwnMayChooseAnother() throws Exception {
        PktInfoDatagramPacket request = ask("127.0.0.2", bind("0.0.0.0"));
        PktInfoDatagramChannel bound = bind(
                new Bootstrap()
                        .option(
                                PktInfoChannelOption.SOURCE_SELECTION,
                                SourceSelection.fixed(IpAddress.of(InetAddress.getByName("127.0.0.8")))),
                "127.0.0.9");
        int port = bound.localAddress().getPort();
        assertLeavesFrom(
                new InetSocketAddress("127.0.0.2", port),
                bound,
                request.reply(content(), (peer, info) -> Source.of(info.local())));
        PktInfoDatagramPacket own = ask("127.0.0.9", bound);
        assertLeavesFrom(new InetSocketAddress("127.0.0.8", port), bound, new DatagramPacket(content(), own.sender()));
    }

    @Test
    void aConnectedChannelSendsFromWhereItIsConnectedAndHearsThePeerAgain() throws Exception {
        PktInfoDatagramChannel server = bind("0.0.0.0");
        PktInfoDatagramPacket request = ask("127.0.0.2", server);
        done(server.connect(clientAddress()));
        InetSocketAddress own =
                new InetSocketAddress("127.0.0.1", server.localAddress().getPort());
        for (Object message : List.of(
                content(),
                new DatagramPacket(content(), request.sender()),
                new DatagramPacket(content(), clientAddress()),
                new DatagramPacket(content(), clientAddress(), own))) {
            assertLeavesFrom(own, server, message);
            ask("127.0.0.1", server);
        }
        assertThat(server.writeAndFlush(request.reply(content())).await().cause())
                .hasMessageContaining("sent to 127.0.0.2");
        done(server.disconnect());
        assertLeavesFrom(
                new InetSocketAddress("127.0.0.2", own.getPort()),
                server,
                new DatagramPacket(content(), request.sender()));
    }

    @Test
    void aChannelThatIsBoundToABroadcastAddressAnswersFromAnAddressOfTheHost() throws Exception {
        PktInfoDatagramChannel broadcast = bind("127.255.255.255");
        PktInfoDatagramPacket request = ask("127.255.255.255", broadcast);
        InetSocketAddress source =
                new InetSocketAddress("127.0.0.1", broadcast.localAddress().getPort());
        for (DatagramPacket answer : List.of(
                new DatagramPacket(content(), request.sender()),
                new DatagramPacket(content(), request.sender(), request.recipient()),
                new DatagramPacket(content(), clientAddress()),
                request.reply(content()))) {
            assertLeavesFrom(source, broadcast, answer);
        }
    }

    @Test
    void packetsToPeersThatAreNotKnownAreCounted() throws Exception {
        PktInfoDatagramChannel server = bind("0.0.0.0");
        PeerMemory memory = server.config().getOption(PktInfoChannelOption.PEER_MEMORY);
        done(server.writeAndFlush(new DatagramPacket(content(), clientAddress())));
        assertThat(memory.unknownPeers()).isZero();
        PktInfoDatagramPacket request = ask("127.0.0.2", server);
        done(server.writeAndFlush(new DatagramPacket(content(), request.sender())));
        done(server.writeAndFlush(new DatagramPacket(content(), clientAddress())));
        assertThat(memory.unknownPeers()).isZero();
        try (DatagramSocket stranger = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
            done(server.writeAndFlush(
                    new DatagramPacket(content(), (InetSocketAddress) stranger.getLocalSocketAddress())));
        }
        assertThat(memory.unknownPeers()).isEqualTo(1);
    }
}
