package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pktinfo.it.support.EchoHosts.RIGHT;
import static org.pktinfo.it.support.Jvm.agent;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.pktinfo.it.support.EchoHosts;
import org.pktinfo.it.support.EchoServers;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.it.support.Opened;

/** The agent in a JVM that takes classes out of an archive, which an earlier run of the same server has made. */
@Timeout(120)
class AgentArchiveIT {
    private static final EchoHosts WORLD = new EchoHosts();
    private static final List<String> DIAGNOSTIC =
            List.of("-XX:+UnlockDiagnosticVMOptions", "-XX:+AllowArchivingWithJavaAgent");

    @RegisterExtension
    static final Opened OPENED = WORLD.opened;

    @TempDir
    Path folder;

    private Path jar;

    /** Makes a jar of the servers, because a JVM does not archive classes from folders. */
    @BeforeEach
    void makeJar() throws IOException {
        jar = folder.resolve("servers.jar");
        Path classes = Jvm.TEST_CLASSES.resolve("org/pktinfo/it/support");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out);
                Stream<Path> files = Files.list(classes)) {
            for (Path file : files.filter(each -> each.getFileName().toString().startsWith("EchoServers"))
                    .toList()) {
                entries.putNextEntry(new JarEntry("org/pktinfo/it/support/" + file.getFileName()));
                Files.copy(file, entries);
            }
        }
    }

    private EchoHosts.Served serve(Jvm jvm, List<String> options, String... more) throws Exception {
        List<String> all = new ArrayList<>(options);
        all.addAll(List.of(more));
        return WORLD.serve(jvm, EchoServers.class, jar.toString(), "datagram", all);
    }

    private static boolean isOurs(String line) {
        return line.startsWith("pktinfo-agent: ") && line.contains(" is installed, ");
    }

    /** Returns the origins of the classes with the given name, in a run with the archive under the agent. */
    private List<String> loaded(String name) throws IOException {
        try (Stream<String> lines = Files.lines(folder.resolve("loaded"))) {
            return lines.filter(line -> line.contains(" " + name + " source:")).toList();
        }
    }

    /** JVMs from 24 on also report that the module that agents need was not there when the archive was made. */
    private static void assertOnlyReady(EchoHosts.Served served) {
        boolean says = Runtime.version().feature() >= 24;
        assertThat(served.out())
                .contains("ready")
                .allMatch(line -> line.equals("ready") || (says && line.contains("][cds] ")));
    }

    private String logOfClasses() {
        return "-Xlog:class+load:file=" + folder.resolve("loaded");
    }

    @Test
    void anArchiveOfClassesThatWasMadeWithoutTheAgentIsUsedUnderIt() throws Exception {
        String archive = folder.resolve("classes.jsa").toString();
        assertThat(serve(Jvm.JDK17, List.of(), "-XX:ArchiveClassesAtExit=" + archive)
                        .sources())
                .isNotEqualTo(RIGHT);
        EchoHosts.Served served =
                serve(Jvm.JDK17, List.of(), agent(""), "-XX:SharedArchiveFile=" + archive, logOfClasses());
        assertThat(served.sources()).isEqualTo(RIGHT);
        assertOnlyReady(served);
        assertThat(served.err()).hasSize(1).allMatch(AgentArchiveIT::isOurs);
        assertThat(loaded(EchoServers.class.getName())).hasSize(1).allMatch(line -> line.contains("shared objects"));
    }

    /** The JVM makes an archive under an agent only with a diagnostic option, for tests, and says so. */
    @Test
    void oneThatWasMadeUnderTheAgentToo() throws Exception {
        String archive = folder.resolve("classes.jsa").toString();
        EchoHosts.Served made = serve(Jvm.JDK17, DIAGNOSTIC, agent(""), "-XX:ArchiveClassesAtExit=" + archive);
        assertThat(made.sources()).isEqualTo(RIGHT);
        assertThat(made.err())
                .anyMatch(AgentArchiveIT::isOurs)
                .allMatch(line -> isOurs(line) || line.contains("created with AllowArchivingWithJavaAgent"));
        EchoHosts.Served served =
                serve(Jvm.JDK17, DIAGNOSTIC, agent(""), "-XX:SharedArchiveFile=" + archive, logOfClasses());
        assertThat(served.sources()).isEqualTo(RIGHT);
        assertOnlyReady(served);
        assertThat(served.err())
                .anyMatch(AgentArchiveIT::isOurs)
                .allMatch(line -> isOurs(line) || line.contains("created with AllowArchivingWithJavaAgent"));
        assertThat(loaded(EchoServers.class.getName())).hasSize(1).allMatch(line -> line.contains("shared objects"));
        EchoHosts.Served plain = serve(Jvm.JDK17, List.of(), agent(""), "-XX:SharedArchiveFile=" + archive);
        assertThat(plain.sources()).isEqualTo(RIGHT);
        assertOnlyReady(plain);
        assertThat(plain.err()).hasSize(1).allMatch(AgentArchiveIT::isOurs);
    }

    private List<String> makeCache(String cache, String... options) throws Exception {
        EchoHosts.Served made = serve(Jvm.JDK25, List.of(options), "-XX:AOTCacheOutput=" + cache);
        assertThat(Path.of(cache)).as("%s", made).isNotEmptyFile();
        return made.sources();
    }

    @Test
    void anAotCacheThatWasMadeUnderTheAgentIsUsedUnderIt() throws Exception {
        String cache = folder.resolve("classes.aot").toString();
        assertThat(makeCache(cache, agent(""))).isEqualTo(RIGHT);
        EchoHosts.Served served = serve(Jvm.JDK25, List.of(), agent(""), "-XX:AOTCache=" + cache, logOfClasses());
        assertThat(served.sources()).isEqualTo(RIGHT);
        assertThat(served.out()).containsExactly("ready");
        assertThat(served.err()).hasSize(1).allMatch(AgentArchiveIT::isOurs);
        assertThat(loaded("sun.nio.ch.DatagramChannelImpl"))
                .hasSize(1)
                .allMatch(line -> line.contains("shared objects"));
    }

    /**
     * The module that agents need was missing when the cache was made: the JVM reports it and does not use the cache.
     */
    @Test
    void oneThatWasMadeWithoutTheAgentIsRefusedByTheJvmWhichServesRightAllTheSame() throws Exception {
        String cache = folder.resolve("classes.aot").toString();
        assertThat(makeCache(cache)).isNotEqualTo(RIGHT);
        EchoHosts.Served served = serve(Jvm.JDK25, List.of(), agent(""), "-XX:AOTCache=" + cache);
        assertThat(served.sources()).isEqualTo(RIGHT);
        assertThat(served.out()).contains("ready").allMatch(line -> line.equals("ready") || line.contains("][aot] "));
        assertThat(served.err()).hasSize(1).allMatch(AgentArchiveIT::isOurs);
    }

    @Test
    void unlessThatModuleWasAskedForWhenItWasMade() throws Exception {
        String cache = folder.resolve("classes.aot").toString();
        assertThat(makeCache(cache, "--add-modules", "java.instrument")).isNotEqualTo(RIGHT);
        EchoHosts.Served served = serve(Jvm.JDK25, List.of(), agent(""), "-XX:AOTCache=" + cache, logOfClasses());
        assertThat(served.sources()).isEqualTo(RIGHT);
        assertThat(served.out()).containsExactly("ready");
        assertThat(served.err()).hasSize(1).allMatch(AgentArchiveIT::isOurs);
        assertThat(loaded("sun.nio.ch.DatagramChannelImpl"))
                .hasSize(1)
                .allMatch(line -> line.contains("shared objects"));
    }
}
