package org.pktinfo.channels;

import java.net.InetSocketAddress;
import java.net.SocketOption;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** Cases of socket options: those that are supported, and the exceptions for the others. */
final class OptionCases extends ChannelCase {
    private OptionCases() {}

    static void addTo(Map<String, Case> cases) {
        values(cases);
        refused(cases);
        lasting(cases);
    }

    private static Map<String, Object> values(DatagramChannel channel) {
        Map<String, Object> seen = new TreeMap<>();
        for (SocketOption<?> option : channel.supportedOptions()) {
            if (option.name().equals("SO_INCOMING_NAPI_ID")) {
                continue; // depends on the network card
            }
            seen.put(option.name(), outcome(() -> channel.getOption(option)));
        }
        return seen;
    }

    private static void values(Map<String, Case> cases) {
        cases.put("options: values at first, and when it is bound", channels -> {
            DatagramChannel channel = channels.open();
            Map<String, Object> before = values(channel);
            channel.bind(null);
            return List.of(before, values(channel));
        });
        cases.put("options: each set and told", channels -> {
            DatagramChannel channel = channels.bound();
            boolean same = channel.setOption(StandardSocketOptions.SO_REUSEADDR, true) == channel;
            channel.setOption(StandardSocketOptions.SO_REUSEPORT, true);
            channel.setOption(StandardSocketOptions.SO_BROADCAST, false);
            channel.setOption(StandardSocketOptions.SO_RCVBUF, 40_000);
            channel.setOption(StandardSocketOptions.SO_SNDBUF, 50_000);
            channel.setOption(StandardSocketOptions.IP_TOS, 0x10);
            channel.setOption(StandardSocketOptions.IP_MULTICAST_IF, loopback());
            channel.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 7);
            channel.setOption(StandardSocketOptions.IP_MULTICAST_LOOP, false);
            return List.of(same, values(channel));
        });
        cases.put(
                "options: of an IPv6 channel",
                channels -> outcome(
                        () -> values(channels.open(StandardProtocolFamily.INET6).bind(new InetSocketAddress(0)))));
        cases.put("options: the set of them is nobody's to change", channels -> {
            DatagramChannel channel = channels.open();
            Object cleared = outcome(() -> channel.supportedOptions().clear());
            channel.close();
            return List.of(
                    cleared,
                    new TreeSet<>(channel.supportedOptions().stream()
                            .map(SocketOption::name)
                            .toList()));
        });
    }

    private static void refused(Map<String, Case> cases) {
        cases.put("options: none, not supported, bad values", channels -> {
            DatagramChannel channel = channels.bound();
            return outcomes(
                    () -> channel.getOption(null),
                    () -> channel.setOption(null, 1),
                    () -> channel.getOption(StandardSocketOptions.TCP_NODELAY),
                    () -> channel.setOption(StandardSocketOptions.TCP_NODELAY, true),
                    () -> channel.setOption(StandardSocketOptions.SO_RCVBUF, -1),
                    () -> channel.setOption(StandardSocketOptions.SO_RCVBUF, 0),
                    () -> channel.setOption(StandardSocketOptions.SO_SNDBUF, null),
                    () -> channel.setOption(StandardSocketOptions.IP_TOS, 256),
                    () -> channel.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 256),
                    () -> channel.setOption(StandardSocketOptions.IP_MULTICAST_TTL, -1),
                    () -> channel.setOption(StandardSocketOptions.IP_MULTICAST_IF, null));
        });
        cases.put("options: closed", channels -> {
            DatagramChannel channel = channels.bound();
            channel.close();
            return outcomes(
                    () -> channel.getOption(StandardSocketOptions.SO_RCVBUF),
                    () -> channel.setOption(StandardSocketOptions.SO_RCVBUF, 1000),
                    () -> channel.getOption(StandardSocketOptions.TCP_NODELAY));
        });
    }

    private static void lasting(Map<String, Case> cases) {
        cases.put(
                "options: set before the bind, after a datagram, a connect and a disconnect they are the same",
                channels -> {
                    DatagramChannel channel = channels.open();
                    channel.setOption(StandardSocketOptions.SO_RCVBUF, 30_000);
                    channel.setOption(StandardSocketOptions.IP_TOS, 8);
                    List<Object> seen = new ArrayList<>();
                    channel.bind(new InetSocketAddress(0));
                    seen.add(values(channel));
                    channel.send(bytes("x"), at(channel));
                    next(channel);
                    seen.add(values(channel));
                    channel.connect(at(channels.bound()));
                    seen.add(values(channel));
                    channel.disconnect();
                    seen.add(values(channel));
                    return seen;
                });
    }
}
