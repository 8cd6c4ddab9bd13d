package org.pktinfo.channels;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.MembershipKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Cases of multicast groups, on the loopback interface. */
final class GroupCases extends ChannelCase {
    private GroupCases() {}

    static void addTo(Map<String, Case> cases) {
        joining(cases);
        refused(cases);
        hearing(cases);
        blocking(cases);
        ofOneSource(cases);
        ending(cases);
    }

    private static InetAddress group(int number) throws IOException {
        return address("239.255.8." + number);
    }

    /** Makes a channel that sends to groups on loopback, from 127.0.0.1. */
    private static DatagramChannel sender(Channels channels) throws IOException {
        return channels.open(StandardProtocolFamily.INET)
                .setOption(StandardSocketOptions.IP_MULTICAST_IF, loopback())
                .bind(new InetSocketAddress("127.0.0.1", 0));
    }

    private static void joining(Map<String, Case> cases) {
        cases.put("join: the key, and the same key when joined again", channels -> {
            DatagramChannel channel = channels.bound();
            MembershipKey key = channel.join(group(1), loopback());
            return List.of(
                    key.isValid(),
                    key.group(),
                    key.networkInterface().equals(loopback()),
                    String.valueOf(key.sourceAddress()),
                    key.channel() == channel,
                    channel.join(group(1), loopback()) == key,
                    channel.join(group(2), loopback()) == key);
        });
        cases.put("join: a channel that is not bound", channels -> {
            DatagramChannel channel = channels.open();
            MembershipKey key = channel.join(group(1), loopback());
            return List.of(key.isValid(), String.valueOf(channel.getLocalAddress()));
        });
        cases.put("join: an IPv6 group", channels -> {
            DatagramChannel channel = channels.bound();
            return outcome(() -> {
                MembershipKey key = channel.join(address("ff15::8:1"), loopback());
                List<Object> seen = new ArrayList<>(List.of(key.isValid(), key.group()));
                key.drop();
                seen.add(key.isValid());
                return seen;
            });
        });
        cases.put(
                "join: an IPv4 group by an IPv6 channel",
                channels -> outcome(() -> channels.open(StandardProtocolFamily.INET6)
                        .join(group(1), loopback())
                        .isValid()));
    }

    private static void refused(Map<String, Case> cases) {
        cases.put("join: no group, nothing, no interface, a source that is none", channels -> {
            DatagramChannel channel = channels.bound();
            return outcomes(
                    () -> channel.join(address("127.0.0.1"), loopback()),
                    () -> channel.join(null, loopback()),
                    () -> channel.join(group(1), null),
                    () -> channel.join(group(1), loopback(), null),
                    () -> channel.join(group(1), loopback(), address("::1")),
                    () -> channel.join(group(1), loopback(), address("0.0.0.0")),
                    () -> channel.join(group(1), loopback(), group(2)));
        });
        cases.put("join: closed", channels -> {
            DatagramChannel channel = channels.bound();
            channel.close();
            return outcomes(
                    () -> channel.join(group(1), loopback()),
                    () -> channel.join(group(1), loopback(), address("127.0.0.1")));
        });
    }

    private static void hearing(Map<String, Case> cases) {
        cases.put("a group is heard when joined, not before and not after", channels -> {
            DatagramChannel channel = channels.bound();
            DatagramChannel sender = sender(channels);
            InetSocketAddress all = new InetSocketAddress(group(3), port(channel));
            channel.setOption(StandardSocketOptions.IP_MULTICAST_IF, loopback());
            sender.send(bytes("before"), all);
            sender.send(bytes("begin"), at(channel));
            String begin = next(channel);
            MembershipKey key = channel.join(group(3), loopback());
            sender.send(bytes("joined"), all);
            String heard = next(channel);
            key.drop();
            sender.send(bytes("after"), all);
            sender.send(bytes("end"), at(channel));
            return List.of(begin, heard, next(channel));
        });
        cases.put("a group is heard by its sender, on this interface always", channels -> {
            DatagramChannel one = channels.bound().setOption(StandardSocketOptions.IP_MULTICAST_IF, loopback());
            one.join(group(4), loopback());
            InetSocketAddress all = new InetSocketAddress(group(4), port(one));
            one.send(bytes("self"), all);
            String own = next(one);
            one.setOption(StandardSocketOptions.IP_MULTICAST_LOOP, false);
            one.send(bytes("also"), all);
            one.send(bytes("end"), at(one));
            return List.of(own, next(one));
        });
        cases.put("who asks by a group is answered", channels -> {
            DatagramChannel server = channels.bound();
            server.join(group(5), loopback());
            DatagramChannel client = sender(channels);
            client.send(bytes("ask"), new InetSocketAddress(group(5), port(server)));
            ByteBuffer buffer = ByteBuffer.allocate(9);
            SocketAddress peer = server.receive(buffer);
            server.send(buffer.flip(), peer);
            return List.of(isOf(peer, client), next(client));
        });
    }

    private static void blocking(Map<String, Case> cases) {
        cases.put("a source that is blocked is not heard until it is unblocked", channels -> {
            DatagramChannel channel = channels.bound();
            DatagramChannel sender = sender(channels);
            InetSocketAddress all = new InetSocketAddress(group(6), port(channel));
            MembershipKey key = channel.join(group(6), loopback());
            boolean same = key.block(address("127.0.0.1")) == key;
            sender.send(bytes("blocked"), all);
            sender.send(bytes("end"), at(channel));
            String first = next(channel);
            key.unblock(address("127.0.0.1"));
            sender.send(bytes("unblocked"), all);
            return List.of(same, first, next(channel), key.isValid());
        });
        cases.put("block: twice, what is no source, not blocked, when dropped", channels -> {
            MembershipKey key = channels.bound().join(group(7), loopback());
            key.block(address("127.0.0.9"));
            List<Object> seen = new ArrayList<>(outcomes(
                    () -> key.block(address("127.0.0.9")),
                    () -> key.block(address("::1")),
                    () -> key.block(address("0.0.0.0")),
                    () -> key.block(group(1)),
                    () -> key.block(null),
                    () -> key.unblock(address("127.0.0.8")),
                    () -> key.unblock(address("127.0.0.9")),
                    () -> key.unblock(address("127.0.0.9"))));
            key.drop();
            seen.addAll(outcomes(() -> key.block(address("127.0.0.9")), () -> key.unblock(address("127.0.0.9"))));
            return seen;
        });
    }

    private static void ofOneSource(Map<String, Case> cases) {
        cases.put("join of one source: it is heard, another not", channels -> {
            DatagramChannel channel = channels.bound();
            DatagramChannel sender = sender(channels);
            InetSocketAddress all = new InetSocketAddress(group(8), port(channel));
            MembershipKey other = channel.join(group(8), loopback(), address("127.0.0.9"));
            sender.send(bytes("another"), all);
            sender.send(bytes("end"), at(channel));
            String first = next(channel);
            MembershipKey own = channel.join(group(8), loopback(), address("127.0.0.1"));
            sender.send(bytes("source"), all);
            return List.of(
                    other.sourceAddress(),
                    first,
                    next(channel),
                    channel.join(group(8), loopback(), address("127.0.0.1")) == own,
                    outcome(() -> own.block(address("127.0.0.1"))),
                    outcome(() -> channel.join(group(8), loopback())));
        });
        cases.put("join of one source after all", channels -> {
            DatagramChannel channel = channels.bound();
            MembershipKey key = channel.join(group(9), loopback());
            Object refused = outcome(() -> channel.join(group(9), loopback(), address("127.0.0.1")));
            key.drop();
            MembershipKey again = channel.join(group(9), loopback(), address("127.0.0.1"));
            return List.of(refused, key.isValid(), again.isValid());
        });
    }

    private static void ending(Map<String, Case> cases) {
        cases.put("drop: no longer valid, twice, then joined by another key", channels -> {
            DatagramChannel channel = channels.bound();
            MembershipKey key = channel.join(group(10), loopback());
            key.drop();
            key.drop();
            MembershipKey again = channel.join(group(10), loopback());
            return List.of(key.isValid(), again.isValid(), key == again, key.group(), key.channel() == channel);
        });
        cases.put("closing drops all", channels -> {
            DatagramChannel channel = channels.bound();
            MembershipKey one = channel.join(group(11), loopback());
            MembershipKey other = channel.join(group(12), loopback());
            channel.close();
            one.drop();
            return List.of(one.isValid(), other.isValid(), outcome(() -> other.block(address("127.0.0.1"))));
        });
    }
}
