package org.pktinfo.agent;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.pktinfo.internal.JvmSockets;

/**
 * The options behind {@code -javaagent:pktinfo-agent.jar=}: {@code ports=53,5683-5690,log=sockets}.
 *
 * @param ports the ports whose sockets reply from the address asked; empty: those that the program has chosen itself, or
 *     all
 * @param allPorts true for all, those of clients too
 * @param memory how many peers each socket remembers
 * @param expirySeconds how long a silent peer is remembered, 0: for ever
 * @param goneIsException true to throw what the JDK throws if the address asked has left the host
 * @param log what is said on stderr
 * @param statsSeconds how often the counters are said, 0: never
 */
record AgentOptions(
        List<JvmSockets.Ports> ports,
        boolean allPorts,
        int memory,
        int expirySeconds,
        boolean goneIsException,
        Log log,
        int statsSeconds) {
    /** The lines on stderr; each has those before it too. */
    enum Log {
        /** Nothing but errors. */
        QUIET,
        /** That the agent is installed, and later that something was not sent. */
        START,
        /** Each socket that is bound. */
        SOCKETS
    }

    private static final int MAX_PORT = 65_535;
    private static final int MOST_RANGES = 64;
    private static final int LEAST_PEERS = 8;
    private static final int MOST_PEERS = 1 << 24;
    private static final int LONGEST = 365 * 24 * 60 * 60;

    /** Reads what was given. */
    static AgentOptions parse(String options) {
        return new Parser(options).parse();
    }

    /** Takes the words one by one; one without an equals sign belongs to the list before it. */
    private static final class Parser {
        private final String options;
        private final List<JvmSockets.Ports> ports = new ArrayList<>();
        private boolean all;
        private int memory = 1 << 14;
        private int expiry = 600;
        private boolean exception;
        private Log log = Log.START;
        private int stats;

        Parser(String options) {
            this.options = options;
        }

        AgentOptions parse() {
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
                take(name, word.substring(equals + 1), word);
                name = name.equals("ports") ? name : "";
            }
            if (all && !ports.isEmpty()) {
                throw new IllegalArgumentException("ports: all and numbers cannot be given together: " + options);
            }
            if (ports.size() > MOST_RANGES) {
                throw new IllegalArgumentException(
                        "ports: " + ports.size() + " ports and ranges are more than " + MOST_RANGES);
            }
            return new AgentOptions(List.copyOf(ports), all, memory, expiry, exception, log, stats);
        }

        private void take(String name, String value, String word) {
            switch (name) {
                case "ports" -> takePorts(value);
                case "memory" -> memory = number(name, value, LEAST_PEERS, MOST_PEERS, "peers");
                case "expiry" ->
                    expiry = value.equals("never") ? 0 : number(name, value, 1, LONGEST, "seconds, or never");
                case "gone" -> exception = choice(name, value, "drop", "exception");
                case "log" -> takeLog(value);
                default ->
                    throw new IllegalArgumentException("\"" + word + "\" is no option; there are"
                            + " ports=53,5683-5690 or all, memory=PEERS, expiry=SECONDS or never, gone=drop or"
                            + " exception, and log=quiet, start, sockets or stats:SECONDS");
            }
        }

        private void takePorts(String value) {
            if (value.equals("all")) {
                all = true;
            } else {
                ports.add(ports(value));
            }
        }

        private void takeLog(String value) {
            String prefix = "stats:";
            if (value.startsWith(prefix)) {
                stats = number("log=stats", value.substring(prefix.length()), 1, LONGEST, "seconds");
            } else {
                log = log(value);
            }
        }
    }

    private static boolean choice(String name, String value, String no, String yes) {
        if (!value.equals(no) && !value.equals(yes)) {
            throw new IllegalArgumentException(name + ": \"" + value + "\" is neither " + no + " nor " + yes);
        }
        return value.equals(yes);
    }

    private static int number(String name, String value, int least, int most, String unit) {
        int number = value.matches("[0-9]{1,9}") ? Integer.parseInt(value) : -1;
        if (number < least || number > most) {
            throw new IllegalArgumentException(
                    name + ": \"" + value + "\" is not in " + least + " to " + most + " " + unit);
        }
        return number;
    }

    private static JvmSockets.Ports ports(String value) {
        String[] ends = value.split("-", -1);
        int first = port(ends[0]);
        int last = port(ends[ends.length - 1]);
        if (ends.length > 2 || first < 1 || last > MAX_PORT || first > last) {
            throw new IllegalArgumentException("ports: \"" + value + "\" is neither a port in 1 to " + MAX_PORT
                    + " nor a range of them such as 5683-5690, nor all");
        }
        return new JvmSockets.Ports(first, last);
    }

    /** Out of range if it is no number. */
    private static int port(String digits) {
        return digits.matches("[0-9]{1,5}") ? Integer.parseInt(digits) : -1;
    }

    private static Log log(String value) {
        return Arrays.stream(Log.values())
                .filter(log -> log.name().toLowerCase(Locale.ROOT).equals(value))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "log: \"" + value + "\" is not quiet, start, sockets or stats:SECONDS"));
    }

    JvmSockets.Settings settings() {
        return new JvmSockets.Settings(ports, allPorts, memory, expirySeconds, goneIsException);
    }

    String portsInWords() {
        if (allPorts) {
            return "all ports";
        }
        return ports.isEmpty()
                ? "the ports that the program chooses"
                : "ports " + ports.stream().map(JvmSockets.Ports::toString).collect(Collectors.joining(", "));
    }

    void say(Log when, String text) {
        if (log.compareTo(when) >= 0) {
            System.err.println("pktinfo-agent: " + text);
        }
    }
}
