package org.pktinfo.agent;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** The agent's native library in the jar. */
final class AgentLibrary {
    static final String FILE = "libpktinfo-agent.so";

    private AgentLibrary() {}

    /** Copies the library of this processor into a folder, and returns the file. */
    static Path copyInto(Path folder) throws IOException {
        return copyInto(folder, platform());
    }

    private static Path copyInto(Path folder, String platform) throws IOException {
        Path file = folder.resolve(FILE);
        try (InputStream library = AgentLibrary.class.getResourceAsStream(platform + "/" + FILE)) {
            if (library == null) {
                throw new IOException("this pktinfo-agent.jar has no library for " + System.getProperty("os.name")
                        + " on " + System.getProperty("os.arch"));
            }
            Files.copy(library, file);
        }
        return file;
    }

    private static String platform() {
        String processor = System.getProperty("os.arch");
        return switch (processor) {
            case "amd64" -> "linux_64";
            case "aarch64" -> "linux_arm64";
            default -> "linux_" + processor;
        };
    }
}
