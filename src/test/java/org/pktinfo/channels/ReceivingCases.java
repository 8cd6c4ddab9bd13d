package org.pktinfo.channels;

import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** Cases of receiving, into every kind of buffer. */
final class ReceivingCases extends ChannelCase {
    private static final String SENT = "abcdef";

    private ReceivingCases() {}

    static void addTo(Map<String, Case> cases) {
        nothing(cases);
        into(cases, "a heap buffer", () -> ByteBuffer.allocate(10));
        into(cases, "a direct buffer", () -> ByteBuffer.allocateDirect(10));
        into(cases, "a slice of a heap buffer", () -> ByteBuffer.allocate(30).slice(7, 10));
        into(
                cases,
                "a slice of a direct buffer",
                () -> ByteBuffer.allocateDirect(30).slice(7, 10));
        tooSmall(cases);
        refused(cases);
        order(cases);
    }

    private static void nothing(Map<String, Case> cases) {
        cases.put("receive: nothing there, in non-blocking mode", channels -> {
            ByteBuffer buffer = ByteBuffer.allocate(10).position(3);
            Object received = outcome(() -> channels.nonBlocking().receive(buffer));
            return List.of(received, state(buffer));
        });
        cases.put("receive: something there, in non-blocking mode, then nothing", channels -> {
            DatagramChannel channel = channels.nonBlocking();
            DatagramChannel peer = channels.bound();
            peer.send(bytes(SENT), at(channel));
            awaitReadable(channel);
            ByteBuffer buffer = ByteBuffer.allocateDirect(10);
            boolean ofPeer = isOf(channel.receive(buffer), peer);
            return List.of(ofPeer, text(buffer), outcome(() -> channel.receive(buffer)), state(buffer));
        });
    }

    private static void into(Map<String, Case> cases, String what, Supplier<ByteBuffer> maker) {
        cases.put("receive into " + what, channels -> {
            DatagramChannel channel = channels.bound();
            DatagramChannel peer = channels.bound();
            List<Object> seen = new ArrayList<>();
            for (int position : List.of(0, 3, 7, 10)) {
                ByteBuffer buffer = maker.get().limit(9).clear().position(position);
                peer.send(bytes(SENT), at(channel));
                seen.add(isOf(channel.receive(buffer), peer));
                seen.add(state(buffer));
                seen.add(text(buffer).substring(position));
            }
            return seen;
        });
        cases.put("receive into " + what + " with a limit", channels -> {
            DatagramChannel channel = channels.bound();
            ByteBuffer buffer = maker.get().put(9, (byte) 'z').position(1).limit(4);
            channel.send(bytes(SENT), at(channel));
            boolean own = isOf(channel.receive(buffer), channel);
            return List.of(
                    own,
                    state(buffer),
                    text(buffer).substring(1),
                    buffer.clear().get(4),
                    buffer.get(9));
        });
    }

    private static void tooSmall(Map<String, Case> cases) {
        cases.put("receive: what the buffer has no room for is discarded", channels -> {
            DatagramChannel channel = channels.bound();
            for (String text : List.of(SENT, "gh", SENT, "ij")) {
                channel.send(bytes(text), at(channel));
            }
            ByteBuffer heap = ByteBuffer.allocate(4);
            ByteBuffer direct = ByteBuffer.allocateDirect(4);
            channel.receive(heap);
            String second = next(channel);
            channel.receive(direct);
            return List.of(text(heap), second, text(direct), next(channel));
        });
        cases.put("receive: a datagram without content is one", channels -> {
            DatagramChannel channel = channels.nonBlocking();
            DatagramChannel peer = channels.bound();
            peer.send(ByteBuffer.allocate(0), at(channel));
            awaitReadable(channel);
            ByteBuffer buffer = ByteBuffer.allocate(5);
            boolean ofPeer = isOf(channel.receive(buffer), peer);
            return List.of(ofPeer, state(buffer), outcome(() -> channel.receive(buffer)));
        });
        cases.put("receive: a buffer without room takes the sender's address, the rest is lost", channels -> {
            DatagramChannel channel = channels.bound();
            DatagramChannel peer = channels.bound();
            peer.send(bytes(SENT), at(channel));
            peer.send(bytes("next"), at(channel));
            boolean ofPeer = isOf(channel.receive(ByteBuffer.allocateDirect(0)), peer);
            return List.of(ofPeer, next(channel));
        });
        cases.put("receive: the largest there is, into heap and direct", channels -> {
            DatagramChannel channel = channels.bound();
            ByteBuffer large = ByteBuffer.allocate(65_507);
            large.put(65_506, (byte) 7);
            List<Object> seen = new ArrayList<>();
            for (ByteBuffer buffer : List.of(ByteBuffer.allocate(70_000), ByteBuffer.allocateDirect(70_000))) {
                seen.add(channel.send(large.clear(), at(channel)));
                channel.receive(buffer);
                seen.add(buffer.position());
                seen.add(buffer.get(65_506));
            }
            return seen;
        });
    }

    private static void refused(Map<String, Case> cases) {
        cases.put("receive: into a read-only buffer and into none, and the datagram stays", channels -> {
            DatagramChannel channel = channels.bound();
            channel.send(bytes("still"), at(channel));
            List<Object> refused = outcomes(
                    () -> channel.receive(ByteBuffer.allocate(9).asReadOnlyBuffer()), () -> channel.receive(null));
            return List.of(refused, next(channel));
        });
        cases.put("receive: after what was sent to nobody, nothing is thrown", channels -> {
            DatagramChannel gone = channels.bound();
            InetSocketAddress nobody = at(gone);
            gone.close();
            DatagramChannel channel = channels.bound();
            channel.send(bytes("lost"), nobody);
            channel.send(bytes("next"), at(channel));
            return next(channel);
        });
    }

    private static void order(Map<String, Case> cases) {
        cases.put("receive: many in their order, from many", channels -> {
            DatagramChannel channel = channels.bound();
            List<DatagramChannel> peers = List.of(channels.bound(), channels.bound(), channels.bound());
            List<Object> seen = new ArrayList<>();
            for (int i : IntStream.range(0, 30).toArray()) {
                peers.get(i % 3).send(bytes("datagram " + i), at(channel));
            }
            ByteBuffer buffer = ByteBuffer.allocateDirect(20);
            for (int i = 0; i < 30; i++) {
                SocketAddress from = channel.receive(buffer.clear());
                seen.add(text(buffer) + isOf(from, peers.get(i % 3)));
            }
            return seen;
        });
        cases.put(
                "receive: by IPv6, and who asks by IPv4 has an IPv4 address",
                channels -> outcome(() -> {
                    DatagramChannel channel = channels.bound();
                    channel.send(bytes("four"), at(channel));
                    InetSocketAddress four = (InetSocketAddress) channel.receive(ByteBuffer.allocate(9));
                    channel.send(bytes("six"), new InetSocketAddress("::1", port(channel)));
                    ByteBuffer buffer = ByteBuffer.allocate(9);
                    InetSocketAddress six = (InetSocketAddress) channel.receive(buffer);
                    return List.of(four.getAddress() instanceof Inet4Address, text(buffer), six.getAddress());
                }));
    }
}
