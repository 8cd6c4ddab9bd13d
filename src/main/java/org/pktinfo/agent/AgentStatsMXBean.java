package org.pktinfo.agent;

/** The agent's counters for JMX, as {@code org.pktinfo:type=Agent}. */
public interface AgentStatsMXBean {
    /**
     * Counts the sockets that reply from the address asked.
     *
     * @return how many there were since the agent was installed
     */
    long getSockets();

    /**
     * Counts the peers that are remembered.
     *
     * @return how many are known now, by all sockets together
     */
    long getPeers();

    /**
     * Counts the datagrams that left from the address asked.
     *
     * @return how many left since the agent was installed
     */
    long getPinned();

    /**
     * Counts the datagrams whose source was left to the system, because the peer had not asked.
     *
     * @return how many left since the agent was installed
     */
    long getUnknownPeers();

    /**
     * Counts the datagrams that did not leave, because the address asked has left the host.
     *
     * @return how many were not sent since the agent was installed
     */
    long getSourcesGone();
}
