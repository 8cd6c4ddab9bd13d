package org.pktinfo.jvm;

import java.util.Arrays;

/** The options as they are given: {@code ports=53,5683-5690,log=sockets}. */
final class Options {
    /** The levels of output on stderr; each includes those before it. */
    enum Log {
        /** Errors only. */
        QUIET,
        /** The start, and datagrams that could not be sent later. */
        START,
        /** Each socket that is bound. */
        SOCKETS
    }

    private static final int MAX_PORT = 65_535;
    private static final int MOST_RANGES = 64;
    private static final int LEAST_PEERS = 8;
    private static final int MOST_PEERS = 1 << 24;
    private static final int LONGEST = 365 * 24 * 60 * 60;
    private static final int MOST_DIGITS = 9;

    private final int[] ports;
    private final int[] transfers;
    private final boolean allPorts;
    private final int memory;
    private final int expirySeconds;
    private final boolean goneIsException;
    private final Log log;
    private final int statsSeconds;
    private final boolean nettyNio;

    private Options(Parser parser) {
        this.ports = parser.ports;
        this.transfers = parser.transfers;
        this.allPorts = parser.all;
        this.memory = parser.memory;
        this.expirySeconds = parser.expiry;
        this.goneIsException = parser.exception;
        this.log = parser.log;
        this.statsSeconds = parser.stats;
        this.nettyNio = parser.nettyNio;
    }

    /**
     * Reads the options.
     *
     * @throws IllegalArgumentException if one is wrong; the text is for the user
     */
    static Options parse(String options) {
        return new Parser(options).parse();
    }

    /** Parses the words one by one; one without an equals sign belongs to the list before it. */
    private static final class Parser {
        private final String options;
        private int[] ports = new int[0];
        private int[] transfers = new int[0];
        private boolean all;
        private int memory = 1 << 14;
        private int expiry = 600;
        private boolean exception;
        private Log log = Log.START;
        private int stats;
        private boolean nettyNio;

        Parser(String options) {
            this.options = options;
        }

        Options parse() {
            String seen = ",";
            String name = "";
            for (String word : options.isEmpty() ? new String[0] : options.split(",", -1)) {
                int equals = word.indexOf('=');
                if (equals >= 0) {
                    name = word.substring(0, equals);
                    if (seen.contains("," + name + ",")) {
                        throw new IllegalArgumentException("option " + name + " is given twice: " + options);
                    }
                    seen += name + ",";
                }
                take(name, word.substring(equals + 1), word);
                name = name.equals("ports") || name.equals("transfer") ? name : "";
            }
            if (all && ports.length > 0) {
                throw new IllegalArgumentException("ports: all and numbers cannot be given together: " + options);
            }
            limit("ports", ports);
            limit("transfer", transfers);
            return new Options(this);
        }

        private static void limit(String name, int[] ranges) {
            if (ranges.length > 2 * MOST_RANGES) {
                throw new IllegalArgumentException(
                        name + ": " + ranges.length / 2 + " ports and ranges are more than " + MOST_RANGES);
            }
        }

        private void take(String name, String value, String word) {
            switch (name) {
                case "ports" -> takePorts(value);
                case "transfer" -> transfers = with(transfers, name, value, "");
                case "memory" -> memory = number(name, value, LEAST_PEERS, MOST_PEERS, "peers");
                case "expiry" ->
                    expiry = value.equals("never") ? 0 : number(name, value, 1, LONGEST, "seconds, or never");
                case "gone" -> exception = choice(name, value, "drop", "exception");
                case "log" -> takeLog(value);
                case "netty" -> nettyNio = choice(name, value, "any", "nio");
                default ->
                    throw new IllegalArgumentException("\"" + word + "\" is no option; there are"
                            + " ports=53,5683-5690 or all, transfer=69, memory=PEERS, expiry=SECONDS or never,"
                            + " gone=drop or exception, netty=any or nio, and log=quiet, start, sockets or"
                            + " stats:SECONDS");
            }
        }

        private void takePorts(String value) {
            if (value.equals("all")) {
                all = true;
                return;
            }
            ports = with(ports, "ports", value, ", nor all");
        }

        /** Returns the ranges with one more that is parsed. */
        private static int[] with(int[] ranges, String name, String value, String otherwise) {
            int dash = value.indexOf('-');
            int first = digits(dash < 0 ? value : value.substring(0, dash));
            int last = digits(value.substring(dash + 1));
            if (first < 1 || last > MAX_PORT || first > last) {
                throw new IllegalArgumentException(name + ": \"" + value + "\" is neither a port in 1 to " + MAX_PORT
                        + " nor a range of them such as 5683-5690" + otherwise);
            }
            int[] more = Arrays.copyOf(ranges, ranges.length + 2);
            more[ranges.length] = first;
            more[ranges.length + 1] = last;
            return more;
        }

        private void takeLog(String value) {
            String prefix = "stats:";
            if (value.startsWith(prefix)) {
                stats = number("log=stats", value.substring(prefix.length()), 1, LONGEST, "seconds");
                return;
            }
            log = switch (value) {
                case "quiet" -> Log.QUIET;
                case "start" -> Log.START;
                case "sockets" -> Log.SOCKETS;
                default ->
                    throw new IllegalArgumentException(
                            "log: \"" + value + "\" is not quiet, start, sockets or stats:SECONDS");
            };
        }
    }

    private static boolean choice(String name, String value, String no, String yes) {
        if (!value.equals(no) && !value.equals(yes)) {
            throw new IllegalArgumentException(name + ": \"" + value + "\" is neither " + no + " nor " + yes);
        }
        return value.equals(yes);
    }

    private static int number(String name, String value, int min, int max, String unit) {
        int number = digits(value);
        if (number < min || number > max) {
            throw new IllegalArgumentException(
                    name + ": \"" + value + "\" is not in " + min + " to " + max + " " + unit);
        }
        return number;
    }

    /** Returns -1 if it is no number; not by a regular expression, which costs a starting JVM 5 ms. */
    private static int digits(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return -1;
            }
        }
        return text.isEmpty() || text.length() > MOST_DIGITS ? -1 : Integer.parseInt(text);
    }

    /**
     * Returns the first and the last port of each range whose sockets are to be switched over; none for the ports that
     * the program has chosen itself, or all.
     */
    int[] ports() {
        return ports.clone();
    }

    /** Returns the first and the last port of each range whose peers may be answered from a new socket. */
    int[] transfers() {
        return transfers.clone();
    }

    /** Returns true for all ports, including those of clients. */
    boolean allPorts() {
        return allPorts;
    }

    /** Returns the number of peers that each socket remembers. */
    int memory() {
        return memory;
    }

    /** Returns the time after which a silent peer is forgotten, 0 for never. */
    int expirySeconds() {
        return expirySeconds;
    }

    /** Returns true to throw the JDK's exception if the request destination has left the host. */
    boolean goneIsException() {
        return goneIsException;
    }

    Log log() {
        return log;
    }

    /** Returns the time between two lines with the counters, 0 for none. */
    int statsSeconds() {
        return statsSeconds;
    }

    /** Returns true to keep Netty from its own natives, whose sockets are out of reach. */
    boolean nettyNio() {
        return nettyNio;
    }

    /** Returns the sentence about the sockets that are to be switched over. */
    String inWords() {
        StringBuilder words = new StringBuilder("sockets bound to all addresses reply from the address asked on ");
        if (allPorts || ports.length == 0) {
            return words.append(allPorts ? "all ports" : "the ports that the program chooses")
                    .toString();
        }
        words.append("ports ");
        for (int i = 0; i < ports.length; i += 2) {
            words.append(i == 0 ? "" : ", ").append(ports[i]);
            if (ports[i] != ports[i + 1]) {
                words.append('-').append(ports[i + 1]);
            }
        }
        return words.toString();
    }

    void say(Log when, String text) {
        if (log.compareTo(when) >= 0) {
            System.err.println("pktinfo-agent: " + text);
        }
    }
}
