package org.pktinfo.agent;

import com.sun.tools.attach.AgentInitializationException;
import com.sun.tools.attach.AgentLoadException;
import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import com.sun.tools.attach.VirtualMachineDescriptor;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/** One running JVM, and the agent in it. */
final class Attachment {
    /** The property in which the agent leaves its report: the exit code, then lines. */
    private static final String REPORT = "pktinfo.agent.report";

    /** The limit of the attach protocol is 1024 bytes for each argument. */
    private static final int LONGEST_ARGUMENT = 1000;

    private static final String OLDEST = "17"; // of two digits, as all newer ones have for some time

    private final String process;
    private final PrintStream out;

    Attachment(String process, PrintStream out) {
        this.process = process;
        this.out = out;
    }

    /** Prints the JVMs that are visible to this user, except this one. */
    static void printAll(PrintStream out) {
        String self = String.valueOf(ProcessHandle.current().pid());
        for (VirtualMachineDescriptor each : VirtualMachine.list()) {
            if (!each.id().equals(self)) {
                out.println(each.id() + " " + each.displayName());
            }
        }
    }

    /** Makes the agent do what the options say, and prints its report. */
    int run(String options) throws IOException, FailedException {
        if (options.length() > LONGEST_ARGUMENT) {
            throw AgentCommand.wrongUse("options of " + options.length() + " characters are longer than "
                    + LONGEST_ARGUMENT + ", the limit of attaching");
        }
        VirtualMachine jvm = attach();
        try {
            Properties properties = jvm.getSystemProperties();
            checkVersion(properties.getProperty("java.specification.version", ""));
            try (LibraryInTarget library = LibraryInTarget.of(process, properties)) {
                print(load(jvm, library, options));
                if (!options.equals("off")) {
                    wake(jvm, library);
                }
            }
        } finally {
            jvm.detach();
        }
        return AgentCommand.DONE;
    }

    /** Refuses older versions, whose sockets are made in another way. */
    private void checkVersion(String version) throws FailedException {
        if (version.startsWith("1.") || version.length() < 2 || version.compareTo(OLDEST) < 0) {
            throw failed("process " + process + " runs Java " + version + ", and the agent needs " + OLDEST
                    + " or later: nothing is done");
        }
    }

    private VirtualMachine attach() throws FailedException {
        if (!Files.exists(Path.of("/proc", process))) {
            throw failed("there is no process " + process);
        }
        try {
            return VirtualMachine.attach(process);
        } catch (AttachNotSupportedException | IOException e) {
            throw failed("process " + process + " cannot be attached to: " + e.getMessage()
                    + " (it must be a JVM of this user, or the command must be run by root; a JVM with"
                    + " -XX:+DisableAttachMechanism has to be started anew, with -javaagent: or -agentpath:)");
        }
    }

    /** Loads the agent's library with an option, and returns the lines that it reports. */
    private String load(VirtualMachine jvm, LibraryInTarget library, String options)
            throws IOException, FailedException {
        try {
            jvm.loadAgentPath(library.path(), options);
        } catch (AgentLoadException e) {
            throw failed("process " + process + " cannot load " + library.path() + ": " + e.getMessage()
                    + " (-Dpktinfo.tmpdir=FOLDER before -jar chooses another folder of that process)");
        } catch (AgentInitializationException e) {
            throw failed("the agent failed in process " + process + ": " + e.getMessage());
        }
        String report = jvm.getSystemProperties().getProperty(REPORT, "");
        int end = report.indexOf('\n');
        if (end < 0) {
            throw failed("the agent in process " + process + " is of another version and gave no report");
        }
        int exitCode = Integer.parseInt(report.substring(0, end));
        String lines = report.substring(end + 1);
        if (exitCode != AgentCommand.DONE) {
            throw new FailedException(exitCode, lines);
        }
        return lines;
    }

    private void print(String lines) {
        lines.lines().forEach(line -> out.println(process + ": " + line));
    }

    /** Makes the threads that were waiting in a receive wait anew, if possible, and prints their names. */
    private void wake(VirtualMachine jvm, LibraryInTarget library) throws IOException, FailedException {
        Map<Integer, ThreadDump.Reader> readers = new TreeMap<>();
        for (ThreadDump.Reader each : ThreadDump.readers(jvm)) {
            readers.put(each.thread(), each);
        }
        for (String option : ThreadDump.options(List.copyOf(readers.values()), LONGEST_ARGUMENT)) {
            for (String line : load(jvm, library, option).split("\n", -1)) {
                int space = line.indexOf(' ');
                ThreadDump.Reader reader = space < 0 ? null : readers.get(Integer.valueOf(line.substring(space + 1)));
                if (reader != null) {
                    out.println(process + ": thread \"" + reader.name() + "\" " + text(line.substring(0, space)));
                }
            }
        }
    }

    private static String text(String outcome) {
        return switch (outcome) {
            case "woken" -> "waited in a receive and was woken";
            case "waits" ->
                "waits in a receive that cannot be woken: its next reply may leave from another address, those after it"
                        + " are right";
            default ->
                "may wait in a receive (this kernel does not tell): then its next reply may leave from another"
                        + " address";
        };
    }

    private static FailedException failed(String message) {
        return new FailedException(AgentCommand.FAILED, message);
    }
}
