package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.SocketProtocolFamily;
import io.netty.channel.socket.nio.NioChannelOption;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.IpAddress;
import org.pktinfo.PacketInfo;
import org.pktinfo.PeerMemory;
import org.pktinfo.SendException;
import org.pktinfo.SourceSelection;

/** All that Netty's own channel does not do, over loopback: the source of each reply is verified at the client. */
@Timeout(60)
class PktInfoDatagramChannelTest extends NettyTest {
    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"})
    void theRecipientIsTheRequestDestinationAndTheReplyLeavesFromThere(String destination) throws Exception {
        Recorder handler = typical();
        PktInfoDatagramChannel server = bind(handler);
        assertAnswered(destination, server);
        DatagramPacket packet = handler.next();
        assertThat(packet.recipient())
                .isEqualTo(new InetSocketAddress(
                        address(destination), server.localAddress().getPort()));
        assertThat(packet.sender().getPort()).isEqualTo(client.getLocalPort());
    }

    /** More peers and destinations than objects are cached, each twice, so that cached objects replace each other. */
    @Test
    void ofManyPeersAndDestinationsEachGetsItsOwnReply() throws Exception {
        Recorder handler = typical();
        PktInfoDatagramChannel server = bind(handler);
        int port = server.localAddress().getPort();
        for (int i = 0; i < 6000; i++) {
            InetAddress peer = address("127.1." + i % 3000 / 200 + "." + (i % 200 + 1));
            InetAddress destination = address("127.2.0." + (i % 97 + 1));
            try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress(peer, 0))) {
                socket.setSoTimeout(5000);
                socket.send(new java.net.DatagramPacket(new byte[] {1}, 1, destination, port));
                java.net.DatagramPacket reply = new java.net.DatagramPacket(new byte[9], 9);
                socket.receive(reply);
                assertThat(reply.getSocketAddress()).isEqualTo(new InetSocketAddress(destination, port));
                DatagramPacket request = handler.next();
                assertThat(request.sender()).isEqualTo(new InetSocketAddress(peer, socket.getLocalPort()));
                assertThat(request.recipient()).isEqualTo(new InetSocketAddress(destination, port));
            }
        }
    }

    @Test
    void aHandlerThatNamesTheRecipientAsSenderIsRightToo() throws Exception {
        PktInfoDatagramChannel server = bind(
                answering((request, content) -> new DatagramPacket(content, request.sender(), request.recipient())));
        assertAnswered("127.0.0.2", server);
        assertAnswered("::1", server);
        send("127.255.255.255", server, "broadcast");
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.1"));
    }

    @Test
    void aHandlerThatNamesTheChannelAsSenderIsRightToo() throws Exception {
        PktInfoDatagramChannel[] server = new PktInfoDatagramChannel[1];
        server[0] = bind(answering(
                (request, content) -> new DatagramPacket(content, request.sender(), server[0].localAddress())));
        assertAnswered("127.0.0.2", server[0]);
        assertAnswered("::1", server[0]);
    }

    @Test
    void aHandlerThatMakesThePeersAddressAnewAnswersFromTheLastRequestDestination() throws Exception {
        PktInfoDatagramChannel server = bind(answering((request, content) -> new DatagramPacket(
                content,
                new InetSocketAddress(
                        request.sender().getAddress(), request.sender().getPort()))));
        assertAnswered("127.0.0.2", server);
        assertAnswered("127.0.0.3", server);
        assertAnswered("::1", server);
    }

    /** Stores and reads back an address, as a session store does. */
    private static InetSocketAddress storedAndReadBack(InetSocketAddress address) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(address);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            return (InetSocketAddress) in.readObject();
        } catch (IOException | ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aPeersAddressThatWasStoredAndReadBackIsAPlainOne() throws Exception {
        PktInfoDatagramChannel server =
                bind(answering((request, content) -> new DatagramPacket(content, storedAndReadBack(request.sender()))));
        assertAnswered("127.0.0.2", server);
        assertAnswered("::1", server);
    }

    /** Both requests are read before either is answered. */
    @Test
    void aPeerThatAsksTwoAddressesAtOnceIsAnsweredFromEach() throws Exception {
        PktInfoDatagramChannel server = bind(bootstrap(typical()).option(ChannelOption.AUTO_READ, false));
        send("127.0.0.2", server, "2");
        send("127.0.0.3", server, "3");
        server.config().setAutoRead(true);
        java.net.DatagramPacket first = receive();
        java.net.DatagramPacket second = receive();
        assertThat(text(first)).isEqualTo("2");
        assertThat(first.getAddress()).isEqualTo(address("127.0.0.2"));
        assertThat(second.getAddress()).isEqualTo(address("127.0.0.3"));
    }

    @Test
    void aGroupIsTheRecipientAndAHostsAddressAnswers() throws Exception {
        Recorder handler = typical();
        PktInfoDatagramChannel server = bind(handler);
        InetAddress group = address("239.255.7.9");
        done(server.joinGroup(group, lo(), null));
        client.setOption(StandardSocketOptions.IP_MULTICAST_IF, lo());
        client.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 0);
        send("239.255.7.9", server, "all");
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.1"));
        PktInfoDatagramPacket packet = (PktInfoDatagramPacket) handler.next();
        assertThat(packet.recipient().getAddress()).isEqualTo(group);
        assertThat(packet.packetInfo().local()).isEqualTo(IpAddress.of(address("127.0.0.1")));
        assertThat(packet.packetInfo().interfaceIndex()).isEqualTo(lo().getIndex());
        done(server.leaveGroup(group, lo(), null));
    }

    @Test
    void aGroupThatOnlyAnotherSocketHasJoinedIsReadIfAllAre() throws Exception {
        String group = "239.255.7.10";
        Recorder handler = new Recorder();
        PktInfoDatagramChannel server = bind(handler);
        client.setOption(StandardSocketOptions.IP_MULTICAST_IF, lo());
        client.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 0);
        try (DatagramSocket other = new DatagramSocket()) {
            other.joinGroup(new InetSocketAddress(address(group), 0), lo());
            send(group, server, "for the other one");
            send("127.0.0.1", server, "for this one");
            assertThat(handler.next().recipient().getAddress()).isEqualTo(address("127.0.0.1"));
            assertThat(server.config().setOption(PktInfoChannelOption.ALL_GROUPS, true))
                    .isTrue();
            assertThat(server.config().getOption(PktInfoChannelOption.ALL_GROUPS))
                    .isTrue();
            send(group, server, "for both");
            assertThat(handler.next().recipient().getAddress()).isEqualTo(address(group));
        }
    }

    @Test
    void groupsWithoutAnInterfaceTakeTheOptionsAndFailWithoutOne() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        InetAddress group = address("239.255.7.10");
        assertThat(server.joinGroup(group).cause())
                .isInstanceOf(SocketException.class)
                .hasMessageContaining("IP_MULTICAST_IF");
        server.config().setOption(ChannelOption.IP_MULTICAST_IF, lo());
        done(server.joinGroup(group));
        done(server.block(group, address("127.0.0.1")));
        done(server.leaveGroup(group));
    }

    @Test
    void theSenderOfAPacketIsItsSource() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        InetSocketAddress source =
                new InetSocketAddress("127.0.0.9", server.localAddress().getPort());
        done(server.writeAndFlush(new DatagramPacket(text("unasked"), clientAddress(), source)));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.9"));
        done(server.writeAndFlush(new DatagramPacket(text("unasked"), clientAddress())));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.1"));
    }

    @Test
    void aSourceThatIsNotTheHostsFailsItsOwnPromiseOnly() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        ChannelFuture first = server.write(new DatagramPacket(text("1"), clientAddress()));
        ChannelFuture bad =
                server.write(new DatagramPacket(text("x"), clientAddress(), new InetSocketAddress("192.0.2.7", 0)));
        ChannelFuture otherFamily =
                server.write(new DatagramPacket(text("x"), clientAddress(), new InetSocketAddress("::1", 0)));
        ChannelFuture last = server.write(new DatagramPacket(text("2"), clientAddress()));
        server.flush();
        done(first);
        done(last);
        assertThat(bad.await().cause())
                .isInstanceOfSatisfying(
                        SendException.class, e -> assertThat(e.kind()).isEqualTo(SendException.Kind.SOURCE_UNUSABLE))
                .hasMessageContaining("source 192.0.2.7");
        assertThat(otherFamily.await().cause()).hasMessageContaining("not of the peer's family");
        assertThat(text(receive()) + text(receive())).isEqualTo("12");
    }

    @Test
    void aReplyKnowsItsRequestWhateverWasAskedSince() throws Exception {
        Recorder handler = new Recorder() {
            @Override
            void received(ChannelHandlerContext context, DatagramPacket packet) {
                packet.retain();
            }
        };
        PktInfoDatagramChannel server = bind(handler);
        send("127.0.0.2", server, "2");
        PktInfoDatagramPacket first = (PktInfoDatagramPacket) handler.next();
        send("127.0.0.3", server, "3");
        PktInfoDatagramPacket second = (PktInfoDatagramPacket) handler.next();
        done(server.writeAndFlush(first.reply(first.content())));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.2"));
        done(server.writeAndFlush(second.reply(text("x"), SourceSelection.fixed(IpAddress.of(address("127.0.0.8"))))));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.8"));
        DatagramPacket again = second.reply(text("x"));
        done(server.writeAndFlush(again.replace(text("y"))));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.3"));
        done(server.writeAndFlush(again.retainedDuplicate()));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.3"));
        done(server.writeAndFlush(again.copy()));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.3"));
        done(server.writeAndFlush(again.duplicate()));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.3"));
        ChannelFuture refused = server.writeAndFlush(second.reply(second.content(), (peer, info) -> {
            throw SendException.noSource(peer, "as meant");
        }));
        assertThat(refused.await().cause()).hasMessageContaining("as meant");
    }

    @Test
    void whatThePacketKnowsItKeeps() throws Exception {
        Recorder handler = new Recorder() {
            @Override
            void received(ChannelHandlerContext context, DatagramPacket packet) {
                packet.retain();
            }
        };
        PktInfoDatagramChannel server =
                bind(bootstrap(handler).option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(4)));
        send("127.0.0.2", server, "abcdef");
        PktInfoDatagramPacket packet = (PktInfoDatagramPacket) handler.next();
        PacketInfo info = packet.packetInfo();
        assertThat(info.destination()).isEqualTo(IpAddress.of(address("127.0.0.2")));
        assertThat(packet.isTruncated()).isTrue();
        assertThat(packet.wireLength()).isEqualTo(6);
        assertThat(packet.content().toString(StandardCharsets.UTF_8)).isEqualTo("abcd");
        PktInfoDatagramPacket copy = packet.copy();
        PktInfoDatagramPacket replaced = packet.replace(text("something longer"));
        PktInfoDatagramPacket retained = packet.retainedDuplicate();
        for (PktInfoDatagramPacket each : List.of(
                copy,
                replaced,
                retained,
                packet.duplicate(),
                packet.retain(),
                packet.retain(2),
                packet.touch(),
                packet.touch("here"))) {
            assertThat(each.packetInfo()).isSameAs(info);
            assertThat(each.isTruncated()).isTrue();
            assertThat(each.wireLength()).isEqualTo(6);
            assertThat(each.recipient()).isSameAs(packet.recipient());
            assertThat(each.sender()).isSameAs(packet.sender());
        }
        copy.release();
        replaced.release();
        retained.release();
        packet.release(4);
    }

    @Test
    void theSourceSelectionIsAnOption() throws Exception {
        PktInfoDatagramChannel server = bind(
                bootstrap(typical()).option(PktInfoChannelOption.SOURCE_SELECTION, SourceSelection.systemChoice()));
        send("127.0.0.2", server, "x");
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.1"));
        server.config().setOption(PktInfoChannelOption.SOURCE_SELECTION, SourceSelection.interfacePinned());
        assertAnswered("127.0.0.2", server);
        server.config()
                .setOption(
                        PktInfoChannelOption.SOURCE_SELECTION,
                        SourceSelection.fixed(IpAddress.of(address("127.0.0.7"))));
        send("127.0.0.2", server, "x");
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.7"));
    }

    @Test
    void channelsMayShareAMemory() throws Exception {
        PeerMemory memory = new PeerMemory(64, Duration.ofMinutes(1));
        Recorder handler = new Recorder();
        PktInfoDatagramChannel asked = bind(bootstrap(handler).option(PktInfoChannelOption.PEER_MEMORY, memory));
        PktInfoDatagramChannel other = bind(bootstrap(new Recorder()).option(PktInfoChannelOption.PEER_MEMORY, memory));
        send("127.0.0.5", asked, "x");
        handler.next();
        done(other.writeAndFlush(new DatagramPacket(text("y"), clientAddress())));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.5"));
        assertThat(other.config().getOption(PktInfoChannelOption.PEER_MEMORY)).isSameAs(memory);
    }

    @Test
    void optionsOutOfRangeAreNamed() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        for (int size : new int[] {0, -1, 1025}) {
            assertThatThrownBy(() -> server.config().setOption(PktInfoChannelOption.BATCH_SIZE, size))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("batch size " + size + " is not in 1 to 1024");
        }
        assertThat(server.config().getOptions())
                .containsEntry(PktInfoChannelOption.BATCH_SIZE, 32)
                .containsEntry(PktInfoChannelOption.COALESCE_WRITES, true)
                .containsEntry(PktInfoChannelOption.SHARE_READ_BUFFER, false)
                .containsEntry(PktInfoChannelOption.SOURCE_SELECTION, SourceSelection.requestDestination())
                .containsKey(PktInfoChannelOption.PEER_MEMORY);
        assertThat(server.config().getOption(PktInfoChannelOption.COALESCE_WRITES))
                .isTrue();
    }

    /** Netty's NIO channel inverts this option. */
    @Test
    void loopbackOfGroupsIsDisabledByTheOptionThatSaysSo() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        assertThat(server.config().getOption(ChannelOption.IP_MULTICAST_LOOP_DISABLED))
                .isFalse();
        server.config().setOption(ChannelOption.IP_MULTICAST_LOOP_DISABLED, true);
        assertThat(server.config().getOption(NioChannelOption.of(StandardSocketOptions.IP_MULTICAST_LOOP)))
                .isFalse();
    }

    @Test
    void ipv4OnlyAndAroundAChannelThatExists() throws Exception {
        try (DatagramChannel jdk = DatagramChannel.open()) {
            PktInfoDatagramChannel around = bind(bootstrap(typical(), () -> new PktInfoDatagramChannel(jdk)));
            assertAnswered("127.0.0.2", around);
        }
        PktInfoDatagramChannel ipv4 =
                bind(bootstrap(typical(), () -> new PktInfoDatagramChannel(SocketProtocolFamily.INET)));
        assertAnswered("127.0.0.2", ipv4);
        assertThat(ipv4.writeAndFlush(new DatagramPacket(text("x"), new InetSocketAddress("::1", 9)))
                        .await()
                        .cause())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("IPv4 only");
        assertThatThrownBy(() -> new PktInfoDatagramChannel(SocketProtocolFamily.UNIX))
                .isInstanceOf(UnsupportedOperationException.class);
        DatagramChannel closed = DatagramChannel.open();
        closed.close();
        assertThatThrownBy(() -> new PktInfoDatagramChannel(closed)).isInstanceOf(ChannelException.class);
    }
}
