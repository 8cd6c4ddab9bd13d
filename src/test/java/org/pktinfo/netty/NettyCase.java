package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The base of a Netty channel's cases. */
@SuppressWarnings({
    "try", // a fixture waits while it closes
    "deprecation", // the options are those that programs use
    "FutureReturnValueIgnored" // the result of some writes is checked elsewhere
})
abstract class NettyCase {
    static final MultiThreadIoEventLoopGroup LOOPS = new MultiThreadIoEventLoopGroup(2, NioIoHandler.newFactory());

    /** One case: returns its observations. */
    interface Case {
        Object run(Fixture fixture) throws Exception;
    }

    interface Action {
        void run() throws Exception;
    }

    /** A kind of channel, buffers that are counted, and an ordinary socket besides. */
    static final class Fixture extends NettyFixture {
        final Class<? extends DatagramChannel> kind;
        private final boolean shares;
        final Recorder recorder = new Recorder();

        Fixture(Class<? extends DatagramChannel> kind, boolean shares) throws IOException {
            super(new DatagramSocket(new InetSocketAddress(loopback(), 0)));
            this.kind = kind;
            this.shares = shares;
        }

        Bootstrap bootstrap() {
            return bootstrap(recorder);
        }

        Bootstrap bootstrap(Recorder handler) {
            Bootstrap bootstrap = new Bootstrap()
                    .group(LOOPS)
                    .channel(kind)
                    .option(ChannelOption.ALLOCATOR, buffers)
                    .handler(handler);
            return shares ? bootstrap.option(PktInfoChannelOption.SHARE_READ_BUFFER, true) : bootstrap;
        }

        DatagramChannel bind() throws Exception {
            return bind(bootstrap());
        }

        DatagramChannel bind(Bootstrap bootstrap) throws Exception {
            return channel(bootstrap.bind(loopback(), 0));
        }

        DatagramChannel channel(ChannelFuture future) throws Exception {
            return (DatagramChannel) opened(future);
        }

        DatagramPacket packet(String text) {
            return new DatagramPacket(text(text), clientAddress());
        }

        InetSocketAddress clientAddress() {
            return (InetSocketAddress) client.getLocalSocketAddress();
        }

        void send(DatagramChannel to, String... texts) throws IOException {
            for (String text : texts) {
                byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
                client.send(new java.net.DatagramPacket(bytes, bytes.length, to.localAddress()));
            }
        }

        String receiveText() throws IOException {
            return text(receive());
        }

        List<String> receive(int count) throws IOException {
            List<String> texts = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                texts.add(receiveText());
            }
            return texts;
        }

        boolean isSilent() throws IOException {
            client.setSoTimeout(50);
            try {
                receive();
                return false;
            } catch (SocketTimeoutException e) {
                return true;
            } finally {
                client.setSoTimeout((int) TimeUnit.SECONDS.toMillis(NettyFixture.SOON));
            }
        }
    }

    static InetAddress loopback() {
        try {
            return InetAddress.getByName("127.0.0.1");
        } catch (IOException e) {
            throw new AssertionError("a literal is not looked up", e);
        }
    }

    static void done(Future<?> future) throws Exception {
        NettyFixture.done(future);
    }

    static Object outcome(Future<?> future) throws Exception {
        assertThat(future.await(NettyFixture.SOON, TimeUnit.SECONDS))
                .as("done in time")
                .isTrue();
        return future.isSuccess() ? "done" : kind(future.cause());
    }

    static Object outcome(Action action) {
        try {
            action.run();
            return "done";
        } catch (Exception e) {
            return kind(e);
        }
    }

    /** Returns the type that a caller would catch; a subclass of it is as good. */
    static String kind(Throwable e) {
        return Stream.of(
                        ClosedChannelException.class,
                        BindException.class,
                        IOException.class,
                        IllegalArgumentException.class,
                        UnsupportedOperationException.class)
                .filter(type -> type.isInstance(e))
                .map(Class::getSimpleName)
                .findFirst()
                .orElse(e.getClass().getName());
    }

    static String letters(int count) {
        return "x".repeat(count);
    }
}
