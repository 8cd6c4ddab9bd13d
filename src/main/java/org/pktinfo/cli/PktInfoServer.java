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
import org.pktinfo.Fragmentation;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.PktInfoSocketOptions;
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
        description = "Answers every UDP datagram from the address that it was sent to, and prints the control messages"
                + " that the kernel delivered with it.",
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
            converter = IntRange.Port.class,
            description =
                    "UDP port to listen on, 0 to 65535; 0 lets the system choose. Not needed if the socket is passed as"
                            + " standard input (systemd, inetd).")
    private @Nullable Integer port;

    @Option(
            names = "--bind",
            paramLabel = "ADDRESS",
            description = "Listen on this numeric address only. Default: all addresses.")
    private @Nullable String bind;

    @Option(
            names = "--policy",
            paramLabel = "POLICY",
            defaultValue = "asked",
            description = "Source address of replies: asked (the address that the request was sent to, the default),"
                    + " system (the kernel's choice), pinned (the same address as asked, by the arrival interface of"
                    + " the request), in6-first (in6_pktinfo if it was delivered, for experiments) or fixed:ADDRESS.")
    private String policy = "asked";

    @ArgGroup
    private Reply reply = new Reply();

    @Option(names = "--quiet", description = "Print nothing for each datagram.")
    private boolean quiet;

    @Option(
            names = "--workers",
            paramLabel = "N",
            converter = IntRange.Workers.class,
            description = "Sockets on the same port (SO_REUSEPORT), each with a thread. Default: ${DEFAULT-VALUE}.")
    private int workers = 1;

    @Option(
            names = "--batch",
            paramLabel = "N",
            converter = IntRange.BatchSize.class,
            description = "Datagrams received with one call, 1 to 1024. Default: ${DEFAULT-VALUE}.")
    private int batch = 32;

    @Option(
            names = "--join",
            paramLabel = "GROUP[@INTERFACE]",
            description =
                    "Join a multicast group of either family, on one interface or on all that support it; repeatable.")
    private List<String> groups = new ArrayList<>();

    @Option(
            names = "--all-groups",
            description = "Also answer groups that only another program on this host has joined.")
    private boolean allGroups;

    @Option(
            names = "--stats",
            paramLabel = "SECONDS",
            converter = IntRange.Interval.class,
            description = "Print the totals and the rates since the last line on stderr at this interval;"
                    + " 0: only the totals, at the end, the default.")
    private int stats;

    @Mixin
    private Limits limits = new Limits();

    @Option(
            names = "--spin",
            paramLabel = "MICROSECONDS",
            converter = IntRange.Spin.class,
            description = "Time to poll for the next datagram, with a processor busy, before sleeping."
                    + " Default: ${DEFAULT-VALUE}.")
    private int spin;

    @Option(
            names = "--no-coalescing",
            description = "Send every reply separately, including neighbouring ones to one peer.")
    private boolean separate;

    @Option(
            names = "--no-pmtu-discovery",
            description = "Let routers fragment IPv4 replies that do not fit: for an address that several hosts share.")
    private boolean cut;

    @Option(
            names = "--drain",
            paramLabel = "SECONDS",
            converter = Seconds.Drain.class,
            description = "Time to go on answering after the signal to stop, 0 to 3600. Default: ${DEFAULT-VALUE}.")
    private double drain;

    @Option(
            names = "--on-drain",
            paramLabel = "COMMAND",
            description = "Shell command at the beginning of --drain, to make other hosts send no more requests here.")
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
                        "Text of the reply, in UTF-8, unchanged. Default: \"This is PKT6INFO test server\" and a line"
                                + " end.")
        private String text = "This is PKT6INFO test server\n";

        @Option(names = "--echo", description = "Answer with the request's own payload.")
        private boolean echo;
    }

    private static final class Only {
        @Option(
                names = "--ipv4",
                description = "IPv4 only. Default: IPv6 and IPv4 on one socket, IPv4 alone on a host without IPv6.")
        private boolean ipv4;

        @Option(names = "--ipv6", description = "IPv6 only.")
        private boolean ipv6;
    }

    /** For picocli. */
    public PktInfoServer() {}

    /**
     * Runs the server until it is stopped, and exits.
     *
     * @param arguments the arguments, see {@code --help}
     */
    public static void main(String[] arguments) {
        Utf8.print();
        System.exit(run(arguments));
    }

    static int run(String... arguments) {
        // Log records of the server take one line, unless the user configures another format.
        if (System.getProperty(LOG_FORMAT) == null) {
            System.setProperty(LOG_FORMAT, "%5$s%n");
        }
        CommandLine commandLine = new CommandLine(new PktInfoServer());
        commandLine.setExpandAtFiles(false); // "--response @x" is taken literally
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

    /** Prints one line on stderr. */
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
                .allGroups(allGroups)
                .coalesceReplies(!separate);
        if (cut) {
            builder.option(PktInfoSocketOptions.FRAGMENTATION, Fragmentation.DONT);
        }
        limits.apply(builder, this::usage);
        if (System.inheritedChannel() instanceof DatagramChannel inherited) {
            checkNothingContradicts(inherited);
            builder.channel(inherited);
        } else {
            builder.bind(localAddress());
        }
        Printer printer = quiet ? null : new Printer(System.out);
        Answer answer = new Answer(selection, response, printer);
        try (StopRequest stop = new StopRequest()) { // a reader of "listening" may send a signal at once
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

    /** Checks that no option contradicts an inherited socket, which is one and already bound. */
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

    /**
     * Waits for the drain time, in which the user's command runs. A command that fails or hangs does not shorten it:
     * requests still arrive.
     */
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
            case "asked" -> SourceSelection.requestDestination();
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
