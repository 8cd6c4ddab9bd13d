package org.pktinfo.it.support;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

/** The hosts of {@link TwoHosts}, for servers of other programs; connected when first needed. */
public final class EchoHosts extends TwoHosts {
    /** The answers of a correct server, for each request destination. */
    public static final List<String> RIGHT = List.of(
            "10.9.0.2 10.9.0.2",
            "10.9.0.1 10.9.0.1",
            "10.9.0.3 10.9.0.3",
            "10.99.0.1 10.99.0.1",
            "fd00:9::2 fd00:9::2",
            "fd99::1 fd99::1");

    /** Some of the answers of a server that leaves the source address to the system. */
    public static final List<String> WRONG = List.of("10.9.0.2 10.9.0.1", "10.9.0.3 10.9.0.1", "10.99.0.1 10.9.0.1");

    /** The outcome of a server: each request destination with the source of its answer, and the lines printed. */
    public record Served(List<String> sources, List<String> out, List<String> err) {}

    /** Starts a server of a kind with options for the JVM, sends to its host's addresses, and stops it. */
    public Served serve(Jvm jvm, Class<?> servers, String classPath, String kind, List<String> options)
            throws Exception {
        if (client == null) { // connected late: making hosts needs privileges, and other tests of a class need none
            connect();
        }
        List<String> command = jvm.command(options.toArray(String[]::new));
        command.addAll(List.of("-cp", classPath, servers.getName(), kind, "7001"));
        List<String> sources = new ArrayList<>();
        try (ChildProcess program = ChildProcess.start(hosts.inside("server", command.toArray(String[]::new)))) {
            program.awaitOut("ready"::equals);
            for (String right : RIGHT) {
                String asked = right.replaceAll(" .*", "");
                assertThat(client.say("send " + asked + " 7001")).isEqualTo("sent");
                sources.add(asked + " " + client.say("await"));
            }
            program.terminate();
            assertThat(program.exitCode()).as("the port is free again").isNotZero();
            return new Served(sources, program.out(), program.err());
        }
    }
}
