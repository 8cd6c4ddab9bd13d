package org.pktinfo.it.support;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A client, and a server with one program for each JVM and kernel, which is kept for all tests of a class.
 *
 * <pre>
 *   client, 10.9.0.100 fd00:9::100 fe80::100 --- server, 10.9.0.1 10.9.0.2 fd00:9::1 fd00:9::2 fe80::1
 * </pre>
 */
public final class FactsHosts {
    public final Namespaces namespaces;
    public final FactsAgent client;

    private final Opened opened;
    private final Map<String, FactsAgent> servers = new LinkedHashMap<>();

    /** Makes the hosts and the client. */
    public FactsHosts(Opened opened) throws Exception {
        this.opened = opened;
        namespaces = opened.add(new Namespaces());
        namespaces.host("client");
        namespaces.host("server");
        namespaces.together(() -> {
            namespaces.cable("client", "a1", "server", "a0");
            namespaces.address("client", "a1", "10.9.0.100/24", "fd00:9::100/64", "fe80::100/64");
            namespaces.address(
                    "server", "a0", "10.9.0.1/24", "10.9.0.2/24", "fd00:9::1/64", "fd00:9::2/64", "fe80::1/64");
        });
        client = opened.add(new FactsAgent(namespaces, "client", Jvm.JDK17.command()));
    }

    /** Returns the names of the JVMs on this kernel and of the emulated kernels. */
    public static List<String> machines() {
        List<String> machines = new ArrayList<>();
        Stream.of(Jvm.values()).forEach(each -> machines.add(each.name()));
        Stream.of(EmulatedKernel.values()).forEach(each -> machines.add(each.name()));
        return machines;
    }

    /** Returns the program on a machine with a new channel at the machine's port, on all addresses of a family. */
    public FactsAgent open(String machine, String family) throws Exception {
        if (!servers.containsKey(machine)) {
            servers.put(machine, opened.add(new FactsAgent(namespaces, "server", java(machine))));
        }
        FactsAgent server = servers.get(machine);
        assertThat(server.say("open " + family + " " + port(machine))).isEqualTo("open");
        return server;
    }

    /** Returns the port of a machine's program, which was opened before. */
    public int port(String machine) {
        return 7000 + List.copyOf(servers.keySet()).indexOf(machine);
    }

    private static List<String> java(String machine) {
        return machine.startsWith("JDK")
                ? Jvm.valueOf(machine).command()
                : EmulatedKernel.java(machine.toLowerCase(Locale.ROOT).replace('_', '-'));
    }
}
