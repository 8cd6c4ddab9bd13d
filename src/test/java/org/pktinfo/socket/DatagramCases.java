package org.pktinfo.socket;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Packets, lengths and timeouts of a socket, with one peer or with many. */
final class DatagramCases extends SocketCase {
    private DatagramCases() {}

    static void addTo(Map<String, Case> cases) {
        sizes(cases);
        tooLarge(cases);
        limits(cases);
        delivery(cases);
        onePeer(cases);
        connecting(cases);
    }

    private static void sizes(Map<String, Case> cases) {
        cases.put("timeouts", (socket, maker) -> {
            socket.setSoTimeout(30);
            long begin = System.nanoTime();
            Object received = outcome(() -> socket.receive(new DatagramPacket(new byte[1], 1)));
            boolean inTime = System.nanoTime() - begin >= TimeUnit.MILLISECONDS.toNanos(29);
            socket.send(packet("x", at(socket)));
            return List.of(
                    socket.getSoTimeout(),
                    received,
                    inTime,
                    outcome(() -> socket.receive(new DatagramPacket(new byte[1], 1))),
                    outcome(() -> socket.setSoTimeout(-1)));
        });
        cases.put("a packet: length, rest, offset, address", (socket, maker) -> {
            try (DatagramSocket sender = maker.make(ANY)) {
                sender.send(packet("abcdef", at(socket)));
                byte[] bytes = "..........".getBytes(StandardCharsets.UTF_8);
                DatagramPacket packet = new DatagramPacket(bytes, 2, 8);
                socket.receive(packet);
                return List.of(
                        new String(bytes, StandardCharsets.UTF_8),
                        packet.getOffset(),
                        packet.getLength(),
                        packet.getAddress(),
                        packet.getPort() == sender.getLocalPort());
            }
        });
        cases.put("a packet too small, one used again, one of no length", (socket, maker) -> {
            socket.setSoTimeout(SOON);
            for (String text : List.of("abcdef", "ab", "abcdef", "", "abcdefgh")) {
                socket.send(packet(text, at(socket)));
            }
            DatagramPacket packet = new DatagramPacket(new byte[10], 4);
            List<Object> seen = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                socket.receive(packet);
                seen.add(text(packet));
            }
            socket.receive(packet);
            seen.add(packet.getLength());
            DatagramPacket empty = new DatagramPacket(new byte[0], 0);
            socket.receive(empty);
            seen.add(empty.getLength());
            return seen;
        });
    }

    private static void tooLarge(Map<String, Case> cases) {
        cases.put("large and too large", (socket, maker) -> {
            socket.setSoTimeout(SOON);
            byte[] bytes = new byte[65_508];
            Arrays.fill(bytes, (byte) 7);
            socket.send(new DatagramPacket(bytes, 65_507, at(socket)));
            DatagramPacket packet = new DatagramPacket(new byte[65_536], 65_536);
            socket.receive(packet);
            return List.of(
                    packet.getLength(),
                    packet.getData()[65_506],
                    outcome(() -> socket.send(new DatagramPacket(bytes, 65_508, at(socket))))
                            .toString()
                            .endsWith("Exception"));
        });
        cases.put(
                "sending: no address, port 0, nothing",
                (socket, maker) -> List.of(
                        outcome(() -> socket.send(new DatagramPacket(new byte[1], 1))),
                        outcome(() -> socket.send(new DatagramPacket(new byte[1], 1, loopback(), 0))),
                        outcome(() -> socket.send(null)),
                        outcome(() -> socket.receive(null))));
    }

    private static void limits(Map<String, Case> cases) {
        cases.put("a packet's own length is the limit, whatever its array has", (socket, maker) -> {
            socket.setSoTimeout(SOON);
            DatagramPacket packet = new DatagramPacket(new byte[10], 10);
            List<Object> seen = new ArrayList<>();
            for (int length : List.of(10, 3, 7)) {
                packet.setLength(length);
                socket.send(packet("abcdefghij", at(socket)));
                socket.receive(packet);
                seen.add(text(packet));
            }
            packet.setData(new byte[4]);
            socket.send(packet("abcdefghij", at(socket)));
            socket.receive(packet);
            seen.add(text(packet));
            return seen;
        });
        cases.put("nothing comes: the packet is as it was", (socket, maker) -> {
            socket.setSoTimeout(10);
            DatagramPacket packet = packet("before", new InetSocketAddress(loopback(), 9));
            return List.of(outcome(() -> socket.receive(packet)), text(packet), packet.getAddress(), packet.getPort());
        });
        cases.put("a datagram into a packet without room", (socket, maker) -> {
            socket.setSoTimeout(SOON);
            socket.send(packet("lost", at(socket)));
            socket.send(packet("next", at(socket)));
            DatagramPacket none = new DatagramPacket(new byte[0], 0);
            socket.receive(none);
            DatagramPacket packet = new DatagramPacket(new byte[9], 9);
            socket.receive(packet);
            return List.of(none.getLength(), none.getAddress(), text(packet));
        });
    }

    private static void delivery(Map<String, Case> cases) {
        cases.put(
                "over IPv6",
                (socket, maker) -> outcome(() -> {
                    socket.setSoTimeout(SOON);
                    InetAddress loopback = InetAddress.getByName("::1");
                    socket.send(packet("six", new InetSocketAddress(loopback, socket.getLocalPort())));
                    DatagramPacket packet = new DatagramPacket(new byte[9], 9);
                    socket.receive(packet);
                    return List.of(
                            text(packet),
                            packet.getAddress().getHostAddress(),
                            packet.getPort() == socket.getLocalPort());
                }));
        cases.put("broadcast: allowed at first, refused when it is not", (socket, maker) -> {
            InetSocketAddress all =
                    new InetSocketAddress(InetAddress.getByName("127.255.255.255"), socket.getLocalPort());
            socket.setSoTimeout(SOON);
            socket.send(packet("all", all));
            DatagramPacket packet = new DatagramPacket(new byte[9], 9);
            socket.receive(packet);
            socket.setBroadcast(false);
            return List.of(text(packet), outcome(() -> socket.send(packet("all", all))), socket.getBroadcast());
        });
        cases.put("a port nobody listens at, not connected: nobody is told", (socket, maker) -> {
            DatagramSocket gone = maker.make(ANY);
            InetSocketAddress there = at(gone);
            gone.close();
            socket.setSoTimeout(50);
            return List.of(
                    outcome(() -> socket.send(packet("x", there))),
                    outcome(() -> socket.receive(new DatagramPacket(new byte[1], 1))),
                    outcome(() -> socket.send(packet("x", there))));
        });
    }

    private static void onePeer(Map<String, Case> cases) {
        cases.put("connected: only its peer, and back", (socket, maker) -> {
            try (DatagramSocket peer = maker.make(ANY);
                    DatagramSocket other = maker.make(ANY)) {
                peer.setSoTimeout(SOON);
                other.send(packet("early", at(socket)));
                socket.connect(at(peer));
                other.send(packet("stranger", at(socket)));
                peer.send(packet("friend", at(socket)));
                socket.setSoTimeout(SOON);
                DatagramPacket packet = new DatagramPacket(new byte[20], 20);
                socket.receive(packet);
                List<Object> seen = new ArrayList<>(List.of(text(packet), socket.isConnected()));
                seen.add(socket.getInetAddress());
                seen.add(socket.getPort() == peer.getLocalPort());
                seen.add(socket.getLocalAddress());
                DatagramPacket bare = new DatagramPacket(new byte[] {'h', 'i'}, 2);
                socket.send(bare);
                peer.receive(packet);
                seen.add(text(packet));
                seen.add(bare.getPort() == peer.getLocalPort());
                seen.add(outcome(() -> socket.send(packet("x", at(other)))));
                socket.disconnect();
                seen.add(socket.isConnected());
                seen.add(socket.getPort());
                other.send(packet("later", at(socket)));
                packet.setLength(20);
                socket.receive(packet);
                seen.add(text(packet));
                return seen;
            }
        });
        cases.put("connected to where nobody listens", (socket, maker) -> {
            DatagramSocket gone = maker.make(ANY);
            InetSocketAddress there = at(gone);
            gone.close();
            socket.connect(there);
            socket.setSoTimeout(SOON);
            socket.send(packet("x", there));
            return outcome(() -> socket.receive(new DatagramPacket(new byte[1], 1)));
        });
        cases.put(
                "connect: null, unresolved, port out of range",
                (socket, maker) -> List.of(
                        outcome(() -> socket.connect(null)),
                        outcome(() -> socket.connect(InetSocketAddress.createUnresolved("nowhere.invalid", 9))),
                        outcome(() -> socket.connect(loopback(), -1)),
                        outcome(() -> socket.connect(null, 9))));
    }

    private static void connecting(Map<String, Case> cases) {
        cases.put("connecting binds, may be done again, and ends when it is said", (socket, maker) -> {
            try (DatagramSocket unbound = maker.make(null)) {
                List<Object> seen = new ArrayList<>();
                seen.add(outcome(unbound::disconnect));
                unbound.connect(at(socket));
                seen.add(List.of(unbound.isBound(), unbound.isConnected(), unbound.getLocalAddress()));
                try (DatagramSocket other = maker.make(ANY)) {
                    unbound.connect(loopback(), other.getLocalPort());
                    seen.add(unbound.getPort() == other.getLocalPort());
                    other.setSoTimeout(SOON);
                    unbound.send(packet("again", at(other)));
                    DatagramPacket packet = new DatagramPacket(new byte[9], 9);
                    other.receive(packet);
                    seen.add(text(packet));
                }
                unbound.disconnect();
                unbound.disconnect();
                seen.add(List.of(unbound.isBound(), unbound.isConnected(), String.valueOf(unbound.getInetAddress())));
                return seen;
            }
        });
        cases.put("connected: a reply leaves from the address that connecting chose", (socket, maker) -> {
            try (DatagramSocket peer = maker.make(ANY)) {
                peer.setSoTimeout(SOON);
                socket.setSoTimeout(SOON);
                peer.send(packet(
                        "ask", new InetSocketAddress(InetAddress.getByName("127.0.0.5"), socket.getLocalPort())));
                DatagramPacket packet = new DatagramPacket(new byte[9], 9);
                socket.receive(packet);
                socket.connect(packet.getSocketAddress());
                socket.send(packet);
                peer.receive(packet);
                return List.of(packet.getAddress(), socket.getLocalAddress(), text(packet));
            }
        });
        cases.put("connected to where nobody listens: sending says so too", (socket, maker) -> {
            DatagramSocket gone = maker.make(ANY);
            InetSocketAddress there = at(gone);
            gone.close();
            socket.connect(there);
            socket.send(packet("x", there));
            return outcome(() -> socket.send(packet("x", there)));
        });
    }
}
