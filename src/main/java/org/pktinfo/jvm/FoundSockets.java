package org.pktinfo.jvm;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.HookCalls;

/** The bound UDP sockets of this process, the JDK's and others. */
final class FoundSockets {
    private static final String EPOLL = "anon_inode:[eventpoll]";
    private static final int EDGE_TRIGGERED = 1 << 31;

    private FoundSockets() {}

    /**
     * Adopts the existing sockets as the JDK's own, except those that a transport like Netty's waits for: it has epoll
     * report some of its descriptors edge-triggered, and the JDK never does. To be called once, after the switch: from
     * then on the native library sees each socket that the JDK makes.
     */
    static void adopt() {
        String[] descriptors = new File("/proc/self/fd").list();
        if (descriptors == null) {
            return;
        }
        BitSet others = new BitSet();
        for (String descriptor : descriptors) {
            others.or(waitedForByEdges(descriptor));
        }
        int[] portAndVerdict = new int[2];
        for (String descriptor : descriptors) {
            int number = Integer.parseInt(descriptor);
            if (!others.get(number)) {
                HookCalls.look(number, true, portAndVerdict);
            }
        }
    }

    private static BitSet waitedForByEdges(String descriptor) {
        try {
            Path target = Files.readSymbolicLink(Path.of("/proc/self/fd", descriptor));
            if (target.toString().equals(EPOLL)) {
                return waitedForByEdges(Files.readAllLines(Path.of("/proc/self/fdinfo", descriptor)));
            }
        } catch (IOException | NumberFormatException e) { // closed in the meantime, or in an unknown format
            return new BitSet();
        }
        return new BitSet();
    }

    /**
     * Returns all descriptors that an epoll instance waits for, or none if it waits for none edge-triggered.
     *
     * @param lines the kernel's description of the instance: {@code tfd: 62 events: 80000019 data: ...}
     */
    static BitSet waitedForByEdges(List<String> lines) {
        BitSet descriptors = new BitSet();
        boolean edges = false;
        for (String line : lines) {
            String[] words = line.trim().split("\\s+", -1);
            if (words.length > 3 && words[0].equals("tfd:")) {
                descriptors.set(Integer.parseInt(words[1]));
                edges |= (Integer.parseUnsignedInt(words[3], 16) & EDGE_TRIGGERED) != 0;
            }
        }
        return edges ? descriptors : new BitSet();
    }

    /**
     * Determines the verdict on each existing socket.
     *
     * @return the verdicts by port, null if the process may not list its descriptors
     */
    private static @Nullable Map<Integer, Verdict> find() {
        String[] descriptors = new File("/proc/self/fd").list();
        if (descriptors == null) {
            return null;
        }
        Map<Integer, Verdict> found = new TreeMap<>();
        int[] portAndVerdict = new int[2];
        for (String descriptor : descriptors) {
            if (HookCalls.look(Integer.parseInt(descriptor), false, portAndVerdict)) {
                Verdict verdict = Verdict.of(portAndVerdict[1]);
                // A second descriptor of a socket of the JDK's, as PktInfoChannel has one, looks like a foreign one.
                if (verdict != Verdict.FOREIGN || !found.containsKey(portAndVerdict[0])) {
                    found.put(portAndVerdict[0], verdict);
                }
            }
        }
        return found;
    }

    /** Returns a line for each port. */
    static String list() {
        Map<Integer, Verdict> found = find();
        if (found == null) {
            return "the sockets are not listed: /proc/self/fd cannot be read\n";
        }
        StringBuilder lines = new StringBuilder();
        for (Map.Entry<Integer, Verdict> each : found.entrySet()) {
            lines.append(line(each.getKey(), each.getValue())).append('\n');
        }
        return found.isEmpty() ? "no UDP socket is bound\n" : lines.toString();
    }

    static String line(int port, Verdict verdict) {
        return "port " + port + ": " + verdict.text;
    }

    /** Returns the ports of sockets that should reply from the request destination but are out of reach. */
    static BitSet foreign() {
        BitSet ports = new BitSet();
        Map<Integer, Verdict> found = find();
        if (found != null) {
            for (Map.Entry<Integer, Verdict> each : found.entrySet()) {
                ports.set(each.getKey(), each.getValue() == Verdict.FOREIGN);
            }
        }
        return ports;
    }
}
