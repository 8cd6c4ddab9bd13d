package org.pktinfo.channels;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Cases of a channel's socket, which is another interface to the channel. */
final class AdaptorCases extends ChannelCase {
    private AdaptorCases() {}

    static void addTo(Map<String, Case> cases) {
        same(cases);
        exchanging(cases);
        timeouts(cases);
        modes(cases);
    }

    private static DatagramPacket packet(String text, InetSocketAddress to) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new DatagramPacket(bytes, bytes.length, to);
    }

    private static DatagramPacket room() {
        return new DatagramPacket(new byte[9], 9);
    }

    private static String text(DatagramPacket packet) {
        return new String(packet.getData(), packet.getOffset(), packet.getLength(), StandardCharsets.UTF_8);
    }

    private static void same(Map<String, Case> cases) {
        cases.put("socket: always the same, and of the channel", channels -> {
            DatagramChannel channel = channels.open();
            DatagramSocket socket = channel.socket();
            List<Object> seen = new ArrayList<>(List.of(
                    socket == channel.socket(),
                    socket.getChannel() == channel,
                    socket.isBound(),
                    socket.isConnected(),
                    socket.isClosed(),
                    socket.getLocalPort(),
                    socket.getSoTimeout()));
            channel.bind(null);
            seen.add(List.of(socket.isBound(), socket.getLocalPort() == port(channel)));
            return seen;
        });
        cases.put("socket: what it does is done to the channel", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.open();
            DatagramSocket socket = channel.socket();
            socket.bind(new InetSocketAddress(0));
            boolean bound = channel.getLocalAddress() != null;
            Object again = outcome(() -> socket.bind(new InetSocketAddress(0)));
            socket.connect(at(peer));
            boolean connected = channel.isConnected();
            socket.disconnect();
            boolean disconnected = !channel.isConnected();
            socket.setReceiveBufferSize(30_000);
            int size = channel.getOption(StandardSocketOptions.SO_RCVBUF);
            socket.close();
            return List.of(bound, again, connected, disconnected, size, channel.isOpen());
        });
        cases.put("socket: closed with the channel", channels -> {
            DatagramChannel channel = channels.bound();
            DatagramSocket socket = channel.socket();
            channel.close();
            return List.of(
                    socket.isClosed(),
                    socket.getLocalPort(),
                    outcomes(
                            () -> socket.send(packet("x", new InetSocketAddress("127.0.0.1", 7))),
                            () -> socket.receive(room()),
                            socket::getSoTimeout));
        });
    }

    private static void exchanging(Map<String, Case> cases) {
        cases.put("socket: sends and receives what the channel would", channels -> {
            DatagramChannel channel = channels.bound();
            DatagramChannel peer = channels.bound();
            peer.send(bytes("in"), at(channel));
            DatagramPacket packet = room();
            channel.socket().receive(packet);
            boolean ofPeer = isOf(packet.getSocketAddress(), peer);
            channel.socket().send(packet);
            peer.send(bytes("too long for it"), at(channel));
            DatagramPacket small = room();
            channel.socket().receive(small);
            return List.of(ofPeer, text(packet), next(peer), text(small));
        });
        cases.put("socket: answers what the channel has received", channels -> {
            DatagramChannel channel = channels.bound();
            DatagramChannel peer = channels.bound();
            peer.send(bytes("ask"), at(channel));
            InetSocketAddress from = (InetSocketAddress) channel.receive(ByteBuffer.allocate(9));
            channel.socket().send(packet("answer", from));
            return next(peer);
        });
        cases.put("socket: connected, to the peer and to nobody else", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.connected(peer);
            DatagramSocket socket = channel.socket();
            socket.send(packet("out", at(peer)));
            return List.of(
                    next(peer),
                    isOf(socket.getRemoteSocketAddress(), peer),
                    outcome(() -> socket.send(packet("x", at(channels.bound())))),
                    outcome(() -> socket.connect(at(channels.bound()))));
        });
    }

    private static void timeouts(Map<String, Case> cases) {
        cases.put("socket: a timeout passes, then something comes", channels -> {
            DatagramChannel channel = channels.bound();
            DatagramSocket socket = channel.socket();
            socket.setSoTimeout(30);
            long begin = System.nanoTime();
            Object first = outcome(() -> socket.receive(room()));
            boolean waited = System.nanoTime() - begin >= TimeUnit.MILLISECONDS.toNanos(29);
            socket.setSoTimeout(SOON);
            channels.bound().send(bytes("x"), at(channel));
            DatagramPacket packet = room();
            socket.receive(packet);
            return List.of(
                    first,
                    waited,
                    text(packet),
                    socket.getSoTimeout(),
                    outcome(() -> socket.setSoTimeout(-1)),
                    channel.isBlocking());
        });
        cases.put("socket: a timeout is not the channel's", channels -> {
            DatagramChannel channel = channels.bound();
            channel.socket().setSoTimeout(1);
            Object timedOut = outcome(() -> channel.socket().receive(room()));
            channel.send(bytes("x"), at(channel));
            return List.of(timedOut, next(channel));
        });
    }

    private static void modes(Map<String, Case> cases) {
        cases.put("socket: not in non-blocking mode", channels -> {
            DatagramChannel channel = channels.nonBlocking();
            DatagramSocket socket = channel.socket();
            List<Object> seen = new ArrayList<>(
                    outcomes(() -> socket.receive(room()), () -> socket.send(packet("x", at(channel)))));
            socket.setSoTimeout(10);
            seen.add(outcome(() -> socket.receive(room())));
            channel.configureBlocking(true);
            channel.send(bytes("y"), at(channel));
            DatagramPacket packet = room();
            socket.receive(packet);
            seen.add(text(packet).length());
            return seen;
        });
        cases.put("socket: addresses that are none", channels -> {
            DatagramChannel channel = channels.bound();
            DatagramSocket socket = channel.socket();
            return outcomes(
                    () -> socket.send(new DatagramPacket(new byte[1], 1)),
                    () -> socket.send(new DatagramPacket(new byte[1], 1, address("127.0.0.1"), 0)),
                    () -> socket.connect(InetSocketAddress.createUnresolved("nowhere.invalid", 7)),
                    () -> socket.send(null),
                    () -> socket.receive(null));
        });
    }
}
