package org.pktinfo.internal;

import org.jspecify.annotations.Nullable;

/**
 * The decision whether datagrams may be sent as one for the kernel to segment (UDP_SEGMENT). Linux 7.0 to 7.1.4
 * corrupts some of them on some devices without reporting an error, so the kernel's release decides unless the user
 * overrides it.
 *
 * @param state the decision for this JVM
 * @param text the decision and its reason, for people
 */
public record Segmentation(State state, String text) {
    /** The possible decisions. */
    enum State {
        /** The decision to send datagrams as one where the kernel supports it. */
        ON,
        /** The decision to send each datagram separately. */
        OFF,
        /** The outcome for an invalid value of the property. */
        REFUSED
    }

    static final String PROPERTY = "pktinfo.segmentation";

    private static final String SUSPECTED = "Linux 7.";

    /**
     * The affected releases, including those between 7.1-rc5 and 7.1.5, of which the sources disagree which has the
     * fix.
     */
    private static final String CORRUPTING = "Linux 7\\.(0|1(?!\\.)|1\\.[0-4])(\\D.*)?";

    private static volatile @Nullable Segmentation current;

    /**
     * Returns the decision for this JVM, from the properties at the first call: not every later caller may read them.
     */
    public static Segmentation current() {
        Segmentation cached = current;
        if (cached == null) {
            cached = of(
                    System.getProperty(PROPERTY),
                    System.getProperty("os.name") + " " + System.getProperty("os.version"));
            current = cached;
        }
        return cached;
    }

    /** Decides by the property, if it is set, and by the system's name and release. */
    static Segmentation of(@Nullable String property, String system) {
        // The first regular expression costs a starting JVM 5 ms; most kernels need none.
        boolean corrupts = system.startsWith(SUSPECTED) && system.matches(CORRUPTING);
        String option = "-D" + PROPERTY + "=";
        return switch (property == null ? "auto" : property) {
            case "auto" ->
                corrupts
                        ? off(system + " may corrupt what leaves in segments; " + option + "on")
                        : on("nothing is known against " + system);
            case "on" ->
                on(option + "on" + (corrupts ? ", although " + system + " may corrupt what leaves in segments" : ""));
            case "off" -> off(option + "off");
            default -> new Segmentation(State.REFUSED, option + property + ": must be \"auto\", \"on\" or \"off\"");
        };
    }

    private static Segmentation on(String why) {
        return new Segmentation(State.ON, "on where the kernel can (" + why + ")");
    }

    private static Segmentation off(String why) {
        return new Segmentation(State.OFF, "off (" + why + ")");
    }

    boolean isOn() {
        return state == State.ON;
    }

    boolean isRefused() {
        return state == State.REFUSED;
    }
}
