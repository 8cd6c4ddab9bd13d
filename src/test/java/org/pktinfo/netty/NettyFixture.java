package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.DatagramSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Netty channels whose buffers are counted and which are closed in the end, and an ordinary socket besides. */
@SuppressWarnings("try") // it waits while it closes
class NettyFixture implements AutoCloseable {
    static final long SOON = 5; // seconds

    private final List<Channel> opened = Collections.synchronizedList(new ArrayList<>());
    final UnpooledByteBufAllocator buffers = new UnpooledByteBufAllocator(true);
    final DatagramSocket client;

    NettyFixture(DatagramSocket client) throws IOException {
        this.client = client;
        client.setSoTimeout((int) TimeUnit.SECONDS.toMillis(SOON));
        client.setBroadcast(true);
    }

    /** Returns the channel of a future, closed with all others. */
    final Channel opened(ChannelFuture future) throws Exception {
        opened.add(future.channel());
        done(future);
        return future.channel();
    }

    final ByteBuf text(String text) {
        return buffers.buffer().writeBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    static String text(java.net.DatagramPacket packet) {
        return new String(packet.getData(), 0, packet.getLength(), StandardCharsets.UTF_8);
    }

    final java.net.DatagramPacket receive() throws IOException {
        java.net.DatagramPacket packet = new java.net.DatagramPacket(new byte[70_000], 70_000);
        client.receive(packet);
        return packet;
    }

    static void done(Future<?> future) throws Exception {
        assertThat(future.await(SOON, TimeUnit.SECONDS)).as("done in time").isTrue();
        future.sync();
    }

    @Override
    public void close() throws Exception {
        client.close();
        for (Channel channel : opened) {
            done(channel.close());
            // Its later work in its loop is over when another task has run.
            done(channel.eventLoop().submit(() -> {}));
        }
        assertThat(buffers.metric().usedDirectMemory() + buffers.metric().usedHeapMemory())
                .as("bytes not released")
                .isZero();
    }
}
