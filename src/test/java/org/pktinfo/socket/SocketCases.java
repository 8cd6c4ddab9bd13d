package org.pktinfo.socket;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.MulticastSocket;
import java.net.NetworkInterface;
import java.net.PortUnreachableException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketOption;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * What the documentation of {@link DatagramSocket} and {@link MulticastSocket} says, case by case: done to any kind of socket,
 * with an outcome, values or exceptions, that must be the same for all kinds. As a program: all cases with the JDK's own classes, one
 * line each, to be compared with the lines under the agent.
 */
public final class SocketCases {
    private static final int SOON = 20_000; // milliseconds; long, for a busy machine: nothing waits for its end

    private SocketCases() {}

    public static void main(String[] arguments) throws Exception {
        for (String name : CASES.keySet()) {
            System.out.println("datagram " + name + " = " + outcome(() -> run(name, DatagramSocket::new)));
            System.out.println("multicast " + name + " = " + outcome(() -> run(name, MulticastSocket::new)));
        }
        for (Map.Entry<String, MulticastCase> each : MULTICAST_CASES.entrySet()) {
            try (MulticastSocket socket = new MulticastSocket(0)) {
                System.out.println(
                        each.getKey() + " = " + outcome(() -> each.getValue().run(socket)));
            }
        }
    }

    static Object run(String name, Maker maker) throws Exception {
        try (DatagramSocket socket = maker.make(ANY)) {
            return CASES.get(name).run(socket, maker);
        }
    }

    /** A case of what only a {@link MulticastSocket} has. */
    interface MulticastCase {
        Object run(MulticastSocket socket) throws Exception;
    }

    private static final Map<String, MulticastCase> MULTICAST_CASES = new LinkedHashMap<>();

    /** Makes the one kind of socket or the other. */
    interface Maker {
        DatagramSocket make(SocketAddress address) throws IOException;
    }

    /** One case: does something to a new socket, which the test closes, and says what was seen. */
    interface Case {
        Object run(DatagramSocket socket, Maker maker) throws Exception;
    }

    private static final InetSocketAddress ANY = new InetSocketAddress(0);
    static final Map<String, Case> CASES = new LinkedHashMap<>();

    private static InetAddress loopback() throws IOException {
        return InetAddress.getByName("127.0.0.1");
    }

    private static DatagramPacket packet(String text, SocketAddress to) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new DatagramPacket(bytes, bytes.length, to);
    }

    private static InetSocketAddress at(DatagramSocket socket) throws IOException {
        return new InetSocketAddress(loopback(), socket.getLocalPort());
    }

    private static String text(DatagramPacket packet) {
        return new String(packet.getData(), packet.getOffset(), packet.getLength(), StandardCharsets.UTF_8);
    }

    /** A value, or the exception's type instead of it. */
    private static Object outcome(Callable<?> call) {
        try {
            return call.call();
        } catch (UncheckedIOException e) {
            return "unchecked " + kind(e.getCause());
        } catch (Exception e) {
            return kind(e);
        }
    }

    /** The type that the documentation names; a subclass of it is as good. */
    private static String kind(Throwable e) {
        return Stream.of(
                        SocketTimeoutException.class,
                        PortUnreachableException.class,
                        BindException.class,
                        SocketException.class,
                        IOException.class,
                        IllegalArgumentException.class,
                        NullPointerException.class,
                        UnsupportedOperationException.class,
                        TimeoutException.class)
                .filter(type -> type.isInstance(e))
                .map(Class::getSimpleName)
                .findFirst()
                .orElse(e.toString());
    }

    private static Object outcome(Action action) {
        return outcome(() -> {
            action.run();
            return "done";
        });
    }

    private interface Action {
        void run() throws Exception;
    }

    static {
        life();
        datagrams();
        connected();
        options();
        groups();
        multicastOnly();
        threads();
    }

    /** From the constructor to close. */
    private static void life() {
        CASES.put("new: bound, not connected, open, without a channel", (socket, maker) -> {
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
        CASES.put("unbound: ports, addresses, bind", (socket, maker) -> {
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
        CASES.put("unbound: sending and receiving bind", (socket, maker) -> {
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
        CASES.put(
                "an address in use, one that is not the host's, one of another kind",
                (socket, maker) -> List.of(
                        outcome(() -> maker.make(new InetSocketAddress(socket.getLocalPort()))
                                .close()),
                        outcome(() -> maker.make(new InetSocketAddress(InetAddress.getByName("192.0.2.77"), 0))
                                .close()),
                        outcome(() -> maker.make(new SocketAddress() {}).close()),
                        outcome(() -> maker.make(InetSocketAddress.createUnresolved("nowhere.invalid", 0))
                                .close())));
        CASES.put("closed: what still works and what does not", (socket, maker) -> {
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
        CASES.put(
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
        CASES.put("bound to one address: it is what is sent from, and what is received at", (socket, maker) -> {
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
        CASES.put("closed while connected: what it was connected to is still told", (socket, maker) -> {
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
        CASES.put("two sockets on one port, where both allow it", (socket, maker) -> {
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

    /** Packets, lengths and timeouts. */
    private static void datagrams() {
        CASES.put("timeouts", (socket, maker) -> {
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
        CASES.put("a packet: length, rest, offset, address", (socket, maker) -> {
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
        CASES.put("a packet too small, one used again, one of no length", (socket, maker) -> {
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
        CASES.put("large and too large", (socket, maker) -> {
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
        CASES.put(
                "sending: no address, port 0, nothing",
                (socket, maker) -> List.of(
                        outcome(() -> socket.send(new DatagramPacket(new byte[1], 1))),
                        outcome(() -> socket.send(new DatagramPacket(new byte[1], 1, loopback(), 0))),
                        outcome(() -> socket.send(null)),
                        outcome(() -> socket.receive(null))));
        CASES.put("a packet's own length is the limit, whatever its array has", (socket, maker) -> {
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
        CASES.put("nothing comes: the packet is as it was", (socket, maker) -> {
            socket.setSoTimeout(10);
            DatagramPacket packet = packet("before", new InetSocketAddress(loopback(), 9));
            return List.of(outcome(() -> socket.receive(packet)), text(packet), packet.getAddress(), packet.getPort());
        });
        CASES.put("a datagram into a packet without room", (socket, maker) -> {
            socket.setSoTimeout(SOON);
            socket.send(packet("lost", at(socket)));
            socket.send(packet("next", at(socket)));
            DatagramPacket none = new DatagramPacket(new byte[0], 0);
            socket.receive(none);
            DatagramPacket packet = new DatagramPacket(new byte[9], 9);
            socket.receive(packet);
            return List.of(none.getLength(), none.getAddress(), text(packet));
        });
        CASES.put(
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
        CASES.put("broadcast: allowed at first, refused when it is not", (socket, maker) -> {
            InetSocketAddress all =
                    new InetSocketAddress(InetAddress.getByName("127.255.255.255"), socket.getLocalPort());
            socket.setSoTimeout(SOON);
            socket.send(packet("all", all));
            DatagramPacket packet = new DatagramPacket(new byte[9], 9);
            socket.receive(packet);
            socket.setBroadcast(false);
            return List.of(text(packet), outcome(() -> socket.send(packet("all", all))), socket.getBroadcast());
        });
        CASES.put("a port nobody listens at, not connected: nobody is told", (socket, maker) -> {
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

    /** With one peer. */
    private static void connected() {
        CASES.put("connected: only its peer, and back", (socket, maker) -> {
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
        CASES.put("connected to where nobody listens", (socket, maker) -> {
            DatagramSocket gone = maker.make(ANY);
            InetSocketAddress there = at(gone);
            gone.close();
            socket.connect(there);
            socket.setSoTimeout(SOON);
            socket.send(packet("x", there));
            return outcome(() -> socket.receive(new DatagramPacket(new byte[1], 1)));
        });
        CASES.put(
                "connect: null, unresolved, port out of range",
                (socket, maker) -> List.of(
                        outcome(() -> socket.connect(null)),
                        outcome(() -> socket.connect(InetSocketAddress.createUnresolved("nowhere.invalid", 9))),
                        outcome(() -> socket.connect(loopback(), -1)),
                        outcome(() -> socket.connect(null, 9))));
        CASES.put("connecting binds, may be done again, and ends when it is said", (socket, maker) -> {
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
        CASES.put("connected: a reply leaves from the address that connecting chose", (socket, maker) -> {
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
        CASES.put("connected to where nobody listens: sending says so too", (socket, maker) -> {
            DatagramSocket gone = maker.make(ANY);
            InetSocketAddress there = at(gone);
            gone.close();
            socket.connect(there);
            socket.send(packet("x", there));
            return outcome(() -> socket.send(packet("x", there)));
        });
    }

    /** Old getters and setters, and SocketOption. */
    private static void options() {
        CASES.put("options", (socket, maker) -> {
            socket.setReuseAddress(true);
            socket.setBroadcast(false);
            socket.setTrafficClass(0x10);
            socket.setReceiveBufferSize(40_000);
            socket.setSendBufferSize(50_000);
            socket.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 3);
            Map<String, Object> seen = new TreeMap<>();
            socket.supportedOptions()
                    .forEach(option -> seen.put(option.name(), outcome(() -> {
                        Object value = socket.getOption(option);
                        return value == null ? "null" : value;
                    })));
            seen.put("reuse", socket.getReuseAddress());
            seen.put("broadcast", socket.getBroadcast());
            seen.put("traffic class", socket.getTrafficClass());
            seen.put("receive", socket.getReceiveBufferSize());
            seen.put("send", socket.getSendBufferSize());
            seen.put("bad traffic class", outcome(() -> socket.setTrafficClass(256)));
            seen.put("bad size", outcome(() -> socket.setReceiveBufferSize(0)));
            seen.put("not supported", outcome(() -> socket.setOption(StandardSocketOptions.TCP_NODELAY, true)));
            return seen;
        });
        CASES.put("options: null, closed, port sharing", (socket, maker) -> {
            List<Object> seen = new ArrayList<>(List.of(
                    outcome(() -> socket.setOption(null, 1)),
                    outcome(() -> socket.getOption(null)),
                    outcome(() -> socket.getOption(StandardSocketOptions.TCP_NODELAY)),
                    outcome(() -> socket.setOption(StandardSocketOptions.SO_RCVBUF, -1)),
                    outcome(() -> socket.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 256))));
            socket.setOption(StandardSocketOptions.SO_REUSEPORT, true);
            seen.add(socket.getOption(StandardSocketOptions.SO_REUSEPORT));
            seen.add(socket.setOption(StandardSocketOptions.SO_REUSEPORT, false) == socket);
            seen.add(socket.supportedOptions().contains(StandardSocketOptions.SO_REUSEPORT));
            seen.add(outcome(() -> socket.supportedOptions().clear()));
            socket.close();
            seen.add(new TreeSet<>(
                    socket.supportedOptions().stream().map(SocketOption::name).toList()));
            return seen;
        });
    }

    /** Multicast, as far as every DatagramSocket has it. */
    private static void groups() {
        CASES.put("groups", (socket, maker) -> {
            InetSocketAddress group = new InetSocketAddress(InetAddress.getByName("239.255.7.7"), 0);
            NetworkInterface lo = NetworkInterface.getByInetAddress(loopback());
            socket.setSoTimeout(SOON);
            List<Object> seen = new ArrayList<>();
            seen.add(outcome(() -> socket.joinGroup(group, lo)));
            seen.add(outcome(() -> socket.joinGroup(group, lo)));
            socket.setOption(StandardSocketOptions.IP_MULTICAST_IF, lo);
            socket.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 0);
            socket.send(packet("all", new InetSocketAddress(group.getAddress(), socket.getLocalPort())));
            DatagramPacket packet = new DatagramPacket(new byte[9], 9);
            socket.receive(packet);
            seen.add(text(packet));
            seen.add(outcome(() -> socket.leaveGroup(group, lo)));
            seen.add(outcome(() -> socket.leaveGroup(group, lo)));
            seen.add(outcome(() -> socket.joinGroup(at(socket), lo)));
            seen.add(outcome(() -> socket.joinGroup(null, lo)));
            return seen;
        });
        CASES.put("groups: the system's interface, one that is none, none joined, closed", (socket, maker) -> {
            InetSocketAddress group = new InetSocketAddress(InetAddress.getByName("239.255.7.8"), 0);
            NetworkInterface lo = NetworkInterface.getByInetAddress(loopback());
            List<Object> seen = new ArrayList<>(List.of(
                    outcome(() -> socket.leaveGroup(group, lo)),
                    outcome(() -> socket.leaveGroup(at(socket), lo)),
                    outcome(() -> socket.joinGroup(new SocketAddress() {}, lo)),
                    outcome(() -> socket.joinGroup(InetSocketAddress.createUnresolved("nowhere.invalid", 0), lo))));
            socket.setOption(StandardSocketOptions.IP_MULTICAST_IF, lo);
            seen.add(outcome(() -> socket.joinGroup(group, null)));
            seen.add(outcome(() -> socket.leaveGroup(group, lo)));
            socket.close();
            seen.add(outcome(() -> socket.joinGroup(group, lo)));
            seen.add(outcome(() -> socket.leaveGroup(group, lo)));
            return seen;
        });
    }

    /** The rest of multicast, most of it deprecated and all of it in use. */
    @SuppressWarnings({"deprecation", "removal"})
    private static void multicastOnly() {
        MULTICAST_CASES.put("time to live", socket -> {
            List<Object> seen = new ArrayList<>(List.of(socket.getTimeToLive(), socket.getTTL()));
            socket.setTimeToLive(0);
            seen.add(socket.getTimeToLive());
            socket.setTTL((byte) 200);
            seen.add(socket.getTimeToLive());
            seen.add(socket.getTTL());
            seen.add(outcome(() -> socket.setTimeToLive(256)));
            return seen;
        });
        MULTICAST_CASES.put("interfaces and loopback mode", socket -> {
            NetworkInterface lo = NetworkInterface.getByInetAddress(loopback());
            List<Object> seen = new ArrayList<>(
                    List.of(socket.getNetworkInterface().getIndex(), socket.getInterface(), socket.getLoopbackMode()));
            socket.setLoopbackMode(true);
            seen.add(List.of(socket.getLoopbackMode(), socket.getOption(StandardSocketOptions.IP_MULTICAST_LOOP)));
            socket.setInterface(loopback());
            seen.add(List.of(socket.getNetworkInterface(), socket.getInterface()));
            socket.setNetworkInterface(lo);
            seen.add(socket.getNetworkInterface());
            seen.add(outcome(() -> socket.setInterface(InetAddress.getByName("192.0.2.77"))));
            return seen;
        });
        MULTICAST_CASES.put("groups without an interface, sending with a time to live", socket -> {
            InetAddress group = InetAddress.getByName("239.255.7.9");
            socket.setSoTimeout(SOON);
            socket.setNetworkInterface(NetworkInterface.getByInetAddress(loopback()));
            List<Object> seen = new ArrayList<>();
            seen.add(outcome(() -> socket.joinGroup(group)));
            socket.send(packet("all", new InetSocketAddress(group, socket.getLocalPort())), (byte) 0);
            DatagramPacket packet = new DatagramPacket(new byte[9], 9);
            socket.receive(packet);
            seen.add(text(packet));
            seen.add(socket.getTimeToLive());
            seen.add(outcome(() -> socket.leaveGroup(group)));
            seen.add(outcome(() -> socket.leaveGroup(group)));
            seen.add(outcome(() -> socket.joinGroup(loopback())));
            return seen;
        });
    }

    /** Closing, interrupting and using a socket while another thread is in it. */
    private static void threads() {
        CASES.put("closing wakes who receives", (socket, maker) -> {
            Waiter waiter = new Waiter(socket);
            waiter.awaitWaiting();
            socket.close();
            return waiter.failure();
        });
        CASES.put("an interrupt does not wake who receives and is not forgotten", (socket, maker) -> {
            Waiter waiter = new Waiter(socket);
            waiter.awaitWaiting();
            waiter.thread.interrupt();
            socket.send(packet("x", at(socket)));
            return List.of(waiter.failure(), waiter.interrupted.get(SOON, TimeUnit.MILLISECONDS), socket.isClosed());
        });
        CASES.put("who was interrupted before receives all the same", (socket, maker) -> {
            socket.setSoTimeout(SOON);
            socket.send(packet("x", at(socket)));
            Thread.currentThread().interrupt();
            Object received = outcome(() -> socket.receive(new DatagramPacket(new byte[1], 1)));
            Object sent = outcome(() -> socket.send(packet("x", at(socket))));
            return List.of(received, sent, Thread.interrupted(), socket.isClosed());
        });
        CASES.put("sending while another receives", (socket, maker) -> {
            Waiter waiter = new Waiter(socket);
            waiter.awaitWaiting();
            try (DatagramSocket other = maker.make(ANY)) {
                other.setSoTimeout(SOON);
                socket.send(packet("out", at(other)));
                DatagramPacket packet = new DatagramPacket(new byte[9], 9);
                other.receive(packet);
                other.send(packet("in", packet.getSocketAddress()));
                return List.of(text(packet), waiter.failure());
            }
        });
        CASES.put("closing wakes all who receive, with or without a timeout", (socket, maker) -> {
            socket.setSoTimeout(10 * SOON);
            Waiter first = new Waiter(socket);
            first.awaitWaiting();
            Waiter second = new Waiter(socket);
            socket.close();
            return List.of(first.failure(), second.failure());
        });
        CASES.put("two receive: each gets one", (socket, maker) -> {
            Waiter first = new Waiter(socket);
            Waiter second = new Waiter(socket);
            first.awaitWaiting(second);
            socket.send(packet("a", at(socket)));
            socket.send(packet("b", at(socket)));
            return List.of(first.failure(), second.failure());
        });
        CASES.put("reading and setting what the socket has while another receives", (socket, maker) -> {
            Waiter waiter = new Waiter(socket);
            waiter.awaitWaiting();
            CompletableFuture<Object> seen = CompletableFuture.supplyAsync(() -> outcome(() -> {
                socket.setSoTimeout(SOON);
                socket.setBroadcast(true);
                return List.of(socket.getSoTimeout(), socket.getReuseAddress());
            }));
            Object outcome = outcome(() -> seen.get(1500, TimeUnit.MILLISECONDS));
            socket.send(packet("x", at(socket)));
            return List.of(outcome, waiter.failure());
        });
        CASES.put("a virtual thread that is interrupted closes the socket", (socket, maker) -> {
            Waiter waiter = new Waiter(socket, Waiter::startVirtual);
            if (waiter.thread == null) {
                return "no virtual threads here";
            }
            waiter.awaitParked();
            waiter.thread.interrupt();
            return List.of(waiter.failure(), waiter.interrupted.get(SOON, TimeUnit.MILLISECONDS), socket.isClosed());
        });
        CASES.put("a virtual thread receives, and is woken by closing", (socket, maker) -> {
            Waiter waiter = new Waiter(socket, Waiter::startVirtual);
            if (waiter.thread == null) {
                return "no virtual threads here";
            }
            waiter.awaitParked();
            socket.send(packet("x", at(socket)));
            Object received = waiter.failure(); // before another receives, who might take the datagram
            Waiter second = new Waiter(socket, Waiter::startVirtual);
            second.awaitParked();
            socket.close();
            return List.of(received, second.failure());
        });
    }

    /** A thread that receives. */
    private static final class Waiter {
        private final CompletableFuture<Object> received = new CompletableFuture<>();
        private final CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        private final Thread thread; // null if this JVM has none of the kind

        Waiter(DatagramSocket socket) {
            this(socket, Waiter::startDaemon);
        }

        Waiter(DatagramSocket socket, Function<Runnable, Thread> starter) {
            thread = starter.apply(() -> {
                received.complete(outcome(() -> socket.receive(new DatagramPacket(new byte[9], 9))));
                interrupted.complete(Thread.interrupted());
            });
        }

        private static Thread startDaemon(Runnable task) {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            thread.start();
            return thread;
        }

        static Thread startVirtual(Runnable task) {
            try {
                return (Thread) Thread.class
                        .getMethod("startVirtualThread", Runnable.class)
                        .invoke(null, task);
            } catch (NoSuchMethodException e) {
                return null; // before JDK 21
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("Thread.startVirtualThread", e);
            }
        }

        void awaitParked() {
            await(() -> thread.getState() == Thread.State.WAITING);
        }

        /** In the kernel, by one of the JDK's native methods or by ours. */
        void awaitWaiting() {
            await(this::isWaiting);
        }

        /** The JDK lets one thread at a time into the kernel, and the other waits for it. */
        void awaitWaiting(Waiter other) {
            await(() -> (isWaiting() && other.isBusy()) || (other.isWaiting() && isBusy()));
        }

        private boolean isBusy() {
            return isWaiting()
                    || thread.getState() == Thread.State.WAITING
                    || thread.getState() == Thread.State.BLOCKED;
        }

        private boolean isWaiting() {
            return Stream.of(thread.getStackTrace()).anyMatch(Waiter::waits);
        }

        private void await(BooleanSupplier condition) {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(SOON);
            while (!condition.getAsBoolean()) {
                assertThat(received).isNotDone();
                assertThat(System.nanoTime())
                        .as("%s", List.of(thread.getStackTrace()))
                        .isLessThan(end);
                Thread.onSpinWait();
            }
        }

        private static boolean waits(StackTraceElement frame) {
            return frame.isNativeMethod() && Set.of("poll", "await", "receive0").contains(frame.getMethodName());
        }

        Object failure() throws Exception {
            try {
                return received.get(SOON, TimeUnit.MILLISECONDS);
            } catch (ExecutionException e) {
                return e;
            }
        }
    }
}
