package org.pktinfo.internal;

import java.io.IOException;

/**
 * What carries a channel's datagrams between an arena and the socket: the native library, or the JDK alone where that
 * was asked for. Results are those of {@link NativeCalls}; whoever calls the last four has entered and will leave.
 */
public sealed interface Transport permits Descriptors, PlainTransport {
    /** The longest payload that UDP has, in bytes: over IPv6. */
    int LONGEST_PAYLOAD = 65_527;

    /** False if replies leave from the system's choice, whatever was chosen. */
    boolean choosesSource();

    /** Returns the number of the socket's network namespace, the negated errno where that cannot be told. */
    long namespace();

    /** Returns true if the transport may be used now; who got true must leave. */
    boolean enter();

    /**
     * For who could not enter: waits while somebody keeps everybody out; false if nobody will ever get in, or not this
     * thread.
     */
    boolean awaitEntry();

    void leave();

    /** Wakes all waiters, and releases what there is to release with the last user. */
    void close();

    /** Sets an option of {@link Layout}. */
    int setOption(int option, int value);

    int getOption(int option);

    /** How many datagrams the socket has lost, modulo 2^32, or the negated errno. */
    long drops();

    /** Never waits for long. */
    int receive(Arena arena, int count) throws IOException;

    int send(Arena arena, int count) throws IOException;

    /** Waits for one of {@link Layout}'s events; may return early. */
    int await(int events, int timeoutMillis) throws IOException;
}
