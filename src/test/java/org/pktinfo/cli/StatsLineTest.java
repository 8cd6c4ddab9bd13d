package org.pktinfo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.pktinfo.ChannelStats;
import org.pktinfo.SendException.Kind;
import org.pktinfo.server.ServerStats;

/** The lines of --stats. */
class StatsLineTest {
    private static ServerStats stats(
            long received, long replied, long transientErrors, long handlerErrors, long drops) {
        ChannelStats channels =
                new ChannelStats(received, 0, 7, 0, 0, 0, 0, drops, replied, 0, 0, 0, 0, 0, 0, 0, Map.of());
        Map<Kind, Long> errors = transientErrors == 0 ? Map.of() : Map.of(Kind.TRANSIENT, transientErrors);
        return new ServerStats(received, replied, 0, handlerErrors, 0, 0, 0, 3, 0, 0, errors, 7, 0, channels);
    }

    @Test
    void eachLineHasTheTotalsAndWhatCameASecondSinceTheLast() {
        long start = Long.MAX_VALUE - 5; // System.nanoTime may overflow
        StatsLine line = new StatsLine(stats(0, 0, 0, 0, 0), start);
        assertThat(line.next(stats(23, 21, 0, 0, 0), start + TimeUnit.SECONDS.toNanos(2)))
                .isEqualTo("received 23, replied 21, failed 0, rate limited 3, dropped by the kernel 0, batches 7,"
                        + " send errors {}; now 11.5 datagrams/s, 10.5 replies/s, 0.0 failed/s, 0.0 dropped/s");
        assertThat(line.next(stats(123, 61, 40, 20, 9), start + TimeUnit.MILLISECONDS.toNanos(2500)))
                .isEqualTo("received 123, replied 61, failed 60, rate limited 3, dropped by the kernel 9, batches 7,"
                        + " send errors {TRANSIENT=40}; now 200.0 datagrams/s, 80.0 replies/s, 120.0 failed/s,"
                        + " 18.0 dropped/s");
        assertThat(line.next(stats(123, 61, 40, 20, 9), start + TimeUnit.SECONDS.toNanos(3)))
                .endsWith("; now 0.0 datagrams/s, 0.0 replies/s, 0.0 failed/s, 0.0 dropped/s");
    }
}
