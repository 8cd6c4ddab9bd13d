package org.pktinfo.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.HdrHistogram.Histogram;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Compares servers that do the same. All variants of a cell run at once; the load sends to one of them at a time, in
 * turns, round after round, so that other activity of the machine affects all of them alike.
 */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = "Measures echo servers side by side, as root, on two processors, in namespaces of its own.",
        footer = "Exit codes: 0 done, 1 a reply that should be right was wrong or nothing was answered, 2 wrong usage.")
final class Benchmark implements Callable<Integer> {
    private static final int FIRST_PORT = 9100;
    private static final int FIXED_RATE = 20_000; // requests a second, for latencies
    private static final Pattern SAID =
            Pattern.compile("requests (\\d+) wrong (\\d+) lost (\\d+) malformed (\\d+) nanoseconds (\\d+)\\s*");
    private static final List<String> OF_ANY_SOURCE = List.of(
            "c-plain", "c-recvfrom", "channel", "selector", "socket", "netty-nio", "netty-epoll", "netty-io_uring");

    @Spec
    private CommandSpec spec;

    @Option(names = "--rounds", description = "Rounds in each fork (${DEFAULT-VALUE}).")
    private int rounds = 9;

    @Option(names = "--forks", description = "How often all servers are started anew (${DEFAULT-VALUE}).")
    private int forks = 2;

    @Option(names = "--slice", paramLabel = "SECONDS", description = "One server's turn (${DEFAULT-VALUE}).")
    private double slice = 0.3;

    @Option(
            names = "--warm-up",
            paramLabel = "SECONDS",
            description = "Of each server, in turns, before the first round of a fork (${DEFAULT-VALUE}).")
    private double warmUp = 3;

    @Option(names = "--cells", paramLabel = "REGEX", description = "Only cells whose name has this in it.")
    private Pattern cells = Pattern.compile("");

    @Option(
            names = "--variants",
            paramLabel = "NAME",
            split = ",",
            description = "Only these servers; alone:SLOTS:CAPACITY is a batch of another size.")
    private List<String> variants = List.of();

    @Option(
            names = "--java",
            paramLabel = "FILE",
            split = ",",
            description =
                    "The java that runs the servers; default: this one. Several, one after the other, with --agent.")
    private List<String> javas =
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString());

    @Option(
            names = "--agent",
            description = "The cost of pktinfo-agent.jar to servers of the JDK's; not fewer than 40 rounds in all.")
    private boolean agent;

    @Option(names = "--quick", description = "A look at every cell, that nothing is wrong; no figures.")
    private boolean quick;

    @Option(names = "--write", description = "Write docs/benchmarks/record.md and its pictures.")
    private boolean write;

    @Option(names = "--library", hidden = true, required = true)
    private Path library;

    @Option(names = "--tools", hidden = true, required = true)
    private Path tools;

    @Option(names = "--agent-jar", hidden = true, required = true)
    private Path agentJar;

    @Option(names = "--record", hidden = true, required = true)
    private Path record;

    private final List<String> complaints = new ArrayList<>();
    private final Random random = new Random(1);

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Benchmark()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        if (quick) {
            rounds = 1;
            forks = 1;
            slice = 0.1;
            warmUp = 0.1;
        }
        if (agent ? write || !variants.isEmpty() : javas.size() != 1) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--agent goes without --write and --variants, several --java only with it");
        }
        boolean any;
        try (World world = new World()) {
            any = agent ? measureAgent(world) : measureAll(world);
        }
        complaints.forEach(line -> System.err.println("run: " + line));
        return complaints.isEmpty() && any ? 0 : 1;
    }

    private boolean measureAll(World world) throws Exception {
        List<Results> all = new ArrayList<>();
        for (Cell cell : chosen(Cell.all())) {
            Results results = measure(world, cell, javas.get(0));
            all.add(results);
            System.out.println(Report.table(results));
            complain(results);
        }
        String startUp = StartUp.table(javas.get(0), library, rounds);
        System.out.println(startUp);
        if (write) {
            Report.write(record, all, startUp, new Report.Conditions(rounds, forks, slice, javas.get(0)));
        }
        return !all.isEmpty();
    }

    private boolean measureAgent(World world) throws Exception {
        if (!quick) {
            rounds = Math.max(rounds, (AgentCost.LEAST_ROUNDS + forks - 1) / forks);
        }
        AgentCost cost = new AgentCost();
        List<Cell> chosen = chosen(AgentCost.cells());
        for (String java : javas) {
            for (Cell cell : chosen) {
                Results results = measure(world, cell, java);
                cost.add(java, results);
                complain(results);
            }
        }
        System.out.println(cost.table());
        return !chosen.isEmpty();
    }

    private List<Cell> chosen(List<Cell> all) {
        return all.stream()
                .filter(cell -> cells.matcher(cell.name()).find())
                .map(cell -> new Cell(
                        cell.name(),
                        cell.wire(),
                        cell.address(),
                        cell.addresses(),
                        cell.size(),
                        cell.peers(),
                        cell.run(),
                        chosen(cell)))
                .filter(cell -> !cell.variants().isEmpty())
                .toList();
    }

    private List<String> chosen(Cell cell) {
        if (variants.isEmpty()) {
            return cell.variants();
        }
        return variants.stream()
                .filter(variant -> cell.variants().contains(variant)
                        || Variants.SIZED.matcher(variant).matches())
                .toList();
    }

    private Results measure(World world, Cell cell, String java) throws Exception {
        Results results = new Results(cell);
        try (AutoCloseable addresses = world.addresses(cell)) {
            for (int fork = 0; fork < forks; fork++) {
                Map<Child, Integer> servers = start(cell, java);
                try {
                    // In turns too: the JIT discards code compiled for a continuous load at the first pause.
                    for (double warm = 0; warm < warmUp; warm += slice) {
                        for (int port : servers.values()) {
                            load(world, cell, port, "-t", String.valueOf(slice));
                        }
                    }
                    List<Map.Entry<Child, Integer>> order = new ArrayList<>(servers.entrySet());
                    for (int round = 0; round < rounds; round++) {
                        Collections.shuffle(order, random);
                        for (Map.Entry<Child, Integer> server : order) {
                            results.add(
                                    server.getKey().variant, slice(world, cell, server.getKey(), server.getValue()));
                        }
                    }
                    if (fork == forks - 1 && !quick && !agent) {
                        for (Map.Entry<Child, Integer> server : servers.entrySet()) {
                            results.facts.put(
                                    server.getKey().variant, facts(world, cell, server.getKey(), server.getValue()));
                        }
                    }
                } finally {
                    servers.keySet().forEach(Child::close);
                }
            }
        }
        return results;
    }

    private Map<Child, Integer> start(Cell cell, String java) throws IOException {
        Child.Programs programs = new Child.Programs(tools, agentJar, java);
        Map<Child, Integer> servers = new LinkedHashMap<>();
        try {
            for (String variant : cell.variants()) {
                int port = FIRST_PORT + servers.size();
                servers.put(new Child(variant, cell, port, programs), port);
            }
        } catch (Throwable e) {
            servers.keySet().forEach(Child::close);
            throw e;
        }
        return servers;
    }

    private Results.Slice slice(World world, Cell cell, Child server, int port) throws Exception {
        long allocated = server.allocated();
        long cpu = server.cpuTime();
        Matcher said = load(world, cell, port, "-t", String.valueOf(slice));
        cpu = server.cpuTime() - cpu;
        allocated = server.allocated() - allocated;
        if (Long.parseLong(said.group(4)) > 0) {
            throw new IOException(server.variant + ": " + said.group());
        }
        return new Results.Slice(
                Long.parseLong(said.group(1)),
                Long.parseLong(said.group(2)),
                Long.parseLong(said.group(3)),
                cpu,
                Long.parseLong(said.group(5)),
                allocated);
    }

    private Matcher load(World world, Cell cell, int port, String... more) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                "taskset",
                "-c",
                "0",
                tools.resolve("load").toString(),
                cell.address(),
                String.valueOf(port),
                "-n",
                String.valueOf(cell.addresses()),
                "-s",
                String.valueOf(cell.size()),
                "-p",
                String.valueOf(cell.peers()),
                "-r",
                String.valueOf(cell.run())));
        if (cell.ipv6() && !cell.wire()) {
            command.addAll(List.of("-b", cell.address()));
        }
        command.addAll(List.of(more));
        String said = World.run(cell.wire() ? world.inside(command) : command);
        Matcher matcher = SAID.matcher(said);
        if (!matcher.matches()) {
            throw new IOException(String.join(" ", command) + ": " + said);
        }
        return matcher;
    }

    private Results.Facts facts(World world, Cell cell, Child server, int port) throws Exception {
        Path latencies = Files.createTempFile("pktinfo-latencies", "");
        load(world, cell, port, "-t", "2", "-R", String.valueOf(FIXED_RATE), "-o", latencies.toString());
        Histogram histogram = new Histogram(3);
        for (String line : Files.readAllLines(latencies)) {
            histogram.recordValue(Long.parseLong(line));
        }
        Files.delete(latencies);
        return new Results.Facts(
                systemCalls(world, cell, server, port),
                server.descriptors("socket:"),
                server.descriptors(""),
                server.residentKilobytes(),
                histogram.getValueAtPercentile(50) / 1e3,
                histogram.getValueAtPercentile(90) / 1e3);
    }

    /** Returns the system calls per request under load, counted by strace, which slows and so saturates the server. */
    private double systemCalls(World world, Cell cell, Child server, int port) throws Exception {
        Path counts = Files.createTempFile("pktinfo-calls", "");
        Process strace = new ProcessBuilder(
                        "strace",
                        "-f",
                        "-c",
                        "-U",
                        "calls,name",
                        "-o",
                        counts.toString(),
                        "-p",
                        String.valueOf(server.pid()))
                .redirectErrorStream(true)
                .start();
        strace.inputReader().readLine(); // "attached"
        Matcher said = load(world, cell, port, "-t", "1");
        strace.destroy();
        strace.onExit().join();
        long calls = Files.readAllLines(counts).stream()
                .map(String::strip)
                .filter(line -> line.matches("\\d+ \\w+") && !line.endsWith(" total"))
                .mapToLong(line -> Long.parseLong(line.split(" ")[0]))
                .sum();
        Files.delete(counts);
        return (double) calls / Math.max(1, Long.parseLong(said.group(1)));
    }

    private void complain(Results results) {
        for (String variant : results.cell.variants()) {
            if (results.requests(variant) == 0) {
                complaints.add(results.cell.name() + ": " + variant + " answered nothing");
            }
            boolean mayBeWrong = OF_ANY_SOURCE.contains(variant);
            if (!mayBeWrong && results.wrongShare(variant) > 0) {
                complaints.add(results.cell.name() + ": " + variant + " answered from the wrong address");
            }
            boolean mustBeWrong = mayBeWrong && results.cell.address().equals(Cell.IPV4_LOOPBACK);
            if (mustBeWrong && results.wrongShare(variant) < 0.5) {
                complaints.add(
                        results.cell.name() + ": " + variant + " was expected to answer 127.0.0.5 from 127.0.0.1");
            }
        }
    }
}
