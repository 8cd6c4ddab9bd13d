package org.pktinfo.common;

/** Supplies exceptions with a cause where their constructors take none. */
public final class Exceptions {
    private Exceptions() {}

    /**
     * Gives an exception its cause, where its constructors take none.
     *
     * @param exception a new one
     * @param cause why it is thrown
     * @param <T> its type
     * @return the same exception
     */
    public static <T extends Throwable> T causedBy(T exception, Throwable cause) {
        exception.initCause(cause);
        return exception;
    }
}
