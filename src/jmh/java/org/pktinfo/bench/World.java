package org.pktinfo.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The private namespace that the benchmark runs in, and a second one for load over a wire; gone with the process. */
final class World implements AutoCloseable {
    private final Process second;

    World() throws IOException, InterruptedException {
        ip("link set lo up");
        ip("addr add " + Cell.IPV6_LOOPBACK + "/128 dev lo nodad");
        second = new ProcessBuilder("unshare", "--net", "sleep", "infinity")
                .inheritIO()
                .start();
        Path own = Path.of("/proc/self/ns/net");
        Path other = Path.of("/proc/" + second.pid() + "/ns/net");
        while (Files.readSymbolicLink(own).equals(Files.readSymbolicLink(other))) {
            Thread.onSpinWait();
        }
        ip("link add wire0 type veth peer name wire1 netns " + second.pid());
        ip("addr add " + Cell.IPV4_WIRE + "/16 dev wire0");
        ip("addr add " + Cell.IPV6_WIRE + "/64 dev wire0 nodad");
        ip("link set wire0 up");
        run(inside(List.of("ip", "addr", "add", "10.60.255.1/16", "dev", "wire1")));
        run(inside(List.of("ip", "addr", "add", "fd00:c::ffff:1/64", "dev", "wire1", "nodad")));
        run(inside(List.of("ip", "link", "set", "wire1", "up")));
    }

    /** Adds a cell's addresses after the first, which exists, and returns an object that removes them when closed. */
    AutoCloseable addresses(Cell cell) throws IOException, InterruptedException {
        List<String> added = new ArrayList<>();
        for (int i = 2; i <= cell.addresses() && cell.ipv6(); i++) { // all of 127.0.0.0/8 is local anyway
            added.add(cell.address().replaceAll("1$", "") + Integer.toHexString(i) + "/128 dev "
                    + (cell.wire() ? "wire0" : "lo"));
        }
        batch("addr add ", added.stream().map(line -> line + " nodad").toList());
        return () -> batch("addr del ", added);
    }

    private static void batch(String verb, List<String> commands) throws IOException, InterruptedException {
        if (commands.isEmpty()) {
            return;
        }
        Path file = Files.createTempFile("pktinfo-addresses", "");
        Files.write(file, commands.stream().map(verb::concat).toList(), StandardCharsets.UTF_8);
        ip("-batch " + file);
        Files.delete(file);
    }

    List<String> inside(List<String> command) {
        List<String> whole = new ArrayList<>(List.of("nsenter", "--net", "--target", String.valueOf(second.pid())));
        whole.addAll(command);
        return whole;
    }

    private static void ip(String arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("ip"));
        command.addAll(List.of(arguments.split(" ")));
        run(command);
    }

    /** Runs a command and returns its output; throws if the exit code is not 0. */
    static String run(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(120, TimeUnit.SECONDS) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new IOException(String.join(" ", command) + ": " + said);
        }
        return said;
    }

    @Override
    public void close() {
        second.destroy();
    }
}
