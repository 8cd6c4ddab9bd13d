package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelPromise;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.StandardProtocolFamily;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pktinfo.netty.OptionsPacket;
import org.pktinfo.netty.PktInfoDatagramChannel;
import org.pktinfo.netty.PktInfoDatagramPacket;

/**
 * The valid values of Netty's types for {@link PublicApi}; its event loop starts with the first value that needs one.
 */
final class NettySamples implements AutoCloseable {
    private static final long SOON = 5; // seconds

    private final List<Channel> made = new ArrayList<>();
    private @Nullable MultiThreadIoEventLoopGroup loops;
    private @Nullable PktInfoDatagramChannel channel;

    static boolean isNettys(Class<?> type) {
        return type == ByteBuf.class
                || type == io.netty.channel.socket.DatagramPacket.class
                || type == ChannelPromise.class
                || type == ProtocolFamily.class;
    }

    Object sample(Class<?> type) {
        if (type == ByteBuf.class) {
            return Unpooled.wrappedBuffer(new byte[] {1});
        }
        if (type == io.netty.channel.socket.DatagramPacket.class) {
            return packetWithOptions();
        }
        return type == ProtocolFamily.class
                ? StandardProtocolFamily.INET
                : channel().newPromise();
    }

    /** Returns a channel that is bound. */
    PktInfoDatagramChannel channel() {
        if (channel == null) {
            loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
            channel = new PktInfoDatagramChannel();
            made.add(channel);
            loops.register(channel).syncUninterruptibly();
            channel.bind(new InetSocketAddress("127.0.0.1", 0)).syncUninterruptibly();
        }
        return channel;
    }

    PktInfoDatagramPacket packet(PacketInfo info) {
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", 1);
        return new PktInfoDatagramPacket(Unpooled.wrappedBuffer(new byte[] {1}), address, address, info, 1);
    }

    OptionsPacket packetWithOptions() {
        return new OptionsPacket(
                Unpooled.wrappedBuffer(new byte[] {1}), new InetSocketAddress("127.0.0.1", 1), SendOptions.NONE);
    }

    /** Returns the cause if a method returned a future that failed; null otherwise. A returned channel is closed. */
    @Nullable
    Throwable failure(Object result) {
        if (result instanceof ChannelFuture future) {
            assertThat(future.awaitUninterruptibly(SOON, TimeUnit.SECONDS))
                    .as("done in time")
                    .isTrue();
            return future.cause();
        }
        if (result instanceof Channel another) {
            made.add(another);
        }
        return null;
    }

    @Override
    public void close() {
        for (Channel each : made) {
            if (each.isRegistered()) {
                each.close().syncUninterruptibly();
            } else {
                each.unsafe().closeForcibly();
            }
        }
        if (loops != null) {
            loops.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
        }
    }
}
