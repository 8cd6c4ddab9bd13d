package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.Background;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.EchoServers;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.Opened;
import org.pktinfo.it.support.TwoHosts;

/** The agent in programs that run already: attached, detached, refused. */
@Timeout(180)
class AttachIT {
    private static final String JAR = System.getProperty("agent.jar");
    private static final List<String> ADDRESSES =
            List.of("10.9.0.2", "10.9.0.1", "10.9.0.3", "10.99.0.1", "fd00:9::2", "fd99::1");

    private static final TwoHosts WORLD = new TwoHosts() {}; // connected when first needed

    @RegisterExtension
    static final Opened OPENED = WORLD.opened;

    private static Path java(Jvm jvm) {
        return Path.of(jvm.command().get(0));
    }

    private static List<String> command(Path java, String... rest) {
        List<String> command = new ArrayList<>(List.of(java.toString()));
        command.addAll(Arrays.asList(rest));
        return command;
    }

    /** Runs the agent's command. */
    private static ChildProcess agent(Object... arguments) throws Exception {
        List<String> command = command(ChildProcess.java(), "-jar", JAR);
        for (Object each : arguments) {
            command.add(each.toString());
        }
        return ChildProcess.run(command);
    }

    private static void assertRefused(ChildProcess agent, int exitCode, String... reasons) throws Exception {
        assertThat(agent.exitCode()).as("%s", agent).isEqualTo(exitCode);
        assertThat(agent.out()).as("%s", agent).isEmpty();
        assertThat(agent.err()).as("%s", agent).hasSize(1);
        assertThat(agent.err().get(0)).startsWith("pktinfo-agent: ").contains(reasons);
    }

    private static List<String> done(ChildProcess agent) throws Exception {
        assertThat(agent.exitCode()).as("%s", agent).isZero();
        assertThat(agent.err()).as("%s", agent).isEmpty();
        return agent.out();
    }

    private static void connect() throws Exception {
        if (WORLD.client == null) {
            WORLD.connect();
        }
    }

    private static ChildProcess server(Path java, String kind, String... options) throws Exception {
        connect();
        List<String> command = command(java, options);
        command.addAll(List.of("-cp", Jvm.TEST_CLASSES.toString(), EchoServers.class.getName(), kind, "7001"));
        ChildProcess server = ChildProcess.start(WORLD.hosts.inside("server", command.toArray(String[]::new)));
        server.awaitOut("ready"::equals);
        return server;
    }

    /** Sends a request to each of the server's addresses; returns the source addresses of the answers. */
    private static List<String> answers() throws Exception {
        return answers(ADDRESSES);
    }

    private static List<String> answers(List<String> addresses) throws Exception {
        List<String> sources = new ArrayList<>();
        for (String asked : addresses) {
            assertThat(WORLD.client.say("send " + asked + " 7001")).isEqualTo("sent");
            sources.add(WORLD.client.say("await"));
        }
        return sources;
    }

    private static void assertWrong(List<String> answers) {
        assertThat(answers).hasSizeGreaterThan(3).doesNotContain("10.9.0.2", "10.9.0.3", "10.99.0.1");
    }

    @ParameterizedTest
    @CsvSource({
        "JDK17, datagram",
        "JDK17, multicast",
        "JDK17, timed",
        "JDK17, channel",
        "JDK17, inet channel",
        "JDK17, selector",
        "JDK25, datagram",
        "JDK25, multicast",
        "JDK25, timed",
        "JDK25, channel",
        "JDK25, selector",
        "JDK25, virtual datagram",
        "JDK25, virtual channel"
    })
    void aServerThatRunsIsMendedWithoutARestartAndGivenBack(Jvm jvm, String kind) throws Exception {
        try (ChildProcess server = server(java(jvm), kind)) {
            List<String> addresses = kind.equals("inet channel") ? ADDRESSES.subList(0, 4) : ADDRESSES;
            assertWrong(answers(addresses));
            List<String> report = done(agent(server.process().pid()));
            assertThat(report.get(1)).endsWith("port 7001: replies leave from the address asked");
            boolean one = kind.equals("datagram") || kind.equals("multicast");
            boolean woken = kind.equals("channel") || kind.equals("inet channel");
            assertThat(report).hasSize(one || woken ? 3 : 2);
            if (one) { // the thread cannot be woken: the system chooses the next reply's source
                assertThat(report.get(2)).contains("thread \"main\"", "next reply");
                assertThat(WORLD.client.say("send 10.9.0.2 7001")).isEqualTo("sent");
                assertThat(WORLD.client.say("await")).isEqualTo("10.9.0.1");
            }
            assertThat(answers(addresses)).isEqualTo(addresses);
            assertThat(done(agent(server.process().pid(), "off")))
                    .singleElement()
                    .asString()
                    .contains("switched off");
            assertThat(server.out()).as("%s", server).allMatch(line -> line.equals("ready") || line.equals("waiting"));
            assertThat(server.err())
                    .as("%s", server)
                    .allMatch(line -> line.startsWith("pktinfo-agent: ") || line.startsWith("WARNING: "));
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsNotIncludedIsNamedWithTheOptionThatIncludesIt(Jvm jvm) throws Exception {
        try (ChildProcess server = server(java(jvm), "selector")) {
            long process = server.process().pid();
            assertThat(done(agent(process, "ports=53"))).last().asString().contains("port 7001: left alone", "ports=");
            assertWrong(answers());
            assertRefused(agent(process, "ports=7001"), 1, "nothing is done", "pktinfo-agent");
            assertThat(done(agent(process, "off"))).hasSize(1);
            assertRefused(agent(process, "off"), 1, "it is not switched on");
            assertThat(done(agent(process, "ports=7001"))).hasSize(2);
            assertThat(answers()).isEqualTo(ADDRESSES);
            assertThat(done(agent(process, "off"))).hasSize(1);
            assertRefused(agent(process, "ports=0"), 2, "\"0\"");
            assertRefused(agent(process, "netty=nio"), 2, "netty=nio");
            assertThat(answers().subList(1, 6)).as("peers that are unknown").doesNotContain("10.9.0.3", "10.99.0.1");
        }
    }

    @Test
    void alsoWhereJavasOwnWaysInAreMissingOrNativeAccessIsDenied() throws Exception {
        for (String[] options :
                List.of(new String[] {"--limit-modules", "java.base"}, new String[] {"--illegal-native-access=deny"})) {
            Jvm jvm = options.length == 2 ? Jvm.JDK17 : Jvm.JDK25;
            try (ChildProcess server = server(java(jvm), "selector", options)) {
                assertThat(done(agent(server.process().pid()))).hasSize(2);
                assertThat(answers()).isEqualTo(ADDRESSES);
            }
        }
    }

    /** The process has another /tmp, and another process id in its own namespace. */
    @ParameterizedTest
    @EnumSource
    void alsoInOtherNamespacesOfMountsAndProcesses(Jvm jvm) throws Exception {
        Requires.tool("unshare");
        connect();
        String java = java(jvm) + " -cp /mnt " + EchoServers.class.getName() + " channel 7001";
        List<String> command = WORLD.hosts.inside(
                "server",
                "unshare",
                "--pid",
                "--mount",
                "--fork",
                "--mount-proc",
                "/bin/sh",
                "-c",
                "mount --bind " + Jvm.TEST_CLASSES + " /mnt && mount -t tmpfs none /tmp && exec " + java);
        try (ChildProcess server = ChildProcess.start(command)) {
            server.awaitOut("ready"::equals);
            long inside =
                    server.process().descendants().findFirst().orElseThrow().pid();
            assertMendedAndGivenBack(inside, command(ChildProcess.java(), "-jar", JAR, String.valueOf(inside)));
        }
    }

    private static void assertMendedAndGivenBack(long process, List<String> agent) throws Exception {
        assertThat(done(ChildProcess.run(agent))).hasSize(3).last().asString().contains("woken");
        assertThat(answers()).isEqualTo(ADDRESSES);
        assertThat(Path.of("/proc/" + process + "/root/tmp"))
                .as("nothing is left there")
                .isDirectoryNotContaining(each -> each.getFileName().toString().startsWith("pktinfo"));
        List<String> off = new ArrayList<>(agent);
        off.add("off");
        assertThat(done(ChildProcess.run(off))).hasSize(1);
        assertWrong(answers());
    }

    /** The process has a folder as its root; the command has the same mounts as the process, or others. */
    @ParameterizedTest
    @CsvSource({"JDK17, true", "JDK17, false", "JDK25, true", "JDK25, false"})
    void alsoInAnotherRoot(Jvm jvm, boolean sameMounts, @TempDir Path folder) throws Exception {
        Requires.tool("unshare");
        connect();
        Path root = Files.createDirectory(folder.resolve("root"));
        String mounts = "mount --rbind / " + root + " && mount --bind " + Jvm.TEST_CLASSES + " " + root
                + "/mnt && mount -t tmpfs none " + root + "/tmp && mount -t proc none "
                + root + "/proc && ";
        String java = java(jvm) + " -cp /mnt " + EchoServers.class.getName() + " channel 7001";
        List<String> command = WORLD.hosts.inside(
                "server",
                "unshare",
                "--pid",
                "--mount",
                "--fork",
                "/bin/sh",
                "-c",
                mounts + "exec chroot " + root + " " + java);
        try (ChildProcess server = ChildProcess.start(command)) {
            server.awaitOut("ready"::equals);
            long inside =
                    server.process().descendants().findFirst().orElseThrow().pid();
            List<String> agent = new ArrayList<>();
            if (sameMounts) {
                agent.addAll(List.of("nsenter", "--mount=/proc/" + inside + "/ns/mnt"));
            }
            agent.addAll(command(ChildProcess.java(), "-jar", JAR, String.valueOf(inside)));
            assertMendedAndGivenBack(inside, agent);
        }
    }

    /** Root may attach to any user's process, other users only to their own. */
    @ParameterizedTest
    @EnumSource
    void ofAnotherUserOnlyForRoot(Jvm jvm, @TempDir Path folder) throws Exception {
        Requires.tool("setpriv");
        connect();
        Path classes = readable(folder);
        String[] nobody = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
        List<String> command = new ArrayList<>(Arrays.asList(nobody));
        command.addAll(command(java(jvm), "-cp", classes.toString(), EchoServers.class.getName(), "selector", "7001"));
        try (ChildProcess server = ChildProcess.start(WORLD.hosts.inside("server", command.toArray(String[]::new)))) {
            server.awaitOut("ready"::equals);
            assertThat(done(agent(server.process().pid()))).hasSize(2);
            assertThat(answers()).isEqualTo(ADDRESSES);
        }
        try (ChildProcess server = server(java(jvm), "selector")) {
            List<String> other = new ArrayList<>(Arrays.asList(nobody));
            Path jar = Files.copy(Path.of(JAR), classes.resolve("agent.jar"));
            other.addAll(command(
                    ChildProcess.java(),
                    "-jar",
                    jar.toString(),
                    String.valueOf(server.process().pid())));
            assertRefused(ChildProcess.run(other), 1, "cannot be attached to", "root");
            assertWrong(answers());
        }
    }

    /** Copies the classes of the server to a folder that every user may read. */
    private static Path readable(Path folder) throws IOException, InterruptedException {
        Path relative = Path.of(EchoServers.class.getPackageName().replace('.', '/'));
        Files.createDirectories(folder.resolve(relative));
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(Jvm.TEST_CLASSES.resolve(relative), "EchoServers*.class")) {
            for (Path file : files) {
                Files.copy(file, folder.resolve(relative).resolve(file.getFileName()));
            }
        }
        ChildProcess chmod = ChildProcess.run(List.of("chmod", "-R", "a+rX", folder.toString()));
        assertThat(chmod.exitCode()).as("%s", chmod).isZero();
        return folder;
    }

    @Test
    void whereAttachingIsForbiddenTheRemedyIsNamed() throws Exception {
        try (ChildProcess server = server(ChildProcess.java(), "selector", "-XX:+DisableAttachMechanism")) {
            assertRefused(
                    agent(server.process().pid()), 1, "cannot be attached to", "DisableAttachMechanism", "-agentpath:");
            assertWrong(answers());
        }
        ChildProcess without =
                ChildProcess.run(command(ChildProcess.java(), "--limit-modules", "java.base", "-jar", JAR, "1"));
        assertRefused(without, 1, "jdk.attach");
        try (ChildProcess sleep = ChildProcess.start(List.of("sleep", "1000"))) {
            assertRefused(agent(sleep.process().pid()), 1, "cannot be attached to", "JVM");
        }
        assertRefused(agent("2147483647"), 1, "there is no process 2147483647");
    }

    @Test
    void wrongUseIsNamedAndHasItsExitCode(@TempDir Path folder) throws Exception {
        assertRefused(agent("x"), 2, "\"x\"");
        assertRefused(agent("1", "off", "now"), 2, "\"now\"");
        assertRefused(agent("extract"), 2, "folder");
        assertRefused(agent("extract", folder.resolve("none")), 2, folder.resolve("none") + " is not a folder");
        assertThat(done(agent("--help"))).contains("Exit codes: 0 done, 1 failed, 2 wrong use.");
        assertThat(done(agent("--version"))).singleElement().asString().startsWith("pktinfo-agent ");
    }

    @Test
    void withoutArgumentsTheJvmsAreListed() throws Exception {
        try (ChildProcess server = server(ChildProcess.java(), "selector")) {
            ChildProcess list = agent();
            assertThat(list.exitCode()).as("%s", list).isZero();
            assertThat(list.out())
                    .contains(server.process().pid() + " " + EchoServers.class.getName() + " selector 7001");
            assertThat(list.err()).singleElement().asString().contains("--help");
        }
    }

    /** The file is for users who forbid native access, and is replaced as a whole. */
    @ParameterizedTest
    @EnumSource
    void theExtractedLibraryIsAnAgentByItself(Jvm jvm, @TempDir Path folder) throws Exception {
        Path library = folder.resolve("libpktinfo-agent.so");
        for (int i = 0; i < 2; i++) {
            ChildProcess extracted = agent("extract", folder);
            assertThat(extracted.exitCode()).as("%s", extracted).isZero();
            assertThat(extracted.out()).containsExactly(library.toString());
        }
        assertThat(folder).isDirectoryContaining("glob:**.so");
        String deny = jvm == Jvm.JDK17 ? "-Dnone=none" : "--illegal-native-access=deny";
        try (ChildProcess server = server(java(jvm), "selector", deny, "-agentpath:" + library + "=ports=7001")) {
            assertThat(answers()).isEqualTo(ADDRESSES);
            assertThat(server.err()).singleElement().asString().contains(" is installed, ", "ports 7001");
            assertThat(server.out()).containsExactly("ready");
        }
        ChildProcess wrong = ChildProcess.run(
                command(java(jvm), "-agentpath:" + library + "=ports=0", "-cp", Jvm.TEST_CLASSES.toString(), "NoMain"));
        assertRefused(wrong, 2, "\"0\"");
    }

    /** Servers under a load that is counted, while the command attaches and detaches. */
    static final class Flooded {
        private static final AtomicBoolean over = new AtomicBoolean();
        private static final AtomicLong lost = new AtomicLong();
        private static final AtomicLong answered = new AtomicLong();
        private static final AtomicLong right = new AtomicLong();

        /**
         * Sends requests without a pause; a request that is unanswered for longer than any echo takes counts as lost.
         */
        private static void flood(int port) throws IOException {
            try (DatagramChannel client = DatagramChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
                    Selector selector = Selector.open()) {
                client.configureBlocking(false).register(selector, SelectionKey.OP_READ);
                ByteBuffer buffer = ByteBuffer.allocateDirect(100);
                for (int i = 0; !over.get(); i++) {
                    InetAddress asked = InetAddress.getByName("127.0.0." + (2 + i % 100));
                    client.send(buffer.clear().limit(8), new InetSocketAddress(asked, port));
                    InetSocketAddress source = (InetSocketAddress) client.receive(buffer.clear());
                    for (; source == null; source = (InetSocketAddress) client.receive(buffer.clear())) {
                        if (selector.select(10_000) == 0) {
                            lost.incrementAndGet();
                            break;
                        }
                        selector.selectedKeys().clear();
                    }
                    answered.addAndGet(source == null ? 0 : 1);
                    right.addAndGet(source != null && source.getAddress().equals(asked) ? 1 : 0);
                }
            }
        }

        public static void main(String[] arguments) throws Exception {
            DatagramChannel selected = DatagramChannel.open().bind(new InetSocketAddress(7101));
            DatagramChannel blocking = DatagramChannel.open().bind(new InetSocketAddress(7102));
            Background.start(() -> EchoServers.select(selected));
            Background.start(() -> EchoServers.serve(blocking));
            List<Thread> floods = List.of(Background.start(() -> flood(7101)), Background.start(() -> flood(7102)));
            System.out.println("ready");
            for (int next = System.in.read(); next >= 0 && next != 'q'; next = System.in.read()) {
                long before = next == '+' ? right.get() : answered.get();
                while ((next == '+' ? right.get() : answered.get()) < before + 10) {
                    Thread.onSpinWait();
                }
                System.out.println("went on");
            }
            over.set(true);
            for (Thread flood : floods) {
                flood.join();
            }
            System.out.println("lost " + lost);
        }
    }

    /** The property {@code attach.times} is the number of repetitions; 200 take some minutes. */
    @ParameterizedTest
    @EnumSource
    @Timeout(1200)
    void comingAndGoingUnderAFloodLosesNothing(Jvm jvm) throws Exception {
        int times = Integer.getInteger("attach.times", 10);
        List<String> command = command(java(jvm), "-cp", Jvm.TEST_CLASSES.toString(), Flooded.class.getName());
        try (ChildProcess server = ChildProcess.start(command)) {
            server.awaitOut("ready"::equals);
            long process = server.process().pid();
            int expected = 1;
            for (int i = 0; i < times; i++) {
                done(agent(process, "log=quiet"));
                say(server, '+', ++expected);
                done(agent(process, "off"));
                say(server, '-', ++expected);
            }
            server.process().getOutputStream().write('q');
            server.process().getOutputStream().flush();
            assertThat(server.exitCode()).as("%s", server).isZero();
            assertThat(server.out()).last().isEqualTo("lost 0");
            assertThat(server.out()).as("%s", server).hasSize(expected + 1);
        }
    }

    private static void say(ChildProcess server, char what, int lines) throws Exception {
        server.process().getOutputStream().write(what);
        server.process().getOutputStream().flush();
        assertThat(server.awaitOut(lines)).isEqualTo("went on");
    }
}
