package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.MulticastSocket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Opened;
import org.pktinfo.it.support.TwoHosts;
import org.pktinfo.socket.SocketCases;

/** pktinfo-agent.jar under programs that know nothing of it: what they do differently, and what not. */
@Timeout(120)
class AgentIT {
    private static final String JAR = System.getProperty("agent.jar");
    private static final Path TEST_CLASSES = Path.of(JAR).resolveSibling("test-classes");

    /** The JVMs, each with what it wants to be told. */
    enum Jvm {
        JDK17,
        JDK25;

        private List<String> command(String... rest) {
            List<String> command = new ArrayList<>();
            if (this == JDK17) {
                command.add(ChildProcess.java().toString());
            } else {
                command.add(Requires.jdk25().toString());
                command.addAll(List.of("--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED"));
            }
            command.addAll(Arrays.asList(rest));
            return command;
        }
    }

    /**
     * A server as one finds it everywhere: an echo on a DatagramSocket or a MulticastSocket, with the JDK's classes
     * alone.
     */
    static final class Server {
        public static void main(String[] arguments) throws IOException {
            int port = Integer.parseInt(arguments[1]);
            try (DatagramSocket socket =
                    arguments[0].equals("multicast") ? new MulticastSocket(port) : new DatagramSocket(port)) {
                System.out.println("ready");
                DatagramPacket packet = new DatagramPacket(new byte[2000], 2000);
                while (true) {
                    socket.receive(packet);
                    socket.send(packet);
                }
            }
        }
    }

    /** A program that sets a factory of its own. */
    static final class OwnFactory {
        @SuppressWarnings("deprecation")
        public static void main(String[] arguments) throws IOException {
            try {
                DatagramSocket.setDatagramSocketImplFactory(() -> null);
                System.out.println("set");
            } catch (SocketException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    /**
     * Binds the ports given, which says which of them the agent takes, and then uses a pktinfo of its own beside it.
     */
    static final class Ports {
        public static void main(String[] arguments) throws IOException {
            for (String port : arguments) {
                new DatagramSocket(Integer.parseInt(port)).close();
            }
            try (PktInfoChannel own = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
                System.out.println(own.isOpen() + " " + PktInfoChannel.class.getClassLoader());
            }
        }
    }

    private static String agent(String options) {
        return "-javaagent:" + JAR + (options.isEmpty() ? "" : "=" + options);
    }

    private static final TwoHosts WORLD = new TwoHosts() {}; // connected when first needed

    @RegisterExtension
    static final Opened OPENED = WORLD.opened;

    /** Starts a server and asks its host's addresses; where the answers come from. */
    private static List<String> answers(Jvm jvm, String kind, String... options) throws Exception {
        if (WORLD.client == null) { // only for those who may make hosts; the other tests need no right
            WORLD.connect();
        }
        List<String> command = jvm.command(options);
        command.addAll(List.of("-cp", TEST_CLASSES.toString(), Server.class.getName(), kind, "7001"));
        List<String> sources = new ArrayList<>();
        try (ChildProcess server = ChildProcess.start(WORLD.hosts.inside("server", command.toArray(String[]::new)))) {
            server.awaitOut("ready"::equals);
            for (String asked : List.of("10.9.0.2", "10.9.0.1", "10.9.0.3", "10.99.0.1", "fd00:9::2", "fd99::1")) {
                assertThat(WORLD.client.say("send " + asked + " 7001")).isEqualTo("sent");
                sources.add(asked + " " + WORLD.client.say("await"));
            }
            assertThat(server.err())
                    .as("%s", server)
                    .allMatch(line -> line.startsWith("pktinfo-agent: ") || line.contains("Security Manager"));
            server.terminate();
            assertThat(server.exitCode()).as("the port is free again").isNotZero();
        }
        return sources;
    }

    private static final List<String> RIGHT = List.of(
            "10.9.0.2 10.9.0.2",
            "10.9.0.1 10.9.0.1",
            "10.9.0.3 10.9.0.3",
            "10.99.0.1 10.99.0.1",
            "fd00:9::2 fd00:9::2",
            "fd99::1 fd99::1");

    @ParameterizedTest
    @CsvSource({"JDK17, datagram", "JDK17, multicast", "JDK25, datagram", "JDK25, multicast"})
    void anUnmodifiedServerAnswersFromTheAddressAskedWithTheAgentAndFromAnotherWithout(Jvm jvm, String kind)
            throws Exception {
        assertThat(answers(jvm, kind, agent(""))).isEqualTo(RIGHT);
        assertThat(answers(jvm, kind))
                .contains("10.9.0.2 10.9.0.1", "10.9.0.3 10.9.0.1", "10.99.0.1 10.9.0.1")
                .isNotEqualTo(RIGHT);
    }

    @Test
    void aServerOnAPortThatIsNotNamedIsLeftAlone() throws Exception {
        assertThat(answers(Jvm.JDK17, "datagram", agent("ports=7000,7002-7010")))
                .contains("10.9.0.2 10.9.0.1", "10.9.0.3 10.9.0.1");
    }

    /** The JDK's class above looks at each datagram before it takes it then. */
    @Test
    void underASecurityManagerToo(@TempDir Path folder) throws Exception {
        Requires.that(Runtime.version().feature() < 24, "a JDK before 24 to run the tests, for its security manager");
        Path all =
                Files.writeString(folder.resolve("all.policy"), "grant { permission java.security.AllPermission; };");
        assertThat(answers(
                        Jvm.JDK17, "datagram", "-Djava.security.manager", "-Djava.security.policy==" + all, agent("")))
                .isEqualTo(RIGHT);
    }

    /**
     * A case in which the JDK's class above a factory's sockets is not the one above its own, and the change of the
     * outcome.
     */
    private record Otherwise(String name, String stock, String agent) {}

    private static final List<Otherwise> OTHERWISE = List.of(
            // It says 0.0.0.0 for any address.
            new Otherwise("new: bound", "Inet6Address", "Inet4Address"),
            // An option of a closed socket: SocketException, which is the IOException documented.
            new Otherwise("closed: what", "IOException, done]", "SocketException, done]"),
            // An unresolved group is not checked.
            new Otherwise("groups: the system", "(IllegalArgumentException, )I\\w+", "$1NullPointerException"),
            // It locks while it receives.
            new Otherwise("reading and setting what the socket has", "\\[\\d+, \\w+\\]", "TimeoutException"),
            // It does not hear that an interrupt has closed the socket below; what is done next fails all the same.
            new Otherwise("a virtual thread that is interrupted", "true, true\\]", "true, false]"));

    private static String expected(String name, String stock) {
        String expected = stock;
        for (Otherwise otherwise : OTHERWISE) {
            if (name.contains(otherwise.name)) {
                expected = expected.replaceAll(otherwise.stock, otherwise.agent);
            }
        }
        return expected;
    }

    @ParameterizedTest
    @EnumSource
    void whatDatagramSocketsAndMulticastSocketsDoTheyDoUnderTheAgent(Jvm jvm) throws Exception {
        Map<String, String> stock = outcomes(jvm);
        assertThat(stock)
                .hasSizeGreaterThan(70)
                .allSatisfy((name, outcome) -> assertThat(outcome).as(name).doesNotContain("Error"));
        Map<String, String> expected = new LinkedHashMap<>();
        stock.forEach((name, outcome) -> expected.put(name, expected(name, outcome)));
        assertThat(outcomes(jvm, agent("log=quiet"))).isEqualTo(expected);
    }

    private static Map<String, String> outcomes(Jvm jvm, String... options) throws Exception {
        List<String> command = jvm.command(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), SocketCases.class.getName()));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.err()).as("stderr").isEmpty();
        Map<String, String> outcomes = new LinkedHashMap<>();
        for (String line : child.out()) {
            int equals = line.indexOf(" = ");
            outcomes.put(line.substring(0, equals), line.substring(equals + 3));
        }
        return outcomes;
    }

    private static ChildProcess run(Jvm jvm, String options, Class<?> program, String... arguments) throws Exception {
        List<String> command =
                jvm.command(agent(options), "-cp", System.getProperty("java.class.path"), program.getName());
        command.addAll(Arrays.asList(arguments));
        return ChildProcess.run(command);
    }

    @Test
    void oneLineSaysWhatIsInstalledAndWhatIsNotReached() throws Exception {
        ChildProcess child = run(Jvm.JDK17, "ports=53,5683-5690", Ports.class);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.err()).hasSize(1);
        assertThat(child.err().get(0))
                .startsWith("pktinfo-agent: ")
                .contains(
                        "DatagramSocket and MulticastSocket",
                        "ports 53, 5683-5690",
                        "Not reached: DatagramChannel, Netty");
    }

    /** The program's own pktinfo loads the native library a second time, for itself. */
    @ParameterizedTest
    @EnumSource
    void eachSocketCanBeLoggedAndTheProgramMayUseAPktinfoOfItsOwn(Jvm jvm) throws Exception {
        ChildProcess child = run(jvm, "ports=7003-7004,log=sockets", Ports.class, "7003", "7005");
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.out()).first().asString().startsWith("true ").contains("AppClassLoader");
        assertThat(child.err()).hasSize(3);
        assertThat(child.err().get(1)).contains(":7003: replies leave from the address asked");
        assertThat(child.err().get(2)).contains(":7005: left alone");
    }

    @Test
    void quietIsQuiet() throws Exception {
        assertThat(run(Jvm.JDK17, "log=quiet", Ports.class, "7003").err()).isEmpty();
    }

    @Test
    void aProgramThatSetsAFactoryOfItsOwnIsToldByTheJdkWhatTheFirstLineAnnounced() throws Exception {
        ChildProcess child = run(Jvm.JDK17, "", OwnFactory.class);
        assertThat(child.out()).containsExactly("factory already defined");
        assertThat(child.err()).first().asString().contains("\"factory already defined\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"ports=0", "log=loud"})
    void aWrongOptionIsNamedInOneLineAndTheProgramDoesNotStart(String options) throws Exception {
        ChildProcess child = run(Jvm.JDK17, options, Ports.class);
        assertThat(child.exitCode()).as("%s", child).isEqualTo(2);
        assertThat(child.out()).isEmpty();
        assertThat(child.err()).hasSize(1);
        assertThat(child.err().get(0))
                .startsWith("pktinfo-agent: ")
                .contains(options.substring(options.indexOf('=') + 1));
    }

    @Test
    void withoutTheNativeLibraryTheProgramDoesNotStart() throws Exception {
        List<String> command = Jvm.JDK17.command("-Dpktinfo.library.path=/nonexistent/lib.so", agent(""));
        command.addAll(List.of("-cp", TEST_CLASSES.toString(), Server.class.getName(), "datagram", "7001"));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isEqualTo(1);
        assertThat(child.err()).hasSize(1);
        assertThat(child.err().get(0)).startsWith("pktinfo-agent: ").contains("/nonexistent/lib.so");
    }

    @Test
    void onJdk25WithNativeAccessDeniedItSaysWhatToAllow() throws Exception {
        ChildProcess child = ChildProcess.run(List.of(
                Requires.jdk25().toString(),
                "--illegal-native-access=deny",
                agent(""),
                "-cp",
                TEST_CLASSES.toString(),
                Ports.class.getName()));
        assertThat(child.exitCode()).as("%s", child).isEqualTo(1);
        assertThat(child.err()).last().asString().contains("--enable-native-access=ALL-UNNAMED");
    }

    @Test
    void twiceTheAgentIsOneTooMany() throws Exception {
        ChildProcess child = ChildProcess.run(Jvm.JDK17.command(
                agent("log=quiet"), agent(""), "-cp", TEST_CLASSES.toString(), Ports.class.getName()));
        assertThat(child.exitCode()).as("%s", child).isEqualTo(1);
        assertThat(child.err()).hasSize(1);
        assertThat(child.err().get(0)).contains("another agent");
    }

    /** Everything in it is on the class path of the program. */
    @Test
    void theJarHasNothingByANameThatAProgramMayHaveToo() throws Exception {
        try (JarFile jar = new JarFile(JAR);
                Stream<String> names = jar.stream().map(entry -> entry.getName())) {
            assertThat(names.filter(name -> !name.endsWith("/")))
                    .allMatch(name -> name.startsWith("pktinfo/agent/")
                            || name.startsWith("org/pktinfo/")
                            || name.startsWith("META-INF/"))
                    .contains("pktinfo/agent/PktInfoAgent.class")
                    .noneMatch(name -> name.startsWith("org/pktinfo/cli/") || name.startsWith("META-INF/services/"));
        }
    }

    @Test
    void theLibraryIsExtractedAndGoneBeforeTheProgramStarts(@TempDir Path folder) throws Exception {
        List<String> command = Jvm.JDK17.command("-Dpktinfo.tmpdir=" + folder, agent("log=quiet"));
        command.addAll(List.of("-cp", TEST_CLASSES.toString(), OwnFactory.class.getName()));
        assertThat(ChildProcess.run(command).exitCode()).isZero();
        assertThat(folder).isEmptyDirectory();
    }
}
