package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.DatagramBatch;
import org.pktinfo.Endpoint;
import org.pktinfo.Fragmentation;
import org.pktinfo.IpAddress;
import org.pktinfo.NetworkError;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.Requires;
import org.pktinfo.SendException;
import org.pktinfo.Source;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.EmulatedKernel;
import org.pktinfo.it.support.Namespaces;
import org.pktinfo.it.support.NarrowPath;
import org.pktinfo.it.support.Opened;

/**
 * Errors that a router and a peer report.
 *
 * <pre>
 *   peer --- 10.1.0.1/24 fd01::1, MTU 1280 - router - 10.2.0.1/24 fd02::1, MTU 1500 --- sender, 10.2.0.2 fd02::2
 * </pre>
 */
@Timeout(120)
class NetworkErrorIT {
    private static final Duration SOON = Duration.ofSeconds(20);

    /**
     * Sends a datagram to each destination, and after each prints the report and reaches another peer. Takes the
     * family, the way to send ("record" or "batch"), and for each destination the address, the port and the length; a
     * negative length forbids fragmentation.
     */
    public static final class Program {
        private Program() {}

        public static void main(String[] arguments) throws IOException {
            PktInfoChannel.Family family = PktInfoChannel.Family.valueOf(arguments[0]);
            boolean batched = arguments[1].equals("batch");
            try (PktInfoChannel channel = PktInfoChannel.open(family);
                    DatagramSocket other = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
                channel.bind(new InetSocketAddress(0)).setOption(PktInfoSocketOptions.RECEIVE_ERRORS, true);
                other.setSoTimeout((int) SOON.toMillis());
                DatagramBatch batch = channel.newBatch(2, 2000);
                for (int i = 2; i < arguments.length; i += 3) {
                    Endpoint peer = endpoint(arguments[i], Integer.parseInt(arguments[i + 1]));
                    int length = Integer.parseInt(arguments[i + 2]);
                    channel.setOption(
                            PktInfoSocketOptions.FRAGMENTATION, length < 0 ? Fragmentation.DO : Fragmentation.WANT);
                    System.out.println(send(channel, batched ? batch : null, peer, Math.abs(length)));
                    System.out.println(await(channel));
                    reach(channel, batched ? batch : null, other);
                    System.out.println("path MTU " + channel.pathMtu(peer.address(), Source.systemChoice()));
                }
                System.out.println("failed " + channel.stats().failed());
            }
        }

        private static Endpoint endpoint(String address, int port) throws IOException {
            return new Endpoint(IpAddress.of(InetAddress.getByName(address)), port);
        }

        private static String send(PktInfoChannel channel, DatagramBatch batch, Endpoint peer, int length)
                throws IOException {
            try {
                if (batch == null) {
                    channel.send(ByteBuffer.allocate(length), peer, Source.systemChoice());
                    return "sent";
                }
                batch.clear();
                batch.put(ByteBuffer.allocate(length), peer, Source.systemChoice());
                return batch.send() == 1 ? "sent" : String.valueOf(batch.slot(0).failureKind());
            } catch (SendException e) {
                return e.kind().toString();
            }
        }

        private static NetworkError await(PktInfoChannel channel) throws IOException {
            long deadline = System.nanoTime() + SOON.toNanos();
            NetworkError error = channel.receiveError();
            while (error == null && System.nanoTime() < deadline && channel.awaitReadable(SOON)) {
                error = channel.receiveError();
            }
            return error;
        }

        private static void reach(PktInfoChannel channel, DatagramBatch batch, DatagramSocket other)
                throws IOException {
            Endpoint peer = endpoint("127.0.0.1", other.getLocalPort());
            String outcome = send(channel, batch, peer, 1);
            if (outcome.equals("sent")) {
                other.receive(new java.net.DatagramPacket(new byte[1], 1));
            } else {
                System.out.println("the other peer: " + outcome);
            }
        }
    }

    @RegisterExtension
    final Opened opened = new Opened();

    private Namespaces hosts;

    private void connect() throws Exception {
        hosts = opened.add(new Namespaces());
        for (String host : new String[] {"peer", "router", "sender"}) {
            hosts.host(host);
            hosts.in(host, "sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0");
        }
        NarrowPath.lay(hosts, "peer", "p0", "sender");
        hosts.in("router", "ip route add unreachable 10.77.0.1");
        hosts.in("router", "ip route add prohibit 10.78.0.1");
        hosts.in("router", "ip route add unreachable fd77::1");
        hosts.in("router", "ip route add prohibit fd78::1");
    }

    private List<String> run(List<String> java, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(java);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Program.class.getName()));
        command.addAll(Arrays.asList(arguments));
        ChildProcess child = ChildProcess.run(hosts.inside("sender", command.toArray(String[]::new)));
        assertThat(child.exitCode()).as("%s", child).isZero();
        return child.out();
    }

    private static List<String> ipv4() {
        return List.of(
                "sent",
                "PORT_UNREACHABLE: ECONNREFUSED (111), peer 10.1.0.2:9, ICMP type 3 code 3 from 10.1.0.2",
                "path MTU 1500",
                "sent",
                "HOST_UNREACHABLE: EHOSTUNREACH (113), peer 10.77.0.1:9, ICMP type 3 code 1 from 10.2.0.1",
                "path MTU 1500",
                "sent",
                "PROHIBITED: EHOSTUNREACH (113), peer 10.78.0.1:9, ICMP type 3 code 13 from 10.2.0.1",
                "path MTU 1500",
                "sent",
                "PACKET_TOO_BIG: EMSGSIZE (90), MTU 1280, peer 10.1.0.2:9, ICMP type 3 code 4 from 10.2.0.1",
                "path MTU 1280",
                "MESSAGE_TOO_LONG",
                "PACKET_TOO_BIG: EMSGSIZE (90), MTU 1280, peer 10.1.0.2:0, by this host",
                "path MTU 1280");
    }

    private static final String[] TO_IPV4 = {
        "10.1.0.2",
        "9",
        "1",
        "10.77.0.1",
        "9",
        "1",
        "10.78.0.1",
        "9",
        "1",
        "10.1.0.2",
        "9",
        "1440",
        "10.1.0.2",
        "9",
        "-1440"
    };

    private static List<String> ipv6() {
        return List.of(
                "sent",
                "PORT_UNREACHABLE: ECONNREFUSED (111), peer [fd01::2]:9, ICMPv6 type 1 code 4 from fd01::2",
                "path MTU 1500",
                "sent",
                "NETWORK_UNREACHABLE: ENETUNREACH (101), peer [fd77::1]:9, ICMPv6 type 1 code 0 from fd02::1",
                "path MTU 1500",
                "sent",
                "PROHIBITED: EACCES (13), peer [fd78::1]:9, ICMPv6 type 1 code 1 from fd02::1",
                "path MTU 1500",
                "sent",
                "PACKET_TOO_BIG: EMSGSIZE (90), MTU 1280, peer [fd01::2]:9, ICMPv6 type 2 code 0 from fd02::1",
                "path MTU 1280",
                "MESSAGE_TOO_LONG",
                "PACKET_TOO_BIG: EMSGSIZE (90), MTU 1280, peer [fd01::2]:9, by this host",
                "path MTU 1280");
    }

    private static final String[] TO_IPV6 = {
        "fd01::2", "9", "1", "fd77::1", "9", "1", "fd78::1", "9", "1", "fd01::2", "9", "1440", "fd01::2", "9", "-1440"
    };

    private static String[] arguments(String family, String sending, String[]... destinations) {
        return Stream.concat(Stream.of(family, sending), Stream.of(destinations).flatMap(Arrays::stream))
                .toArray(String[]::new);
    }

    private static List<String> andOneFailed(List<String> lines) {
        List<String> all = new ArrayList<>(lines);
        all.add("failed 1");
        return all;
    }

    @ParameterizedTest
    @ValueSource(strings = {"record", "batch"})
    void anIpv4SocketTellsPeerReporterTypeCodeAndMtuAndReachesOthers(String sending) throws Exception {
        connect();
        assertThat(run(List.of(ChildProcess.java().toString()), arguments("IPV4", sending, TO_IPV4)))
                .containsExactlyElementsOf(andOneFailed(ipv4()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"record", "batch"})
    void aDualStackSocketDoesSoForBothFamilies(String sending) throws Exception {
        connect();
        List<String> java = List.of(ChildProcess.java().toString());
        assertThat(run(java, arguments("DUAL_STACK", sending, TO_IPV6)))
                .containsExactlyElementsOf(andOneFailed(ipv6()));
        hosts.in("sender", "ip route flush cache");
        assertThat(run(java, arguments("DUAL_STACK", sending, TO_IPV4)))
                .containsExactlyElementsOf(andOneFailed(ipv4()));
    }

    @Test
    void onJdk25Too() throws Exception {
        List<String> java = List.of(Requires.jdk25().toString(), "--enable-native-access=ALL-UNNAMED");
        connect();
        assertThat(run(java, arguments("DUAL_STACK", "batch", TO_IPV4)))
                .containsExactlyElementsOf(andOneFailed(ipv4()));
    }

    /** An old kernel leaves out packet information, which stands before the report. */
    @ParameterizedTest
    @ValueSource(strings = {"legacy", "half-without-mmsg"})
    void anOldKernelReportsTheSame(String kernel) throws Exception {
        connect();
        assertThat(run(EmulatedKernel.java(kernel), arguments("DUAL_STACK", "batch", TO_IPV4)))
                .containsExactlyElementsOf(andOneFailed(ipv4()));
    }

    /** Meets an error and then waits for two seconds in vain. Takes the way to wait. */
    public static final class Idle {
        private static final Duration WAIT = Duration.ofSeconds(2);

        private Idle() {}

        public static void main(String[] arguments) throws IOException {
            InetSocketAddress closed;
            try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
                closed = (InetSocketAddress) socket.getLocalSocketAddress();
            }
            try (PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
                channel.setOption(PktInfoSocketOptions.RECEIVE_ERRORS, true);
                channel.send(ByteBuffer.allocate(1), Endpoint.of(closed), Source.systemChoice());
                if (arguments[0].equals("selector")) {
                    select(channel);
                } else {
                    System.out.println(channel.receive(WAIT));
                }
                System.out.println(channel.receiveError().kind());
            }
        }

        private static void select(PktInfoChannel channel) throws IOException {
            long end = System.nanoTime() + WAIT.toNanos();
            try (Selector selector = Selector.open()) {
                channel.jdkChannel().configureBlocking(false).register(selector, SelectionKey.OP_READ);
                for (long left = WAIT.toMillis(); left > 0; left = (end - System.nanoTime()) / 1_000_000) {
                    selector.select(left);
                    selector.selectedKeys().clear();
                    if (channel.receive(Duration.ZERO) != null) {
                        throw new AssertionError("nothing was sent to it");
                    }
                }
            }
            System.out.println("null");
        }
    }

    /** A wait that an error ended again and again would make thousands of calls in this time. */
    @ParameterizedTest
    @ValueSource(strings = {"receive", "selector"})
    void aWaitIsNotEndedAgainAndAgain(String way, @TempDir Path folder) throws Exception {
        Requires.tool("strace");
        Path trace = folder.resolve("trace");
        ChildProcess child = ChildProcess.run(List.of(
                "strace",
                "-f",
                "-qq",
                "-e",
                "trace=poll,epoll_wait,epoll_pwait,recvmsg",
                "-o",
                trace.toString(),
                ChildProcess.java().toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Idle.class.getName(),
                way));
        assertThat(child.out()).as("%s", child).containsExactly("null", "PORT_UNREACHABLE");
        List<String> calls = Files.readAllLines(trace);
        assertThat(calls.stream().filter(line -> line.contains("MSG_ERRQUEUE")))
                .as("%s", calls)
                .isNotEmpty();
        assertThat(calls).hasSizeLessThan(100);
    }
}
