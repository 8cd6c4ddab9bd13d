package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/**
 * Channels for Netty in one event loop with counted buffers, and an ordinary socket that sends requests and sees the
 * source of each reply.
 */
abstract class NettyTest {
    static MultiThreadIoEventLoopGroup loops;

    private NettyFixture fixture;
    UnpooledByteBufAllocator buffers;
    DatagramSocket client;

    @BeforeAll
    static void start() {
        loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    }

    @AfterAll
    static void stop() {
        loops.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
    }

    @BeforeEach
    void openClient() throws IOException {
        fixture = new NettyFixture(new DatagramSocket());
        buffers = fixture.buffers;
        client = fixture.client;
    }

    @AfterEach
    void closeAll() throws Exception {
        fixture.close();
    }

    static void done(Future<?> future) throws Exception {
        NettyFixture.done(future);
    }

    /** Returns the channel of a future, closed after the test. */
    PktInfoDatagramChannel opened(ChannelFuture future) throws Exception {
        return (PktInfoDatagramChannel) fixture.opened(future);
    }

    Bootstrap bootstrap(Recorder handler) {
        return bootstrap(handler, PktInfoDatagramChannel::new);
    }

    Bootstrap bootstrap(Recorder handler, ChannelFactory<PktInfoDatagramChannel> factory) {
        return new Bootstrap()
                .group(loops)
                .channelFactory(factory)
                .option(ChannelOption.ALLOCATOR, buffers)
                .handler(handler);
    }

    PktInfoDatagramChannel bind(Bootstrap bootstrap) throws Exception {
        return opened(bootstrap.bind(0));
    }

    PktInfoDatagramChannel bind(Recorder handler) throws Exception {
        return bind(bootstrap(handler));
    }

    /** Answers with the result of the function for a request and the same content. */
    static Recorder answering(BiFunction<PktInfoDatagramPacket, ByteBuf, DatagramPacket> answer) {
        return new Recorder() {
            @Override
            void received(ChannelHandlerContext context, DatagramPacket packet) {
                ChannelFuture unused = context.writeAndFlush(answer.apply(
                        (PktInfoDatagramPacket) packet, packet.content().retainedDuplicate()));
            }
        };
    }

    static Recorder typical() {
        return answering((request, content) -> new DatagramPacket(content, request.sender()));
    }

    void send(String destination, Channel to, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int port = ((InetSocketAddress) to.localAddress()).getPort();
        client.send(new java.net.DatagramPacket(bytes, bytes.length, InetAddress.getByName(destination), port));
    }

    java.net.DatagramPacket receive() throws IOException {
        return fixture.receive();
    }

    static String text(java.net.DatagramPacket packet) {
        return NettyFixture.text(packet);
    }

    static InetAddress address(String literal) throws IOException {
        return InetAddress.getByName(literal);
    }

    ByteBuf text(String text) {
        return fixture.text(text);
    }

    /** Returns the client's address as its peers see it. */
    InetSocketAddress clientAddress() throws IOException {
        return new InetSocketAddress(address("127.0.0.1"), client.getLocalPort());
    }

    static NetworkInterface lo() throws IOException {
        return NetworkInterface.getByInetAddress(address("127.0.0.1"));
    }

    void assertAnswered(String destination, Channel server) throws IOException {
        send(destination, server, "to " + destination);
        java.net.DatagramPacket reply = receive();
        assertThat(text(reply)).isEqualTo("to " + destination);
        assertThat(reply.getAddress()).isEqualTo(address(destination));
    }
}
