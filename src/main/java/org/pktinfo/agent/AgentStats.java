package org.pktinfo.agent;

import java.lang.management.ManagementFactory;
import javax.management.JMException;
import javax.management.ObjectName;
import org.pktinfo.internal.JvmSockets;

/** The counters, counted when somebody asks. */
final class AgentStats implements AgentStatsMXBean {
    private AgentStats() {}

    /** Registers the bean where the run-time image has module java.management. */
    static void register() {
        try {
            ManagementFactory.getPlatformMBeanServer()
                    .registerMBean(new AgentStats(), new ObjectName("org.pktinfo:type=Agent"));
        } catch (NoClassDefFoundError e) {
            return; // a run-time image without it has nobody who would ask
        } catch (JMException e) {
            throw new IllegalStateException("no JMX bean: " + e, e);
        }
    }

    @Override
    public long getSockets() {
        return JvmSockets.counters(false).sockets();
    }

    @Override
    public long getPeers() {
        return JvmSockets.counters(true).peers();
    }

    @Override
    public long getPinned() {
        return JvmSockets.counters(false).pinned();
    }

    @Override
    public long getUnknownPeers() {
        return JvmSockets.counters(false).unknownPeers();
    }

    @Override
    public long getSourcesGone() {
        return JvmSockets.counters(false).sourcesGone();
    }
}
