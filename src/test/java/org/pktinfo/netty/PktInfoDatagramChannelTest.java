package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledHeapByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.SocketProtocolFamily;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.unix.SegmentedDatagramPacket;
import io.netty.util.concurrent.Future;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.logging.Logger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.IpAddress;
import org.pktinfo.PacketInfo;
import org.pktinfo.PeerMemory;
import org.pktinfo.SendException;
import org.pktinfo.SourceSelection;

/** What Netty's own channel does not do, over loopback: the source of each reply is read at the client. */
@Timeout(60)
class PktInfoDatagramChannelTest {
    private static final MultiThreadIoEventLoopGroup LOOPS =
            new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());

    private final UnpooledByteBufAllocator buffers = new UnpooledByteBufAllocator(true);
    private final List<Channel> opened = new ArrayList<>();
    private DatagramSocket client;

    @BeforeEach
    void openClient() throws IOException {
        client = new DatagramSocket();
        client.setSoTimeout(5000);
        client.setBroadcast(true);
    }

    @AfterEach
    void closeAll() throws Exception {
        client.close();
        for (Channel channel : opened) {
            done(channel.close());
            done(channel.eventLoop().submit(() -> {}));
        }
        assertThat(buffers.metric().usedDirectMemory() + buffers.metric().usedHeapMemory())
                .as("bytes not released")
                .isZero();
    }

    @AfterAll
    static void stop() {
        LOOPS.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
    }

    private static void done(Future<?> future) throws Exception {
        assertThat(future.await(5, TimeUnit.SECONDS)).as("done in time").isTrue();
        future.sync();
    }

    private Bootstrap bootstrap(Recorder handler) {
        return bootstrap(handler, PktInfoDatagramChannel::new);
    }

    private Bootstrap bootstrap(Recorder handler, ChannelFactory<PktInfoDatagramChannel> factory) {
        return new Bootstrap()
                .group(LOOPS)
                .channelFactory(factory)
                .option(ChannelOption.ALLOCATOR, buffers)
                .handler(handler);
    }

    private PktInfoDatagramChannel bind(Bootstrap bootstrap) throws Exception {
        ChannelFuture future = bootstrap.bind(0);
        opened.add(future.channel());
        done(future);
        return (PktInfoDatagramChannel) future.channel();
    }

    private PktInfoDatagramChannel bind(Recorder handler) throws Exception {
        return bind(bootstrap(handler));
    }

    /** Answers with what the function makes of a request and the same content. */
    private static Recorder answering(BiFunction<PktInfoDatagramPacket, ByteBuf, DatagramPacket> answer) {
        return new Recorder() {
            @Override
            void received(ChannelHandlerContext context, DatagramPacket packet) {
                ChannelFuture unused = context.writeAndFlush(answer.apply(
                        (PktInfoDatagramPacket) packet, packet.content().retainedDuplicate()));
            }
        };
    }

    private static Recorder typical() {
        return answering((request, content) -> new DatagramPacket(content, request.sender()));
    }

    private void send(String destination, Channel to, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int port = ((InetSocketAddress) to.localAddress()).getPort();
        client.send(new java.net.DatagramPacket(bytes, bytes.length, InetAddress.getByName(destination), port));
    }

    private java.net.DatagramPacket receive() throws IOException {
        java.net.DatagramPacket packet = new java.net.DatagramPacket(new byte[70_000], 70_000);
        client.receive(packet);
        return packet;
    }

    private static String text(java.net.DatagramPacket packet) {
        return new String(packet.getData(), 0, packet.getLength(), StandardCharsets.UTF_8);
    }

    private static InetAddress address(String literal) throws IOException {
        return InetAddress.getByName(literal);
    }

    private ByteBuf text(String text) {
        return buffers.buffer().writeBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The client as its peers see it. */
    private InetSocketAddress clientAddress() throws IOException {
        return new InetSocketAddress(address("127.0.0.1"), client.getLocalPort());
    }

    private static NetworkInterface lo() throws IOException {
        return NetworkInterface.getByInetAddress(address("127.0.0.1"));
    }

    private void assertAnswered(String destination, Channel server) throws IOException {
        send(destination, server, "to " + destination);
        java.net.DatagramPacket reply = receive();
        assertThat(text(reply)).isEqualTo("to " + destination);
        assertThat(reply.getAddress()).isEqualTo(address(destination));
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"})
    void theRecipientIsTheAddressAskedAndTheReplyLeavesFromThere(String destination) throws Exception {
        Recorder handler = typical();
        PktInfoDatagramChannel server = bind(handler);
        assertAnswered(destination, server);
        DatagramPacket packet = handler.next();
        assertThat(packet.recipient())
                .isEqualTo(new InetSocketAddress(
                        address(destination), server.localAddress().getPort()));
        assertThat(packet.sender().getPort()).isEqualTo(client.getLocalPort());
    }

    /** More of both than objects are kept of, each twice, so that what is kept of one is in the way of another. */
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
    void aHandlerThatMakesThePeersAddressAnewAnswersFromTheAddressAskedLast() throws Exception {
        PktInfoDatagramChannel server = bind(answering((request, content) -> new DatagramPacket(
                content,
                new InetSocketAddress(
                        request.sender().getAddress(), request.sender().getPort()))));
        assertAnswered("127.0.0.2", server);
        assertAnswered("127.0.0.3", server);
        assertAnswered("::1", server);
    }

    /** What a session store keeps, and hands out again. */
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

    /** Both are read before either is answered. */
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

    /** Netty's NIO and epoll channels report them as written and do not send them. */
    @Test
    void emptyDatagramsAreSent() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        done(server.writeAndFlush(new DatagramPacket(Unpooled.EMPTY_BUFFER, clientAddress())));
        assertThat(receive().getLength()).isZero();
        done(server.connect(clientAddress()));
        ChannelFuture first = server.write(Unpooled.EMPTY_BUFFER);
        ChannelFuture between = server.write(text("between"));
        done(server.writeAndFlush(Unpooled.EMPTY_BUFFER));
        done(first);
        done(between);
        assertThat(List.of(
                        receive().getLength(), receive().getLength(), receive().getLength()))
                .containsExactly(0, 7, 0);
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
                .containsEntry(PktInfoChannelOption.SOURCE_SELECTION, SourceSelection.addressAsked())
                .containsKey(PktInfoChannelOption.PEER_MEMORY);
        assertThat(server.config().getOption(PktInfoChannelOption.COALESCE_WRITES))
                .isTrue();
    }

    /** Netty's NIO channel has it the other way round. */
    @Test
    void loopbackOfGroupsIsDisabledByTheOptionThatSaysSo() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        assertThat(server.config().getOption(ChannelOption.IP_MULTICAST_LOOP_DISABLED))
                .isFalse();
        server.config().setOption(ChannelOption.IP_MULTICAST_LOOP_DISABLED, true);
        assertThat(server.config().getOption(NioChannelOption.of(StandardSocketOptions.IP_MULTICAST_LOOP)))
                .isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 64, 1024})
    void moreThanABatchIsReadAndWrittenInItsOrder(int batchSize) throws Exception {
        flood(bootstrap(typical())
                .option(PktInfoChannelOption.BATCH_SIZE, batchSize)
                .option(PktInfoChannelOption.COALESCE_WRITES, batchSize > 3)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(2048).maxMessagesPerRead(1000)));
        assertAllAnswered();
    }

    private static final int FLOOD = 100;

    /** Has so much waiting for it before it begins to read. */
    private PktInfoDatagramChannel flood(Bootstrap bootstrap) throws Exception {
        PktInfoDatagramChannel server = bind(bootstrap.option(ChannelOption.AUTO_READ, false));
        for (int i = 0; i < FLOOD; i++) {
            send("127.0.0.2", server, "number " + i);
        }
        server.config().setAutoRead(true);
        return server;
    }

    /** Reads two by two, and so is busy until all is read. */
    private PktInfoDatagramChannel flood(Recorder handler) throws Exception {
        return flood(bootstrap(handler)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(64).maxMessagesPerRead(2)));
    }

    /** Does something with the datagram of a number, and answers all. */
    private static Recorder doing(int number, Consumer<Channel> something) {
        return new Recorder() {
            private int received;

            @Override
            void received(ChannelHandlerContext context, DatagramPacket packet) {
                if (received++ == number) {
                    something.accept(context.channel());
                }
                ChannelFuture unused = context.writeAndFlush(
                        new DatagramPacket(packet.content().retainedDuplicate(), packet.sender()));
            }
        };
    }

    private void assertAllAnswered() throws IOException {
        for (int i = 0; i < FLOOD; i++) {
            java.net.DatagramPacket reply = receive();
            assertThat(text(reply)).isEqualTo("number " + i);
            assertThat(reply.getAddress()).isEqualTo(address("127.0.0.2"));
        }
    }

    /** What was to be done in the event loop's next turn is done. */
    private static void turn() throws Exception {
        done(LOOPS.schedule(() -> {}, 1, TimeUnit.MILLISECONDS));
    }

    /** Has a busy channel do what ends its registration in the middle, and finds that it reads no more than what it had begun to. */
    private PktInfoDatagramChannel unregistered(Consumer<Channel> something) throws Exception {
        Recorder handler = doing(FLOOD / 2, something);
        PktInfoDatagramChannel server = flood(handler);
        handler.await("unregistered");
        turn();
        assertThat(handler.packets).hasSize(FLOOD / 2 + 2);
        assertThat(handler.events()).noneMatch(event -> event.startsWith("caught"));
        return server;
    }

    /** Whether an epoll instance of this process has the socket in it, by proc(5). */
    private static boolean isWatched(Channel channel) {
        String port = ":%04X ".formatted(((InetSocketAddress) channel.localAddress()).getPort());
        try (Stream<String> sockets = Files.lines(Path.of("/proc/self/net/udp6"));
                Stream<Path> descriptors = Files.list(Path.of("/proc/self/fdinfo"))) {
            String line =
                    sockets.filter(each -> each.contains(port)).findFirst().orElseThrow();
            long inode = Long.parseLong(line.strip().split("\\s+", -1)[9]);
            return descriptors.anyMatch(descriptor -> contains(descriptor, "ino:%x ".formatted(inode)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean contains(Path descriptor, String text) {
        try {
            return Files.readString(descriptor).contains(text);
        } catch (IOException e) {
            return false; // closed meanwhile
        }
    }

    @Test
    void whatIsBusyIsNotWatchedUntilAllIsRead() throws Exception {
        List<Boolean> watched = new ArrayList<>();
        PktInfoDatagramChannel server = flood(doing(FLOOD / 2, channel -> watched.add(isWatched(channel))));
        assertAllAnswered();
        assertThat(watched).as("after %d of %d", FLOOD / 2, FLOOD).containsExactly(false);
        assertAnswered("127.0.0.3", server);
        assertAnswered("::1", server);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (!isWatched(server)) {
            assertThat(System.nanoTime()).as("watched in time").isLessThan(deadline);
        }
        assertAnswered("127.0.0.4", server);
    }

    @Test
    void whatIsBusyDoesNotKeepItsNeighboursWaiting() throws Exception {
        Recorder neighbours = new Recorder();
        PktInfoDatagramChannel neighbour = bind(neighbours);
        List<Integer> heard = new ArrayList<>();
        Recorder busy = new Recorder() {
            @Override
            void received(ChannelHandlerContext context, DatagramPacket packet) throws IOException {
                heard.add(neighbours.packets.size());
                if (heard.size() == FLOOD / 2) {
                    send("127.0.0.1", neighbour, "to the neighbour");
                }
            }
        };
        flood(busy);
        busy.await("read number " + (FLOOD - 1));
        turn();
        assertThat(neighbours.next().content().refCnt()).as("released").isZero();
        assertThat(heard.get(FLOOD - 1))
                .as("heard by the neighbour before the last")
                .isEqualTo(1);
    }

    @Test
    void whatIsBusyStopsReadingWhenToldTo() throws Exception {
        Recorder handler = doing(FLOOD / 2, channel -> channel.config().setAutoRead(false));
        PktInfoDatagramChannel server = flood(handler);
        handler.await("read number " + (FLOOD / 2 + 1)); // those that were read together
        turn();
        assertThat(handler.packets).hasSize(FLOOD / 2 + 2);
        Channel unused = server.read();
        handler.await("read number " + (FLOOD / 2 + 2));
        turn();
        assertThat(handler.packets).hasSize(FLOOD / 2 + 3);
        server.config().setAutoRead(true);
        assertAllAnswered();
    }

    @Test
    void whatIsBusyMayChangeItsEventLoop() throws Exception {
        PktInfoDatagramChannel server = unregistered(channel -> {
            ChannelFuture unused = channel.deregister();
        });
        done(LOOPS.register(server));
        assertAllAnswered();
        assertAnswered("127.0.0.3", server);
    }

    @Test
    void whatIsBusyMayBeToldToReadWhileItHasNoEventLoop() throws Exception {
        PktInfoDatagramChannel server = unregistered(channel -> {
            ChannelFuture unused = channel.deregister();
        });
        Channel unused = server.read();
        server.config().setAutoRead(false);
        server.config().setAutoRead(true);
        done(server.eventLoop().submit(() -> {}));
        assertThat(server.isOpen()).isTrue();
        assertThat(server.pipeline().get(Recorder.class).events()).noneMatch(event -> event.startsWith("caught"));
        done(LOOPS.register(server));
        assertAllAnswered();
        assertAnswered("127.0.0.3", server);
    }

    /** No handler is left that would hear of an exception: what is logged then is looked at. */
    @Test
    void whatIsBusyCanBeClosed() throws Exception {
        Logger pipeline = Logger.getLogger("io.netty.channel.DefaultChannelPipeline");
        List<String> logged = new CopyOnWriteArrayList<>();
        pipeline.setFilter(line -> logged.add(line.getMessage()));
        try {
            unregistered(channel -> {
                ChannelFuture unused = channel.close();
            });
        } finally {
            pipeline.setFilter(null);
        }
        assertThat(logged).isEmpty();
    }

    /** Several by one call, an empty one and one that is cut off among them. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsReadAtOnceSharesABufferIfThatIsWanted(boolean shared) throws Exception {
        List<ByteBuf> contents = new ArrayList<>();
        Recorder handler = new Recorder() {
            @Override
            void received(ChannelHandlerContext context, DatagramPacket packet) {
                contents.add(packet.content().retain());
            }
        };
        PktInfoDatagramChannel server = bind(bootstrap(handler)
                .option(PktInfoChannelOption.SHARE_READ_BUFFER, shared)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(6).maxMessagesPerRead(10))
                .option(ChannelOption.AUTO_READ, false));
        for (String text : List.of("first", "", "second", "the third", "4")) {
            send("127.0.0.2", server, text);
        }
        server.config().setAutoRead(true);
        for (int i = 0; i < 5; i++) {
            handler.next();
        }
        done(server.eventLoop().submit(() -> {})); // the last one is released
        contents.remove(0).release(); // what the others say is theirs
        assertThat(contents)
                .extracting(content -> content.toString(StandardCharsets.UTF_8))
                .containsExactly("", "second", "the th", "4");
        assertThat(contents).allSatisfy(content -> {
            assertThat(content.isWritable()).isEqualTo(!shared && content.readableBytes() < 6);
            assertThat(content.refCnt()).isEqualTo(shared ? 4 : 1);
        });
        assertThat(buffers.metric().usedDirectMemory()).isEqualTo(shared ? 5 + 6 + 6 + 1 : 4 * 6);
        contents.forEach(ByteBuf::release);
        assertThat(buffers.metric().usedDirectMemory()).isZero();
    }

    private List<Integer> lengths(int count) throws IOException {
        List<Integer> lengths = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            lengths.add(receive().getLength());
        }
        return lengths;
    }

    @Test
    void aSegmentedPacketLeavesAsSeveralDatagrams() throws Exception {
        PktInfoDatagramChannel server = bind(bootstrap(new Recorder()).option(PktInfoChannelOption.BATCH_SIZE, 4));
        InetSocketAddress source = new InetSocketAddress("127.0.0.6", 0);
        done(server.writeAndFlush(
                new SegmentedDatagramPacket(buffers.buffer().writeZero(2500), 1000, clientAddress(), source)));
        assertThat(lengths(3)).containsExactly(1000, 1000, 500);

        ChannelFuture before = server.write(new DatagramPacket(text("before"), clientAddress()));
        ByteBuf parts = buffers.compositeBuffer()
                .addComponent(true, buffers.buffer().writeZero(30))
                .addComponent(true, buffers.buffer().writeZero(75));
        ChannelFuture moreThanSlots = server.write(new SegmentedDatagramPacket(parts, 10, clientAddress(), source));
        ChannelFuture longOnes = server.write(
                new SegmentedDatagramPacket(buffers.buffer().writeZero(12_000), 5000, clientAddress(), source));
        ChannelFuture bad = server.write(new SegmentedDatagramPacket(
                buffers.buffer().writeZero(100), 10, clientAddress(), new InetSocketAddress("192.0.2.7", 0)));
        ChannelFuture after = server.writeAndFlush(new DatagramPacket(text("after"), clientAddress()));
        done(before);
        done(moreThanSlots);
        done(longOnes);
        done(after);
        assertThat(bad.cause()).isInstanceOf(SendException.class);
        List<Integer> expected = new ArrayList<>(List.of(6));
        IntStream.range(0, 10).forEach(i -> expected.add(10));
        expected.addAll(List.of(5, 5000, 5000, 2000, 5));
        assertThat(lengths(expected.size())).isEqualTo(expected);
    }

    /** As one that was released meanwhile: its slot has bytes of somebody else's. */
    @Test
    void whatCannotBeReadIsNotSentAndItsNeighboursAre() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        IllegalStateException failure = new IllegalStateException("cannot be read");
        ByteBuf unreadable = new UnpooledHeapByteBuf(buffers, 8, 8) {
            @Override
            public ByteBuf getBytes(int index, ByteBuffer into) {
                throw failure;
            }
        };
        ChannelFuture before = server.write(new DatagramPacket(text("before"), clientAddress()));
        ChannelFuture failed = server.write(new DatagramPacket(unreadable.writeZero(8), clientAddress()));
        ChannelFuture after = server.writeAndFlush(new DatagramPacket(text("after"), clientAddress()));
        done(before);
        done(after);
        assertThat(failed.cause()).isSameAs(failure);
        assertThat(text(receive())).isEqualTo("before");
        assertThat(text(receive())).isEqualTo("after");
    }

    @Test
    void aSegmentedPacketLeavesFromTheSourceChosen() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        done(server.writeAndFlush(new SegmentedDatagramPacket(
                buffers.buffer().writeZero(20), 10, clientAddress(), new InetSocketAddress("127.0.0.6", 0))));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.6"));
        assertThat(receive().getAddress()).isEqualTo(address("127.0.0.6"));
    }

    /** Longer than a slot of the usual batch: each in its turn all the same. */
    @Test
    void longOnesAndShortOnesKeepTheirOrder() throws Exception {
        PktInfoDatagramChannel server = bind(new Recorder());
        List<ChannelFuture> futures = new ArrayList<>();
        List<Integer> lengths = List.of(10, 60_000, 20, 30, 3000, 2048, 2049, 1);
        for (int length : lengths) {
            futures.add(server.write(new DatagramPacket(buffers.buffer().writeZero(length), clientAddress())));
        }
        server.flush();
        for (ChannelFuture future : futures) {
            done(future);
        }
        assertThat(lengths(lengths.size())).isEqualTo(lengths);
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
