package org.pktinfo.socket;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A socket from its constructor to its close. */
final class LifeCases extends SocketCase {
    private LifeCases() {}

    static void addTo(Map<String, Case> cases) {
        unbound(cases);
        closed(cases);
        bound(cases);
    }

    private static void unbound(Map<String, Case> cases) {
        cases.put("new: bound, not connected, open, without a channel", (socket, maker) -> {
            List<Object> seen = new ArrayList<>(List.of(
                    socket.isBound(),
                    socket.isConnected(),
                    socket.isClosed(),
                    socket.getLocalPort() > 0,
                    socket.getLocalAddress().isAnyLocalAddress(),
                    socket.getLocalAddress().getClass(),
                    socket.getPort(),
                    String.valueOf(socket.getInetAddress()),
                    String.valueOf(socket.getRemoteSocketAddress()),
                    String.valueOf(socket.getChannel())));
            seen.add(socket.getLocalSocketAddress().getClass());
            seen.add(socket.getSoTimeout());
            seen.add(socket.getBroadcast());
            seen.add(socket.getReuseAddress());
            seen.add(socket.getTrafficClass());
            seen.add(socket.getReceiveBufferSize());
            seen.add(socket.getSendBufferSize());
            return seen;
        });
        cases.put("unbound: ports, addresses, bind", (socket, maker) -> {
            try (DatagramSocket unbound = maker.make(null)) {
                List<Object> seen = new ArrayList<>(List.of(
                        unbound.isBound(), unbound.getLocalPort(), String.valueOf(unbound.getLocalSocketAddress())));
                seen.add(unbound.getLocalAddress().isAnyLocalAddress());
                seen.add(outcome(() -> unbound.bind(null)));
                seen.add(unbound.isBound());
                seen.add(unbound.getLocalPort() > 0);
                seen.add(outcome(() -> unbound.bind(null)));
                seen.add(outcome(() -> unbound.bind(at(socket))));
                return seen;
            }
        });
        cases.put("unbound: sending and receiving bind", (socket, maker) -> {
            try (DatagramSocket sender = maker.make(null);
                    DatagramSocket receiver = maker.make(null)) {
                sender.send(packet("x", at(socket)));
                receiver.setSoTimeout(10);
                return List.of(
                        sender.isBound(),
                        outcome(() -> receiver.receive(new DatagramPacket(new byte[1], 1))),
                        receiver.isBound());
            }
        });
        cases.put(
                "an address in use, one that is not the host's, one of another kind",
                (socket, maker) -> List.of(
                        outcome(() -> maker.make(new InetSocketAddress(socket.getLocalPort()))
                                .close()),
                        outcome(() -> maker.make(new InetSocketAddress(InetAddress.getByName("192.0.2.77"), 0))
                                .close()),
                        outcome(() -> maker.make(new SocketAddress() {}).close()),
                        outcome(() -> maker.make(InetSocketAddress.createUnresolved("nowhere.invalid", 0))
                                .close())));
    }

    private static void closed(Map<String, Case> cases) {
        cases.put("closed: what still works and what does not", (socket, maker) -> {
            int port = socket.getLocalPort();
            socket.close();
            socket.close();
            List<Object> seen = new ArrayList<>(List.of(socket.isClosed(), socket.isBound(), socket.getLocalPort()));
            seen.add(String.valueOf(socket.getLocalAddress()));
            seen.add(String.valueOf(socket.getLocalSocketAddress()));
            seen.add(outcome(() -> socket.receive(new DatagramPacket(new byte[1], 1))));
            seen.add(outcome(() -> socket.send(packet("x", new InetSocketAddress(loopback(), port)))));
            seen.add(outcome(() -> socket.bind(null)));
            seen.add(outcome(() -> socket.connect(loopback(), port)));
            seen.add(outcome(() -> socket.connect(new InetSocketAddress(loopback(), port))));
            seen.add(outcome(socket::disconnect));
            seen.add(outcome(socket::getSoTimeout));
            seen.add(outcome(() -> socket.setSoTimeout(1)));
            seen.add(outcome(socket::getBroadcast));
            seen.add(outcome(() -> socket.setReuseAddress(true)));
            seen.add(outcome(socket::getReceiveBufferSize));
            seen.add(outcome(() -> socket.setTrafficClass(0)));
            seen.add(outcome(() -> socket.getOption(StandardSocketOptions.SO_RCVBUF)));
            seen.add(outcome(() -> maker.make(new InetSocketAddress(port)).close()));
            return seen;
        });
        cases.put(
                "a port or address that cannot be had leaves a socket that can be bound elsewhere", (socket, maker) -> {
                    try (DatagramSocket unbound = maker.make(null)) {
                        unbound.setReuseAddress(false);
                        return List.of(
                                outcome(() -> unbound.bind(new InetSocketAddress(socket.getLocalPort()))),
                                unbound.isBound(),
                                unbound.isClosed(),
                                outcome(() ->
                                        unbound.bind(new InetSocketAddress(InetAddress.getByName("192.0.2.77"), 0))),
                                outcome(() -> unbound.bind(new SocketAddress() {})),
                                outcome(() -> unbound.bind(InetSocketAddress.createUnresolved("nowhere.invalid", 0))),
                                outcome(() -> unbound.bind(ANY)),
                                unbound.isBound(),
                                outcome(() -> unbound.send(packet("x", at(socket)))));
                    }
                });
    }

    private static void bound(Map<String, Case> cases) {
        cases.put("bound to one address: it is what is sent from, and what is received at", (socket, maker) -> {
            InetAddress own = InetAddress.getByName("127.0.0.3");
            socket.setSoTimeout(SOON);
            try (DatagramSocket bound = maker.make(new InetSocketAddress(own, 0))) {
                bound.setSoTimeout(SOON);
                bound.send(packet("from", at(socket)));
                DatagramPacket packet = new DatagramPacket(new byte[9], 9);
                socket.receive(packet);
                InetAddress source = packet.getAddress();
                socket.send(packet("elsewhere", at(bound)));
                socket.send(packet("here", new InetSocketAddress(own, bound.getLocalPort())));
                bound.receive(packet);
                return List.of(source, text(packet), bound.getLocalAddress());
            }
        });
        cases.put("closed while connected: what it was connected to is still told", (socket, maker) -> {
            try (DatagramSocket peer = maker.make(ANY)) {
                socket.connect(at(peer));
                socket.close();
                return List.of(
                        socket.isConnected(),
                        socket.getInetAddress(),
                        socket.getPort() == peer.getLocalPort(),
                        at(peer).equals(socket.getRemoteSocketAddress()),
                        String.valueOf(socket.getLocalAddress()),
                        socket.getLocalPort());
            }
        });
        cases.put("two sockets on one port, where both allow it", (socket, maker) -> {
            try (DatagramSocket first = maker.make(null);
                    DatagramSocket second = maker.make(null)) {
                first.setReuseAddress(true);
                second.setReuseAddress(true);
                first.bind(ANY);
                return List.of(
                        outcome(() -> second.bind(new InetSocketAddress(first.getLocalPort()))),
                        second.getReuseAddress());
            }
        });
    }
}
