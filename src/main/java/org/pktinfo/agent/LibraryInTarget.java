package org.pktinfo.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Properties;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.pktinfo.internal.PrivateFolder;

/**
 * The agent's library by a path that another process can load it from: the library already loaded there, or a copy that
 * exists while this object is open.
 */
final class LibraryInTarget implements AutoCloseable {
    private static final String DELETED = " (deleted)";

    private final String path;
    private final @Nullable Path copy;

    private LibraryInTarget(String path, @Nullable Path copy) {
        this.path = path;
        this.copy = copy;
    }

    /**
     * Finds the library in a process, or copies it there.
     *
     * @param process the process number
     * @param properties the process's system properties, for the folder of temporary files
     */
    static LibraryInTarget of(String process, Properties properties) throws IOException {
        String loaded = loaded(process);
        return loaded == null ? copied(process, properties) : new LibraryInTarget(loaded, null);
    }

    /**
     * Returns the path of the loaded library. The dynamic linker knows a library by its path even if the file was
     * deleted. The kernel names it as this process sees it: if the root of the other process is a folder, by chroot(2),
     * the path begins with that folder.
     */
    private static @Nullable String loaded(String process) throws IOException {
        String folder = rootFolder(process);
        try (Stream<String> mappings = Files.lines(Path.of("/proc", process, "maps"), StandardCharsets.ISO_8859_1)) {
            return mappings.map(
                            line -> line.endsWith(DELETED) ? line.substring(0, line.length() - DELETED.length()) : line)
                    .filter(line -> line.endsWith("/" + AgentLibrary.FILE))
                    .map(line -> line.substring(line.indexOf('/')))
                    .map(path -> path.startsWith(folder + "/") ? path.substring(folder.length()) : path)
                    .findFirst()
                    .orElse(null);
        }
    }

    private static LibraryInTarget copied(String process, Properties properties) throws IOException {
        Path inner = Path.of(System.getProperty("pktinfo.tmpdir", properties.getProperty("java.io.tmpdir", "/tmp")));
        Path root = Path.of("/proc", process, "root");
        boolean elsewhere = !isSame(process, "mnt") || !rootFolder(process).isEmpty();
        Path parent = elsewhere ? root.resolve(inner.toString().substring(1)) : inner;
        if (elsewhere && !Files.isDirectory(parent, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(inner + " in the file system of process " + process + " is not a folder");
        }
        Path folder = elsewhere ? newFolder(parent) : PrivateFolder.create(parent);
        Path file = AgentLibrary.copyInto(folder);
        giveTo(process, folder);
        giveTo(process, file);
        String name = folder.getFileName() + "/" + AgentLibrary.FILE;
        return new LibraryInTarget(inner.resolve(name).toString(), file);
    }

    /** Returns the root folder of a process, without the slash at the end: empty for most. */
    private static String rootFolder(String process) throws IOException {
        String root = Files.readSymbolicLink(Path.of("/proc", process, "root")).toString();
        return root.equals("/") ? "" : root;
    }

    /**
     * Creates a folder without resolving the parent's real path, in which the kernel's link to the other file system
     * would be a plain "/".
     */
    private static Path newFolder(Path parent) throws IOException {
        return Files.createDirectory(
                parent.resolve("pktinfo-" + Long.toHexString(System.nanoTime())),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }

    private static boolean isSame(String process, String namespace) throws IOException {
        return Files.readSymbolicLink(Path.of("/proc", process, "ns", namespace))
                .equals(Files.readSymbolicLink(Path.of("/proc/self/ns", namespace)));
    }

    /**
     * Changes the owner to that of the process. Only root can do so, and only root can attach to another user's
     * process.
     */
    private static void giveTo(String process, Path file) throws IOException {
        Object owner = Files.getAttribute(Path.of("/proc", process), "unix:uid");
        if (!owner.equals(Files.getAttribute(file, "unix:uid"))) {
            Files.setAttribute(file, "unix:uid", owner);
        }
    }

    /** Returns the path as the process sees it. */
    String path() {
        return path;
    }

    @Override
    public void close() throws IOException {
        if (copy != null) {
            Files.deleteIfExists(copy);
            Files.delete(copy.getParent());
        }
    }
}
