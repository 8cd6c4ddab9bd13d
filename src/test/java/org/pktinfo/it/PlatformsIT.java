package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.scijava.nativelib.NativeLibraryUtil;

/**
 * The libraries in the jars: that of this machine, or all of the release, each for the machine that its folder names.
 */
class PlatformsIT {
    private static final String FOLDER = "META-INF/lib/";

    /** ELF's e_machine by native-lib-loader's folder. */
    private static final Map<String, Integer> MACHINES =
            Map.of("linux_64", 62, "linux_arm64", 183, "linux_riscv64", 243);

    private static Set<String> expected() {
        String platforms = System.getProperty("native.platforms", "");
        String own = NativeLibraryUtil.getPlatformLibraryPath(FOLDER)
                .substring(FOLDER.length())
                .replace("/", "");
        return Set.of((platforms.isEmpty() ? own : platforms).split(" ", -1));
    }

    private static int machineOf(byte[] library) {
        // 64 bits, little-endian, a shared object.
        assertThat(library).startsWith(0x7f, 'E', 'L', 'F', 2, 1);
        ByteBuffer header = ByteBuffer.wrap(library).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(header.getShort(16)).isEqualTo((short) 3);
        return header.getShort(18);
    }

    private static Map<String, Integer> machinesIn(String jar) throws IOException {
        Map<String, Integer> machines = new TreeMap<>();
        try (JarFile file = new JarFile(jar)) {
            for (JarEntry entry : file.stream().filter(e -> !e.isDirectory()).toList()) {
                String name = entry.getName();
                if (name.startsWith(FOLDER) || name.endsWith(".so")) {
                    assertThat(name).startsWith(FOLDER).endsWith("/libpktinfo.so");
                    String platform = name.substring(FOLDER.length(), name.lastIndexOf('/'));
                    machines.put(platform, machineOf(file.getInputStream(entry).readAllBytes()));
                }
            }
        }
        return machines;
    }

    @ParameterizedTest
    @ValueSource(strings = {"library.jar", "server.jar"})
    void aJarHasExactlyTheLibrariesThatItWasBuiltForEachOfItsOwnMachine(String jar) throws Exception {
        Map<String, Integer> machines = machinesIn(System.getProperty(jar));
        assertThat(machines.keySet())
                .as("after a build of the release \"mvn clean\" removes its libraries")
                .isEqualTo(expected());
        assertThat(MACHINES).containsAllEntriesOf(machines);
    }
}
