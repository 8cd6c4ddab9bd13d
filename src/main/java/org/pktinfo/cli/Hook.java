package org.pktinfo.cli;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A shell command of the user's that announces a change of state. */
record Hook(String option, String command) {
    private static final File NOTHING = new File("/dev/null");

    /**
     * Runs the command to its end, with this program's outputs; returns false, and prints a line on stderr, if it fails
     * or takes longer than the limit.
     */
    boolean run(Duration limit) {
        try {
            Process process = new ProcessBuilder("/bin/sh", "-c", inAscii(command))
                    .inheritIO()
                    .redirectInput(NOTHING)
                    .start();
            return succeeds(process, limit);
        } catch (IOException e) {
            return fails(String.valueOf(e.getMessage()));
        }
    }

    /**
     * Encodes a command in ASCII: if the locale is limited to ASCII, the JVM replaces each other character by a
     * question mark.
     */
    private static String inAscii(String command) {
        if (command.chars().allMatch(c -> c < 128)) {
            return command;
        }
        StringBuilder octal = new StringBuilder();
        for (byte b : command.getBytes(StandardCharsets.UTF_8)) {
            octal.append('\\').append(String.format("%03o", b & 0xff));
        }
        return "eval \"$(printf '" + octal + "')\"";
    }

    private boolean succeeds(Process process, Duration limit) {
        try {
            if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                kill(process);
                return fails("killed after " + limit.toMillis() / 1000.0 + " s");
            }
        } catch (InterruptedException e) {
            kill(process);
            Thread.currentThread().interrupt();
            return fails("interrupted");
        }
        return process.exitValue() == 0 || fails("exit code " + process.exitValue());
    }

    private static void kill(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    private boolean fails(String reason) {
        System.err.println(option + " \"" + command + "\": " + reason);
        return false;
    }
}
