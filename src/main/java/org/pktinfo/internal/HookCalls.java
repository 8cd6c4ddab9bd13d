package org.pktinfo.internal;

/**
 * The native methods that are about the JVM's own datagram sockets. They throw nothing and do not block. Callers have
 * checked every argument.
 */
public final class HookCalls {
    private HookCalls() {}

    /**
     * Begins anew: sockets and peers of before are void.
     *
     * @param ports the first and the last port of each range; none: the ports that the program has chosen itself
     * @param all true for the ports that the system has chosen too
     * @param ephemeral the first and the last port that the system chooses, for sockets that were bound before
     * @param transfers the first and the last port of each range whose peers may be answered from a new socket
     * @param memory the number of peers that each socket remembers
     * @param expirySeconds the time after which a silent peer is forgotten, 0: never
     * @param mostBytes the limit of address space of all memories together
     * @param goneIsException true to throw the JDK's exception if a source has left the host, false to drop
     * @param firstKey a number that nobody can guess
     * @param secondKey another one
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

    /** Sets the time that expiry counts in; to be called once a second. */
    public static native void now(int seconds);

    /**
     * Counts since the beginning: sockets that choose the source, peers known now, datagrams that left from the request
     * destination, datagrams to unknown peers, datagrams whose source has left the host.
     *
     * @param counters takes the five numbers
     * @param withPeers true to count the peers, which takes some microseconds for each socket
     */
    public static native void count(long[] counters, boolean withPeers);

    /** Returns the next descriptor from a number on whose verdict was not told of, with its port; -1: none. */
    public static native int tell(int from, int[] portAndVerdict);

    /**
     * Looks at a descriptor, and decides what becomes of it if it is a bound UDP socket; returns false if it is none.
     *
     * @param descriptor any number
     * @param adopt true to take a socket that was not seen since the beginning for one of the JDK's, false for foreign
     * @param portAndVerdict takes the two numbers
     */
    public static native boolean look(int descriptor, boolean adopt, int[] portAndVerdict);

    /** Returns the number of the system call recvfrom(2) on this processor. */
    public static native int recvfrom();

    /**
     * Interrupts a thread's system call, as the JDK does when a channel is closed.
     *
     * @param thread its number in the system
     * @return false if the JDK has no handler for the signal, or the thread is gone
     */
    public static native boolean interrupt(int thread);
}
