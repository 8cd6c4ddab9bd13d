package org.pktinfo.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.nio.NioChannelOption;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.StandardSocketOptions;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A Netty channel's peer, options and groups. */
@SuppressWarnings({
    "try", // a fixture waits while it closes
    "deprecation", // the options are those that programs use
    "FutureReturnValueIgnored" // the result of some writes is checked elsewhere
})
final class NettyOptionCases extends NettyCase {
    private NettyOptionCases() {}

    static void addTo(Map<String, Case> cases) {
        connecting(cases);
        options(cases);
        groups(cases);
    }

    private static void connecting(Map<String, Case> cases) {
        cases.put("connected: only the peer, and back", fixture -> {
            DatagramChannel channel = fixture.bind();
            try (DatagramSocket stranger = new DatagramSocket()) {
                List<Object> seen = new ArrayList<>();
                seen.add(outcome(channel.connect(fixture.clientAddress())));
                seen.add(channel.isConnected());
                seen.add(channel.remoteAddress().equals(fixture.clientAddress()));
                stranger.send(new java.net.DatagramPacket(new byte[] {'s'}, 1, channel.localAddress()));
                fixture.send(channel, "of the peer");
                fixture.recorder.await("read of the peer");
                seen.add(fixture.recorder.events().contains("read s"));
                seen.add(outcome(channel.writeAndFlush(fixture.text("bare"))));
                seen.add(outcome(channel.writeAndFlush(fixture.packet("addressed"))));
                seen.addAll(fixture.receive(2));
                InetSocketAddress other = new InetSocketAddress(loopback(), stranger.getLocalPort());
                seen.add(outcome(channel.writeAndFlush(new DatagramPacket(fixture.text("x"), other))));
                seen.add(outcome(channel.disconnect()));
                seen.add(channel.isConnected());
                seen.add(String.valueOf(channel.remoteAddress()));
                seen.add(channel.isOpen());
                seen.add(outcome(channel.writeAndFlush(fixture.text("for nobody"))));
                stranger.send(new java.net.DatagramPacket(new byte[] {'t'}, 1, channel.localAddress()));
                fixture.recorder.await("read t");
                return seen;
            }
        });
        cases.put("connected from the beginning", fixture -> {
            DatagramChannel channel = fixture.channel(fixture.bootstrap().connect(fixture.clientAddress()));
            List<Object> seen = new ArrayList<>(List.of(channel.isConnected(), channel.isActive()));
            seen.add(outcome(channel.writeAndFlush(fixture.text("hello"))));
            seen.add(fixture.receiveText());
            seen.addAll(fixture.recorder.events());
            return seen;
        });
        cases.put("connected to where nobody listens", fixture -> {
            DatagramSocket gone = new DatagramSocket(new InetSocketAddress(loopback(), 0));
            InetSocketAddress there = (InetSocketAddress) gone.getLocalSocketAddress();
            gone.close();
            DatagramChannel channel = fixture.channel(fixture.bootstrap().connect(there));
            done(channel.writeAndFlush(fixture.text("hello")));
            fixture.recorder.await("caught PortUnreachableException");
            return List.of(channel.isOpen(), channel.isActive());
        });
    }

    private static void options(Map<String, Case> cases) {
        cases.put("options", fixture -> {
            DatagramChannel channel = fixture.bind();
            NetworkInterface lo = NetworkInterface.getByInetAddress(loopback());
            Map<ChannelOption<?>, Object> set = new LinkedHashMap<>();
            set.put(ChannelOption.SO_BROADCAST, true);
            set.put(ChannelOption.SO_RCVBUF, 40_000);
            set.put(ChannelOption.SO_SNDBUF, 50_000);
            set.put(ChannelOption.SO_REUSEADDR, true);
            set.put(ChannelOption.IP_TOS, 0x10);
            set.put(ChannelOption.IP_MULTICAST_IF, lo);
            set.put(ChannelOption.IP_MULTICAST_TTL, 3);
            set.put(ChannelOption.AUTO_CLOSE, false);
            set.put(ChannelOption.WRITE_SPIN_COUNT, 7);
            set.put(ChannelOption.MAX_MESSAGES_PER_READ, 5);
            set.put(ChannelOption.MAX_MESSAGES_PER_WRITE, 6);
            set.put(ChannelOption.CONNECT_TIMEOUT_MILLIS, 8);
            set.put(NioChannelOption.of(StandardSocketOptions.SO_REUSEPORT), true);
            set.put(ChannelOption.TCP_NODELAY, true);
            set.put(NioChannelOption.of(StandardSocketOptions.TCP_NODELAY), true);
            List<Object> seen = new ArrayList<>();
            set.forEach((option, value) -> {
                seen.add(option.name());
                seen.add(set(channel, option, value));
                seen.add(outcome(() -> seen.add(String.valueOf(channel.config().getOption(option)))));
            });
            seen.add(outcome(() -> channel.config().setOption(ChannelOption.SO_RCVBUF, -1)));
            seen.add(channel.config().getInterface());
            seen.add(set(channel, NioChannelOption.of(StandardSocketOptions.TCP_NODELAY), null));
            seen.add(outcome(() -> set(channel, NioChannelOption.of(StandardSocketOptions.IP_MULTICAST_IF), null)));
            seen.add(outcome(() -> set(channel, NioChannelOption.of(StandardSocketOptions.SO_RCVBUF), null)));
            seen.add(outcome(() -> set(channel, ChannelOption.SO_RCVBUF, null)));
            return seen;
        });
        cases.put("options of a new channel", fixture -> {
            DatagramChannel channel = fixture.bind();
            Map<String, String> seen = new TreeMap<>();
            channel.config().getOptions().forEach((option, value) -> {
                if (!option.name().contains("PktInfo") && !option.name().contains("_LOOP")) {
                    seen.put(option.name(), String.valueOf(value).replaceAll("@.*|Adaptive.*", ""));
                }
            });
            return seen;
        });
    }

    private static void groups(Map<String, Case> cases) {
        cases.put("groups: joining, leaving, blocking", fixture -> {
            NetworkInterface lo = NetworkInterface.getByInetAddress(loopback());
            InetAddress group = InetAddress.getByName("239.255.7.8");
            DatagramChannel channel = fixture.channel(fixture.bootstrap()
                    .option(ChannelOption.SO_REUSEADDR, true)
                    .option(ChannelOption.IP_MULTICAST_IF, lo)
                    .bind(0));
            InetSocketAddress there =
                    new InetSocketAddress(group, channel.localAddress().getPort());
            fixture.client.setOption(StandardSocketOptions.IP_MULTICAST_IF, lo);
            fixture.client.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 0);
            List<Object> seen = new ArrayList<>();
            seen.add(outcome(channel.joinGroup(there, lo)));
            seen.add(outcome(channel.joinGroup(there, lo)));
            say(fixture, there, "member");
            fixture.recorder.await("read member");
            seen.add(outcome(channel.block(group, lo, loopback())));
            say(fixture, there, "blocked");
            say(fixture, new InetSocketAddress(loopback(), there.getPort()), "unicast");
            fixture.recorder.await("read unicast");
            seen.add(fixture.recorder.events().contains("read blocked"));
            seen.add(outcome(channel.leaveGroup(there, lo)));
            seen.add(outcome(channel.leaveGroup(there, lo)));
            seen.add(outcome(channel.joinGroup(group, lo, loopback())));
            say(fixture, there, "of this source");
            fixture.recorder.await("read of this source");
            seen.add(outcome(channel.leaveGroup(group, lo, loopback())));
            seen.add(outcome(channel.joinGroup(group)));
            say(fixture, there, "by the option");
            fixture.recorder.await("read by the option");
            seen.add(outcome(channel.joinGroup(loopback(), lo, null)));
            return seen;
        });
    }

    @SuppressWarnings("unchecked")
    private static Object set(Channel channel, ChannelOption<?> option, Object value) {
        return channel.config().setOption((ChannelOption<Object>) option, value);
    }

    private static void say(Fixture fixture, InetSocketAddress there, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        fixture.client.send(new java.net.DatagramPacket(bytes, bytes.length, there));
    }
}
