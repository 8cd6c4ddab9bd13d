package org.pktinfo.internal;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.scijava.nativelib.BaseJniExtractor;
import org.scijava.nativelib.NativeLibraryUtil;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * The native library, found and loaded once: from the path given, from the system, or from the jar.
 *
 * <p>native-lib-loader selects the platform's folder and extracts. Loading stays in this class, because the class that
 * calls {@link System#load} determines the class loader and the module that the library belongs to.
 */
public final class NativeLibrary {
    private static final String NAME = "pktinfo";
    private static final String RESOURCES = "META-INF/lib";

    /** The platforms, by native-lib-loader's names, that a jar of this project may have a library for. */
    private static final List<String> PLATFORMS = List.of("linux_64", "linux_arm64", "linux_riscv64");

    private static final String SLF4J_VERBOSITY = "slf4j.internal.verbosity";

    private static volatile @Nullable Loaded loaded; // written under this class's lock
    private static boolean warned;

    /** The origin of the library, or the reason for its absence; exactly one of the two is null. */
    private record Loaded(@Nullable String origin, @Nullable UnsatisfiedLinkError failure) {}

    private NativeLibrary() {}

    /**
     * Loads the library and returns its origin as text. Throws an error that lists every attempt if there is no
     * library.
     */
    public static String load() {
        Loaded result = result();
        if (result.origin != null) {
            return result.origin;
        }
        throw copy(result.failure);
    }

    /** Loads the library. Without one, goes on if the user has permitted that, and logs a warning once. */
    public static void loadOrFallBack() {
        Loaded before = loaded;
        if (before != null && before.origin != null) {
            return; // no property is read here, as not every later caller may read them
        }
        String fallback = System.getProperty(LibraryProperties.FALLBACK);
        if (fallback != null && !fallback.equals("plain")) {
            throw new UnsatisfiedLinkError(
                    "-D" + LibraryProperties.FALLBACK + "=" + fallback + ": must be \"plain\", or not be there");
        }
        if (fallback == null || failure() == null || wrongSetting() != null) {
            load();
        } else {
            warnOnce();
        }
    }

    private static synchronized void warnOnce() {
        if (!warned) {
            warned = true;
            System.getLogger("org.pktinfo")
                    .log(
                            System.Logger.Level.WARNING,
                            "REPLIES LEAVE FROM ANY ADDRESS: there is no native library here and -D"
                                    + LibraryProperties.FALLBACK
                                    + "=plain was given, so that the JDK alone sends and receives, without packet"
                                    + " information and without a choice of the source. Not for production. The"
                                    + " reason: "
                                    + String.valueOf(failure()));
        }
    }

    /** Returns a copy, so that each caller gets an error with its own stack trace. */
    private static UnsatisfiedLinkError copy(@Nullable UnsatisfiedLinkError failure) {
        UnsatisfiedLinkError copy = new UnsatisfiedLinkError(failure == null ? null : failure.getMessage());
        if (failure != null) {
            for (Throwable suppressed : failure.getSuppressed()) {
                copy.addSuppressed(suppressed);
            }
        }
        return copy;
    }

    /** Returns the reason why the library cannot be loaded, null if it can. */
    static @Nullable Throwable failure() {
        return result().failure;
    }

    private static Loaded result() {
        Loaded result = loaded;
        return result == null ? tryOnce() : result;
    }

    private static synchronized Loaded tryOnce() {
        Loaded result = loaded;
        if (result == null) {
            result = tryAll();
            loaded = result;
        }
        return result;
    }

    /** Returns the error in a property of another class that is read here once, null if there is none. */
    private static @Nullable String wrongSetting() {
        Segmentation segmentation = Segmentation.current();
        return segmentation.isRefused() ? segmentation.text() : UnprovenSetting.wrong();
    }

    private static Loaded tryAll() {
        String wrong = wrongSetting();
        if (wrong != null) {
            return new Loaded(null, new UnsatisfiedLinkError(wrong));
        }
        List<Throwable> failures = new ArrayList<>();
        StringBuilder text = new StringBuilder("no native library for ").append(platform());
        for (Attempt attempt : attempts()) {
            try {
                attempt.load();
                LibraryVersion.check(attempt);
                return new Loaded(attempt.description, null);
            } catch (IOException | LinkageError | RuntimeException e) {
                text.append("; ").append(attempt.description).append(": ").append(reason(e));
                failures.add(e);
                if (e instanceof LibraryVersion.OtherLayoutError) {
                    break; // its functions would be called, whatever is loaded after it
                }
            }
        }
        UnsatisfiedLinkError failure = new UnsatisfiedLinkError(text.toString());
        failures.forEach(failure::addSuppressed);
        return new Loaded(null, failure);
    }

    /** A place to load the library from. After loading, it supplies the file. */
    private abstract static class Attempt implements Supplier<LibraryFile> {
        final String description;

        Attempt(String description) {
            this.description = description;
        }

        abstract void load() throws IOException;
    }

    /**
     * Returns the places to try. A place that the user names is the only one: another library would not be the one
     * wanted.
     */
    private static Attempt[] attempts() {
        String path = System.getProperty(LibraryProperties.PATH);
        String parent = System.getProperty(LibraryProperties.FOLDER);
        if (path != null && path.isEmpty()) {
            return new Attempt[] {refused(LibraryProperties.PATH, "names no file: give one, or leave it out")};
        }
        if (path == null && parent != null && parent.isEmpty()) {
            return new Attempt[] {refused(LibraryProperties.FOLDER, "names no folder: give one, or leave it out")};
        }
        if (path != null) {
            return new Attempt[] {given(path)};
        }
        String mode = System.getProperty(LibraryProperties.MODE, "jar");
        Path folder = Path.of(parent == null ? System.getProperty("java.io.tmpdir", ".") : parent);
        return switch (mode) {
            case "system" -> new Attempt[] {ofSystem()};
            case "jar" -> new Attempt[] {ofJar(folder), ofSystem()};
            default -> new Attempt[] {refused(LibraryProperties.MODE, "must be \"jar\" or \"system\"")};
        };
    }

    private static Attempt given(String path) {
        return new Attempt("-D" + LibraryProperties.PATH + "=" + path) {
            @Override
            void load() {
                loadFile(Path.of(path));
            }

            @Override
            public LibraryFile get() {
                return LibraryFile.given(path);
            }
        };
    }

    private static Attempt ofSystem() {
        return new Attempt("java.library.path=" + System.getProperty("java.library.path")) {
            @Override
            void load() {
                System.loadLibrary(NAME);
            }

            @Override
            public LibraryFile get() {
                return LibraryFile.ofSystem(System.mapLibraryName(NAME));
            }
        };
    }

    private static Attempt ofJar(Path folder) {
        return new Attempt("out of the jar by way of " + folder) {
            @Override
            void load() throws IOException {
                loadFromJar(folder);
            }

            @Override
            public LibraryFile get() {
                return LibraryFile.ofJar(
                        NativeLibraryUtil.getPlatformLibraryPath(RESOURCES) + System.mapLibraryName(NAME));
            }
        };
    }

    private static Attempt refused(String property, String why) {
        return new Attempt("-D" + property + "=" + System.getProperty(property)) {
            @Override
            void load() {
                throw new IllegalArgumentException(why);
            }

            @Override
            public LibraryFile get() {
                throw new AssertionError("nothing was loaded");
            }
        };
    }

    private static void loadFile(Path file) {
        // For a path that is not a file, the messages of the dynamic linker and of the JVM are misleading.
        if (!Files.isRegularFile(file)) {
            throw new UnsatisfiedLinkError(Files.exists(file) ? "is not a file" : "there is no such file");
        }
        System.load(file.toAbsolutePath().toString());
    }

    /** Loads the library from a private folder and removes that: a loaded library needs no file. */
    static void loadFromJar(Path parent) throws IOException {
        Path folder = PrivateFolder.create(parent);
        Path file = folder.resolve(System.mapLibraryName(NAME));
        try {
            extract(folder);
            loadFile(file);
        } finally {
            Files.deleteIfExists(file);
            Files.delete(folder);
        }
    }

    private static boolean isInJar(String folder) {
        return NativeLibrary.class.getResource("/" + folder + System.mapLibraryName(NAME)) != null;
    }

    private static void checkPlatform(String resources) {
        if (!isInJar(resources)) {
            String available = PLATFORMS.stream()
                    .filter(platform -> isInJar(RESOURCES + "/" + platform + "/"))
                    .collect(Collectors.joining(", "));
            throw new UnsatisfiedLinkError(
                    "the jar has the library for " + (available.isEmpty() ? "no platform" : available)
                            + "; build your own as CONTRIBUTING.md says and give it with -D" + LibraryProperties.PATH
                            + ", or try the program without a choice of the source with -D" + LibraryProperties.FALLBACK
                            + "=plain");
        }
    }

    /** Extracts the library with native-lib-loader, which logs through SLF4J. */
    private static void extract(Path folder) throws IOException {
        boolean silence = System.getProperty(SLF4J_VERBOSITY) == null && !hasLoggingProvider();
        if (silence) {
            System.setProperty(SLF4J_VERBOSITY, "ERROR");
        }
        try {
            String resources = NativeLibraryUtil.getPlatformLibraryPath(RESOURCES);
            checkPlatform(resources);
            new Extractor(folder.toFile()).extractJni(resources, NAME);
        } finally {
            if (silence) {
                System.clearProperty(SLF4J_VERBOSITY);
            }
        }
    }

    /**
     * Returns true if SLF4J has a provider. Without one it warns on stderr when native-lib-loader asks for a logger.
     */
    private static boolean hasLoggingProvider() {
        return ServiceLoader.load(SLF4JServiceProvider.class, SLF4JServiceProvider.class.getClassLoader())
                .iterator()
                .hasNext();
    }

    private static final class Extractor extends BaseJniExtractor {
        private final File folder;

        Extractor(File folder) throws IOException {
            super(NativeLibrary.class);
            this.folder = folder;
        }

        @Override
        public File getNativeDir() {
            return folder;
        }

        @Override
        public File getJniDir() {
            return folder;
        }
    }

    private static String platform() {
        return System.getProperty("os.name") + " on " + System.getProperty("os.arch");
    }

    /** Returns the dynamic linker's message, with its usual cause. */
    private static String reason(Throwable e) {
        String message = e.getMessage() == null ? e.toString() : e.getMessage();
        if (e instanceof java.nio.file.FileSystemException) {
            return "cannot be written there: " + e;
        }
        if (e instanceof IllegalCallerException) {
            return message + " (allow it: --enable-native-access=ALL-UNNAMED, on the module path =org.pktinfo)";
        }
        if (message.contains("failed to map segment")) {
            return message + " (is the file system mounted noexec? -D" + LibraryProperties.FOLDER
                    + " chooses another folder)";
        }
        if (message.contains("GLIBC_")) {
            return message + " (the library was built for a newer C library than this system has)";
        }
        return message;
    }

    /** Returns the reason why the library is not loaded, of any kind; null if it is loaded. */
    public static @Nullable Throwable anyFailure() {
        try {
            return failure();
        } catch (RuntimeException | LinkageError e) {
            return e;
        }
    }

    /** Returns the name and version of the C library that this process runs on. */
    public static String libcVersion() {
        load();
        int version = NativeCalls.glibcVersion();
        return version == 0 ? "not glibc" : "glibc " + version / 1000 + "." + version % 1000;
    }
}
