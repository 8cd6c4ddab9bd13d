package org.pktinfo.internal;

import org.jspecify.annotations.Nullable;

/** The user's permission to go on if the kernel ignores the source of sent datagrams, see {@link SourceProof}. */
final class UnprovenSetting {
    static final String PROPERTY = "pktinfo.unproven";

    /** The property's value, read once when the native library is loaded: not every later caller may read it. */
    private static final @Nullable String VALUE = System.getProperty(PROPERTY);

    private UnprovenSetting() {}

    /** Returns true if the property is set. */
    static boolean isGiven() {
        return VALUE != null;
    }

    /** Returns the error in the property's value, null if there is none. */
    static @Nullable String wrong() {
        return VALUE == null || VALUE.equals("allow")
                ? null
                : "-D" + PROPERTY + "=" + VALUE + ": must be \"allow\", or not be there";
    }
}
