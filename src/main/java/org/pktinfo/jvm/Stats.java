package org.pktinfo.jvm;

import java.lang.management.ManagementFactory;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.pktinfo.internal.HookCalls;

/** The counters, read on demand. */
final class Stats implements JvmSocketsMXBean {
    private static final String NAME = "org.pktinfo:type=Agent";
    private static final int COUNTERS = 5;

    /** Registers the bean where the run-time image has module java.management. */
    static void register() {
        try {
            ManagementFactory.getPlatformMBeanServer().registerMBean(new Stats(), new ObjectName(NAME));
        } catch (NoClassDefFoundError e) {
            return; // a run-time image without it has no JMX client
        } catch (JMException e) {
            throw new IllegalStateException("no JMX bean: " + e, e);
        }
    }

    /** Unregisters the bean if it is registered. */
    static void unregister() {
        try {
            MBeanServer server = ManagementFactory.getPlatformMBeanServer();
            ObjectName name = new ObjectName(NAME);
            if (server.isRegistered(name)) {
                server.unregisterMBean(name);
            }
        } catch (NoClassDefFoundError e) {
            return; // as above
        } catch (JMException e) {
            throw new IllegalStateException("the JMX bean stays: " + e, e);
        }
    }

    /** Reads the counters; counts the peers only if requested. */
    private static long[] count(boolean withPeers) {
        long[] counters = new long[COUNTERS];
        HookCalls.count(counters, withPeers);
        return counters;
    }

    /** Returns all counters in one line. */
    static String inWords() {
        long[] counters = count(true);
        return "sockets " + counters[0] + ", peers " + counters[1] + ", pinned " + counters[2] + ", unknown peers "
                + counters[3] + ", sources gone " + counters[4];
    }

    static long sourcesGone() {
        return count(false)[4];
    }

    @Override
    public long getSockets() {
        return count(false)[0];
    }

    @Override
    public long getPeers() {
        return count(true)[1];
    }

    @Override
    public long getPinned() {
        return count(false)[2];
    }

    @Override
    public long getUnknownPeers() {
        return count(false)[3];
    }

    @Override
    public long getSourcesGone() {
        return sourcesGone();
    }
}
