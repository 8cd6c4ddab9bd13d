package org.pktinfo.internal;

import org.jspecify.annotations.Nullable;

/**
 * Holds the user's permission to go on where the kernel ignores the source of what is sent: see {@link SourceProof}.
 */
final class UnprovenSetting {
    static final String PROPERTY = "pktinfo.unproven";

    /** Read once, when the native library is loaded: not every later caller may read it. */
    private static final @Nullable String VALUE = System.getProperty(PROPERTY);

    private UnprovenSetting() {}

    /** Returns whether the property is there. */
    static boolean isGiven() {
        return VALUE != null;
    }

    /** Returns what is wrong with the property, null if nothing is. */
    static @Nullable String wrong() {
        return VALUE == null || VALUE.equals("allow")
                ? null
                : "-D" + PROPERTY + "=" + VALUE + ": must be \"allow\", or not be there";
    }
}
