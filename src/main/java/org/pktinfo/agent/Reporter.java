package org.pktinfo.agent;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.pktinfo.internal.JvmSockets;
import org.pktinfo.internal.Threads;

/**
 * The agent's one thread: it tells the native library the time, and the user what he wants to know, once a second. What
 * goes wrong here is told, and the sockets go on.
 */
final class Reporter implements Runnable {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final AgentOptions options;
    private long gone;
    private long seconds;

    private Reporter(AgentOptions options) {
        this.options = options;
    }

    static void start(AgentOptions options) {
        Threads.startDaemon("pktinfo-agent", new Reporter(options));
    }

    @Override
    public void run() {
        long next = System.nanoTime();
        while (true) {
            next += SECOND;
            for (long left = SECOND; left > 0; left = next - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            JvmSockets.tick();
            try {
                report();
            } catch (Throwable e) { // a moment without memory; the sockets need the time all the same
                options.say(AgentOptions.Log.START, "not reported: " + e);
            }
        }
    }

    private void report() {
        if (seconds++ == 0) { // once, also if it fails
            AgentStats.register();
        }
        if (options.log() == AgentOptions.Log.SOCKETS) {
            JvmSockets.tellNews(
                    (port, verdict) -> options.say(AgentOptions.Log.SOCKETS, "port " + port + ": " + text(verdict)));
        }
        long goneNow = JvmSockets.counters(false).sourcesGone();
        if (goneNow > gone) {
            options.say(
                    AgentOptions.Log.START,
                    goneNow - gone + " datagrams " + (options.goneIsException() ? "failed" : "were dropped")
                            + ": the address that the peer has asked has left the host");
            gone = goneNow;
        }
        if (options.statsSeconds() > 0 && seconds % options.statsSeconds() == 0) {
            options.say(AgentOptions.Log.QUIET, text(JvmSockets.counters(true)));
        }
    }

    private static String text(JvmSockets.Counters counters) {
        return "sockets " + counters.sockets() + ", peers " + counters.peers() + ", pinned " + counters.pinned()
                + ", unknown peers " + counters.unknownPeers() + ", sources gone " + counters.sourcesGone();
    }

    private static String text(JvmSockets.Verdict verdict) {
        return switch (verdict) {
            case NONE -> "not bound";
            case CHOOSES -> "replies leave from the address asked";
            case EPHEMERAL -> "left alone, the system has chosen the port (ports=all includes it)";
            case PORT -> "left alone, not one of the ports (ports= includes it)";
            case ONE -> "left alone, bound or connected to one address";
            case REFUSED -> "left alone, the kernel gives no packet information or no memory is left";
        };
    }
}
