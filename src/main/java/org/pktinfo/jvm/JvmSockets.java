package org.pktinfo.jvm;

import org.pktinfo.internal.NativeLibrary;

/**
 * Has every datagram socket of this JVM reply from the address that the request was sent to: {@code DatagramChannel},
 * {@code DatagramSocket}, {@code MulticastSocket}, and all that stands on them. One call at the start of a program does
 * what {@code -javaagent:pktinfo-agent.jar} does without one:
 *
 * <pre>{@code
 * JvmSockets.switchOn("ports=53");
 * }</pre>
 *
 * <p>No class of the JDK is changed: six of its native methods are registered anew. Sockets that are bound to all
 * addresses are reached, those that were there before too; sockets bound or connected to one address are left alone.
 *
 * <p>All methods may be called by any thread.
 */
public final class JvmSockets {
    private static final String NATIVE_IMAGE = "org.graalvm.nativeimage.imagecode";

    private JvmSockets() {}

    /**
     * Switches the sockets over. Threads that wait in a receive at that moment take one more datagram as before, so
     * that one reply of theirs may leave from another address.
     *
     * @param options the agent's options, see {@code docs/agent.md}, as {@code "ports=53,5683-5690,log=sockets"};
     *     empty: the ports that the program chooses itself, with one line on stderr
     * @return false if an agent or another copy of this library has switched them over already: then nothing is done
     * @throws IllegalArgumentException if an option is wrong, which the message names
     * @throws IllegalStateException if this JVM's own methods are not known, as those of other JVMs than HotSpot
     * @throws UnsatisfiedLinkError if there is no native library; the message names every attempt
     * @throws UnsupportedOperationException in a native image, whose methods are compiled in
     */
    public static boolean switchOn(String options) {
        if (System.getProperty(NATIVE_IMAGE) != null) {
            throw new UnsupportedOperationException("a native image has the JDK's methods compiled in, and none can be"
                    + " registered anew: use PktInfoChannel, PktInfoDatagramSocket or DatagramServer in it");
        }
        Options parsed = Options.parse(options);
        NativeLibrary.load();
        String other = Installation.switchOn(parsed, "the program");
        if (other == null) {
            parsed.say(Options.Log.START, "switched on by the program, " + parsed.inWords());
        }
        return other == null;
    }

    /**
     * Switches the sockets back, so that the JDK alone receives and sends. Sockets keep the options that they have.
     *
     * @return false if {@link #switchOn} had not switched them over: then nothing is done
     */
    public static boolean switchOff() {
        return Installation.switchOff();
    }
}
