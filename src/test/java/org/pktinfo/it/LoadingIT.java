package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;

/** The places that the native library is loaded from, and the error when none has it. */
class LoadingIT {
    /** Prints whether the library is supported, the reason if it is not, and the outcome of opening a channel. */
    public static final class Program {
        private Program() {}

        public static void main(String[] arguments) throws IOException {
            System.out.println("supported " + PktInfoChannel.isSupported());
            try (PktInfoChannel channel = PktInfoChannel.open()) {
                System.out.println(
                        "origin " + org.pktinfo.doctor.Doctor.libraryOrigin() + ", open " + channel.isOpen());
            } catch (UnsatisfiedLinkError e) {
                System.out.println("error " + e.getMessage());
                System.out.println(
                        "attempts " + PktInfoChannel.unsupportedReason().getSuppressed().length);
            }
            for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
                if (line.contains("libpktinfo")) {
                    System.out.println("mapped " + line.substring(line.indexOf('/')));
                    return;
                }
            }
        }
    }

    @TempDir
    private Path folder;

    private static Path library() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of(System.getProperty("native.library")))) {
            return files.filter(file -> file.endsWith("libpktinfo.so"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** Returns the class path without the logging provider of the tests. */
    private static String classPath() throws IOException {
        StringBuilder path = new StringBuilder(System.getProperty("library.jar"));
        try (Stream<Path> libraries = Files.list(Path.of(System.getProperty("runtime.libraries")))) {
            libraries.forEach(library -> path.append(':').append(library));
        }
        return path + ":" + Path.of(System.getProperty("server.jar")).resolveSibling("test-classes");
    }

    private ChildProcess run(List<String> prefix, String... options) throws IOException, InterruptedException {
        return runOn(classPath(), prefix, options);
    }

    private ChildProcess runOn(String classPath, List<String> prefix, String... options)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(prefix);
        command.add(ChildProcess.java().toString());
        command.addAll(Arrays.asList(options));
        command.addAll(List.of("-cp", classPath, Program.class.getName()));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        // Of a file that is no library the JVM itself says that it "might have disabled stack guard".
        assertThat(child.err()).as("stderr").noneMatch(line -> line.contains("SLF4J") || line.contains("WARNING"));
        return child;
    }

    private ChildProcess run(String... options) throws IOException, InterruptedException {
        return run(List.of(), options);
    }

    @Test
    void itComesOutOfTheJarAndLeavesNothingBehind() throws Exception {
        ChildProcess child = run("-Dpktinfo.tmpdir=" + folder);
        assertThat(child.out().get(0)).isEqualTo("supported true");
        assertThat(child.out().get(1)).contains("out of the jar by way of " + folder);
        assertThat(child.out().get(2)).startsWith("mapped " + folder).endsWith("(deleted)");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void theFolderItIsExtractedToIsForItsOwnerOnly() throws Exception {
        Requires.tool("strace");
        Path log = folder.resolve("log");
        run(
                List.of("strace", "-f", "-qq", "-e", "trace=mkdir,mkdirat", "-o", log.toString()),
                "-Dpktinfo.tmpdir=" + folder);
        assertThat(Files.readAllLines(log))
                .anyMatch(line -> line.contains(folder + "/pktinfo-") && line.contains("0700"));
    }

    @Test
    void itComesFromThePathGivenAndNothingIsExtracted() throws Exception {
        Path copy = Files.copy(library(), folder.resolve("other-name.so"));
        ChildProcess child = run("-Dpktinfo.library.path=" + copy, "-Dpktinfo.tmpdir=/nonexistent");
        assertThat(child.out().get(1)).contains("-Dpktinfo.library.path=" + copy);
    }

    @Test
    void itComesFromTheSystem() throws Exception {
        Files.copy(library(), folder.resolve("libpktinfo.so"));
        ChildProcess child =
                run("-Dpktinfo.library.mode=system", "-Djava.library.path=" + folder, "-Dpktinfo.tmpdir=/nonexistent");
        assertThat(child.out().get(1)).contains("java.library.path=" + folder);
    }

    private static void assertFails(ChildProcess child, int attempts, String... reasons) {
        assertThat(child.out())
                .hasSizeGreaterThanOrEqualTo(3); // the kernel may keep a mapping of a file that could not be executed
        assertThat(child.out().get(0)).isEqualTo("supported false");
        assertThat(child.out().get(1))
                .startsWith("error no native library for Linux on ")
                .contains(reasons);
        assertThat(child.out().get(2)).isEqualTo("attempts " + attempts);
    }

    @Test
    void aPathWithoutALibraryIsNamedAndNothingElseIsTried() throws Exception {
        assertFails(run("-Dpktinfo.library.path=/nonexistent/lib.so"), 1, "/nonexistent/lib.so");
    }

    /** The property is empty, as from an unset variable in a script. */
    @Test
    void anEmptyPathOrFolderIsNamedAndNeverTheCurrentOne() throws Exception {
        assertFails(run("-Dpktinfo.library.path="), 1, "-Dpktinfo.library.path=", "names no file");
        assertFails(run("-Dpktinfo.tmpdir="), 1, "-Dpktinfo.tmpdir=", "names no folder");
    }

    @Test
    void aFolderInsteadOfAFileIsNamed() throws Exception {
        ChildProcess child = run("-Dpktinfo.library.path=" + folder);
        assertFails(child, 1, folder.toString(), "is not a file");
        assertThat(child.err()).isEmpty();
    }

    @Test
    void aModeThatDoesNotExistIsNamed() throws Exception {
        assertFails(run("-Dpktinfo.library.mode=jra"), 1, "jra", "must be \"jar\" or \"system\"");
    }

    /** With a fallback the program fails as well. */
    @Test
    void aSegmentationThatDoesNotExistIsNamed() throws Exception {
        for (String fallback : List.of("-Dunused=", "-Dpktinfo.fallback=plain")) {
            ChildProcess child = run("-Dpktinfo.segmentation=of", fallback);
            assertThat(child.out())
                    .containsExactly(
                            "supported false",
                            "error -Dpktinfo.segmentation=of: must be \"auto\", \"on\" or \"off\"",
                            "attempts 0");
        }
    }

    @Test
    void aFolderThatCannotBeWrittenIsNamedAndTheSystemIsTried() throws Exception {
        assertFails(run("-Dpktinfo.tmpdir=/nonexistent"), 2, "/nonexistent", "no pktinfo in java.library.path");
    }

    @Test
    void aFileThatIsNoLibraryGivesTheLinkersReason() throws Exception {
        Path text = Files.writeString(folder.resolve("libpktinfo.so"), "this is no library");
        assertFails(run("-Dpktinfo.library.path=" + text), 1, "file too short");
    }

    @Test
    void aLibraryForAnotherMachineGivesTheLinkersReason() throws Exception {
        byte[] bytes = Files.readAllBytes(library());
        bytes[18] = (byte) (bytes[18] == (byte) 183 ? 62 : 183); // e_machine: x86-64 and AArch64 are exchanged
        Path other = Files.write(folder.resolve("libpktinfo.so"), bytes);
        assertFails(run("-Dpktinfo.library.path=" + other), 1, other.toString(), "platform");
    }

    @Test
    void aLibraryThatNeedsANewerCLibraryGivesTheLinkersReason() throws Exception {
        byte[] bytes = Files.readAllBytes(library());
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        String renamed = text.replace("GLIBC_2.7\0", "GLIBC_9.7\0");
        Path newer = Files.write(folder.resolve("libpktinfo.so"), renamed.getBytes(StandardCharsets.ISO_8859_1));
        assertFails(run("-Dpktinfo.library.path=" + newer), 1, "GLIBC_9", "newer C library");
    }

    @Test
    void aFileSystemMountedNoexecIsSuspected() throws Exception {
        Requires.root();
        Path mount = Files.createDirectory(folder.resolve("noexec"));
        List<String> inOwnMounts = List.of(
                "unshare", "--mount", "sh", "-c", "mount -t tmpfs -o noexec none " + mount + " && exec \"$@\"", "sh");
        assertFails(run(inOwnMounts, "-Dpktinfo.tmpdir=" + mount), 2, "noexec", "-Dpktinfo.tmpdir");
    }

    private static final String OTHER_CLASS =
            " is a library of another version of pktinfo, without the functions of this one: ";
    private static final String OTHER_LAYOUT =
            " is a library of another version of pktinfo, with layout NEXT instead of OURS: ";
    private static final String FOREIGN = " is no library of pktinfo: ";

    /** Inserts the other library's layout version, which is one more than ours. */
    private static String withLayouts(String text) throws ReflectiveOperationException {
        Field version = Class.forName("org.pktinfo.internal.Layout").getDeclaredField("VERSION");
        version.setAccessible(true);
        int ours = version.getInt(null);
        return text.replace("NEXT", String.valueOf(ours + 1)).replace("OURS", String.valueOf(ours));
    }

    private static Path wrong(String kind) {
        return Path.of(System.getProperty("wrong.libraries"), kind, "libpktinfo.so");
    }

    @Test
    void aWrongLibraryAtThePathGivenIsToldFromThisVersions() throws Exception {
        assertWrongPath("other-class", OTHER_CLASS);
        assertWrongPath("other-layout", OTHER_LAYOUT);
        assertWrongPath("foreign", FOREIGN);
    }

    private void assertWrongPath(String kind, String what) throws Exception {
        Path file = wrong(kind);
        ChildProcess child = run("-Dpktinfo.library.path=" + file);
        assertFails(
                child,
                1,
                file + withLayouts(what) + "give the file of this version, or leave -Dpktinfo.library.path out");
        assertThat(child.err()).isEmpty();
    }

    @Test
    void aWrongLibraryOfTheSystemIsToldFromThisVersions() throws Exception {
        assertWrongSystem("other-class", OTHER_CLASS);
        assertWrongSystem("other-layout", OTHER_LAYOUT);
        assertWrongSystem("foreign", FOREIGN);
    }

    private void assertWrongSystem(String kind, String what) throws Exception {
        Path file = wrong(kind);
        String path = folder + ":" + file.getParent();
        assertFails(
                run("-Dpktinfo.library.mode=system", "-Djava.library.path=" + path),
                1,
                file + withLayouts(what) + "put the file of this version there");
    }

    /** The jar's own library has been loaded by then, so that the system's would not be tried. */
    @Test
    void anotherLayoutOutOfTheJarIsTheLastAttempt() throws Exception {
        assertFails(
                runWithResource("other-layout"),
                1,
                withLayouts(OTHER_LAYOUT) + "have one version of pktinfo alone on the class");
    }

    @Test
    void aWrongLibraryOutOfTheJarIsToldFromThisVersionsAndTheSystemIsTried() throws Exception {
        String remedy = "have one version of pktinfo alone on the class path or module path";
        assertFails(runWithResource("other-class"), 2, OTHER_CLASS + remedy, "no pktinfo in java.library.path");
        assertFails(runWithResource("foreign"), 2, FOREIGN + remedy, "no pktinfo in java.library.path");
    }

    /** Runs with the library in the place of one from another jar that comes first on the class path. */
    private ChildProcess runWithResource(String kind) throws Exception {
        Path platform = library().getParent().getFileName();
        Path first = folder.resolve(kind);
        Files.copy(
                wrong(kind),
                Files.createDirectories(first.resolve("META-INF/lib").resolve(platform))
                        .resolve("libpktinfo.so"));
        return runOn(first + ":" + classPath(), List.of(), "-Djava.library.path=" + folder);
    }
}
