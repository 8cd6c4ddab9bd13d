package org.pktinfo.channels;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Cases of sending, from every kind of buffer, to valid and invalid destinations. */
final class SendingCases extends ChannelCase {
    private SendingCases() {}

    static void addTo(Map<String, Case> cases) {
        buffers(cases);
        sizes(cases);
        destinations(cases);
        answers(cases);
    }

    private static void buffers(Map<String, Case> cases) {
        cases.put("send out of heap, direct, slices, read-only: from position to limit", channels -> {
            DatagramChannel channel = channels.bound();
            byte[] letters = "abcdefghij".getBytes(StandardCharsets.US_ASCII);
            List<ByteBuffer> buffers = List.of(
                    ByteBuffer.wrap(letters.clone()),
                    ByteBuffer.allocateDirect(10).put(letters),
                    ByteBuffer.allocate(14).put(4, letters).slice(4, 10),
                    ByteBuffer.allocateDirect(14).put(4, letters).slice(4, 10),
                    ByteBuffer.wrap(letters.clone()).asReadOnlyBuffer(),
                    ByteBuffer.allocateDirect(10).put(letters).asReadOnlyBuffer());
            List<Object> seen = new ArrayList<>();
            for (ByteBuffer buffer : buffers) {
                buffer.position(2).limit(7);
                seen.add(channel.send(buffer, at(channel)));
                seen.add(state(buffer));
                seen.add(next(channel));
            }
            return seen;
        });
        cases.put("send in non-blocking mode", channels -> {
            DatagramChannel channel = channels.nonBlocking();
            ByteBuffer buffer = bytes("abc");
            return List.of(channel.send(buffer, at(channel)), state(buffer), next(channel));
        });
        cases.put("send nothing, and a buffer that has nothing left", channels -> {
            DatagramChannel channel = channels.bound();
            int none = channel.send(ByteBuffer.allocate(0), at(channel));
            int rest = channel.send(ByteBuffer.allocateDirect(5).position(5), at(channel));
            channel.send(bytes("end"), at(channel));
            return List.of(none, rest, next(channel), next(channel), next(channel));
        });
    }

    private static void sizes(Map<String, Case> cases) {
        cases.put("send too much: refused, the buffer as it was, the channel too", channels -> {
            DatagramChannel channel = channels.bound();
            ByteBuffer heap = ByteBuffer.allocate(65_508);
            ByteBuffer direct = ByteBuffer.allocateDirect(70_000);
            List<Object> refused =
                    outcomes(() -> channel.send(heap, at(channel)), () -> channel.send(direct, at(channel)));
            channel.send(bytes("after"), at(channel));
            return List.of(refused, state(heap), state(direct), next(channel));
        });
        cases.put("send too much to who has asked", channels -> {
            DatagramChannel server = channels.bound();
            DatagramChannel client = channels.bound();
            client.send(bytes("ask"), at(server));
            SocketAddress peer = server.receive(ByteBuffer.allocate(9));
            ByteBuffer large = ByteBuffer.allocateDirect(65_508);
            Object refused = outcome(() -> server.send(large, peer));
            server.send(bytes("answer"), peer);
            return List.of(refused, state(large), next(client));
        });
    }

    private static void destinations(Map<String, Case> cases) {
        cases.put("send to nothing, to who is not resolved, to no internet address, to port 0", channels -> {
            DatagramChannel channel = channels.bound();
            ByteBuffer buffer = bytes("abc");
            List<Object> seen = outcomes(
                    () -> channel.send(buffer, null),
                    () -> channel.send(buffer, InetSocketAddress.createUnresolved("nowhere.invalid", 7)),
                    () -> channel.send(buffer, new SocketAddress() {}),
                    () -> channel.send(buffer, new InetSocketAddress(address("127.0.0.1"), 0)),
                    () -> channel.send(null, at(channel)));
            return List.of(seen, state(buffer), channel.isOpen());
        });
        cases.put("send to an IPv6 address", channels -> {
            DatagramChannel channel = channels.bound();
            ByteBuffer buffer = bytes("abc");
            Object sent = outcome(() -> channel.send(buffer, new InetSocketAddress("::1", port(channel))));
            return List.of(sent, state(buffer));
        });
        cases.put("send to broadcast: only if it is allowed", channels -> {
            DatagramChannel channel = channels.bound();
            InetSocketAddress all = new InetSocketAddress("127.255.255.255", port(channel));
            boolean before = channel.getOption(StandardSocketOptions.SO_BROADCAST);
            channel.setOption(StandardSocketOptions.SO_BROADCAST, false);
            Object forbidden = outcome(() -> channel.send(bytes("all"), all));
            channel.setOption(StandardSocketOptions.SO_BROADCAST, true);
            return List.of(before, forbidden, outcome(() -> channel.send(bytes("all"), all)), next(channel));
        });
        cases.put("send to all addresses is to this host", channels -> {
            DatagramChannel channel = channels.bound();
            InetSocketAddress any = new InetSocketAddress(InetAddress.getByName("0.0.0.0"), port(channel));
            return List.of(outcome(() -> channel.send(bytes("self"), any)), next(channel));
        });
    }

    private static void answers(Map<String, Case> cases) {
        cases.put("answers reach who has asked, and only them", channels -> {
            DatagramChannel server = channels.bound();
            List<DatagramChannel> clients = List.of(channels.bound(), channels.nonBlocking(), channels.bound());
            for (DatagramChannel client : clients) {
                client.send(bytes("from " + clients.indexOf(client)), at(server));
            }
            ByteBuffer buffer = ByteBuffer.allocateDirect(20);
            for (int i = 0; i < clients.size(); i++) {
                SocketAddress peer = server.receive(buffer.clear());
                server.send(buffer.flip(), peer);
            }
            List<Object> seen = new ArrayList<>();
            for (DatagramChannel client : clients) {
                seen.add(next(client));
            }
            return seen;
        });
        cases.put("answers again and again, without another question", channels -> {
            DatagramChannel server = channels.bound();
            DatagramChannel client = channels.bound();
            client.send(bytes("ask"), at(server));
            SocketAddress peer = server.receive(ByteBuffer.allocate(9));
            List<Object> seen = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                ByteBuffer answer = bytes("answer " + i);
                seen.add(server.send(answer, peer));
                seen.add(next(client));
            }
            return seen;
        });
    }
}
