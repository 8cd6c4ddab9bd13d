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
 * Finds and loads the native library, once: from the path given, from the system, or out of the jar.
 *
 * <p>native-lib-loader knows the platform's folder and extracts; loading stays here, because the class that calls
 * {@link System#load} decides which class loader and which module the library belongs to.
 */
public final class NativeLibrary {
    private static final String NAME = "pktinfo";
    private static final String RESOURCES = "META-INF/lib";

    /** native-lib-loader's names of those that a jar of ours may have. */
    private static final List<String> PLATFORMS = List.of("linux_64", "linux_arm64", "linux_riscv64");

    private static final String SLF4J_VERBOSITY = "slf4j.internal.verbosity";

    private static volatile @Nullable Loaded loaded; // written by who holds the lock of this class
    private static boolean warned;

    /** Where the library came from, or why there is none; exactly one of the two. */
    private record Loaded(@Nullable String origin, @Nullable UnsatisfiedLinkError failure) {}

    private NativeLibrary() {}

    /** The origin in words; throws an error that lists every attempt if there is no library. */
    public static String load() {
        Loaded result = result();
        if (result.origin != null) {
            return result.origin;
        }
        throw copy(result.failure);
    }

    /** Loads it; without it goes on where the user has asked for that, and says so once. */
    public static void loadOrFallBack() {
        Loaded before = loaded;
        if (before != null && before.origin != null) {
            return; // without a look at the properties, which not every caller may read
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
                                    + " information and without a choice of the source. Not for production. The reason: "
                                    + String.valueOf(failure()));
        }
    }

    /** Each caller gets an error with its own stack trace. */
    private static UnsatisfiedLinkError copy(@Nullable UnsatisfiedLinkError failure) {
        UnsatisfiedLinkError copy = new UnsatisfiedLinkError(failure == null ? null : failure.getMessage());
        if (failure != null) {
            for (Throwable suppressed : failure.getSuppressed()) {
                copy.addSuppressed(suppressed);
            }
        }
        return copy;
    }

    /** Why the library cannot be loaded, null if it can. */
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

    /**
     * Returns what is wrong with a property that is not about the library, null if nothing is; such a one is read here,
     * once.
     */
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
                return new Loaded(attempt.what, null);
            } catch (IOException | LinkageError | RuntimeException e) {
                text.append("; ").append(attempt.what).append(": ").append(reason(e));
                failures.add(e);
                if (e instanceof LibraryVersion.OtherLayoutError) {
                    break; // its functions are the ones that would be called, whatever is loaded after it
                }
            }
        }
        UnsatisfiedLinkError failure = new UnsatisfiedLinkError(text.toString());
        failures.forEach(failure::addSuppressed);
        return new Loaded(null, failure);
    }

    /** A place to load it from, which finds the file once it was loaded. */
    private abstract static class Attempt implements Supplier<LibraryFile> {
        final String what;

        Attempt(String what) {
            this.what = what;
        }

        abstract void load() throws IOException;
    }

    /** A place that was asked for is the only one that is tried: another library would not be what the user wanted. */
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
        // Of what is no file the dynamic linker would say something else, and the JVM more.
        if (!Files.isRegularFile(file)) {
            throw new UnsatisfiedLinkError(Files.exists(file) ? "is not a file" : "there is no such file");
        }
        System.load(file.toAbsolutePath().toString());
    }

    /** Extracts into a folder of nobody else's and removes it: a loaded library needs no file. */
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
            String there = PLATFORMS.stream()
                    .filter(platform -> isInJar(RESOURCES + "/" + platform + "/"))
                    .collect(Collectors.joining(", "));
            throw new UnsatisfiedLinkError("the jar has the library for " + (there.isEmpty() ? "no platform" : there)
                    + "; build your own as CONTRIBUTING.md says and give it with -D" + LibraryProperties.PATH
                    + ", or try the program without a choice of the source with -D" + LibraryProperties.FALLBACK
                    + "=plain");
        }
    }

    /** Has native-lib-loader extract it, which logs through SLF4J. */
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

    /** Without a provider SLF4J warns on stderr when native-lib-loader first asks it for a logger. */
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

    /** The dynamic linker's words, and what they usually mean. */
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

    /** Returns the reason why it is not loaded, whatever that is; null if it is. */
    public static @Nullable Throwable anyFailure() {
        try {
            return failure();
        } catch (RuntimeException | LinkageError e) {
            return e;
        }
    }

    /** Names the C library that this process runs on. */
    public static String libcVersion() {
        load();
        int version = NativeCalls.glibcVersion();
        return version == 0 ? "not glibc" : "glibc " + version / 1000 + "." + version % 1000;
    }
}
