package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.lang.reflect.Method;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Jvm;

/** The class loader that loaded the native library is gone, while the JVM's sockets still use the library. */
@Timeout(120)
class AgentUnloadingIT {
    /** A class of the loader that is unloaded, which loads other libraries. */
    public static final class Canary {
        private Canary() {}

        public static void load(String library) {
            System.load(library);
        }
    }

    /**
     * Takes two libraries that are unloaded with the class loader, and a class path that contains ours, for a class
     * loader whose only parent is the JDK.
     */
    public static final class Program {
        private Program() {}

        private static WeakReference<ClassLoader> switchOnAndDrop(String before, String after, List<String> classPath)
                throws Exception {
            URL[] urls = new URL[classPath.size()];
            for (int i = 0; i < urls.length; i++) {
                urls[i] = Path.of(classPath.get(i)).toUri().toURL();
            }
            URLClassLoader loader = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader());
            Method load = loader.loadClass(Canary.class.getName()).getMethod("load", String.class);
            load.invoke(null, before);
            loader.loadClass("org.pktinfo.internal.NativeLibrary")
                    .getMethod("load")
                    .invoke(null);
            load.invoke(null, after);
            switchOn(loader.loadClass("org.pktinfo.internal.HookCalls"));
            loader.loadClass("org.pktinfo.internal.HookSwitch").getMethod("on").invoke(null);
            loader.close();
            return new WeakReference<>(loader);
        }

        /**
         * Installs the library without the thread of {@code JvmSockets}, which would keep the class loader reachable.
         */
        private static void switchOn(Class<?> calls) throws Exception {
            int[] none = {};
            int[] ephemeral = {32_768, 60_999};
            for (Method each : calls.getMethods()) {
                if (each.getName().equals("begin")) {
                    each.invoke(null, none, false, ephemeral, none, 1000, 600, 1L << 30, false, 1L, 2L);
                }
            }
        }

        private static boolean isMapped(String library) throws IOException {
            try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
                return maps.anyMatch(line -> line.contains("r-xp") && line.contains(library));
            }
        }

        /** Returns how many of a hundred answers came from the request destination, with new sockets. */
        private static int exchange() throws IOException {
            int right = 0;
            for (int i = 0; i < 100; i++) {
                try (DatagramSocket server = new DatagramSocket(new InetSocketAddress(7105));
                        DatagramSocket client = new DatagramSocket(0)) {
                    client.setSoTimeout(20_000);
                    server.setSoTimeout(20_000);
                    InetAddress asked = InetAddress.getByName("127.0.0." + (2 + i));
                    client.send(new DatagramPacket(new byte[8], 8, asked, 7105));
                    DatagramPacket packet = new DatagramPacket(new byte[8], 8);
                    server.receive(packet);
                    server.send(packet);
                    client.receive(packet);
                    right += packet.getAddress().equals(asked) ? 1 : 0;
                }
            }
            return right;
        }

        public static void main(String[] arguments) throws Exception {
            List<String> classPath = List.of(arguments).subList(2, arguments.length);
            WeakReference<ClassLoader> loader = switchOnAndDrop(arguments[0], arguments[1], classPath);
            System.out.println("right " + exchange() + ", mapped " + isMapped("libpktinfo"));
            long deadline = System.nanoTime() + Duration.ofSeconds(40).toNanos();
            // Ours was loaded between the two, so it would be unloaded between them too.
            while ((loader.get() != null || isMapped(arguments[0]) || isMapped(arguments[1]))
                    && System.nanoTime() < deadline) {
                System.gc();
            }
            boolean gone = loader.get() == null && !isMapped(arguments[0]) && !isMapped(arguments[1]);
            boolean mapped = isMapped("libpktinfo");
            System.out.println("gone " + gone + ", mapped " + mapped);
            if (mapped) { // otherwise the next call would crash
                System.out.println("right " + exchange() + ", mapped " + isMapped("libpktinfo"));
            }
        }
    }

    @TempDir
    Path folder;

    private List<String> run(Jvm jvm, String... options) throws Exception {
        Path library = Path.of(System.getProperty("java.home"), "lib", "librmi.so"); // a small one
        List<String> command = new ArrayList<>(jvm.command(options));
        command.addAll(List.of("-Xcheck:jni", "-Xmx64m"));
        command.addAll(List.of("-cp", Jvm.TEST_CLASSES.toString(), Program.class.getName()));
        for (String name : List.of("before.so", "after.so")) {
            command.add(Files.copy(library, folder.resolve(name)).toString());
        }
        command.addAll(List.of(System.getProperty("java.class.path").split(File.pathSeparator, -1)));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.err()).as("%s", child).isEmpty();
        return child.out();
    }

    @ParameterizedTest
    @EnumSource
    void theLibraryStaysWhenTheClassLoaderThatHasLoadedItIsCollected(Jvm jvm) throws Exception {
        assertThat(run(jvm))
                .containsExactly("right 100, mapped true", "gone true, mapped true", "right 100, mapped true");
    }

    /** Shows that the test above can fail. */
    @ParameterizedTest
    @EnumSource
    void oneThatMayBeUnloadedIsUnloadedThen(Jvm jvm) throws Exception {
        Path library = folder.resolve("libpktinfo.so");
        Files.write(library, withoutFlag(Files.readAllBytes(builtLibrary())));
        assertThat(run(jvm, "-Dpktinfo.library.path=" + library))
                .containsExactly("right 100, mapped true", "gone true, mapped false");
    }

    private static Path builtLibrary() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of(System.getProperty("native.library")))) {
            return files.filter(file -> file.endsWith("libpktinfo.so"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** Clears DF_1_NODELETE in the dynamic section of a 64-bit ELF file, as set by {@code -z nodelete}. */
    private static byte[] withoutFlag(byte[] file) {
        ByteBuffer elf = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int headers = (int) elf.getLong(0x20);
        for (int i = 0; i < elf.getShort(0x38); i++) {
            int header = headers + i * elf.getShort(0x36);
            if (elf.getInt(header) == 2) { // PT_DYNAMIC
                int entry = (int) elf.getLong(header + 8);
                while (elf.getLong(entry) != 0x6ffffffbL) { // DT_FLAGS_1
                    entry += 16;
                }
                elf.putLong(entry + 8, elf.getLong(entry + 8) & ~8L);
                return file;
            }
        }
        throw new IllegalArgumentException("no dynamic section");
    }
}
