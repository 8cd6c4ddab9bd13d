package org.pktinfo.it.support;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.pktinfo.Requires;

/** The JVMs that programs are run on, with the agent or without, each with the options it needs. */
public enum Jvm {
    JDK17,
    JDK25;

    private static final String JAR = System.getProperty("agent.jar");

    /** The classes of the tests, without any library. */
    public static final Path TEST_CLASSES = Path.of(JAR).resolveSibling("test-classes");

    /** Returns the command that starts it, with further arguments. */
    public List<String> command(String... rest) {
        List<String> command = new ArrayList<>();
        if (this == JDK17) {
            command.add(ChildProcess.java().toString());
        } else {
            command.add(Requires.jdk25().toString());
            command.addAll(List.of("--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED"));
        }
        command.addAll(Arrays.asList(rest));
        return command;
    }

    /** Returns the option that installs the agent. */
    public static String agent(String options) {
        return "-javaagent:" + JAR + (options.isEmpty() ? "" : "=" + options);
    }
}
