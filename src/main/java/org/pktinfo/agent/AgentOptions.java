package org.pktinfo.agent;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What stands behind {@code -javaagent:pktinfo-agent.jar=}: {@code ports=53,5683-5690,log=sockets}.
 *
 * @param ports the ports whose sockets reply from the address asked; empty: all
 * @param log what is said on stderr
 */
record AgentOptions(List<Ports> ports, Log log) {
    /** What is said on stderr; each says what those before it say too. */
    enum Log {
        /** Nothing but errors. */
        QUIET,
        /** What was installed. */
        START,
        /** Each socket that is bound. */
        SOCKETS
    }

    /** From the one to the other, both included. */
    record Ports(int first, int last) {
        @Override
        public String toString() {
            return first == last ? String.valueOf(first) : first + "-" + last;
        }
    }

    private static final int MAX_PORT = 65_535;

    /** A word without an equals sign belongs to the list before it. */
    static AgentOptions parse(String options) {
        List<Ports> ports = new ArrayList<>();
        Log log = Log.START;
        Set<String> seen = new HashSet<>();
        String name = "";
        for (String word : options.isEmpty() ? new String[0] : options.split(",", -1)) {
            int equals = word.indexOf('=');
            if (equals >= 0) {
                name = word.substring(0, equals);
                if (!seen.add(name)) {
                    throw new IllegalArgumentException("option " + name + " is given twice: " + options);
                }
            }
            String value = word.substring(equals + 1);
            switch (name) {
                case "ports" -> ports.add(ports(value));
                case "log" -> {
                    log = log(value);
                    name = "";
                }
                default ->
                    throw new IllegalArgumentException("\"" + word
                            + "\" is no option; there are ports=53,5683-5690 and log=quiet, start or sockets");
            }
        }
        return new AgentOptions(List.copyOf(ports), log);
    }

    private static Ports ports(String value) {
        String[] ends = value.split("-", -1);
        int first = port(ends[0]);
        int last = port(ends[ends.length - 1]);
        if (ends.length > 2 || first < 1 || last > MAX_PORT || first > last) {
            throw new IllegalArgumentException("ports: \"" + value + "\" is neither a port in 1 to " + MAX_PORT
                    + " nor a range of them such as 5683-5690");
        }
        return new Ports(first, last);
    }

    /** Out of range if it is no number. */
    private static int port(String digits) {
        return digits.matches("[0-9]{1,5}") ? Integer.parseInt(digits) : -1;
    }

    private static Log log(String value) {
        return Arrays.stream(Log.values())
                .filter(log -> log.name().toLowerCase(Locale.ROOT).equals(value))
                .findFirst()
                .orElseThrow(
                        () -> new IllegalArgumentException("log: \"" + value + "\" is not quiet, start or sockets"));
    }

    boolean choosesSource(int port) {
        return ports.isEmpty() || ports.stream().anyMatch(range -> range.first <= port && port <= range.last);
    }

    String portsInWords() {
        return ports.isEmpty()
                ? "all ports"
                : "ports " + ports.stream().map(Ports::toString).collect(Collectors.joining(", "));
    }

    void say(Log when, String text) {
        if (log.compareTo(when) >= 0) {
            System.err.println("pktinfo-agent: " + text);
        }
    }
}
