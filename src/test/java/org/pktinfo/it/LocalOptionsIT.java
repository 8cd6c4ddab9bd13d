package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;

/** Socket options whose effect loopback shows: the sizes of receive buffers, and the choice by the processor. */
@Timeout(60)
class LocalOptionsIT {
    private static final int LONG = 60_000;

    /** Sends a datagram from each of as many sockets, whose hashes would choose different receivers. */
    private static final String SENDER = """
            use Socket;
            my ($port, $count) = @ARGV;
            for (1 .. $count) {
                socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die "socket: $!";
                send($socket, "x", 0, sockaddr_in($port, INADDR_LOOPBACK)) or die "send: $!";
            }
            """;

    private static PktInfoChannel open() throws IOException {
        return PktInfoChannel.open(PktInfoChannel.Family.IPV4);
    }

    /** Returns the number of datagrams that the kernel drops out of as many that nobody reads meanwhile. */
    private static long dropsOf(int count, PktInfoChannel channel) throws IOException {
        try (DatagramSocket client = new DatagramSocket()) {
            DatagramPacket packet = new DatagramPacket(
                    new byte[LONG],
                    LONG,
                    InetAddress.getLoopbackAddress(),
                    channel.localAddress().getPort());
            for (int i = 0; i < count; i++) {
                client.send(packet);
            }
        }
        long received = 0;
        while (received + channel.stats().kernelDrops() < count) {
            received += channel.receive(Duration.ofMillis(10)) == null ? 0 : 1;
        }
        return channel.stats().kernelDrops();
    }

    private static long dropsWith(SocketOption<Integer> option, int size, int count) throws IOException {
        try (PktInfoChannel channel = open().setOption(option, size).bind(new InetSocketAddress(0))) {
            return dropsOf(count, channel);
        }
    }

    @Test
    void aForcedReceiveBufferHoldsMoreThanTheSystemAllows() throws IOException {
        Requires.root();
        // Not readString, which reads one byte first: such a file is at its end then.
        int most = Integer.parseInt(
                Files.readAllLines(Path.of("/proc/sys/net/core/rmem_max")).get(0));
        int count = Math.toIntExact(3L * most / LONG); // the kernel doubles the size for its own overhead
        assertThat(dropsWith(StandardSocketOptions.SO_RCVBUF, 2 * most, count)).isPositive();
        assertThat(dropsWith(PktInfoSocketOptions.RECEIVE_BUFFER_FORCE, 2 * most, count))
                .isZero();
        try (PktInfoChannel channel = open()) {
            PktInfoChannel unused = channel.setOption(StandardSocketOptions.SO_RCVBUF, 2 * most);
            assertThat(channel.getOption(PktInfoSocketOptions.RECEIVE_BUFFER_FORCE))
                    .isEqualTo(most);
            unused = channel.setOption(PktInfoSocketOptions.RECEIVE_BUFFER_FORCE, 2 * most);
            assertThat(channel.getOption(PktInfoSocketOptions.RECEIVE_BUFFER_FORCE))
                    .isEqualTo(2 * most);
        }
    }

    @Test
    void theReceiveBufferOfTheJdkIsSetByTheChannelToo() throws IOException {
        assertThat(dropsWith(StandardSocketOptions.SO_RCVBUF, 1, 10)).isPositive();
        assertThat(dropsWith(StandardSocketOptions.SO_RCVBUF, 100_000, 2)).isZero();
        try (PktInfoChannel channel = open().setOption(StandardSocketOptions.SO_RCVBUF, 100_000)) {
            assertThat(channel.getOption(StandardSocketOptions.SO_RCVBUF)).isEqualTo(100_000);
        }
    }

    /** On loopback a datagram is received by the processor that sends it. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void ofTwoSocketsTheOneOfTheSendersProcessorReceives(int processor) throws Exception {
        Requires.tool("taskset");
        Requires.tool("perl");
        Requires.that(Runtime.getRuntime().availableProcessors() > 1, "two processors");
        String[] version = System.getProperty("os.version").split("[.-]", -1);
        int kernel = Integer.parseInt(version[0]) * 1000 + Integer.parseInt(version[1]);
        Assumptions.assumeTrue(kernel >= 6002, "sockets that share a port ignore the processor before Linux 6.2");
        try (PktInfoChannel first = open().setOption(StandardSocketOptions.SO_REUSEPORT, true);
                PktInfoChannel second = open().setOption(StandardSocketOptions.SO_REUSEPORT, true)) {
            assertThat(first.getOption(PktInfoSocketOptions.INCOMING_CPU)).isEqualTo(-1);
            PktInfoChannel[] channels = {first, second};
            for (int i = 0; i < channels.length; i++) {
                PktInfoChannel unused = channels[i].setOption(PktInfoSocketOptions.INCOMING_CPU, i);
            }
            first.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            second.bind(first.localAddress());
            ChildProcess sender = ChildProcess.run(List.of(
                    "taskset",
                    "-c",
                    String.valueOf(processor),
                    "perl",
                    "-e",
                    SENDER,
                    String.valueOf(first.localAddress().getPort()),
                    "20"));
            assertThat(sender.exitCode()).as("%s", sender).isZero();
            for (int i = 0; i < 20; i++) {
                assertThat(channels[processor].receive(Duration.ofSeconds(10))).isNotNull();
            }
            assertThat(channels[1 - processor].receive(Duration.ZERO)).isNull();
            assertThat(channels[processor].getOption(PktInfoSocketOptions.INCOMING_CPU))
                    .isEqualTo(processor);
        }
    }
}
