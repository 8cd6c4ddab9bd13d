package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pktinfo.it.support.EchoHosts.RIGHT;
import static org.pktinfo.it.support.EchoHosts.WRONG;
import static org.pktinfo.it.support.Jvm.TEST_CLASSES;
import static org.pktinfo.it.support.Jvm.agent;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
import org.pktinfo.it.support.EchoHosts;
import org.pktinfo.it.support.EchoServers;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.Opened;
import org.pktinfo.it.support.OwnServers;

/** Unmodified programs under pktinfo-agent.jar: behaviour that changes, and behaviour that does not. */
@Timeout(120)
class AgentIT {
    private static final String JAR = System.getProperty("agent.jar");

    /**
     * Binds the ports given, which shows which of them the agent handles, and then uses a pktinfo of its own beside it.
     */
    static final class Ports {
        public static void main(String[] arguments) throws IOException {
            boolean stays = arguments.length > 0 && arguments[0].equals("stay");
            List<DatagramSocket> open = new ArrayList<>();
            for (String port : arguments) {
                if (!port.equals("stay")) {
                    open.add(new DatagramSocket(Integer.parseInt(port)));
                }
            }
            if (stays) {
                try (PktInfoChannel own = PktInfoChannel.open().bind(new InetSocketAddress(0))) {
                    System.out.println(own.isOpen() + " " + PktInfoChannel.class.getClassLoader());
                    System.in.read(); // until the test has seen the output that it waits for
                }
            }
            open.forEach(DatagramSocket::close);
        }
    }

    private static final EchoHosts WORLD = new EchoHosts();

    @RegisterExtension
    static final Opened OPENED = WORLD.opened;

    /** Starts a server, one of {@link EchoServers}, sends to its host's addresses, and returns the answers' sources. */
    private static List<String> answers(Jvm jvm, String kind, String... options) throws Exception {
        return answers(jvm, EchoServers.class, TEST_CLASSES.toString(), kind, options);
    }

    private static List<String> answers(Jvm jvm, Class<?> servers, String classPath, String kind, String... options)
            throws Exception {
        EchoHosts.Served served = WORLD.serve(jvm, servers, classPath, kind, List.of(options));
        assertThat(served.out())
                .as("stdout")
                .allMatch(line -> line.equals("ready") || (kind.equals("timed") && line.equals("waiting")));
        assertThat(served.err())
                .as("stderr")
                .allMatch(line -> line.startsWith("pktinfo-agent: ")
                        || line.contains("Security Manager")
                        || (kind.equals("plain fall-back") && line.contains("NativeLibrary warnOnce"))
                        || (kind.equals("plain fall-back") && line.contains("REPLIES LEAVE FROM ANY ADDRESS")));
        return served.sources();
    }

    @ParameterizedTest
    @CsvSource({
        "JDK17, datagram",
        "JDK17, multicast",
        "JDK17, timed",
        "JDK17, channel",
        "JDK17, selector",
        "JDK17, reconnected",
        "JDK25, datagram",
        "JDK25, multicast",
        "JDK25, timed",
        "JDK25, channel",
        "JDK25, selector",
        "JDK25, reconnected",
        "JDK25, virtual datagram",
        "JDK25, virtual channel"
    })
    void anUnmodifiedServerAnswersFromTheRequestDestinationWithTheAgentAndFromAnotherWithout(Jvm jvm, String kind)
            throws Exception {
        List<String> stock = answers(jvm, kind);
        assertThat(stock).containsAll(WRONG).isNotEqualTo(RIGHT);
        // After a disconnect the kernel no longer delivers IPv6 datagrams to a socket for both families.
        List<String> answered = RIGHT.stream()
                .map(right -> right.replaceAll(" .*", ""))
                .map(asked -> stock.contains(asked + " nothing") ? asked + " nothing" : asked + " " + asked)
                .toList();
        assertThat(kind.equals("reconnected") || answered.equals(RIGHT)).isTrue();
        assertThat(answers(jvm, kind, agent(""))).isEqualTo(answered);
    }

    @ParameterizedTest
    @CsvSource({
        "JDK17, inet channel, ''",
        "JDK17, datagram, -Djava.net.preferIPv4Stack=true",
        "JDK17, selector, -Djava.net.preferIPv4Stack=true",
        "JDK25, inet channel, ''",
        "JDK25, datagram, -Djava.net.preferIPv4Stack=true",
        "JDK25, selector, -Djava.net.preferIPv4Stack=true"
    })
    void alsoOneThatHasIpv4Alone(Jvm jvm, String kind, String option) throws Exception {
        String any = option.isEmpty() ? "-Dnone=none" : option;
        List<String> ipv4 = RIGHT.subList(0, 4);
        assertThat(answers(jvm, kind, any, agent(""))).containsAll(ipv4);
        assertThat(answers(jvm, kind, any)).containsAll(WRONG);
    }

    @ParameterizedTest
    @ValueSource(strings = {"new socket", "new connected socket", "new channel", "new connected channel"})
    void answersFromNewSocketsLeaveFromTheAddressThatTheOldOneWasAsked(String kind) throws Exception {
        for (Jvm jvm : Jvm.values()) {
            assertThat(answers(jvm, kind, agent(""))).containsAll(WRONG);
            assertThat(answers(jvm, kind, agent("transfer=69,7001"))).isEqualTo(RIGHT);
            assertThat(answers(jvm, kind, agent("transfer=7001,ports=7001"))).isEqualTo(RIGHT);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"-Xint", "-Xcomp", "-XX:+UseZGC", "-XX:+UseSerialGC", "-Xcheck:jni", "-Xshare:off"})
    void inWhateverWayTheJvmRuns(String option) throws Exception {
        assertThat(answers(Jvm.JDK17, "selector", option, agent(""))).isEqualTo(RIGHT);
        assertThat(answers(Jvm.JDK25, "selector", option, agent(""))).isEqualTo(RIGHT);
    }

    @ParameterizedTest
    @ValueSource(strings = {"own channel", "own batch", "own server", "own socket", "own netty", "plain fall-back"})
    void serversOnTheLibraryItselfAreRightUnderTheAgentToo(String kind) throws Exception {
        String classPath = System.getProperty("java.class.path");
        assertThat(answers(Jvm.JDK17, OwnServers.class, classPath, kind, agent("")))
                .isEqualTo(RIGHT);
        assertThat(answers(Jvm.JDK25, OwnServers.class, classPath, kind, agent("")))
                .isEqualTo(RIGHT);
    }

    @Test
    void aServerOnAPortThatIsNotNamedIsLeftAlone() throws Exception {
        assertThat(answers(Jvm.JDK17, "datagram", agent("ports=7000,7002-7010")))
                .contains("10.9.0.2 10.9.0.1", "10.9.0.3 10.9.0.1");
    }

    /** Under a security manager the JDK's class above peeks at each datagram before it receives it. */
    @Test
    void underASecurityManagerToo(@TempDir Path folder) throws Exception {
        Requires.that(Runtime.version().feature() < 24, "a JDK before 24 to run the tests, for its security manager");
        Path all =
                Files.writeString(folder.resolve("all.policy"), "grant { permission java.security.AllPermission; };");
        assertThat(answers(
                        Jvm.JDK17, "datagram", "-Djava.security.manager", "-Djava.security.policy==" + all, agent("")))
                .isEqualTo(RIGHT);
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
        assertThat(child.out()).as("stdout").isEmpty();
        assertThat(child.err()).hasSize(1);
        assertThat(child.err().get(0))
                .startsWith("pktinfo-agent: ")
                .contains("reply from the address asked", "ports 53, 5683-5690");
    }

    /** The program's own pktinfo loads the native library a second time, for itself. */
    @ParameterizedTest
    @EnumSource
    void eachSocketCanBeLoggedAndTheProgramMayUseAPktinfoOfItsOwn(Jvm jvm) throws Exception {
        List<String> command = jvm.command(
                agent("ports=7003-7004,log=sockets"),
                "-cp",
                System.getProperty("java.class.path"),
                Ports.class.getName(),
                "stay",
                "7003",
                "7005");
        try (ChildProcess child = ChildProcess.start(command)) {
            assertThat(child.awaitOut(line -> line.startsWith("true"))).contains("AppClassLoader");
            child.awaitErr(line -> line.endsWith("port 7003: replies leave from the address asked"));
            child.awaitErr(line -> line.contains("port 7005: left alone"));
        }
    }

    @Test
    void quietIsQuiet() throws Exception {
        ChildProcess child = run(Jvm.JDK17, "log=quiet", Ports.class, "7003");
        assertThat(child.err()).isEmpty();
        assertThat(child.out()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"ports=0", "log=loud", "memory=1", "expiry=0", "gone=perhaps"})
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
    void withoutAPlaceForTheNativeLibraryTheProgramDoesNotStart() throws Exception {
        List<String> command = Jvm.JDK17.command("-Dpktinfo.tmpdir=/nonexistent", agent(""));
        command.addAll(List.of("-cp", TEST_CLASSES.toString(), EchoServers.class.getName(), "datagram", "7001"));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isEqualTo(1);
        assertThat(child.err()).hasSize(1);
        assertThat(child.err().get(0)).startsWith("pktinfo-agent: ").contains("/nonexistent");
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
    void twiceTheAgentIsOnceAndIsSaid() throws Exception {
        ChildProcess child = ChildProcess.run(Jvm.JDK17.command(
                agent("log=quiet"), agent(""), "-cp", TEST_CLASSES.toString(), Ports.class.getName(), "7003"));
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.err()).hasSize(1);
        assertThat(child.err().get(0)).contains("nothing is done", "already");
    }

    /** Everything in the agent's jar is on the class path of the program. */
    @Test
    void theJarHasNothingByANameThatAProgramMayHaveToo() throws Exception {
        try (JarFile jar = new JarFile(JAR);
                Stream<String> names = jar.stream().map(entry -> entry.getName())) {
            assertThat(names.filter(name -> !name.endsWith("/")))
                    .allMatch(name -> name.startsWith("org/pktinfo/agent/") || name.startsWith("META-INF/"))
                    .contains("org/pktinfo/agent/PktInfoAgent.class")
                    .noneMatch(name -> name.startsWith("META-INF/services/"));
        }
    }

    @Test
    void theLibraryIsExtractedAndGoneBeforeTheProgramStarts(@TempDir Path folder) throws Exception {
        List<String> command = Jvm.JDK17.command("-Dpktinfo.tmpdir=" + folder, agent("log=quiet"));
        command.addAll(List.of("-cp", TEST_CLASSES.toString(), Ports.class.getName(), "7003"));
        assertThat(ChildProcess.run(command).exitCode()).isZero();
        assertThat(folder).isEmptyDirectory();
    }
}
