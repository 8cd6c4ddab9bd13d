package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.SendException;
import org.pktinfo.Source;
import org.pktinfo.SourceSelection;
import org.pktinfo.doctor.Doctor;
import org.pktinfo.it.support.Tuned;
import org.pktinfo.server.DatagramServer;

/** A program that was configured to do without the native library; run by {@link FallbackIT} in a JVM that has none. */
@Timeout(30)
class FallbackCheck {
    private static final Duration SOON = Duration.ofSeconds(5);

    private DatagramSocket client;

    @BeforeEach
    void openClient() throws IOException {
        client = new DatagramSocket();
        client.setSoTimeout((int) SOON.toMillis());
    }

    @AfterEach
    void closeClient() {
        client.close();
    }

    private void send(String destination, PktInfoChannel server, int length) throws IOException {
        client.send(new DatagramPacket(
                new byte[length],
                length,
                InetAddress.getByName(destination),
                server.localAddress().getPort()));
    }

    /** Returns the source and length of a reply. */
    private String reply() throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[2000], 2000);
        client.receive(packet);
        return IpAddress.of(packet.getAddress()) + " " + packet.getLength();
    }

    private static PktInfoChannel open(Family family) throws IOException {
        return PktInfoChannel.open(family).bind(new InetSocketAddress(0));
    }

    @ParameterizedTest
    @CsvSource({
        "DUAL_STACK, 127.0.0.1, 127.0.0.1",
        "DUAL_STACK, ::1, ::1",
        "IPV4, 127.0.0.1, 127.0.0.1",
        "IPV6, ::1, ::1",
        "DUAL_STACK, 127.0.0.2, 127.0.0.1"
    })
    void aRequestIsAnsweredFromTheSystemsChoice(Family family, String destination, String source) throws Exception {
        try (PktInfoChannel server = open(family)) {
            assertThat(server.choosesSource()).isFalse();
            send(destination, server, 7);
            Datagram request = server.receive();
            assertThat(request.payload()).hasSize(7);
            assertThat(request.peer().port()).isEqualTo(client.getLocalPort());
            assertThat(request.packetInfo().inPktinfo()).isFalse();
            assertThat(request.packetInfo().in6Pktinfo()).isFalse();
            assertThat(request.packetInfo().local()).isEqualTo(IpAddress.UNSPECIFIED);
            server.reply(request, new byte[3]);
            assertThat(reply()).isEqualTo(source + " 3");
            SourceSelection never = (peer, info) -> {
                throw new AssertionError("not to be asked");
            };
            server.reply(request, ByteBuffer.allocate(4), never);
            assertThat(reply()).isEqualTo(source + " 4");
            server.send(ByteBuffer.allocate(0), request.peer(), Source.systemChoice());
            assertThat(reply()).isEqualTo(source + " 0");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatIsNotThereIsWaitedForAsLongAsWasSaid(boolean blocking) throws Exception {
        try (PktInfoChannel server = open(Family.DUAL_STACK)) {
            server.jdkChannel().configureBlocking(blocking);
            assertThat(server.receive(Duration.ZERO)).isNull();
            long start = System.nanoTime();
            assertThat(server.receive(Duration.ofMillis(500))).isNull();
            assertThat(server.awaitReadable(Duration.ofMillis(100))).isFalse();
            assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(590));
            send("127.0.0.1", server, 0);
            assertThat(server.awaitReadable(SOON)).isTrue();
            assertThat(server.awaitReadable(SOON)).isTrue();
            assertThat(server.receive(SOON)).extracting(Datagram::wireLength).isEqualTo(0);
            assertThat(server.receive(Duration.ZERO)).isNull();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatCameWhileSomebodyWaitedIsThereForABatchUntilTheChannelIsConnected(boolean blocking) throws Exception {
        try (PktInfoChannel server = open(Family.DUAL_STACK);
                DatagramSocket friend = new DatagramSocket()) {
            server.jdkChannel().configureBlocking(blocking);
            DatagramBatch batch = server.newBatch(2, 10);
            send("127.0.0.1", server, 3);
            assertThat(server.awaitReadable(SOON)).isTrue();
            assertThat(batch.receive(Duration.ZERO)).isEqualTo(1);
            send("127.0.0.1", server, 4);
            assertThat(server.awaitReadable(SOON)).isTrue();
            server.jdkChannel().connect(new InetSocketAddress("127.0.0.1", friend.getLocalPort()));
            assertThat(server.awaitReadable(Duration.ZERO)).isFalse();
            assertThat(batch.receive(Duration.ZERO)).isZero();
            assertThat(server.receive(Duration.ZERO)).isNull();
        }
    }

    @Test
    void whatDoesNotFitIsCutOffAndMarked() throws Exception {
        try (PktInfoChannel server = PktInfoChannel.open(Family.IPV4, 10).bind(new InetSocketAddress(0))) {
            send("127.0.0.1", server, 11);
            Datagram request = server.receive();
            assertThat(request.isTruncated()).isTrue();
            assertThat(request.payload()).hasSize(10);
            assertThat(request.wireLength()).isEqualTo(11);
        }
    }

    @Test
    void anIpv6OnlyChannelDoesNotReceiveIpv4() throws Exception {
        try (PktInfoChannel server = open(Family.IPV6)) {
            send("127.0.0.1", server, 1);
            send("::1", server, 2);
            assertThat(server.receive(SOON)).extracting(Datagram::wireLength).isEqualTo(2);
            assertThat(server.receive(Duration.ofMillis(100))).isNull();
        }
    }

    @Test
    void aBatchAnswersWhatIsThere() throws Exception {
        try (PktInfoChannel server = open(Family.DUAL_STACK)) {
            DatagramBatch batch = server.newBatch(4, 100);
            for (int i = 1; i <= 6; i++) {
                send("127.0.0.1", server, i);
            }
            int answered = 0;
            while (answered < 6) {
                int count = batch.receive();
                for (int i = 0; i < count; i++) {
                    batch.slot(i).reply(batch.slot(i).length());
                }
                assertThat(batch.send()).isEqualTo(count);
                answered += count;
            }
            for (int i = 1; i <= 6; i++) {
                assertThat(reply()).isEqualTo("127.0.0.1 " + i);
            }
        }
    }

    @Test
    void aServerAnswersAndStops() throws Exception {
        try (DatagramServer server = DatagramServer.builder()
                .bind(new InetSocketAddress(0))
                .workers(2)
                .start(request -> request.reply(request.length()))) {
            byte[] payload = "hello".getBytes(StandardCharsets.UTF_8);
            client.send(new DatagramPacket(
                    payload,
                    payload.length,
                    InetAddress.getByName("::1"),
                    server.localAddress().getPort()));
            assertThat(reply()).isEqualTo("::1 5");
            assertThat(server.stats().withoutPacketInfo()).isEqualTo(1);
        }
    }

    /** Returns the exception that a waiting receiver gets. */
    private static Throwable whileWaiting(PktInfoChannel server, java.util.function.Consumer<Thread> act)
            throws Exception {
        CompletableFuture<Throwable> thrown = new CompletableFuture<>();
        CountDownLatch started = new CountDownLatch(1);
        Thread receiver = new Thread(() -> {
            started.countDown();
            try {
                thrown.completeExceptionally(new AssertionError("received " + server.receive()));
            } catch (IOException e) {
                thrown.complete(e);
            }
        });
        receiver.start();
        started.await();
        while (Arrays.stream(receiver.getStackTrace())
                .noneMatch(frame -> frame.getMethodName().equals("await"))) {
            Thread.onSpinWait();
        }
        act.accept(receiver);
        return thrown.get(5, TimeUnit.SECONDS);
    }

    @Test
    void closingWakesAReceiver() throws Exception {
        PktInfoChannel server = open(Family.DUAL_STACK);
        Throwable thrown = whileWaiting(server, receiver -> {
            try {
                server.close();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        assertThat(thrown).isInstanceOf(AsynchronousCloseException.class);
        assertThat(server.jdkChannel().isOpen()).isFalse();
        assertThatThrownBy(() -> server.receive(Duration.ZERO)).isInstanceOf(ClosedChannelException.class);
        try (DatagramSocket again = new DatagramSocket(0)) {
            assertThat(again.isBound()).isTrue();
        }
    }

    @Test
    void anInterruptClosesTheChannelAndWakesItsReceiver() throws Exception {
        PktInfoChannel server = open(Family.DUAL_STACK);
        assertThat(whileWaiting(server, Thread::interrupt)).isInstanceOf(ClosedByInterruptException.class);
        assertThat(server.jdkChannel().isOpen()).isFalse();
        assertThatThrownBy(() -> server.receive(SOON)).isInstanceOf(ClosedChannelException.class);
        assertThat(server.isOpen()).isFalse();
    }

    @Test
    void whatCannotBeSentIsASendExceptionAndTheChannelGoesOn() throws Exception {
        try (PktInfoChannel server = open(Family.DUAL_STACK)) {
            Endpoint peer = new Endpoint(IpAddress.of(InetAddress.getByName("127.0.0.1")), client.getLocalPort());
            assertThatThrownBy(() -> server.send(ByteBuffer.allocate(65_510), peer, Source.systemChoice()))
                    .isInstanceOfSatisfying(
                            SendException.class,
                            e -> assertThat(e.kind()).isEqualTo(SendException.Kind.MESSAGE_TOO_LONG));
            server.send(ByteBuffer.allocate(9), peer, Source.systemChoice());
            assertThat(reply()).isEqualTo("127.0.0.1 9");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "MARK=1",
                "BIND_TO_DEVICE=lo",
                "TRANSPARENT=true",
                "FREEBIND=true",
                "RECEIVE_BUFFER_FORCE=9000000",
                "BUSY_POLL=50",
                "INCOMING_CPU=0",
                "RECEIVE_TRAFFIC_CLASS=true",
                "RECEIVE_HOP_LIMIT=true",
                "RECEIVE_TIME=true",
                "RECEIVE_HARDWARE_TIME=true",
                "TRANSMIT_TIMES=true",
                "RECEIVE_ORIGINAL_PORT=true",
                "RECEIVE_MARK=true",
                "COALESCE_RECEIVED=true",
                "FRAGMENTATION=OMIT"
            })
    void anOptionThatJavaLacksCannotBeSet(String option) throws Exception {
        try (PktInfoChannel server = open(Family.DUAL_STACK)) {
            assertThat(Tuned.attempt(server, option))
                    .startsWith("java.lang.UnsupportedOperationException: setsockopt(")
                    .endsWith("): cannot be set without the native library");
        }
    }

    @Test
    void theLibraryIsStillSaidNotToBeSupportedAndTheDoctorRefuses() {
        assertThat(PktInfoChannel.isSupported()).isFalse();
        assertThatThrownBy(Doctor::examine).isInstanceOf(UnsatisfiedLinkError.class);
    }
}
