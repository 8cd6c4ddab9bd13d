package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.internal.Doors;
import org.pktinfo.socket.PktInfoDatagramSocket;

/** The descriptors left open by failures, concurrent closing and interrupts: none. */
@Timeout(60)
class LeakTest {
    @Test
    void aPortThatIsTakenLeavesNothingOpen() throws IOException {
        try (PktInfoChannel first = Loopback.open(Family.DUAL_STACK)) {
            long before = OpenDescriptors.count();
            for (int i = 0; i < 100; i++) {
                try (PktInfoChannel second = PktInfoChannel.open()) {
                    assertThatThrownBy(() -> second.bind(first.localAddress())).isInstanceOf(BindException.class);
                }
            }
            OpenDescriptors.assertNoMoreThan(before);
        }
    }

    /** At once: a program that looks for a free port has opened many before anything else would close them. */
    @Test
    void aSocketThatCannotBeBoundLeavesNothingOpenNotEvenForAMoment() throws IOException {
        try (DatagramSocket first = new DatagramSocket()) {
            int port = first.getLocalPort();
            assertThatThrownBy(() -> new PktInfoDatagramSocket(port)).isInstanceOf(SocketException.class);
            long before = OpenDescriptors.count();
            for (int i = 0; i < 100; i++) {
                assertThatThrownBy(() -> new PktInfoDatagramSocket(port)).isInstanceOf(SocketException.class);
            }
            assertThat(OpenDescriptors.count()).isLessThan(before + 50);
        }
    }

    /** One thread sends, two receive, one closes and one closes the JDK's channel, all at once. */
    @Test
    void whoClosesAndWhoWaitsInWhateverOrderNothingStaysOpen() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(5);
        try {
            race(threads); // its threads have all that they need
            long before = OpenDescriptors.count();
            long memory = Doors.hiddenBytes();
            for (int round = 0; round < 300; round++) {
                race(threads);
            }
            OpenDescriptors.assertNoMoreThan(before);
            assertThat(Doors.hiddenBytes()).isLessThanOrEqualTo(memory);
        } finally {
            threads.shutdownNow();
        }
    }

    private static void sendForEver(PktInfoChannel channel, Endpoint peer) throws IOException {
        while (true) {
            channel.send(ByteBuffer.allocate(1), peer, Source.systemChoice());
        }
    }

    private static void receiveForEver(PktInfoChannel channel) throws IOException {
        while (true) {
            Datagram unused = channel.receive();
        }
    }

    private static void race(ExecutorService threads) throws Exception {
        PktInfoChannel channel = Loopback.open(Family.DUAL_STACK);
        CyclicBarrier start = new CyclicBarrier(5);
        Endpoint itself = new Endpoint(
                Loopback.address("127.0.0.1"), channel.localAddress().getPort());
        List<Future<?>> racers = new ArrayList<>();
        racers.add(threads.submit(() -> {
            start.await();
            assertThatThrownBy(() -> sendForEver(channel, itself)).isInstanceOf(ClosedChannelException.class);
            return null;
        }));
        for (int i = 0; i < 2; i++) {
            racers.add(threads.submit(() -> {
                start.await();
                assertThatThrownBy(() -> receiveForEver(channel)).isInstanceOf(ClosedChannelException.class);
                return null;
            }));
        }
        for (AutoCloseable closed : List.of(channel, channel.jdkChannel())) {
            racers.add(threads.submit(() -> {
                start.await();
                closed.close();
                return null;
            }));
        }
        for (Future<?> racer : racers) {
            racer.get(10, TimeUnit.SECONDS);
        }
        channel.close();
    }

    @Test
    void anInterruptedThreadLeavesNothingOpen() throws Exception {
        Loopback.open(Family.DUAL_STACK).close();
        long before = OpenDescriptors.count();
        for (int round = 0; round < 300; round++) {
            PktInfoChannel channel = Loopback.open(Family.DUAL_STACK);
            Thread waiter = new Thread(() -> assertThatThrownBy(channel::receive)
                    .isInstanceOf(java.nio.channels.ClosedByInterruptException.class));
            waiter.start();
            waiter.interrupt(); // before, while or after it begins to wait
            waiter.join(TimeUnit.SECONDS.toMillis(10));
            assertThat(waiter.isAlive()).isFalse();
            assertThat(channel.isOpen()).isFalse();
        }
        OpenDescriptors.assertNoMoreThan(before);
    }
}
