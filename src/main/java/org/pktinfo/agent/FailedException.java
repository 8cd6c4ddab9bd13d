package org.pktinfo.agent;

/** Ends the command with one sentence for the user. */
final class FailedException extends Exception {
    private static final long serialVersionUID = 1L;

    final int exitCode;

    FailedException(int exitCode, String message) {
        super(message);
        this.exitCode = exitCode;
    }
}
