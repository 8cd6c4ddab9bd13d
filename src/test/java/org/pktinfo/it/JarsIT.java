package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Exports;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.pktinfo.it.support.ChildProcess;

/** The contents of the jars: a program that has the library gets neither the server nor the agent. */
class JarsIT {
    private static final Set<String> LIBRARY = Set.of(
            "org/pktinfo",
            "org/pktinfo/common",
            "org/pktinfo/doctor",
            "org/pktinfo/internal",
            "org/pktinfo/jvm",
            "org/pktinfo/netty",
            "org/pktinfo/server",
            "org/pktinfo/socket");

    private static JarFile open(String jar) throws IOException {
        return new JarFile(Path.of(System.getProperty(jar)).toFile());
    }

    private static Set<String> names(JarFile jar) {
        return jar.stream().map(entry -> entry.getName()).collect(Collectors.toCollection(TreeSet::new));
    }

    /** Returns the folders of the classes below the one given, none of the module descriptor. */
    private static Set<String> packages(JarFile jar, String parent) {
        return names(jar).stream()
                .filter(name -> name.startsWith(parent) && name.endsWith(".class") && name.contains("/"))
                .map(name -> name.substring(0, name.lastIndexOf('/')))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Map<String, String> manifest(JarFile jar) throws IOException {
        Map<String, String> manifest = new TreeMap<>();
        jar.getManifest().getMainAttributes().forEach((name, value) -> manifest.put(name.toString(), value.toString()));
        return manifest;
    }

    @Test
    void theLibraryJarHasTheLibraryAlone() throws Exception {
        try (JarFile jar = open("library.jar")) {
            assertThat(packages(jar, "")).containsExactlyInAnyOrderElementsOf(LIBRARY);
            assertThat(names(jar).stream().filter(name -> !name.endsWith("/") && !name.startsWith("org/pktinfo/")))
                    .allMatch(name -> name.equals("module-info.class")
                            || name.equals("META-INF/MANIFEST.MF")
                            || name.matches("META-INF/lib/linux_\\w+/libpktinfo\\.so")
                            || name.equals("META-INF/native-image/org.pktinfo/pktinfo/reachability-metadata.json"))
                    .contains("module-info.class", "META-INF/MANIFEST.MF");
        }
    }

    @Test
    void itsModuleRequiresNothingOfTheProgramsAndOpensNothing() throws Exception {
        try (JarFile jar = open("library.jar");
                InputStream in = jar.getInputStream(jar.getEntry("module-info.class"))) {
            ModuleDescriptor module = ModuleDescriptor.read(in);
            assertThat(module.requires().stream()
                            .map(each -> (each.modifiers().contains(ModuleDescriptor.Requires.Modifier.STATIC)
                                            ? "static "
                                            : "")
                                    + each.name()))
                    .containsExactlyInAnyOrder(
                            "java.base",
                            "org.scijava.nativelib",
                            "org.slf4j",
                            "static io.netty.buffer",
                            "static io.netty.common",
                            "static io.netty.transport",
                            "static io.netty.transport.unix.common",
                            "static java.management",
                            "static jdk.jfr",
                            "static org.jspecify");
            assertThat(module.exports().stream().map(Exports::source))
                    .containsExactlyInAnyOrder(
                            "org.pktinfo",
                            "org.pktinfo.doctor",
                            "org.pktinfo.jvm",
                            "org.pktinfo.netty",
                            "org.pktinfo.server",
                            "org.pktinfo.socket");
            assertThat(module.opens()).isEmpty();
            assertThat(module.packages().stream().map(name -> name.replace('.', '/')))
                    .containsExactlyInAnyOrderElementsOf(LIBRARY);
        }
    }

    @Test
    void theServerJarHasTheServerBesideTheLibraryAndStarts() throws Exception {
        try (JarFile jar = open("server.jar")) {
            assertThat(packages(jar, "org/pktinfo"))
                    .containsExactlyInAnyOrderElementsOf(Stream.concat(LIBRARY.stream(), Stream.of("org/pktinfo/cli"))
                            .toList());
            assertThat(names(jar)).doesNotContain("module-info.class", "META-INF/jpms.args");
            assertThat(manifest(jar))
                    .containsEntry("Main-Class", "org.pktinfo.cli.PktInfoServer")
                    .containsEntry("Enable-Native-Access", "ALL-UNNAMED")
                    .containsKeys("Implementation-Title", "Implementation-Version");
        }
        ChildProcess child = run("-jar", System.getProperty("server.jar"), "--version");
        assertThat(child.out().get(0)).startsWith("pktinfo ");
    }

    @Test
    void theAgentJarHasTheAgentAloneAndStarts() throws Exception {
        try (JarFile jar = open("agent.jar")) {
            assertThat(packages(jar, "org"))
                    .containsExactlyInAnyOrder("org/pktinfo/agent", "org/pktinfo/agent/internal");
            assertThat(manifest(jar))
                    .containsEntry("Premain-Class", "org.pktinfo.agent.PktInfoAgent")
                    .containsKeys("Implementation-Title", "Implementation-Version");
        }
        ChildProcess child = run("-javaagent:" + System.getProperty("agent.jar"), "--version");
        assertThat(child.err())
                .singleElement()
                .asString()
                .startsWith("pktinfo-agent: ")
                .contains(" is installed, ");
    }

    private static ChildProcess run(String... arguments) throws IOException, InterruptedException {
        ChildProcess child =
                ChildProcess.run(Stream.concat(Stream.of(ChildProcess.java().toString()), Stream.of(arguments))
                        .toList());
        assertThat(child.exitCode()).as("%s", child).isZero();
        return child;
    }
}
