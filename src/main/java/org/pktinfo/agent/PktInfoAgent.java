package org.pktinfo.agent;

import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.PrivateFolder;

/** The entry point of {@code -javaagent:}. */
public final class PktInfoAgent {
    private static final int FAILED = 1;

    private PktInfoAgent() {}

    /**
     * Switches the JVM's datagram sockets over; called by the JVM before the program's main. Ends the JVM with one line
     * on stderr if the options are wrong (exit code 2) or it cannot be done (1), because the user does not want replies
     * from the wrong address.
     *
     * <p>If the method had one parameter, the JVM would first build the message that this method is missing, which
     * takes 10 ms.
     *
     * @param options the text behind {@code -javaagent:pktinfo-agent.jar=}, null if there is none
     * @param unused not used
     */
    public static void premain(@Nullable String options, Instrumentation unused) {
        try {
            load();
            start(options == null ? "" : options);
        } catch (IllegalCallerException e) {
            end(e.getMessage() + " (allow it: --enable-native-access=ALL-UNNAMED, or start it by -agentpath:)");
        } catch (IOException | RuntimeException | LinkageError e) {
            end(e.getMessage() == null ? e.toString() : e.getMessage());
        }
    }

    /** Loads the library and removes the file at once: a loaded library does not need it. */
    private static void load() throws IOException {
        String parent = System.getProperty("pktinfo.tmpdir");
        Path folder =
                PrivateFolder.create(Path.of(parent == null ? System.getProperty("java.io.tmpdir", ".") : parent));
        Path file = folder.resolve(AgentLibrary.FILE);
        try {
            AgentLibrary.copyInto(folder);
            System.load(file.toString());
        } finally {
            Files.deleteIfExists(file);
            Files.delete(folder);
        }
    }

    /** Defines the agent's classes and calls them. */
    private static native void start(String options);

    private static void end(String reason) {
        System.err.println("pktinfo-agent: " + reason);
        System.exit(FAILED);
    }
}
