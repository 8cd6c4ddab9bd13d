package org.pktinfo.cli;

import java.util.Locale;
import org.pktinfo.server.ServerStats;

/**
 * A server's counters in one line: the totals, and the rates since the last line. Not safe for use by several threads.
 */
final class StatsLine {
    private ServerStats last;
    private long time; // System.nanoTime

    StatsLine(ServerStats begin, long time) {
        this.last = begin;
        this.time = time;
    }

    /** Returns the totals alone, which are printed at the end. */
    static String totals(ServerStats stats) {
        return "received " + stats.received() + ", replied " + stats.replied() + ", failed " + failed(stats)
                + ", rate limited " + stats.rateLimited() + ", dropped by the kernel " + drops(stats);
    }

    private static long failed(ServerStats stats) {
        return stats.failed() + stats.handlerErrors();
    }

    private static long drops(ServerStats stats) {
        return stats.channels().kernelDrops();
    }

    String next(ServerStats now, long nanoTime) {
        double seconds = Math.max(1, nanoTime - time) / 1e9;
        String line = totals(now) + ", batches " + now.batches() + ", send errors " + now.sendErrors()
                + String.format(
                        Locale.ROOT,
                        "; now %.1f datagrams/s, %.1f replies/s, %.1f failed/s, %.1f dropped/s",
                        (now.received() - last.received()) / seconds,
                        (now.replied() - last.replied()) / seconds,
                        (failed(now) - failed(last)) / seconds,
                        (drops(now) - drops(last)) / seconds);
        last = now;
        time = nanoTime;
        return line;
    }
}
