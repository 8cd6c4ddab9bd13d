package org.pktinfo.server;

import org.jspecify.annotations.Nullable;

/**
 * Text that may have come from a peer, as it may stand in a log: on one line, without control characters, and not endless. A line break
 * or an escape sequence would let the peer write lines of its own.
 */
final class OneLine {
    private static final int LONGEST = 500;
    private static final int DEEPEST = 8;

    private OneLine() {}

    /** Replaces what is not printed by its number in hexadecimal. */
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

    /** Returns what looks like the failure, and its causes, in a log. */
    static Throwable of(Throwable failure) {
        return of(failure, 1);
    }

    private static Throwable of(Throwable failure, int depth) {
        Throwable cause = failure.getCause();
        return new Copy(failure, cause == null || depth == DEEPEST ? null : of(cause, depth + 1));
    }

    /** Looks in a log as what it was made of. */
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
