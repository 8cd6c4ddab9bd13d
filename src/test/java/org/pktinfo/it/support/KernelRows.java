package org.pktinfo.it.support;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pktinfo.doctor.ExperimentAgent;

/**
 * Every experiment with one kernel: socket, options, request destination and control messages of the reply, and the
 * outcome.
 *
 * <pre>
 *   client  c0 10.9.0.100/24 fd00:9::100 fe80::100  ---  a0 10.9.0.1/24 .2 .3  fd00:9::1 ::2  fe80::1   server
 *                                          other o0  ---  b0 10.8.0.1/24        fd00:8::1
 * </pre>
 *
 * The client sends to all of the server's addresses over its one cable.
 */
public final class KernelRows implements AutoCloseable {
    /** An experiment. The reply "arrives" is none: it returns the control messages that came with the request. */
    public record Experiment(String socket, String options, String asked, String reply) {
        @Override
        public String toString() {
            return String.join("\t", socket, options, asked, reply);
        }
    }

    private static final int PORT = 7000;
    private static final String IN = "IP_PKTINFO";
    private static final String IN6 = "IPV6_RECVPKTINFO";
    private static final String BOTH = IN + "," + IN6;
    private static final String FOREIGN = "10.9.0.55";

    private final Namespaces hosts = new Namespaces();
    private final ChildProcess server;
    private final ChildProcess client;

    /** Makes the hosts; the command that starts the server's JVM chooses the kernel. */
    public KernelRows(List<String> java) throws IOException {
        hosts.host("server");
        hosts.host("client");
        hosts.host("other");
        hosts.in("server", "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0");
        hosts.cable("client", "c0", "server", "a0");
        hosts.cable("other", "o0", "server", "b0");
        hosts.address("server", "a0", "10.9.0.1/24", "10.9.0.2/24", "10.9.0.3/24");
        hosts.address("server", "a0", "fd00:9::1/64", "fd00:9::2/64", "fe80::1/64");
        hosts.address("server", "b0", "10.8.0.1/24", "fd00:8::1/64");
        hosts.address("client", "c0", "10.9.0.100/24", "fd00:9::100/64", "fe80::100/64");
        hosts.in("client", "ip route add default via 10.9.0.1");
        hosts.in("client", "ip route add default via fd00:9::1");
        server = hosts.start("server", java, ExperimentAgent.class);
        client = hosts.start("client", List.of(ChildProcess.java().toString()), ExperimentAgent.class);
    }

    /** Returns all experiments. */
    public static List<Experiment> all() {
        List<Experiment> all = new ArrayList<>();
        for (String options : List.of("none", IN)) {
            add(all, "IPV4", options, options.equals(IN));
        }
        for (String options : List.of("none", IN, IN6, BOTH)) {
            add(all, "DUAL_STACK", options, options.equals(BOTH));
        }
        for (String options : List.of("none", IN, IN6, BOTH)) {
            add(all, "IPV6", options, options.equals(IN6));
        }
        return all;
    }

    private static void add(List<Experiment> all, String socket, String options, boolean everyReply) {
        if (!socket.equals("IPV6")) {
            for (String asked : List.of("10.9.0.1", "10.9.0.2", "10.8.0.1")) {
                add(all, socket, options, asked, everyReply ? ipv4Replies(asked) : fewReplies(asked));
            }
            for (String asked : List.of("10.9.0.255", "255.255.255.255", "239.1.2.3")) {
                add(all, socket, options, asked, everyReply ? ipv4GroupReplies(asked) : fewReplies(asked));
            }
        }
        if (!socket.equals("IPV4")) {
            for (String asked : List.of("fd00:9::1", "fd00:9::2", "fd00:8::1", "fe80::1", "ff15::9")) {
                add(all, socket, options, asked, everyReply ? ipv6Replies(asked) : fewReplies(asked));
            }
        }
    }

    private static void add(List<Experiment> all, String socket, String options, String asked, List<String> replies) {
        for (String reply : replies) {
            all.add(new Experiment(socket, options, asked, reply));
        }
    }

    private static List<String> fewReplies(String asked) {
        return asked.indexOf(':') < 0
                ? List.of("arrives", "nothing", "in " + asked, "in6 ::ffff:" + asked)
                : List.of("arrives", "nothing", "in6 " + asked);
    }

    private static List<String> ipv4Replies(String asked) {
        String in = "in " + asked;
        String in6 = "in6 ::ffff:" + asked;
        return List.of(
                "arrives",
                "nothing",
                in,
                in + "@a0",
                in6,
                in6 + "@a0",
                in6 + " + " + in,
                in + " + " + in6,
                "in6 ::ffff:10.9.0.2 + in 10.9.0.3",
                "in 10.9.0.3 + in6 ::ffff:10.9.0.2",
                "in 0.0.0.0",
                "in6 ::ffff:0.0.0.0",
                "in6 ::",
                "in6 fd00:9::1",
                "in " + FOREIGN,
                "in6 ::ffff:" + FOREIGN,
                "in 10.8.0.1",
                "in 10.8.0.1@a0",
                in + "@b0",
                in + "@lo",
                in + "@9999",
                in6 + "@9999",
                "in 239.1.2.3",
                "in 127.0.0.1",
                "in 10.9.0.255");
    }

    private static List<String> ipv4GroupReplies(String asked) {
        String in6 = "in6 ::ffff:" + asked + "@a0";
        return List.of(
                "arrives",
                "nothing",
                "in 10.9.0.1@a0",
                "in 10.9.0.1",
                "in " + asked,
                in6,
                in6 + " + in 10.9.0.1@a0",
                "in 10.9.0.1@a0 + " + in6);
    }

    private static List<String> ipv6Replies(String asked) {
        return List.of(
                "arrives",
                "nothing",
                "in6 " + asked,
                "in6 " + asked + "@a0",
                "in6 ::@a0",
                "in 10.9.0.2",
                "in6 ::ffff:10.9.0.2",
                "in6 fd00:9::55",
                "in6 fd00:8::1",
                "in6 " + asked + "@b0",
                "in6 " + asked + "@9999",
                "in6 ff15::9",
                "in6 fe80::1");
    }

    /** Runs the experiments in order; the expected outcome only determines how long to wait for a reply. */
    public Map<Experiment, String> run(List<Experiment> experiments, Map<Experiment, String> expected)
            throws Exception {
        Map<Experiment, String> results = new LinkedHashMap<>();
        String open = "";
        for (Experiment experiment : experiments) {
            String wanted = "open " + experiment.socket() + " " + experiment.options() + " " + PORT;
            if (!open.equals(wanted)) {
                open(wanted, experiment.socket());
                open = wanted;
            }
            results.put(experiment, result(experiment, expected.getOrDefault(experiment, "")));
        }
        return results;
    }

    private void open(String command, String socket) throws Exception {
        expect(server, command, "open");
        if (!socket.equals("IPV6")) {
            expect(server, "join 239.1.2.3 a0", "joined");
        }
        if (!socket.equals("IPV4")) {
            expect(server, "join ff15::9 a0", "joined");
        }
    }

    private String result(Experiment experiment, String expected) throws Exception {
        String asked = experiment.asked().startsWith("fe80:") ? experiment.asked() + "%c0" : experiment.asked();
        expect(client, "ask " + asked + " " + PORT + " " + experiment.asked(), "asked");
        String arrived = server.say("receive " + experiment.asked());
        if (experiment.reply().equals("arrives")) {
            return arrived;
        }
        String sent = server.say("reply " + experiment.reply());
        return sent.equals("sent") ? client.say("await " + (expected.equals("lost") ? 150 : 3000)) : sent;
    }

    private void expect(ChildProcess agent, String command, String answer) throws Exception {
        String said = agent.say(command);
        if (!said.equals(answer)) {
            throw new AssertionError(command + ": " + said);
        }
    }

    /**
     * Returns a table's experiments and their outcomes, for each kernel that has a column; the first line names them.
     */
    public static List<Map<Experiment, String>> columns(List<String> table) {
        List<Map<Experiment, String>> columns = new ArrayList<>();
        for (String ignored : table.get(0).split("\t", -1)) {
            columns.add(new LinkedHashMap<>());
        }
        for (String line : table.subList(1, table.size())) {
            String[] cells = line.split("\t", -1);
            for (int i = 4; i < cells.length; i++) {
                columns.get(i).put(new Experiment(cells[0], cells[1], cells[2], cells[3]), cells[i]);
            }
        }
        return columns.subList(4, columns.size());
    }

    @Override
    public void close() {
        server.close();
        client.close();
        hosts.close();
    }
}
