package org.pktinfo.server;

import org.jspecify.annotations.Nullable;

/**
 * Makes text that may originate from a peer fit for a log: one line, no control characters, and a limited length. A
 * line break or an escape sequence would let the peer write log lines of its own.
 */
final class OneLine {
    private static final int LONGEST = 500;
    private static final int DEEPEST = 8;

    private OneLine() {}

    /** Replaces each character that is not printable by its hexadecimal number, and limits the length. */
    static String of(String text) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            if (line.length() >= LONGEST) {
                return line.append("... (")
                        .append(text.length())
                        .append(" characters)")
                        .toString();
            }
            char c = text.charAt(i);
            switch (Character.getType(c)) {
                case Character.CONTROL, Character.FORMAT, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
                    line.append(String.format("\\u%04x", (int) c));
                default -> line.append(c);
            }
        }
        return line.toString();
    }

    /** Returns an exception that looks in a log like the failure and its causes. */
    static Throwable of(Throwable failure) {
        return of(failure, 1);
    }

    private static Throwable of(Throwable failure, int depth) {
        Throwable cause = failure.getCause();
        return new Copy(failure, cause == null || depth == DEEPEST ? null : of(cause, depth + 1));
    }

    /** An exception that looks in a log like the one that it copies. */
    @SuppressWarnings("OverrideThrowableToString")
    private static final class Copy extends Exception {
        private static final long serialVersionUID = 1;

        Copy(Throwable failure, @Nullable Throwable cause) {
            super(of(failure.toString()), cause, /* enableSuppression= */ false, /* writableStackTrace= */ true);
            setStackTrace(failure.getStackTrace());
        }

        @Override
        public String toString() {
            return String.valueOf(getMessage());
        }
    }
}
