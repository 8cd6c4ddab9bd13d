package org.pktinfo.internal;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/**
 * The check that a loaded library is of this version: Java and C share memory, and different versions would misread it.
 */
final class LibraryVersion {
    /** The prefix of the native functions' names in every version, independent of class and package. */
    private static final String OURS = "Java_org_pktinfo_";

    private LibraryVersion() {}

    /** The error for a library that has this project's functions but another layout. */
    static final class OtherLayoutError extends UnsatisfiedLinkError {
        private static final long serialVersionUID = 1L;

        OtherLayoutError(String message) {
            super(message);
        }
    }

    /**
     * Checks the library that was loaded last. Throws an error that names its file if its layout version is different
     * or missing.
     */
    static void check(Supplier<LibraryFile> where) {
        int version;
        try {
            version = NativeCalls.layoutVersion();
        } catch (UnsatisfiedLinkError e) {
            throw withoutAnswer(where.get(), e);
        }
        if (version != Layout.VERSION) {
            LibraryFile file = where.get();
            throw new OtherLayoutError(file.name() + " is a library of another version of pktinfo, with layout "
                    + version + " instead of " + Layout.VERSION + ": " + file.remedy());
        }
    }

    private static UnsatisfiedLinkError withoutAnswer(LibraryFile file, UnsatisfiedLinkError cause) {
        String problem = " is not the library of this version of pktinfo";
        try {
            LibraryFile.Content content = file.content();
            if (content != null) {
                problem = isOurs(content)
                        ? " is a library of another version of pktinfo, without the functions of this one"
                        : " is no library of pktinfo";
            }
        } catch (IOException | SecurityException e) {
            cause.addSuppressed(e);
        }
        UnsatisfiedLinkError error = new UnsatisfiedLinkError(file.name() + problem + ": " + file.remedy());
        error.initCause(cause);
        return error;
    }

    private static boolean isOurs(LibraryFile.Content content) throws IOException {
        try (InputStream in = content.open()) {
            return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1).contains(OURS);
        }
    }
}
