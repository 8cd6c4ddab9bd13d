package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.unix.SegmentedDatagramPacket;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Datagram;
import org.pktinfo.Endpoint;
import org.pktinfo.Fragmentation;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.ReceivedFacts;
import org.pktinfo.SendOptions;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;

/** Options of the socket, facts of packets read, and header fields of packets written, as a peer sees them. */
@Timeout(60)
class NettyFactsTest extends NettyTest {
    private PktInfoChannel peer;

    @BeforeEach
    void openPeer() throws IOException {
        peer = PktInfoChannel.open()
                .setOption(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS, true)
                .setOption(PktInfoSocketOptions.RECEIVE_HOP_LIMIT, true)
                .bind(new InetSocketAddress(0));
    }

    @AfterEach
    void closePeer() throws IOException {
        peer.close();
    }

    private void ask(PktInfoDatagramChannel server, String destination, SendOptions options) throws IOException {
        InetSocketAddress to = new InetSocketAddress(
                address(destination), server.localAddress().getPort());
        peer.send(ByteBuffer.wrap(new byte[] {1, 2, 3}), Endpoint.of(to), Source.systemChoice(), options);
    }

    private Datagram next() throws IOException {
        Datagram datagram = peer.receive(Duration.ofSeconds(5));
        assertThat(datagram).as("a datagram in time").isNotNull();
        return datagram;
    }

    private InetSocketAddress peerAddress() throws IOException {
        return new InetSocketAddress(address("127.0.0.1"), peer.localAddress().getPort());
    }

    /** Returns a text of the datagram's length and header fields. */
    private String seen() throws IOException {
        Datagram datagram = next();
        ReceivedFacts facts = datagram.facts();
        return datagram.payload().length + " " + facts.dscp() + " " + facts.ecn() + " " + facts.hopLimit();
    }

    @Test
    void optionsOfTheSocketAreSetByTheBootstrapReadAndListed() throws Exception {
        PktInfoDatagramChannel server = bind(bootstrap(new Recorder())
                .option(PktInfoChannelOption.of(PktInfoSocketOptions.RECEIVE_HOP_LIMIT), true)
                .option(PktInfoChannelOption.of(PktInfoSocketOptions.FRAGMENTATION), Fragmentation.DO));
        assertThat(server.config().getOption(PktInfoChannelOption.of(PktInfoSocketOptions.RECEIVE_HOP_LIMIT)))
                .isTrue();
        assertThat(server.config().getOption(PktInfoChannelOption.of(PktInfoSocketOptions.RECEIVE_TIME)))
                .isFalse();
        assertThat(server.config()
                        .setOption(PktInfoChannelOption.of(PktInfoSocketOptions.FRAGMENTATION), Fragmentation.PROBE))
                .isTrue();
        for (SocketOption<?> option : PktInfoSocketOptions.all()) {
            if (!option.equals(PktInfoSocketOptions.COALESCE_RECEIVED)) {
                assertThat(server.config().getOptions()).containsKey(PktInfoChannelOption.of(option));
            }
        }
        assertThat(server.config().getOptions())
                .containsEntry(PktInfoChannelOption.of(PktInfoSocketOptions.FRAGMENTATION), Fragmentation.PROBE)
                .containsEntry(PktInfoChannelOption.of(PktInfoSocketOptions.BIND_TO_DEVICE), "");
        assertThat(PktInfoChannelOption.of(PktInfoSocketOptions.RECEIVE_ALL_GROUPS))
                .isSameAs(PktInfoChannelOption.ALL_GROUPS);
    }

    @Test
    void anOptionThatIsNotForPacketsIsRefused() {
        assertThatThrownBy(() -> PktInfoChannelOption.of(PktInfoSocketOptions.COALESCE_RECEIVED))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a packet is one datagram");
        assertThatThrownBy(() -> PktInfoChannelOption.of(StandardSocketOptions.SO_RCVBUF))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("NioChannelOption");
    }

    @Test
    void anOptionThatCannotBeSetFailsAsNettysDo() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        ChannelOption<Integer> polling = PktInfoChannelOption.of(PktInfoSocketOptions.BUSY_POLL);
        ChannelOption<String> device = PktInfoChannelOption.of(PktInfoSocketOptions.BIND_TO_DEVICE);
        assertThatThrownBy(() -> server.config().setOption(polling, -1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("BUSY_POLL -1");
        assertThatThrownBy(() -> server.config().setOption(polling, null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> server.config().setOption(device, "none0"))
                .isInstanceOf(ChannelException.class)
                .hasCauseInstanceOf(SocketException.class)
                .hasMessageContaining("none0");
        ChannelFuture failed = bootstrap(new Recorder()).option(device, "none0").bind(0);
        assertThat(failed.await(5000)).isTrue();
        assertThat(failed.cause()).isInstanceOf(ChannelException.class).hasMessageContaining("none0");
        assertThat(failed.channel().isOpen()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void aPacketHasTheFactsThatWereAskedForAndItsCopiesToo(String destination) throws Exception {
        Recorder handler = new Recorder();
        PktInfoDatagramChannel server = bind(bootstrap(handler)
                .option(PktInfoChannelOption.of(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS), true)
                .option(PktInfoChannelOption.of(PktInfoSocketOptions.RECEIVE_HOP_LIMIT), true));
        ask(server, destination, new SendOptions(10, 2, 77));
        PktInfoDatagramPacket packet = (PktInfoDatagramPacket) handler.next();
        ReceivedFacts facts = new ReceivedFacts(10 << 2 | 2, 77, null, null, -1, -1);
        assertThat(packet.facts()).isEqualTo(facts);
        assertThat(packet.replace(Unpooled.EMPTY_BUFFER).facts()).isEqualTo(facts);
        PktInfoDatagramPacket made = new PktInfoDatagramPacket(
                text("x"), packet.recipient(), packet.sender(), packet.packetInfo(), 1, facts);
        PktInfoDatagramPacket copy = made.copy();
        assertThat(copy.facts()).isEqualTo(facts);
        assertThat(made.duplicate().facts()).isEqualTo(facts);
        assertThat(made.retainedDuplicate().facts()).isEqualTo(facts);
        copy.release();
        made.release(2);
    }

    @Test
    void aPacketWithoutFactsSharesOneObjectThatSaysSo() throws Exception {
        Recorder handler = new Recorder();
        PktInfoDatagramChannel server = bind(handler);
        ask(server, "127.0.0.2", new SendOptions(10, 2, 77));
        assertThat(((PktInfoDatagramPacket) handler.next()).facts()).isSameAs(ReceivedFacts.NONE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "::1"})
    void aReplyHasFieldsOfItsOwnAndLeavesFromTheRequestDestination(String destination) throws Exception {
        PktInfoDatagramChannel server = bind(bootstrap(answering((request, content) -> request.reply(
                        content,
                        SourceSelection.requestDestination(),
                        SendOptions.NONE
                                .withTrafficClass(request.facts().trafficClass())
                                .withHopLimit(99))))
                .option(PktInfoChannelOption.of(PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS), true));
        ask(server, destination, new SendOptions(46, 1, -1));
        Datagram reply = next();
        assertThat(reply.facts()).isEqualTo(new ReceivedFacts(46 << 2 | 1, 99, null, null, -1, -1));
        assertThat(reply.peer().address().toInetAddress()).isEqualTo(address(destination));
    }

    @Test
    void neighboursKeepTheirOrderAndEachItsFields() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        List<ChannelFuture> futures = new ArrayList<>();
        SendOptions marked = new SendOptions(8, -1, 33);
        futures.add(server.write(new DatagramPacket(text("1"), peerAddress())));
        futures.add(server.write(new OptionsPacket(text("22"), peerAddress(), marked)));
        futures.add(server.write(new OptionsPacket(text("33"), peerAddress(), marked.withHopLimit(34))));
        futures.add(server.write(new OptionsPacket(text("44"), peerAddress(), marked)));
        futures.add(server.write(new OptionsPacket(text("55"), peerAddress(), marked)));
        futures.add(server.writeAndFlush(new DatagramPacket(text("66"), peerAddress())));
        for (ChannelFuture future : futures) {
            done(future);
        }
        String usual = seen();
        assertThat(usual).startsWith("1 0 0 ");
        assertThat(List.of(seen(), seen(), seen(), seen(), seen()))
                .containsExactly("2 8 0 33", "2 8 0 34", "2 8 0 33", "2 8 0 33", usual.replaceFirst("1", "2"));
    }

    @Test
    void aSegmentedPacketMayHaveFieldsAndASourceOfItsOwn() throws Exception {
        PktInfoDatagramChannel server = bind(bootstrap(new Recorder()).option(PktInfoChannelOption.BATCH_SIZE, 2));
        InetSocketAddress source = new InetSocketAddress("127.0.0.6", 0);
        SendOptions fields = new SendOptions(-1, 2, -1);
        done(server.writeAndFlush(
                new OptionsPacket(buffers.buffer().writeZero(50), 20, peerAddress(), source, fields)));
        done(server.writeAndFlush(OptionsPacket.of(
                new SegmentedDatagramPacket(buffers.buffer().writeZero(50), 20, peerAddress(), source), fields)));
        for (int length : new int[] {20, 20, 10, 20, 20, 10}) {
            Datagram datagram = next();
            assertThat(datagram.payload()).hasSize(length);
            assertThat(datagram.facts().trafficClass()).isEqualTo(2);
            assertThat(datagram.peer().address().toInetAddress()).isEqualTo(address("127.0.0.6"));
        }
    }

    @Test
    void aHandlerMayGiveFieldsToWhatACodecWrites() throws Exception {
        PktInfoDatagramChannel server = bind(
                answering((request, content) -> OptionsPacket.of(request.reply(content), new SendOptions(5, 3, -1))));
        ask(server, "127.0.0.3", SendOptions.NONE);
        Datagram reply = next();
        assertThat(reply.facts().trafficClass()).isEqualTo(5 << 2 | 3);
        assertThat(reply.peer().address().toInetAddress()).isEqualTo(address("127.0.0.3"));
    }

    @Test
    void copiesOfAPacketKeepItsFields() throws Exception {
        SendOptions fields = new SendOptions(1, 2, 3);
        OptionsPacket packet = new OptionsPacket(text("content"), 4, peerAddress(), peerAddress(), fields);
        OptionsPacket copy = packet.copy();
        for (OptionsPacket each :
                List.of(copy, packet.duplicate(), packet.retainedDuplicate(), packet.replace(Unpooled.EMPTY_BUFFER))) {
            assertThat(each.options()).isEqualTo(fields);
            assertThat(each.segmentSize()).isEqualTo(4);
            assertThat(each.recipient()).isEqualTo(peerAddress());
            assertThat(each.sender()).isEqualTo(peerAddress());
        }
        copy.release();
        packet.release(2);
        assertThatThrownBy(() -> new OptionsPacket(Unpooled.EMPTY_BUFFER, -1, peerAddress(), null, fields))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("-1");
    }
}
