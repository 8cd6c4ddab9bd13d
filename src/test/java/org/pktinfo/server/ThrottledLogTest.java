package org.pktinfo.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pktinfo.SendException.Kind;
import org.pktinfo.Source;

/** The log in a flood of messages. */
@Timeout(60)
class ThrottledLogTest {
    private static final Logger LOGGER = Logger.getLogger("org.pktinfo.server");

    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final List<Throwable> thrown = new CopyOnWriteArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord line) {
            lines.add(line.getMessage());
            if (line.getThrown() != null) {
                thrown.add(line.getThrown());
            }
        }

        @Override
        public void flush() {
            // nothing is buffered
        }

        @Override
        public void close() {
            // nothing is open
        }
    };

    @BeforeEach
    void listen() {
        LOGGER.setUseParentHandlers(false);
        LOGGER.addHandler(handler);
    }

    @AfterEach
    void stopListening() {
        LOGGER.removeHandler(handler);
        LOGGER.setUseParentHandlers(true);
    }

    /** Returns the number of events in the lines: one each, and those that they report as omitted. */
    private static long told(List<String> lines) {
        return lines.stream()
                .mapToLong(line -> {
                    String more = line.replaceAll(".*?(\\d+) more\\)?$", "$1");
                    long others = more.equals(line) ? 0 : Long.parseLong(more);
                    return line.endsWith(")") || others == 0 ? 1 + others : others;
                })
                .sum();
    }

    @Test
    void ofEachKindOneLineASecondIsLoggedAndTheOthersAreToldOf() {
        ThrottledLog throttledLog = new ThrottledLog();
        long begin = System.nanoTime();
        for (int i = 0; i < 100_000; i++) {
            throttledLog.log(Kind.PEER_PORT_ZERO, () -> "port zero");
        }
        throttledLog.log(ThrottledLog.Kind.HANDLER_FAILED, () -> "handler");
        long seconds = (System.nanoTime() - begin) / 1_000_000_000L;
        assertThat(lines).contains("port zero", "handler").hasSizeLessThanOrEqualTo((int) seconds + 2);
        throttledLog.finish();
        assertThat(told(lines)).isEqualTo(100_001);
        assertThat(lines.get(lines.size() - 1)).startsWith("PEER_PORT_ZERO: ").endsWith(" more");
        int before = lines.size();
        throttledLog.finish();
        assertThat(lines).as("told twice").hasSize(before);
    }

    private static final class Evil extends RuntimeException {
        private static final long serialVersionUID = 1;

        Evil(Throwable cause) {
            super("no such command\nSEVERE: admin logged in\u001b[2J\u2028" + "x".repeat(60_000), cause);
        }
    }

    @Test
    void theFirstFailureOfATypeIsLoggedWithItsStackTraceAndEachTextIsOneLineAndNotEndless() {
        ThrottledLog throttledLog = new ThrottledLog();
        for (int i = 0; i < 1000; i++) {
            Evil evil = new Evil(new IllegalStateException("cause\r\n"));
            throttledLog.logFailure(ThrottledLog.Kind.HANDLER_FAILED, evil, () -> "the handler failed: " + evil);
        }
        throttledLog.finish();
        assertThat(lines)
                .allSatisfy(line -> assertThat(line).hasSizeLessThan(600).doesNotContainPattern("\\p{Cntrl}|\u2028"));
        assertThat(lines.get(0)).contains("no such command\\u000aSEVERE: admin logged in\\u001b[2J\\u2028xxx");
        assertThat(told(lines)).isEqualTo(1000);
        assertThat(thrown).hasSize(1);
        Throwable logged = thrown.get(0);
        assertThat(logged.getStackTrace()[0].getMethodName())
                .isEqualTo("theFirstFailureOfATypeIsLoggedWithItsStackTraceAndEachTextIsOneLineAndNotEndless");
        assertThat(logged.toString()).startsWith(Evil.class.getName() + ": no such command\\u000aSEVERE");
        assertThat(logged.getCause()).hasToString("java.lang.IllegalStateException: cause\\u000d\\u000a");
    }

    @Test
    void howManyMoreThereWereIsNotCutOffWithATextThatIsTooLong() {
        ThrottledLog throttledLog = new ThrottledLog();
        long logged = 0;
        while (lines.size() < 2) { // the second is let through after a second
            throttledLog.log(Kind.PEER_PORT_ZERO, () -> "x".repeat(60_000));
            logged++;
        }
        assertThat(lines.get(0)).endsWith("... (60000 characters)");
        assertThat(lines.get(1)).endsWith("... (60000 characters) (and " + (logged - 2) + " more)");
    }

    /** Each reply fails; the last line reports the events that the others omit. */
    @Test
    void aServerWhoseRepliesAllFailLogsSeldomAndTellsOfAllWhenItStops() throws IOException {
        Source gone = Source.of(org.pktinfo.IpAddress.of(InetAddress.getByName("192.0.2.7")));
        DatagramServer server = DatagramServer.builder().start(request -> request.reply(1, gone));
        try (server;
                DatagramSocket client = new DatagramSocket()) {
            DatagramPacket packet = new DatagramPacket(
                    new byte[8],
                    8,
                    InetAddress.getByName("127.0.0.2"),
                    server.localAddress().getPort());
            long begin = System.nanoTime();
            while (server.stats().failed() < 200) {
                client.send(packet);
            }
            long seconds = (System.nanoTime() - begin) / 1_000_000_000L;
            assertThat(lines).hasSizeBetween(1, (int) seconds + 2);
        }
        assertThat(lines.get(0)).contains("source 192.0.2.7");
        assertThat(told(lines)).isEqualTo(server.stats().failed());
    }
}
