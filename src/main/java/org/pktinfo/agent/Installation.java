package org.pktinfo.agent;

import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.JvmSockets;
import org.pktinfo.internal.NativeLibrary;

/** The agent's work: reads the options, loads the native library and switches the JVM's sockets over. */
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
     * Reads the options, switches the sockets over, and says so.
     *
     * @throws IllegalArgumentException if an option is wrong; the text is for the user
     * @throws IllegalStateException if there is no native library, or this JVM is of another kind; the text is for the
     *     user
     */
    @Override
    public void run() {
        AgentOptions options = AgentOptions.parse(given);
        Throwable reason = NativeLibrary.anyFailure();
        if (reason != null) {
            throw new IllegalStateException(reason.getMessage(), reason);
        }
        String version = Installation.class.getPackage().getImplementationVersion();
        String name = version == null ? "pktinfo-agent" : "pktinfo-agent " + version;
        String other = JvmSockets.switchOn(options.settings(), name);
        if (other != null) {
            options.say(
                    AgentOptions.Log.START,
                    "nothing is done: " + other
                            + " has switched this JVM's sockets over already, with its own options");
            return;
        }
        options.say(AgentOptions.Log.START, text(version, options));
        Reporter.start(options);
    }

    private static String text(@Nullable String version, AgentOptions options) {
        return (version == null ? "" : version + " is installed, ")
                + "sockets bound to all addresses reply from the address asked on " + options.portsInWords();
    }
}
