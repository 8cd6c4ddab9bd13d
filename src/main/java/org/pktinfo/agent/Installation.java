package org.pktinfo.agent;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.DatagramSocketImplFactory;
import org.pktinfo.PktInfoChannel;

/** The agent's work: reads the options, loads the native library and gives the JDK its factory. */
public final class Installation implements Runnable {
    private final String given;

    /**
     * Keeps the options, see {@link AgentOptions}, for {@link #run}.
     *
     * @param options what the user gave
     */
    public Installation(String options) {
        this.given = options;
    }

    /**
     * Reads the options, installs the factory, and says so.
     *
     * @throws IllegalArgumentException if an option is wrong; the text is for the user
     * @throws IllegalStateException if there is no native library, or somebody was here before; the text is for the user
     */
    @Override
    public void run() {
        AgentOptions options = AgentOptions.parse(given);
        Throwable reason = PktInfoChannel.unsupportedReason();
        if (reason != null) {
            throw new IllegalStateException(reason.getMessage(), reason);
        }
        install(() -> new AgentSocket(options));
        options.say(AgentOptions.Log.START, text(options));
    }

    /** The hook is deprecated since JDK 17 and there in 25; what replaces it is for programs that can be changed. */
    @SuppressWarnings("deprecation")
    private static void install(DatagramSocketImplFactory factory) {
        try {
            DatagramSocket.setDatagramSocketImplFactory(factory);
        } catch (IOException e) {
            throw new IllegalStateException(
                    "another agent has installed its own DatagramSocketImplFactory, and the JDK takes only one: "
                            + e.getMessage(),
                    e);
        }
    }

    private static String text(AgentOptions options) {
        String version = Installation.class.getPackage().getImplementationVersion();
        return (version == null ? "" : version + " is installed, ")
                + "DatagramSocket and MulticastSocket reply from the address asked on " + options.portsInWords()
                + ". Not reached: DatagramChannel, Netty. If the program sets a DatagramSocketImplFactory of its own, the JDK"
                + " refuses it: \"factory already defined\"";
    }
}
