package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A handler that records its channel's events as texts, and keeps received packets without their content. */
@ChannelHandler.Sharable
class Recorder extends ChannelInboundHandlerAdapter {
    final LinkedBlockingQueue<DatagramPacket> packets = new LinkedBlockingQueue<>();
    private final List<String> events = new ArrayList<>();

    private synchronized void note(String event) {
        events.add(event);
        notifyAll();
    }

    synchronized List<String> events() {
        return List.copyOf(events);
    }

    /** Waits until an event was recorded. */
    synchronized void await(String event) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (!events.contains(event)) {
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            assertThat(left).as("waiting for %s among %s", event, events).isPositive();
            wait(left);
        }
    }

    DatagramPacket next() throws InterruptedException {
        DatagramPacket packet = packets.poll(5, TimeUnit.SECONDS);
        assertThat(packet).as("a packet, after %s", events()).isNotNull();
        return packet;
    }

    /** Does nothing with a packet; overridden by handlers that do. */
    void received(ChannelHandlerContext context, DatagramPacket packet) throws Exception {}

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
        DatagramPacket packet = (DatagramPacket) message;
        try {
            note("read " + packet.content().toString(StandardCharsets.UTF_8));
            packets.add(packet);
            received(context, packet);
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        note("complete");
    }

    @Override
    public void channelRegistered(ChannelHandlerContext context) {
        note("registered");
    }

    @Override
    public void channelUnregistered(ChannelHandlerContext context) {
        note("unregistered");
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        note("active");
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        note("inactive");
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        note("writable " + context.channel().isWritable());
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        note("caught " + cause.getClass().getSimpleName());
    }
}
