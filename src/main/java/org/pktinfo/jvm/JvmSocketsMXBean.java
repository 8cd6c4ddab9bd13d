package org.pktinfo.jvm;

/**
 * The counters of the JVM's switched sockets for JMX, as {@code org.pktinfo:type=Agent}; all since they were switched
 * over. The bean is there where the run-time image has module java.management, a second after that at the latest.
 */
public interface JvmSocketsMXBean {
    /**
     * Returns the number of sockets that reply from the address asked.
     *
     * @return all that there were, closed ones too
     */
    long getSockets();

    /**
     * Returns the number of peers that are remembered.
     *
     * @return those known now, by all sockets together; counting takes some microseconds for each socket
     */
    long getPeers();

    /**
     * Returns the number of datagrams that left from the address asked.
     *
     * @return datagrams
     */
    long getPinned();

    /**
     * Returns the number of datagrams whose source was left to the system, because the peer had not asked.
     *
     * @return datagrams
     */
    long getUnknownPeers();

    /**
     * Returns the number of datagrams that did not leave, because the address asked has left the host.
     *
     * @return datagrams
     */
    long getSourcesGone();
}
