package org.pktinfo.internal;

/**
 * The native methods for the JVM's own datagram sockets. They throw nothing and do not block. The caller must have
 * checked every argument.
 */
public final class HookCalls {
    private HookCalls() {}

    /**
     * Begins anew; the state of all sockets and peers so far is discarded.
     *
     * @param ports the first and the last port of each range; empty for those that the program has bound itself
     * @param all true to include the ports that the system has chosen
     * @param ephemeral the first and the last ephemeral port, to classify sockets that were bound before
     * @param transfers the first and the last port of each range whose peers may be answered from a new socket
     * @param memory the number of peers that each socket remembers
     * @param expirySeconds the time after which a silent peer is forgotten; 0 never forgets
     * @param mostBytes the limit of address space of all memories together
     * @param goneIsException true for the JDK's exception if a source has left the host, false to drop the datagram
     * @param firstKey an unpredictable number
     * @param secondKey another unpredictable number
     */
    public static native void begin(
            int[] ports,
            boolean all,
            int[] ephemeral,
            int[] transfers,
            int memory,
            int expirySeconds,
            long mostBytes,
            boolean goneIsException,
            long firstKey,
            long secondKey);

    /** Sets the current time that expiry is measured in; to be called once a second. */
    public static native void now(int seconds);

    /**
     * Reads the counters since the beginning, in this order: sockets that choose the source, peers known now, datagrams
     * sent from the request destination, datagrams to unknown peers, datagrams whose source has left the host.
     *
     * @param counters receives the five numbers
     * @param withPeers true to count the peers, which takes some microseconds for each socket
     */
    public static native void count(long[] counters, boolean withPeers);

    /**
     * Returns the first descriptor at or above {@code from} whose verdict has not been reported yet, with its port; -1
     * if there is none.
     */
    public static native int tell(int from, int[] portAndVerdict);

    /**
     * Examines a descriptor and decides on it if it is a bound UDP socket; returns false if it is not.
     *
     * @param descriptor any number
     * @param adopt true to treat a socket not seen since the beginning as the JDK's, false as foreign
     * @param portAndVerdict receives the two numbers
     */
    public static native boolean look(int descriptor, boolean adopt, int[] portAndVerdict);

    /** Returns the number of the system call recvfrom(2) on this processor. */
    public static native int recvfrom();

    /**
     * Interrupts a thread's system call with the signal that the JDK uses when a channel is closed.
     *
     * @param thread the kernel's thread id
     * @return false if the JDK has no handler for the signal, or the thread has ended
     */
    public static native boolean interrupt(int thread);
}
