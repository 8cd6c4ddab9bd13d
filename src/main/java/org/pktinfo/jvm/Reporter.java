package org.pktinfo.jvm;

import java.util.BitSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.pktinfo.internal.HookCalls;
import org.pktinfo.internal.Threads;

/**
 * The only thread behind switched sockets: passes the time to the native library, and events to the user, once a
 * second. A failure here is reported, and the sockets go on.
 */
final class Reporter implements Runnable {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long LONGEST_PAUSE = 64; // seconds

    private final Options options;
    private boolean stopped; // guarded by this
    private boolean registered; // guarded by this
    private final BitSet reported = new BitSet();
    private long gone;
    private long seconds;
    private long nextSearch = 1;

    private Reporter(Options options) {
        this.options = options;
    }

    static Reporter start(Options options) {
        Reporter reporter = new Reporter(options);
        Threads.startDaemon("pktinfo-agent", reporter);
        return reporter;
    }

    /** Makes the thread end within a second, and unregisters the bean. */
    synchronized void stop() {
        stopped = true;
        if (registered) {
            Stats.unregister();
        }
    }

    private synchronized boolean isStopped() {
        return stopped;
    }

    private synchronized void register() {
        if (!stopped) {
            Stats.register();
            registered = true;
        }
    }

    @Override
    public void run() {
        long next = System.nanoTime();
        while (true) {
            next += SECOND;
            for (long left = SECOND; left > 0; left = next - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            if (isStopped()) {
                return;
            }
            Installation.tick();
            try {
                report();
            } catch (Throwable e) { // a moment without memory; the sockets need the time all the same
                options.say(Options.Log.START, "not reported: " + e);
            }
        }
    }

    private void report() {
        if (seconds++ == 0) { // once, also if it fails
            register();
        }
        if (options.log() == Options.Log.SOCKETS) {
            reportNews();
        }
        if (seconds >= nextSearch && options.log() != Options.Log.QUIET) {
            nextSearch = seconds + Math.min(seconds, LONGEST_PAUSE);
            reportForeign();
        }
        long goneNow = Stats.sourcesGone();
        if (goneNow > gone) {
            options.say(
                    Options.Log.START,
                    goneNow - gone + " datagrams " + (options.goneIsException() ? "failed" : "were dropped")
                            + ": the address that the peer has asked has left the host");
            gone = goneNow;
        }
        if (options.statsSeconds() > 0 && seconds % options.statsSeconds() == 0) {
            options.say(Options.Log.QUIET, Stats.inWords());
        }
    }

    private void reportNews() {
        int[] portAndVerdict = new int[2];
        for (int next = 0; next >= 0; ) {
            int descriptor = HookCalls.tell(next, portAndVerdict);
            if (descriptor >= 0) {
                options.say(Options.Log.SOCKETS, FoundSockets.line(portAndVerdict[0], Verdict.of(portAndVerdict[1])));
            }
            next = descriptor < 0 ? -1 : descriptor + 1;
        }
    }

    /** Looks for sockets out of reach at growing intervals: each search examines all descriptors. */
    private void reportForeign() {
        BitSet foreign = FoundSockets.foreign();
        foreign.andNot(reported);
        for (int port = foreign.nextSetBit(0); port >= 0; port = foreign.nextSetBit(port + 1)) {
            options.say(Options.Log.START, FoundSockets.line(port, Verdict.FOREIGN));
        }
        reported.or(foreign);
    }
}
