package org.pktinfo.internal;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The carrier of a channel's datagrams between an arena and the socket: the native library, or the JDK alone where the
 * user has chosen that. Results are those of {@link NativeCalls}. A caller of the last five methods must have entered,
 * and leaves afterwards.
 */
public sealed interface Transport permits NativeTransport, JdkTransport {
    /** The longest UDP payload in bytes, over IPv6. */
    int LONGEST_PAYLOAD = 65_527;

    /** Returns false if replies are sent from the system's choice of source, whatever was selected. */
    boolean choosesSource();

    /** Returns the number of the socket's network namespace, or the negated errno if it is unknown. */
    long namespace();

    /** Enters the transport. Returns true if it may be used now; the caller must then leave. */
    boolean enter();

    /**
     * Waits, after {@link #enter} has returned false, while a thread holds the transport exclusively. Returns false if
     * it is closed or held by this thread.
     */
    boolean awaitEntry();

    void leave();

    /** Wakes all waiters. The last thread to leave releases the resources. */
    void close();

    /** Sets an option of {@link Layout}. */
    int setOption(int option, int value);

    /** Returns the value of an option as unsigned, or the negated errno. */
    long getOption(int option);

    /** Returns the number of datagrams that the socket has dropped, modulo 2^32, or the negated errno. */
    long drops();

    /** Receives queued datagrams; returns without a noticeable wait. */
    int receive(Arena arena, int count) throws IOException;

    int send(Arena arena, int count) throws IOException;

    /** Receives messages of the socket's error queue by {@link ErrorLayout}; returns their number without waiting. */
    int receiveErrors(ByteBuffer reports, int count);

    /**
     * Waits for one of {@link Layout}'s events; may return early. The result has {@link Layout#WAIT_ERROR} if an error
     * is pending or in the error queue.
     */
    int await(int events, int timeoutMillis) throws IOException;
}
