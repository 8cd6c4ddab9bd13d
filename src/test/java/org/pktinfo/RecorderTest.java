package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import jdk.jfr.consumer.RecordingStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.pktinfo.PktInfoChannel.Family;

/** The events that the flight recorder receives from a channel that was opened before. */
@Timeout(60)
class RecorderTest {
    private static final Source GONE = Source.of(IpAddress.ipv4(0xc0000207));

    @TempDir
    private Path folder;

    private PktInfoChannel server;
    private Loopback client;
    private Datagram request;

    @BeforeEach
    void open() throws IOException {
        server = Loopback.open(Family.IPV4);
        client = new Loopback();
        request = client.ask("127.0.0.2", server);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        client.close();
    }

    private interface Action {
        void run() throws IOException;
    }

    /** Returns the events of this channel, of the types that are on by default and those named. */
    private List<RecordedEvent> record(Action action, String... enabled) throws IOException {
        Path file = folder.resolve("recording.jfr");
        try (Recording recording = new Recording()) {
            Stream.of(enabled).forEach(recording::enable);
            recording.start();
            action.run();
            recording.stop();
            recording.dump(file);
        }
        int port = server.localAddress().getPort();
        return RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().startsWith("pktinfo."))
                .filter(event -> event.getInt("localPort") == port)
                .toList();
    }

    private static void assertOnly(List<RecordedEvent> events, String... types) {
        assertThat(events)
                .extracting(event -> event.getEventType().getName())
                .as("%s", events)
                .containsExactly(types);
    }

    private void sendFromSourceThatIsGone() {
        assertThatThrownBy(() -> server.send(ByteBuffer.allocate(1), request.peer(), GONE))
                .isInstanceOf(SendException.class);
    }

    @Test
    void aSourceThatIsGoneNamesItselfThePeerAndTheKernelsReason() throws IOException {
        List<RecordedEvent> events = record(this::sendFromSourceThatIsGone);
        assertOnly(events, "pktinfo.SourceUnusable");
        RecordedEvent event = events.get(0);
        assertThat(event.getString("kind")).isEqualTo("SOURCE_UNUSABLE");
        assertThat(event.getString("source")).isEqualTo("192.0.2.7");
        assertThat(event.getString("peer")).isEqualTo(request.peer().toString());
        assertThat(event.getInt("errno")).isPositive();
        assertThat(event.getLong("leftOut")).isZero();
    }

    @Test
    void whatElseIsNotSentSaysWhy() throws IOException {
        DatagramBatch batch = server.newBatch(2, 100);
        client.send("127.0.0.3", server, new byte[1]);
        List<RecordedEvent> events = record(() -> {
            assertThat(batch.receive(Loopback.SOON)).isEqualTo(1);
            batch.slot(0).reply(1, (peer, info) -> {
                throw SendException.noSource(peer, "not today");
            });
        });
        assertOnly(events, "pktinfo.SendFailed");
        assertThat(events.get(0).getString("kind")).isEqualTo("NO_SOURCE");
        assertThat(events.get(0).getString("source")).isNull();
        assertThat(events.get(0).getInt("errno")).isZero();
    }

    @Test
    void whatDidNotFitSaysHowLongItWas() throws IOException {
        DatagramBatch batch = server.newBatch(2, 10);
        client.send("127.0.0.3", server, new byte[10]);
        client.send("127.0.0.3", server, new byte[25]);
        List<RecordedEvent> events =
                record(() -> assertThat(batch.receive(Loopback.SOON)).isEqualTo(2));
        assertOnly(events, "pktinfo.DatagramTruncated");
        assertThat(events.get(0).getInt("length")).isEqualTo(10);
        assertThat(events.get(0).getInt("wireLength")).isEqualTo(25);
        assertThat(events.get(0).getString("peer")).endsWith(":" + client.socket.getLocalPort());
    }

    /**
     * If the channel is checked in the middle of a flood there are two events, or the second is omitted; the test then
     * repeats with another flood.
     */
    @Test
    void whatTheKernelLostIsToldOnce() throws IOException {
        Loopback.shrinkQueue(server);
        long told;
        do {
            told = server.stats().kernelDrops();
            List<RecordedEvent> events = record(() -> {
                client.flood(server);
                for (int i = 0; i < 2; i++) {
                    assertThat(server.stats().kernelDrops()).isPositive();
                    assertThat(server.receive(Loopback.SOON)).isNotNull();
                }
            });
            for (RecordedEvent event : events) {
                assertThat(event.getEventType().getName()).isEqualTo("pktinfo.DatagramsDropped");
                assertThat(event.getEventType().getDescription())
                        .contains("receive buffer was full", "checksum was wrong", "filter refused");
                assertThat(event.getLong("datagrams")).isPositive().isEqualTo(event.getLong("total") - told);
                told = event.getLong("total");
            }
        } while (told < server.stats().kernelDrops());
        assertThat(told).isPositive().isEqualTo(server.stats().kernelDrops());
    }

    @Test
    void whatTheKernelLosesWhileNobodyReceivesIsToldToo() throws Exception {
        int port = server.localAddress().getPort();
        CountDownLatch told = new CountDownLatch(1);
        try (RecordingStream recording = new RecordingStream()) {
            recording.onEvent("pktinfo.DatagramsDropped", event -> {
                if (event.getInt("localPort") == port && event.getLong("total") > 0) {
                    told.countDown();
                }
            });
            recording.startAsync();
            Loopback.shrinkQueue(server);
            client.flood(server);
            assertThat(told.await(20, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void callsAreRecordedOnlyIfSomebodyAsksForThem() throws IOException {
        Action exchange = () -> server.reply(client.ask("127.0.0.2", server), new byte[1]);
        assertOnly(record(exchange));
        List<RecordedEvent> events = record(exchange, "pktinfo.Receive", "pktinfo.Send");
        assertOnly(events, "pktinfo.Receive", "pktinfo.Send");
        assertThat(events).allMatch(event -> event.getInt("slots") == 1);
        assertThat(events).allMatch(event -> event.getDuration().toNanos() > 0);
    }

    /** One more after the pause, so that nothing is left uncounted. */
    @Test
    void aFloodIsRecordedInPartAndTheRestIsCounted() throws IOException {
        int flood = 3000;
        List<RecordedEvent> events = record(() -> {
            for (int i = 0; i < flood; i++) {
                sendFromSourceThatIsGone();
            }
            long pause = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(20);
            while (System.nanoTime() < pause) {
                Thread.onSpinWait();
            }
            sendFromSourceThatIsGone();
        });
        long span = Duration.between(
                        events.get(0).getStartTime(),
                        events.get(events.size() - 1).getStartTime())
                .toMillis();
        assertThat(events.size()).isBetween(2, (int) (span / 10) + 2).isLessThan(flood);
        assertThat(events.stream()
                        .mapToLong(event -> 1 + event.getLong("leftOut"))
                        .sum())
                .isEqualTo(flood + 1);
    }
}
