package org.pktinfo.jvm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.pktinfo.internal.HookCalls;

/**
 * The threads that were waiting in recvfrom(2) when the sockets were switched over, and would receive one more datagram
 * there. A thread in {@code DatagramChannel.receive} is interrupted as when a channel is closed, and waits anew. {@code
 * DatagramSocket.receive} would return without a datagram, and is not interrupted.
 */
final class BlockedThreads {
    /** The prefix of the threads' numbers, each with c for a channel's and s for a socket's. */
    static final String OPTION = "threads=";

    private BlockedThreads() {}

    /** Wakes those that still wait; returns a line for each that waits, with the action taken. */
    static String wake(String option) {
        StringBuilder lines = new StringBuilder();
        String prefix = HookCalls.recvfrom() + " ";
        for (String thread : option.substring(OPTION.length()).split(" ", -1)) {
            int number = Integer.parseInt(thread.substring(1));
            String call = call(number);
            if (call.isEmpty()) {
                lines.append("unknown ").append(number).append('\n');
            } else if (call.startsWith(prefix)) {
                boolean woken = thread.charAt(0) == 'c' && HookCalls.interrupt(number);
                lines.append(woken ? "woken " : "waits ").append(number).append('\n');
            }
        }
        return lines.toString();
    }

    /** Returns the number of the system call that a thread is in, and its arguments; empty where it cannot be read. */
    private static String call(int thread) {
        try {
            return Files.readString(Path.of("/proc/self/task/" + thread + "/syscall"));
        } catch (NoSuchFileException e) {
            return Files.exists(Path.of("/proc/self/syscall")) ? "gone" : "";
        } catch (IOException e) {
            return "";
        }
    }
}
