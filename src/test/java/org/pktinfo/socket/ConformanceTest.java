package org.pktinfo.socket;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.PortUnreachableException;
import java.net.SocketAddress;
import java.net.SocketException;
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
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What the documentation of {@link DatagramSocket} says, case by case, done with the JDK's own class and with ours: the outcomes, values
 * or exceptions, must be the same.
 */
@Timeout(60)
class ConformanceTest {
    private static final int SOON = 5000; // milliseconds

    /** Makes the one kind of socket or the other. */
    private interface Maker {
        DatagramSocket make(SocketAddress address) throws IOException;
    }

    /** One case: does something to a new socket, which the test closes, and says what was seen. */
    private interface Case {
        Object run(DatagramSocket socket, Maker maker) throws Exception;
    }

    private static final InetSocketAddress ANY = new InetSocketAddress(0);
    private static final Map<String, Case> CASES = new LinkedHashMap<>();

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
                        UnsupportedOperationException.class)
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
                        outcome(() -> maker.make(new InetSocketAddress(socket.getLocalPort()))),
                        outcome(() -> maker.make(new InetSocketAddress(InetAddress.getByName("192.0.2.77"), 0))),
                        outcome(() -> maker.make(new SocketAddress() {})),
                        outcome(() -> maker.make(InetSocketAddress.createUnresolved("nowhere.invalid", 0)))));
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
    }

    /** A thread that receives. */
    private static final class Waiter {
        private final CompletableFuture<Object> received = new CompletableFuture<>();
        private final CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        private final Thread thread;

        Waiter(DatagramSocket socket) {
            thread = new Thread(() -> {
                received.complete(outcome(() -> socket.receive(new DatagramPacket(new byte[9], 9))));
                interrupted.complete(Thread.interrupted());
            });
            thread.setDaemon(true);
            thread.start();
        }

        /** In the kernel, by one of the JDK's native methods or by ours. */
        void awaitWaiting() {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(SOON);
            while (Stream.of(thread.getStackTrace()).noneMatch(Waiter::waits)) {
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

    static Stream<String> cases() {
        return CASES.keySet().stream();
    }

    private static Object run(String name, Maker maker) throws Exception {
        try (DatagramSocket socket = maker.make(ANY)) {
            return CASES.get(name).run(socket, maker);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void whatTheJdksSocketDoesOursDoesToo(String name) throws Exception {
        Object stock = run(name, DatagramSocket::new);
        Object ours = run(name, PktInfoDatagramSocket::new);
        assertThat(ours).isEqualTo(stock);
    }

    /** A method that is not overridden would work on a socket that is not there. */
    @Test
    void everyMethodIsOurs() {
        assertThat(DatagramSocket.class.getMethods())
                .filteredOn(method -> method.getDeclaringClass() == DatagramSocket.class)
                .filteredOn(method -> !Modifier.isStatic(method.getModifiers()))
                .allSatisfy(method -> assertThat(declared(method)).isNotNull());
    }

    private static Method declared(Method method) throws NoSuchMethodException {
        return PktInfoDatagramSocket.class.getDeclaredMethod(method.getName(), method.getParameterTypes());
    }
}
