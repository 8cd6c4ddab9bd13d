package org.pktinfo.it.support;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** Another process, whose two outputs are read line by line as they arrive. Closing kills it and its descendants. */
public final class ChildProcess implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Process process;
    private final List<String> command;
    private final List<String> out = new ArrayList<>();
    private final List<String> err = new ArrayList<>();
    private final List<Thread> readers;

    private ChildProcess(List<String> command, Map<String, String> environment) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(inAscii(withNativeAccess(command)));
        builder.environment().putAll(environment);
        // Options for every JVM of the machine would make each print a line of its own.
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        this.command = command;
        this.process = builder.start();
        this.readers = List.of(read(process.getInputStream(), out), read(process.getErrorStream(), err));
    }

    /**
     * Returns the option without which the JDK that runs the tests would warn of native access by these modules; none
     * before JDK 24.
     */
    public static List<String> nativeAccess(String modules) {
        return Runtime.version().feature() >= 24 ? List.of("--enable-native-access=" + modules) : List.of();
    }

    private static List<String> withNativeAccess(List<String> command) {
        List<String> whole = new ArrayList<>(command);
        int launcher = whole.indexOf(java().toString());
        if (launcher >= 0 && command.stream().noneMatch(word -> word.contains("native-access"))) {
            whole.addAll(launcher + 1, nativeAccess("ALL-UNNAMED"));
        }
        return whole;
    }

    /**
     * Returns a command that passes the words as bytes through a shell, because in an ASCII locale the JVM passes a
     * question mark for each other character.
     */
    private static List<String> inAscii(List<String> command) {
        if (command.stream().allMatch(word -> word.chars().allMatch(c -> c < 128))) {
            return command;
        }
        StringBuilder line = new StringBuilder("exec");
        for (String word : command) {
            line.append(" \"$(printf '");
            for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
                line.append(String.format("\\%03o", b & 0xff));
            }
            line.append("')\"");
        }
        return List.of("/bin/sh", "-c", line.toString());
    }

    public static ChildProcess start(List<String> command) throws IOException {
        return start(command, Map.of());
    }

    public static ChildProcess start(List<String> command, Map<String, String> environment) throws IOException {
        return new ChildProcess(command, environment);
    }

    /**
     * Starts the command with the default action of SIGINT, even if the tests run with it ignored, as in the background
     * of a script.
     */
    public static ChildProcess startInterruptible(List<String> command) throws IOException {
        List<String> whole = new ArrayList<>(List.of("env", "--default-signal=INT"));
        whole.addAll(command);
        return start(whole);
    }

    /** Sends a signal by its name, such as INT. */
    public void signal(String name) throws IOException, InterruptedException {
        ChildProcess kill = run(List.of("kill", "-" + name, String.valueOf(process.pid())));
        if (kill.exitCode() != 0) {
            throw new IllegalStateException(kill.toString());
        }
    }

    /** Runs the command to its end. */
    public static ChildProcess run(List<String> command) throws IOException, InterruptedException {
        return run(command, Map.of());
    }

    public static ChildProcess run(List<String> command, Map<String, String> environment)
            throws IOException, InterruptedException {
        return run(command, environment, LIMIT);
    }

    /** Runs the command to its end, within a limit of time. */
    public static ChildProcess run(List<String> command, Map<String, String> environment, Duration limit)
            throws IOException, InterruptedException {
        ChildProcess child = new ChildProcess(command, environment);
        child.exitCode(limit);
        return child;
    }

    /** Returns the launcher of the JDK that runs the tests. */
    public static Path java() {
        return Path.of(System.getProperty("java.home"), "bin", "java");
    }

    private Thread read(InputStream stream, List<String> lines) {
        Thread thread = new Thread(() -> {
            try (BufferedReader reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                    synchronized (this) {
                        lines.add(line);
                        notifyAll();
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    public synchronized List<String> out() {
        return List.copyOf(out);
    }

    public synchronized List<String> err() {
        return List.copyOf(err);
    }

    /** Waits until a line on stderr matches. */
    public String awaitErr(Predicate<String> fits) throws InterruptedException {
        return awaitLine(err, fits);
    }

    /** Waits until a line on stdout matches. */
    public String awaitOut(Predicate<String> fits) throws InterruptedException {
        return awaitLine(out, fits);
    }

    /** Waits for the given number of lines on stdout; returns the last of them. */
    public String awaitOut(int count) throws InterruptedException {
        awaitLine(out, line -> out.size() >= count);
        synchronized (this) {
            return out.get(count - 1);
        }
    }

    /** Writes a line to stdin and waits for the next line on stdout. */
    public String say(String line) throws IOException, InterruptedException {
        int before = out().size();
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
        return awaitOut(before + 1);
    }

    private synchronized String awaitLine(List<String> lines, Predicate<String> fits) throws InterruptedException {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (true) {
            for (String line : lines) {
                if (fits.test(line)) {
                    return line;
                }
            }
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (left <= 0 || (!process.isAlive() && readers.stream().noneMatch(Thread::isAlive))) {
                throw new AssertionError("the line never came: " + this);
            }
            wait(Math.min(left, 100));
        }
    }

    public Process process() {
        return process;
    }

    /** Sends SIGTERM; unlike Process.destroy it leaves the outputs open, so that the last lines are read. */
    public void terminate() {
        process.toHandle().destroy();
    }

    public int exitCode() throws InterruptedException {
        return exitCode(LIMIT);
    }

    /** Waits for the exit code of a program that takes longer than others. */
    public int exitCode(Duration limit) throws InterruptedException {
        if (!process.waitFor(limit.toSeconds(), TimeUnit.SECONDS)) {
            close();
            throw new AssertionError("does not end: " + this);
        }
        for (Thread reader : readers) {
            reader.join(LIMIT.toMillis());
        }
        return process.exitValue();
    }

    /** Kills descendants first: strace, when killed, would detach from its program and leave it running. */
    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.toHandle().destroyForcibly();
    }

    @Override
    public synchronized String toString() {
        return command + (process.isAlive() ? " running" : " exit " + process.exitValue()) + "\nstdout: " + out
                + "\nstderr: " + err;
    }
}
