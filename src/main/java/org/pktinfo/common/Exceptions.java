package org.pktinfo.common;

/** A helper for exceptions whose constructors take no cause. */
public final class Exceptions {
    private Exceptions() {}

    /**
     * Sets an exception's cause, for classes whose constructors take none.
     *
     * @param exception a new exception
     * @param cause the cause of it
     * @param <T> the type of the exception
     * @return the same exception
     */
    public static <T extends Throwable> T causedBy(T exception, Throwable cause) {
        exception.initCause(cause);
        return exception;
    }
}
