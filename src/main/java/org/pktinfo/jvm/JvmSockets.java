package org.pktinfo.jvm;

import org.pktinfo.internal.NativeLibrary;

/**
 * Makes every datagram socket of this JVM reply from the request destination: {@code DatagramChannel}, {@code
 * DatagramSocket}, {@code MulticastSocket}, and everything built on them. One call at the start of a program replaces
 * {@code -javaagent:pktinfo-agent.jar}:
 *
 * <pre>{@code
 * JvmSockets.switchOn("ports=53");
 * }</pre>
 *
 * <p>No class of the JDK is changed: six of its native methods are registered anew. Sockets that are bound to all
 * addresses are switched over, existing ones too; sockets bound or connected to one address are not handled.
 *
 * <p>All methods are safe for use by any thread.
 */
public final class JvmSockets {
    private static final String NATIVE_IMAGE = "org.graalvm.nativeimage.imagecode";

    private JvmSockets() {}

    /**
     * Switches the sockets over. Threads that wait in a receive at that moment receive one more datagram as before, so
     * that one reply of theirs may leave from another address.
     *
     * @param options the agent's options, see {@code docs/agent.md}, as {@code "ports=53,5683-5690,log=sockets"}; empty
     *     for the ports that the program chooses itself, with one line on stderr
     * @return false if an agent or another copy of this library has switched them over already: then nothing is done
     * @throws IllegalArgumentException if an option is wrong, which the message names
     * @throws IllegalStateException if this JVM's own methods are not known, as those of JVMs other than HotSpot
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
     * Switches the sockets back, so that the JDK alone receives and sends. The sockets keep their options.
     *
     * @return false if {@link #switchOn} had not switched them over: then nothing is done
     */
    public static boolean switchOff() {
        return Installation.switchOff();
    }
}
