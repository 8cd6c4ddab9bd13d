package org.pktinfo.it.support;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.netty.PktInfoDatagramChannel;
import org.pktinfo.server.DatagramServer;
import org.pktinfo.socket.PktInfoDatagramSocket;

/** Echo servers on this library's own classes, of the kind and on the port given. */
public final class OwnServers {
    private OwnServers() {}

    public static void main(String[] arguments) throws Exception {
        InetSocketAddress any = new InetSocketAddress(Integer.parseInt(arguments[1]));
        switch (arguments[0]) {
            case "own channel" -> channel(any);
            case "own batch" -> batch(any);
            case "own server" -> server(any);
            case "own socket" -> socket(any);
            case "own netty" -> netty(any);
            case "plain fall-back" -> {
                // Not on the command line, where the agent would read it too.
                System.setProperty("pktinfo.library.path", "/nonexistent/libpktinfo.so");
                System.setProperty("pktinfo.fallback", "plain");
                channel(any);
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void channel(InetSocketAddress any) throws Exception {
        try (PktInfoChannel channel = PktInfoChannel.open().bind(any)) {
            System.out.println("ready");
            while (true) {
                Datagram request = channel.receive();
                channel.reply(request, request.payload());
            }
        }
    }

    private static void batch(InetSocketAddress any) throws Exception {
        try (PktInfoChannel channel = PktInfoChannel.open().bind(any)) {
            DatagramBatch batch = channel.newBatch(8, 2000);
            System.out.println("ready");
            while (true) {
                int count = batch.receive();
                for (int i = 0; i < count; i++) {
                    batch.slot(i).reply(batch.slot(i).length());
                }
                batch.send();
            }
        }
    }

    private static void server(InetSocketAddress any) throws Exception {
        try (DatagramServer server = DatagramServer.builder().bind(any).start(slot -> slot.reply(slot.length()))) {
            System.out.println(server.stats().received() == 0 ? "ready" : "asked already");
            Thread.currentThread().join(); // for ever
        }
    }

    private static void socket(InetSocketAddress any) throws Exception {
        try (DatagramSocket socket = new PktInfoDatagramSocket(any)) {
            System.out.println("ready");
            java.net.DatagramPacket packet = new java.net.DatagramPacket(new byte[2000], 2000);
            while (true) {
                packet.setLength(2000);
                socket.receive(packet);
                socket.send(packet);
            }
        }
    }

    private static void netty(InetSocketAddress any) throws Exception {
        ChannelHandler echo = new SimpleChannelInboundHandler<DatagramPacket>() {
            @Override
            protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
                ChannelFuture unused = context.writeAndFlush(
                        new DatagramPacket(packet.content().retain(), packet.sender()));
            }
        };
        new Bootstrap()
                .group(new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory()))
                .channel(PktInfoDatagramChannel.class)
                .handler(echo)
                .bind(any)
                .sync();
        System.out.println("ready");
    }
}
