package org.pktinfo.cli;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.pktinfo.Endpoint;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.SourceSelection;
import org.pktinfo.common.Deadline;
import org.pktinfo.server.DatagramServer;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** The command line of the sample server: options in, exit code out. */
@Command(
        name = "pktinfo-server",
        description =
                "Answers every UDP datagram from the address that it was sent to, and prints which control messages"
                        + " the kernel gave with it.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        subcommands = {DoctorCommand.class, ProbeCommand.class},
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:stopped by SIGTERM, SIGINT or SIGHUP", "1:failed", "2:wrong usage"})
public final class PktInfoServer implements Callable<Integer> {
    private static final String LOG_FORMAT = "java.util.logging.SimpleFormatter.format";
    private static final String FIXED = "fixed:";
    private static final Duration PATIENCE = Duration.ofMillis(700);
    private static final Duration PRINTING = Duration.ofMillis(200);

    @Parameters(
            paramLabel = "PORT",
            arity = "0..1",
            converter = Whole.Port.class,
            description =
                    "UDP port to listen on, 0 to 65535; 0 lets the system choose. Not needed where the socket is handed"
                            + " over as standard input (systemd, inetd).")
    private @Nullable Integer port;

    @Option(
            names = "--bind",
            paramLabel = "ADDRESS",
            description = "Listen on this address only, given as a number. Default: on all addresses.")
    private @Nullable String bind;

    @Option(
            names = "--policy",
            paramLabel = "POLICY",
            defaultValue = "asked",
            description = "Where replies leave from: asked (the address that the request was sent to, the default),"
                    + " system (the kernel's choice), pinned (the address asked, by the interface that the request came"
                    + " in on), in6-first (in6_pktinfo wherever it came, for experiments) or fixed:ADDRESS.")
    private String policy = "asked";

    @ArgGroup
    private Reply reply = new Reply();

    @Option(names = "--quiet", description = "Print nothing for each datagram.")
    private boolean quiet;

    @Option(
            names = "--workers",
            paramLabel = "N",
            converter = Whole.Workers.class,
            description = "Sockets on the same port (SO_REUSEPORT), each with a thread. Default: ${DEFAULT-VALUE}.")
    private int workers = 1;

    @Option(
            names = "--batch",
            paramLabel = "N",
            converter = Whole.BatchSize.class,
            description = "Datagrams taken with one call, 1 to 1024. Default: ${DEFAULT-VALUE}.")
    private int batch = 32;

    @Option(
            names = "--join",
            paramLabel = "GROUP[@INTERFACE]",
            description = "Join a multicast group of either family, on one interface or on all that can; repeatable.")
    private List<String> groups = new ArrayList<>();

    @Option(names = "--all-groups", description = "Answer groups that another program on this host has joined, too.")
    private boolean allGroups;

    @Option(
            names = "--stats",
            paramLabel = "SECONDS",
            converter = Whole.Interval.class,
            description =
                    "Print what was done so far, and how much of it a second since the last line, on stderr every so many"
                            + " seconds; 0: only what was done, at the end, the default.")
    private int stats;

    @Mixin
    private Limits limits = new Limits();

    @Option(
            names = "--spin",
            paramLabel = "MICROSECONDS",
            converter = Whole.Spin.class,
            description =
                    "Ask so long for the next datagram before sleeping, with a processor busy. Default: ${DEFAULT-VALUE}.")
    private int spin;

    @Option(names = "--no-coalescing", description = "Let every reply leave alone, also neighbouring ones to one peer.")
    private boolean separate;

    @Option(
            names = "--no-pmtu-discovery",
            description =
                    "Let IPv4 replies be cut on the way where they do not fit: for an address that several hosts share.")
    private boolean cut;

    @Option(
            names = "--drain",
            paramLabel = "SECONDS",
            converter = Seconds.Drain.class,
            description = "When told to stop, go on answering for so long, 0 to 3600. Default: ${DEFAULT-VALUE}.")
    private double drain;

    @Option(
            names = "--on-drain",
            paramLabel = "COMMAND",
            description =
                    "For the shell, at the beginning of --drain: what makes the others send no more requests here.")
    private @Nullable String onDrain;

    @ArgGroup
    private Only only = new Only();

    @Spec
    private @Nullable CommandSpec spec;

    private static final class Reply {
        @Option(
                names = "--response",
                paramLabel = "TEXT",
                description =
                        "What to answer, in UTF-8, as it is. Default: \"This is PKT6INFO test server\" and a line end.")
        private String text = "This is PKT6INFO test server\n";

        @Option(names = "--echo", description = "Answer with the request's own payload.")
        private boolean echo;
    }

    private static final class Only {
        @Option(
                names = "--ipv4",
                description = "IPv4 only. Default: IPv6 and IPv4 on one socket, IPv4 where there is no IPv6.")
        private boolean ipv4;

        @Option(names = "--ipv6", description = "IPv6 only.")
        private boolean ipv6;
    }

    /** For picocli. */
    public PktInfoServer() {}

    /**
     * Runs the server until it is told to stop, and exits.
     *
     * @param arguments see {@code --help}
     */
    public static void main(String[] arguments) {
        Utf8.print();
        System.exit(run(arguments));
    }

    static int run(String... arguments) {
        // What the server logs is one line, unless somebody wants it otherwise.
        if (System.getProperty(LOG_FORMAT) == null) {
            System.setProperty(LOG_FORMAT, "%5$s%n");
        }
        CommandLine commandLine = new CommandLine(new PktInfoServer());
        commandLine.setExpandAtFiles(false); // "--response @x" means what it says
        commandLine.setParameterExceptionHandler((e, given) -> fail(e.getMessage() + " (--help tells more)", 2));
        commandLine.setExecutionExceptionHandler((e, line, result) -> fail(text(e), 1));
        String[] typed;
        try {
            typed = Utf8.arguments(arguments);
        } catch (IllegalArgumentException e) {
            return fail(text(e), 2);
        }
        return commandLine.execute(typed);
    }

    /** One line on stderr. */
    private static int fail(String message, int exitCode) {
        System.err.println("pktinfo-server: " + message.replaceAll("\\s*\\R\\s*", " "));
        return exitCode;
    }

    private static String text(Throwable e) {
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }

    @Override
    public Integer call() throws IOException {
        byte @Nullable [] response = reply.echo ? null : reply.text.getBytes(StandardCharsets.UTF_8);
        if (response != null && response.length > PktInfoChannel.MAX_PAYLOAD) {
            throw usage(
                    "--response is " + response.length + " bytes long, at most " + PktInfoChannel.MAX_PAYLOAD + " fit");
        }
        if (onDrain != null && drain == 0) {
            throw usage("--on-drain \"" + onDrain + "\" needs --drain");
        }
        List<Groups> joins =
                groups.stream().map(text -> Groups.parse(text, this::usage)).toList();
        joins.forEach(join -> checkFamily("--join " + join.group().getHostAddress(), join.group()));
        SourceSelection selection = selection();
        DatagramServer.Builder builder = DatagramServer.builder()
                .family(family())
                .workers(workers)
                .batchSize(batch)
                .spin(Duration.of(spin, ChronoUnit.MICROS))
                .pathMtuDiscovery(!cut)
                .allGroups(allGroups)
                .coalesceReplies(!separate);
        limits.apply(builder, this::usage);
        if (System.inheritedChannel() instanceof DatagramChannel inherited) {
            checkNothingContradicts(inherited);
            builder.channel(inherited);
        } else {
            builder.bind(localAddress());
        }
        Printer printer = quiet ? null : new Printer(System.out);
        Answer answer = new Answer(selection, response, printer);
        try (StopRequest stop = new StopRequest()) { // who reads "listening" may send a signal at once
            return serve(builder.start(answer), joins, stop, printer);
        } catch (UnsatisfiedLinkError | UnsupportedOperationException e) {
            return fail(text(e), 1);
        }
    }

    private int serve(DatagramServer server, List<Groups> joins, StopRequest stop, @Nullable Printer printer)
            throws IOException {
        try {
            for (Groups join : joins) {
                join.join(server);
            }
            System.err.println("listening on " + Endpoint.of(server.localAddress()) + ", policy " + policy);
            printUntil(stop, server);
            drain();
            server.finish(PATIENCE);
            if (printer != null) {
                printer.finish(PRINTING);
            }
            // Before the sockets are closed: with one that was standard input, the JDK closes the standard outputs as
            // well.
            System.err.println(StatsLine.totals(server.stats()));
            return 0;
        } finally {
            server.stop(Duration.ZERO);
        }
    }

    /** The socket that was handed over is bound already, and there is one. */
    private void checkNothingContradicts(DatagramChannel inherited) throws IOException {
        ParseResult given = spec().commandLine().getParseResult();
        for (String option : List.of("--bind", "--ipv4", "--ipv6", "--workers")) {
            if (given.hasMatchedOption(option)) {
                throw usage(option + " means nothing where the socket is handed over as standard input, bound to "
                        + inherited.getLocalAddress());
            }
        }
        if (port != null) {
            throw usage("PORT " + port + " means nothing where the socket is handed over as standard input, bound to "
                    + inherited.getLocalAddress());
        }
    }

    private void printUntil(StopRequest stop, DatagramServer server) {
        StatsLine line = new StatsLine(server.stats(), System.nanoTime());
        while (!stop.await(Duration.ofSeconds(stats == 0 ? Integer.MAX_VALUE : stats))) {
            if (stats > 0) {
                System.err.println(line.next(server.stats(), System.nanoTime()));
            }
        }
    }

    /** A command that fails or hangs takes nothing of the time: requests come on, all the more. */
    private void drain() {
        if (drain == 0) {
            return;
        }
        System.err.println("draining for " + drain + " s");
        Duration time = Duration.ofNanos((long) (drain * 1e9));
        long end = Deadline.after(time);
        if (onDrain != null) {
            boolean unused = new Hook("--on-drain", onDrain).run(time);
        }
        Deadline.sleepUntil(end);
    }

    private InetSocketAddress localAddress() {
        if (port == null) {
            throw usage("Missing required parameter: 'PORT'");
        }
        if (bind == null) {
            return new InetSocketAddress(port);
        }
        InetAddress address = Literals.address("--bind", bind, this::usage);
        checkFamily("--bind " + bind, address);
        return new InetSocketAddress(address, port);
    }

    private void checkFamily(String option, InetAddress address) {
        boolean ipv4 = address.getAddress().length == 4;
        if (ipv4 ? only.ipv6 : only.ipv4) {
            throw usage(option + " names an " + (ipv4 ? "IPv4 address, but --ipv6" : "IPv6 address, but --ipv4")
                    + " is given");
        }
    }

    private Family family() {
        if (only.ipv4) {
            return Family.IPV4;
        }
        return only.ipv6 ? Family.IPV6 : Family.DUAL_STACK;
    }

    private SourceSelection selection() {
        return switch (policy) {
            case "asked" -> SourceSelection.addressAsked();
            case "system" -> SourceSelection.systemChoice();
            case "pinned" -> SourceSelection.interfacePinned();
            case "in6-first" -> SourceSelection.in6PktinfoFirst();
            default -> fixed();
        };
    }

    private SourceSelection fixed() {
        if (!policy.startsWith(FIXED)) {
            throw usage("--policy must be asked, system, pinned, in6-first or fixed:ADDRESS, not \"" + policy + "\"");
        }
        InetAddress address =
                Literals.address("--policy " + policy + ":", policy.substring(FIXED.length()), this::usage);
        checkFamily("--policy " + policy, address);
        try {
            return SourceSelection.fixed(IpAddress.of(address));
        } catch (IllegalArgumentException e) {
            throw usage("--policy " + policy + ": " + e.getMessage());
        }
    }

    private CommandSpec spec() {
        return Objects.requireNonNull(spec, "picocli sets it");
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec().commandLine(), message);
    }
}
