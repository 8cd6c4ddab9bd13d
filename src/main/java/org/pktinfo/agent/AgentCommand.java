package org.pktinfo.agent;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;

/**
 * The command {@code java -jar pktinfo-agent.jar}. It is separate from {@link PktInfoAgent}, whose method the launcher
 * could not read if module java.instrument is missing.
 */
public final class AgentCommand {
    static final int DONE = 0;
    static final int FAILED = 1;
    static final int WRONG_USE = 2;

    private static final String USAGE = """
            usage: java -jar pktinfo-agent.jar                     lists the JVMs that run
                   java -jar pktinfo-agent.jar PID [OPTIONS]       makes its sockets reply from the request destination
                   java -jar pktinfo-agent.jar PID off             undoes it
                   java -jar pktinfo-agent.jar extract FOLDER      writes libpktinfo-agent.so there, for -agentpath:
                   java -javaagent:pktinfo-agent.jar[=OPTIONS] ... starts a program with it
                   java -agentpath:FOLDER/libpktinfo-agent.so[=OPTIONS] ...   the same, where native access is denied

            OPTIONS, with commas between them:
              ports=53,5683-5690   only these ports; default: those that the program has chosen itself
              ports=all            all, those of clients too
              transfer=69          requests to these ports may be answered from new sockets, as with TFTP
              memory=PEERS         the number of peers that each socket remembers (16384)
              expiry=SECONDS       the time after which a silent peer is forgotten (600), or never
              gone=drop|exception  if the request destination has left the host (drop)
              netty=nio            keeps Netty from epoll and io_uring, TCP too; at the start of the program only
              log=quiet|start|sockets|stats:SECONDS   lines on the program's stderr (start)

            Exit codes: 0 done, 1 failed, 2 wrong use.
            """;

    private final PrintStream out;
    private final PrintStream err;

    AgentCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    /**
     * Runs the command, see {@code --help}.
     *
     * @param arguments the arguments
     */
    public static void main(String[] arguments) {
        System.exit(new AgentCommand(System.out, System.err).run(arguments));
    }

    /** Runs the command and returns its exit code. */
    int run(String... arguments) {
        try {
            return arguments.length == 0 ? list() : run(arguments[0], arguments);
        } catch (FailedException e) {
            err.println("pktinfo-agent: " + e.getMessage());
            return e.exitCode;
        } catch (IOException e) {
            err.println("pktinfo-agent: " + e);
            return FAILED;
        } catch (NoClassDefFoundError e) {
            err.println("pktinfo-agent: this Java (" + System.getProperty("java.home")
                    + ") lacks the module jdk.attach: run the command with a JDK");
            return FAILED;
        }
    }

    private int run(String first, String... arguments) throws IOException, FailedException {
        if (first.equals("--help") || first.equals("-h")) {
            out.print(USAGE);
            return DONE;
        }
        if (first.equals("--version")) {
            out.println("pktinfo-agent "
                    + Objects.requireNonNullElse(
                            AgentCommand.class.getPackage().getImplementationVersion(), "of no version"));
            return DONE;
        }
        if (first.equals("extract")) {
            return extract(arguments);
        }
        if (arguments.length > 2) {
            throw wrongUse("\"" + arguments[2] + "\" is one argument too many: PID, then options with commas");
        }
        return new Attachment(processNumber(first), out).run(arguments.length < 2 ? "" : arguments[1]);
    }

    private static String processNumber(String text) throws FailedException {
        if (text.isEmpty() || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw wrongUse("\"" + text + "\" is neither a process number nor extract (--help tells more)");
        }
        return text;
    }

    private int list() throws FailedException {
        Attachment.printAll(out);
        err.println("java -jar pktinfo-agent.jar PID has one reply from the address asked; --help tells more");
        return DONE;
    }

    /** Replaces the file as a whole: programs may have mapped the existing one. */
    private int extract(String... arguments) throws IOException, FailedException {
        if (arguments.length != 2) {
            throw wrongUse("extract wants one folder that exists");
        }
        Path folder = Path.of(arguments[1]);
        if (!Files.isDirectory(folder)) {
            throw wrongUse("extract: " + folder + " is not a folder that exists");
        }
        Path unfinished = Files.createTempDirectory(folder, "pktinfo-");
        try {
            Path file = AgentLibrary.copyInto(unfinished);
            Path target = folder.resolve(AgentLibrary.FILE).toAbsolutePath().normalize();
            Files.move(file, target, StandardCopyOption.ATOMIC_MOVE);
            out.println(target);
            err.println("java -agentpath:" + target + " ... starts a program with it");
        } finally {
            Files.deleteIfExists(unfinished.resolve(AgentLibrary.FILE));
            Files.delete(unfinished);
        }
        return DONE;
    }

    static FailedException wrongUse(String message) {
        return new FailedException(WRONG_USE, message);
    }
}
