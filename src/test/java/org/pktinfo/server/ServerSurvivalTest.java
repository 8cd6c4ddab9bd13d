package org.pktinfo.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pktinfo.server.DatagramServerTest.await;
import static org.pktinfo.server.DatagramServerTest.client;
import static org.pktinfo.server.DatagramServerTest.send;
import static org.pktinfo.server.DatagramServerTest.source;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.Datagram;
import org.pktinfo.IpAddress;
import org.pktinfo.Source;

/** A server that only stopping ends, and no handler, log or interrupted thread. */
@Timeout(60)
class ServerSurvivalTest {
    private static final DatagramHandler ECHO = request -> request.reply(request.length());
    private static final Source NOT_OURS = Source.of(IpAddress.of(new InetSocketAddress("192.0.2.7", 0).getAddress()));

    private DatagramServer server;

    @AfterEach
    void close() throws IOException {
        server.close();
    }

    private void start(int workers, DatagramHandler handler) throws IOException {
        server = DatagramServer.builder()
                .workers(workers)
                .batchSize(8)
                .payloadCapacity(1500)
                .start(handler);
    }

    @Test
    void aReplyOfAnInterruptedThreadIsAnExceptionOfThatThreadsAlone() throws Exception {
        BlockingQueue<Datagram> requests = new LinkedBlockingQueue<>();
        start(1, slot -> requests.add(slot.toDatagram()));
        try (DatagramSocket client = client()) {
            send(client, "127.0.0.2", server, 8);
            Datagram request = requests.poll(5, TimeUnit.SECONDS);
            Thread.currentThread().interrupt();
            try {
                assertThatThrownBy(() -> server.reply(request, ByteBuffer.wrap(request.payload())))
                        .isInstanceOf(InterruptedIOException.class)
                        .hasMessageContaining("127.0.0.1:" + client.getLocalPort());
            } finally {
                assertThat(Thread.interrupted()).as("still interrupted").isTrue();
            }
            send(client, "127.0.0.3", server, 8);
            Datagram next = requests.poll(5, TimeUnit.SECONDS);
            server.reply(next, ByteBuffer.wrap(next.payload()));
            assertThat(source(client)).isEqualTo("127.0.0.3");
        }
    }

    @Test
    void aHandlerThatInterruptsItsThreadEndsNothingAndTheNextDoesNotSeeIt() throws Exception {
        List<Boolean> interrupted = new CopyOnWriteArrayList<>();
        start(1, slot -> {
            interrupted.add(Thread.currentThread().isInterrupted());
            Thread.currentThread().interrupt();
            slot.reply(slot.length());
        });
        try (DatagramSocket client = client()) {
            for (int i = 2; i < 5; i++) {
                send(client, "127.0.0." + i, server, 8);
                assertThat(source(client)).isEqualTo("127.0.0." + i);
            }
        }
        assertThat(interrupted).containsExactly(false, false, false);
    }

    @Test
    void aHandlerThatClosesTheServerIsAnsweredFirst() throws Exception {
        start(2, slot -> {
            slot.reply(slot.length());
            try {
                server.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        InetSocketAddress bound = server.localAddress();
        try (DatagramSocket client = client()) {
            send(client, "127.0.0.2", server, 8);
            assertThat(source(client)).isEqualTo("127.0.0.2");
        }
        awaitFree(bound);
        await(() -> server.stats().replied(), 1);
        assertThat(server.stats().failed()).isZero();
    }

    private static void awaitFree(InetSocketAddress address) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        boolean free = false;
        while (!free) {
            try (DatagramServer another = DatagramServer.builder().bind(address).start(ECHO)) {
                free = another.localAddress().equals(address);
            } catch (BindException e) {
                assertThat(System.nanoTime()).as("free in time: %s", e).isLessThan(deadline);
            }
        }
    }

    @Test
    void twoHandlersThatCloseTheServerAtOnceDoNotWaitForEachOther() throws Exception {
        CyclicBarrier both = new CyclicBarrier(2);
        Set<String> workers = ConcurrentHashMap.newKeySet();
        CountDownLatch closed = new CountDownLatch(2);
        start(2, slot -> {
            if (workers.add(Thread.currentThread().getName())) {
                both.await(5, TimeUnit.SECONDS);
                server.stop(Duration.ofDays(1));
                closed.countDown();
            }
        });
        InetSocketAddress bound = server.localAddress();
        for (int i = 1; i < 100 && workers.size() < 2; i++) { // a flow of its own for each
            try (DatagramSocket client = client()) {
                send(client, "127.0.0." + i, server, 8);
            } catch (IOException e) {
                break; // stopped already
            }
        }
        assertThat(closed.await(5, TimeUnit.SECONDS)).as("both ended").isTrue();
        awaitFree(bound);
    }

    @Test
    void aLogThatThrowsEndsNothing() throws Exception {
        Logger logger = Logger.getLogger("org.pktinfo.server");
        Handler broken = new Handler() {
            @Override
            public void publish(LogRecord line) {
                throw new IllegalStateException("the log is broken, on purpose");
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        logger.addHandler(broken);
        try {
            start(1, slot -> {
                if (slot.length() == 1) {
                    throw new IllegalArgumentException("on purpose");
                }
                if (slot.length() == 2) {
                    slot.reply(slot.length(), NOT_OURS);
                } else {
                    slot.reply(slot.length());
                }
            });
            assertFailureEndsNothing(1);
            assertFailureEndsNothing(2); // the reply to it cannot be sent
        } finally {
            logger.removeHandler(broken);
        }
    }

    private void assertFailureEndsNothing(int length) throws IOException {
        try (DatagramSocket client = client()) {
            send(client, "127.0.0.2", server, length);
            send(client, "127.0.0.3", server, 8);
            assertThat(source(client)).isEqualTo("127.0.0.3");
        }
    }

    @Test
    void anExceptionWhoseTextThrowsEndsNothing() throws Exception {
        start(1, slot -> {
            if (slot.length() == 1) {
                throw new IllegalStateException() {
                    @Override
                    public String getMessage() {
                        throw new IllegalStateException("on purpose");
                    }
                };
            }
            slot.reply(slot.length());
        });
        assertFailureEndsNothing(1);
        await(() -> server.stats().handlerErrors(), 1);
    }
}
