package org.pktinfo.it.support;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pktinfo.Requires;

/** Hosts on this machine: network namespaces joined by virtual cables, gone when closed or when the JVM ends. */
public final class Namespaces implements AutoCloseable {
    private static int count;

    private final String prefix;
    private final List<String> hosts = new ArrayList<>();
    private final Map<String, List<String>> together = new LinkedHashMap<>();
    private final List<Runnable> afterwards = new ArrayList<>();
    private boolean gathering;
    private final Thread atExit = new Thread(this::removeAll);

    public Namespaces() {
        Requires.root();
        Requires.tool("ip");
        prefix = "pi" + ProcessHandle.current().pid() + "-" + count++ + "-";
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /** Adds a host that has only loopback. Root in a container often has no permission for this. */
    public void host(String name) {
        try {
            ip("netns add " + prefix + name);
        } catch (IllegalStateException e) {
            Requires.that(false, "the right to make network namespaces: " + e.getMessage());
        }
        hosts.add(name);
        in(name, "ip link set lo up");
    }

    /** Adds a cable between two hosts; its only addresses are those added with {@link #address}. */
    public void cable(String host1, String interface1, String host2, String interface2) {
        ip("link add " + interface1 + " netns " + prefix + host1 + " type veth peer name " + interface2 + " netns "
                + prefix + host2);
        in(host1, "ip link set " + interface1 + " addrgenmode none up");
        in(host2, "ip link set " + interface2 + " addrgenmode none up");
    }

    /** Deletes an interface, at once also within {@link #together}. */
    public void remove(String host, String interfaceName) {
        ip("-n " + prefix + host + " link del " + interfaceName);
    }

    /** Adds addresses such as 192.0.2.1/24, usable on return: there is no duplicate address detection. */
    public void address(String host, String interfaceName, String... addresses) {
        for (String address : addresses) {
            in(host, "ip addr add " + address + " dev " + interfaceName + (address.indexOf(':') >= 0 ? " nodad" : ""));
        }
        List<String> ipv6 = Arrays.stream(addresses)
                .filter(address -> address.indexOf(':') >= 0)
                .toList();
        if (gathering) {
            afterwards.add(() -> awaitLocal(host, interfaceName, ipv6));
        } else {
            awaitLocal(host, interfaceName, ipv6);
        }
    }

    /**
     * Waits until the kernel has taken IPv6 addresses over, which is later than it says: the host receives datagrams to
     * an address once there is a route.
     */
    private void awaitLocal(String host, String interfaceName, List<String> addresses) {
        if (addresses.isEmpty()) {
            return;
        }
        long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
        String routes;
        do {
            routes = in(host, "ip -6 route show table all type local dev " + interfaceName);
            String local = routes;
            if (addresses.stream().allMatch(each -> local.contains("local " + each.replaceAll("/.*", "") + " "))) {
                return;
            }
        } while (System.nanoTime() < deadline);
        throw new IllegalStateException(addresses + " not all among " + routes);
    }

    /** Runs a command on a host, words separated by spaces; it must succeed. Returns its output. */
    public String in(String host, String command) {
        if (gathering && command.startsWith("ip ")) {
            together.computeIfAbsent(host, name -> new ArrayList<>()).add(command.substring(3));
            return "";
        }
        String[] words = command.split(" ", -1);
        if (!words[0].equals("ip")) {
            return run(inside(host, words));
        }
        List<String> whole = new ArrayList<>(List.of("ip", "-n", prefix + host));
        whole.addAll(Arrays.asList(words).subList(1, words.length));
        return run(whole);
    }

    /** Collects the {@code ip} commands of the work, and runs them at its end, in one process for each host. */
    public void together(Runnable work) throws IOException {
        gathering = true;
        try {
            work.run();
        } finally {
            gathering = false;
        }
        for (Map.Entry<String, List<String>> host : together.entrySet()) {
            Path file = Files.createTempFile("ip", ".batch");
            try {
                Files.write(file, host.getValue());
                in(host.getKey(), "ip -batch " + file);
            } finally {
                Files.delete(file);
            }
        }
        together.clear();
        afterwards.forEach(Runnable::run);
        afterwards.clear();
    }

    /** Starts a program of the tests on a host, in the JVM that the command starts. */
    ChildProcess start(String host, List<String> java, Class<?> program) throws IOException {
        List<String> command = new ArrayList<>(java);
        command.addAll(List.of(
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                program.getName()));
        return ChildProcess.start(inside(host, command.toArray(String[]::new)));
    }

    /** Returns the command line that runs another on a host. */
    public List<String> inside(String host, String... command) {
        Path unused = Requires.tool(command[0]);
        List<String> whole = new ArrayList<>(List.of("ip", "netns", "exec", prefix + host));
        whole.addAll(Arrays.asList(command));
        return whole;
    }

    /** Starts the sample server on a host, in the JVM that a command starts; it listens when this returns. */
    public ChildProcess serve(String host, List<String> java, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(java);
        command.addAll(List.of("-jar", System.getProperty("server.jar")));
        command.addAll(Arrays.asList(arguments));
        ChildProcess server = ChildProcess.start(inside(host, command.toArray(String[]::new)));
        server.awaitErr(line -> line.startsWith("listening on "));
        return server;
    }

    private static void ip(String arguments) {
        List<String> command = new ArrayList<>(List.of("ip"));
        command.addAll(Arrays.asList(arguments.split(" ", -1)));
        run(command);
    }

    private static String run(List<String> command) {
        try {
            ChildProcess child = ChildProcess.run(command);
            if (child.exitCode() != 0) {
                throw new IllegalStateException(child.toString());
            }
            return String.join("\n", child.out());
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(String.join(" ", command), e);
        }
    }

    private void removeAll() {
        for (String host : hosts) {
            ip("netns del " + prefix + host);
        }
        hosts.clear();
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(atExit);
        removeAll();
    }
}
