package org.pktinfo.channels;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Cases of a channel from its opening to its close. */
final class OpeningCases extends ChannelCase {
    private OpeningCases() {}

    static void addTo(Map<String, Case> cases) {
        opening(cases);
        binding(cases);
        failingToBind(cases);
        implicitly(cases);
        closing(cases);
    }

    private static void opening(Map<String, Case> cases) {
        cases.put("new: open, blocking, not bound, not connected", channels -> {
            DatagramChannel channel = channels.open();
            return List.of(
                    channel.isOpen(),
                    channel.isBlocking(),
                    channel.isConnected(),
                    channel.isRegistered(),
                    String.valueOf(channel.getLocalAddress()),
                    String.valueOf(channel.getRemoteAddress()),
                    channel.validOps() == (SelectionKey.OP_READ | SelectionKey.OP_WRITE));
        });
        cases.put(
                "families: IPv4, IPv6, UNIX, none",
                channels -> outcomes(
                        () -> channels.open(StandardProtocolFamily.INET),
                        () -> channels.open(StandardProtocolFamily.INET6),
                        () -> channels.open(StandardProtocolFamily.UNIX),
                        () -> channels.open(() -> "OTHER"),
                        () -> channels.open(null)));
        cases.put("an IPv6 channel takes what is sent by IPv4 too", channels -> {
            DatagramChannel six = channels.open(StandardProtocolFamily.INET6).bind(new InetSocketAddress(0));
            channels.bound().send(bytes("x"), at(six));
            ByteBuffer buffer = ByteBuffer.allocate(9);
            InetSocketAddress peer = (InetSocketAddress) six.receive(buffer);
            return List.of(text(buffer), peer.getAddress());
        });
    }

    private static void binding(Map<String, Case> cases) {
        cases.put("bind: to nothing, to all addresses, to one", channels -> {
            List<Object> seen = new ArrayList<>();
            for (SocketAddress address :
                    new SocketAddress[] {null, new InetSocketAddress(0), new InetSocketAddress("127.0.0.3", 0)}) {
                DatagramChannel channel = channels.open();
                seen.add(channel.bind(address) == channel);
                InetSocketAddress local = (InetSocketAddress) channel.getLocalAddress();
                seen.add(local.getAddress().isAnyLocalAddress());
                seen.add(local.getAddress());
                seen.add(local.getPort() > 0);
            }
            return seen;
        });
        cases.put("bind: twice, and after a connect", channels -> {
            DatagramChannel bound = channels.bound();
            DatagramChannel connected = channels.open().connect(at(bound));
            return outcomes(
                    () -> bound.bind(new InetSocketAddress(0)),
                    () -> bound.bind(null),
                    () -> connected.bind(new InetSocketAddress(0)));
        });
        cases.put("bound to one address: it is what is sent from, and what is received at", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel one = channels.open().bind(new InetSocketAddress("127.0.0.3", 0));
            one.send(bytes("from"), at(peer));
            InetSocketAddress source = (InetSocketAddress) peer.receive(ByteBuffer.allocate(9));
            peer.send(bytes("elsewhere"), at(one));
            peer.send(bytes("here"), new InetSocketAddress("127.0.0.3", port(one)));
            return List.of(source.getAddress(), next(one));
        });
        cases.put("two channels on one port, where both allow it", channels -> {
            DatagramChannel first = channels.open().setOption(StandardSocketOptions.SO_REUSEADDR, true);
            first.bind(new InetSocketAddress(0));
            DatagramChannel second = channels.open();
            InetSocketAddress same = new InetSocketAddress(port(first));
            Object refused = outcome(() -> second.bind(same));
            second.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            return List.of(refused, outcome(() -> second.bind(same) == second));
        });
    }

    private static void failingToBind(Map<String, Case> cases) {
        cases.put("bind: an address that is none, unresolved, another host's, in use, of IPv6", channels -> {
            DatagramChannel channel = channels.open();
            DatagramChannel other = channels.bound();
            List<Object> seen = outcomes(
                    () -> channel.bind(new SocketAddress() {}),
                    () -> channel.bind(InetSocketAddress.createUnresolved("nowhere.invalid", 0)),
                    () -> channel.bind(new InetSocketAddress("192.0.2.77", 0)),
                    () -> channel.bind(new InetSocketAddress(port(other))),
                    () -> channel.bind(new InetSocketAddress("::1", 0)));
            return List.of(seen, channel.isOpen(), outcome(() -> channel.bind(null) == channel));
        });
        cases.put("a bind that fails leaves a channel that can be bound and used", channels -> {
            DatagramChannel other = channels.bound();
            DatagramChannel channel = channels.open();
            Object refused = outcome(() -> channel.bind(new InetSocketAddress(port(other))));
            String local = String.valueOf(channel.getLocalAddress());
            channel.bind(new InetSocketAddress(0));
            other.send(bytes("x"), at(channel));
            return List.of(refused, local, next(channel));
        });
    }

    private static void implicitly(Map<String, Case> cases) {
        cases.put("sending, receiving and connecting bind", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel sender = channels.open();
            sender.send(bytes("x"), at(peer));
            DatagramChannel receiver = channels.open();
            receiver.configureBlocking(false);
            Object received = outcome(() -> receiver.receive(ByteBuffer.allocate(1)));
            DatagramChannel connected = channels.open().connect(at(peer));
            return List.of(
                    received,
                    port(sender) > 0,
                    ((InetSocketAddress) sender.getLocalAddress()).getAddress().isAnyLocalAddress(),
                    port(receiver) > 0,
                    port(connected) > 0,
                    ((InetSocketAddress) connected.getLocalAddress()).getAddress());
        });
        cases.put("what a send has bound is answered", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel sender = channels.open();
            sender.send(bytes("ask"), at(peer));
            ByteBuffer buffer = ByteBuffer.allocate(9);
            SocketAddress from = peer.receive(buffer);
            peer.send(bytes("answer"), from);
            return List.of(text(buffer), isOf(from, sender), next(sender));
        });
    }

    private static void closing(Map<String, Case> cases) {
        cases.put("closed: nothing works any more, closing again does", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.bound();
            channel.close();
            channel.close();
            ByteBuffer buffer = ByteBuffer.allocate(1);
            ByteBuffer[] buffers = {buffer};
            return List.of(
                    channel.isOpen(),
                    outcomes(
                            () -> channel.bind(null),
                            () -> channel.connect(at(peer)),
                            channel::disconnect,
                            channel::getLocalAddress,
                            channel::getRemoteAddress,
                            () -> channel.receive(buffer),
                            () -> channel.send(buffer, at(peer)),
                            () -> channel.read(buffer),
                            () -> channel.write(buffer),
                            () -> channel.read(buffers),
                            () -> channel.write(buffers),
                            () -> channel.configureBlocking(false),
                            () -> channel.register(channels.selector(), SelectionKey.OP_READ)),
                    channel.isConnected(),
                    channel.isRegistered(),
                    channel.isBlocking());
        });
        cases.put("closed while connected: it is told no more", channels -> {
            DatagramChannel channel = channels.connected(channels.bound());
            channel.close();
            return List.of(
                    channel.isConnected(),
                    outcome(channel::getRemoteAddress),
                    outcome(() -> channel.disconnect() == channel));
        });
        cases.put("closed: the port is free at once", channels -> {
            DatagramChannel channel = channels.bound();
            int port = port(channel);
            channel.close();
            DatagramChannel again = channels.open().bind(new InetSocketAddress(port));
            channels.bound().send(bytes("x"), at(again));
            return List.of(port(again) == port, next(again));
        });
    }
}
