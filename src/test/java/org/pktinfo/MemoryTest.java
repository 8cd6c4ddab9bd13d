package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.internal.Doors;

/** The memory of a channel outside the heap: of the documented size, and freed entirely by closing the channel. */
@Timeout(60)
class MemoryTest {
    private long before;
    private PktInfoChannel server;
    private Loopback client;

    @BeforeEach
    void open() throws IOException {
        Requires.that(PktInfoChannel.isSupported(), "the native library");
        before = Doors.hiddenBytes();
        server = Loopback.open(Family.IPV4);
        client = new Loopback();
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        client.close();
    }

    private long kibibytes() {
        return (Doors.hiddenBytes() - before + 1023) / 1024;
    }

    private void receiveFromABusyQueue() throws IOException {
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < Receiver.BUSY; i++) {
                client.send("127.0.0.2", server, new byte[1]);
            }
            for (int i = 0; i < Receiver.BUSY; i++) {
                assertThat(server.receive(Loopback.SOON)).isNotNull();
            }
        }
    }

    @Test
    void aChannelHasRoomForOneDatagramEachWayFromTheFirstOneOn() throws IOException {
        assertThat(kibibytes()).isZero();
        Datagram request = client.ask("127.0.0.2", server);
        assertThat(kibibytes()).isEqualTo(65);
        server.reply(request, request.payload());
        assertThat(kibibytes()).isEqualTo(130);
        server.close();
        assertThat(kibibytes()).isZero();
    }

    @Test
    void oneThatReadsAheadHasRoomForSeveral() throws IOException {
        receiveFromABusyQueue();
        assertThat(kibibytes()).isBetween(516L, 518L);
        server.reply(client.ask("127.0.0.2", server), new byte[1]);
        assertThat(kibibytes()).isEqualTo(583);
        server.close();
        assertThat(kibibytes()).isZero();
    }

    @Test
    void oneForShortDatagramsHasLess() throws IOException {
        try (PktInfoChannel small = PktInfoChannel.open(Family.IPV4, 1500)) {
            small.bind(null);
            small.reply(client.ask("127.0.0.2", small), new byte[1]);
            assertThat(kibibytes()).isEqualTo(5);
        }
        assertThat(kibibytes()).isZero();
    }

    /** Closes with datagrams read ahead and not handed out, and with a thread that waits: neither keeps the memory. */
    @Test
    void closingWhileSomebodyReceivesGivesItBackWhenThatOneHasLeft() throws Exception {
        receiveFromABusyQueue();
        Thread waiter = new Thread(() -> {
            try {
                Datagram none = server.receive(Duration.ofMinutes(1));
                assertThat(none).isNull();
            } catch (IOException e) {
                // closed: the thread was waiting for that
            }
        });
        waiter.start();
        while (waiter.getState() != Thread.State.RUNNABLE && waiter.isAlive()) {
            Thread.onSpinWait();
        }
        server.close();
        waiter.join();
        assertThat(kibibytes()).isZero();
    }

    @Test
    void aChannelThatIsForgottenGivesItBackToo() throws IOException {
        server.reply(client.ask("127.0.0.2", server), new byte[1]);
        forget();
        long deadline = System.nanoTime() + Loopback.SOON.toNanos();
        while (kibibytes() > 130 && System.nanoTime() < deadline) {
            System.gc();
        }
        assertThat(kibibytes()).isEqualTo(130);
    }

    @SuppressWarnings("resource") // under test
    private void forget() throws IOException {
        PktInfoChannel forgotten = Loopback.open(Family.IPV4);
        forgotten.reply(client.ask("127.0.0.2", forgotten), new byte[1]);
        assertThat(kibibytes()).isEqualTo(260);
    }
}
