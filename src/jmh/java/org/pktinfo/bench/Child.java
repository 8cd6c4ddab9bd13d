package org.pktinfo.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A server in a process of its own, on a processor of its own, and the kernel's figures about it. */
final class Child implements AutoCloseable {
    private static final String PROCESSOR = "1";

    /** Suffix of the name of a JDK server: the same class, unchanged, with pktinfo-agent.jar. */
    static final String AGENT = "+agent";

    final String variant;
    private final Process process;
    private final BufferedReader out;

    /** The programs: the folder of those built in C, pktinfo-agent.jar, and the servers' java command. */
    record Programs(Path tools, Path agent, String java) {}

    Child(String variant, Cell cell, int port, Programs programs) throws IOException {
        this.variant = variant;
        List<String> command = new ArrayList<>(List.of("taskset", "-c", PROCESSOR));
        if (variant.startsWith("c-")) {
            String server = programs.tools.resolve("server").toString();
            command.addAll(List.of(server, variant.substring(2), String.valueOf(port)));
        } else {
            command.addAll(List.of(programs.java, "-XX:+UseSerialGC", "-Xms256m", "-Xmx256m"));
            command.add("--enable-native-access=ALL-UNNAMED");
            if (variant.endsWith(AGENT)) {
                command.add("-javaagent:" + programs.agent + "=log=quiet");
            }
            String server = variant.replace(AGENT, "");
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), Server.class.getName(), server));
            command.addAll(List.of(String.valueOf(port), cell.address(), String.valueOf(cell.addresses())));
        }
        process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        out = process.inputReader(StandardCharsets.UTF_8);
        String said = out.readLine();
        if (!"ready".equals(said)) {
            throw new IOException(variant + " is not ready but says " + said);
        }
    }

    long pid() {
        return process.pid();
    }

    /**
     * Returns the nanoseconds for which all its threads have run, including interrupts and packets handled meanwhile.
     */
    long cpuTime() throws IOException {
        long sum = 0;
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + pid() + "/task"))) {
            for (Path task : tasks.toList()) {
                sum += Long.parseLong(
                        Files.readString(task.resolve("schedstat")).split(" ")[0]);
            }
        }
        return sum;
    }

    /** Returns the bytes of the Java heap that were allocated so far; 0 for a C program. */
    long allocated() throws IOException {
        if (variant.startsWith("c-")) {
            return 0;
        }
        process.getOutputStream().write('\n');
        process.getOutputStream().flush();
        return Long.parseLong(out.readLine());
    }

    long residentKilobytes() throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid() + "/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    long descriptors(String kind) throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc/" + pid() + "/fd"))) {
            long count = 0;
            for (Path descriptor : all.toList()) {
                count += Files.readSymbolicLink(descriptor).toString().startsWith(kind) ? 1 : 0;
            }
            return count;
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
