package org.pktinfo.internal;

import org.jspecify.annotations.Nullable;

/**
 * Decides whether datagrams may leave in one piece that the kernel cuts (UDP_SEGMENT). Linux 7.0 to 7.1.4 corrupts some
 * of such pieces on some devices, and no error says so: only the kernel's name tells, unless the user knows better.
 *
 * @param state what holds in this JVM
 * @param text the same and why, for people
 */
public record Segmentation(State state, String text) {
    /** The ways it may be. */
    enum State {
        /** They may, where the kernel can. */
        ON,
        /** Each datagram leaves on its own. */
        OFF,
        /** The property says something else. */
        REFUSED
    }

    static final String PROPERTY = "pktinfo.segmentation";

    private static final String SUSPECTED = "Linux 7.";

    /** Also where the sources disagree whether it was mended before: 7.1-rc5 or 7.1.5. */
    private static final String CORRUPTING = "Linux 7\\.(0|1(?!\\.)|1\\.[0-4])(\\D.*)?";

    private static volatile @Nullable Segmentation current;

    /**
     * Returns what holds in this JVM, as the properties said when this was first asked: not every later caller may read
     * them.
     */
    public static Segmentation current() {
        Segmentation known = current;
        if (known == null) {
            known = of(
                    System.getProperty(PROPERTY),
                    System.getProperty("os.name") + " " + System.getProperty("os.version"));
            current = known;
        }
        return known;
    }

    /** Decides by the property, if there is one, and by the system's name and release. */
    static Segmentation of(@Nullable String property, String system) {
        // A first regular expression costs a starting JVM 5 ms: most kernels need none.
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
