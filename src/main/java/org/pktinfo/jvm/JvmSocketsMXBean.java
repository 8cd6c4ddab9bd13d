package org.pktinfo.jvm;

/**
 * The counters of the JVM's switched sockets for JMX, as {@code org.pktinfo:type=Agent}, all since the sockets were
 * switched over. If the run-time image has module java.management, the bean is registered within a second.
 */
public interface JvmSocketsMXBean {
    /**
     * Returns the number of sockets that reply from the request destination.
     *
     * @return the number of all such sockets so far, including closed ones
     */
    long getSockets();

    /**
     * Returns the number of peers that are remembered.
     *
     * @return the current number, of all sockets together; counting takes some microseconds for each socket
     */
    long getPeers();

    /**
     * Returns the number of datagrams sent from the request destination.
     *
     * @return the number of datagrams
     */
    long getPinned();

    /**
     * Returns the number of datagrams whose source was left to the system, because the peer had sent no request.
     *
     * @return the number of datagrams
     */
    long getUnknownPeers();

    /**
     * Returns the number of datagrams that were not sent, because the request destination has left the host.
     *
     * @return the number of datagrams
     */
    long getSourcesGone();
}
