package org.pktinfo.internal;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The file that a library was loaded from.
 *
 * @param name the name that the user knows it by
 * @param content its content, null if the file is unknown
 * @param remedy the user's way out if it is the wrong file
 */
record LibraryFile(String name, @Nullable Content content, String remedy) {
    /** The file's content, which is read each time that it is opened. */
    interface Content {
        InputStream open() throws IOException;
    }

    static LibraryFile given(String path) {
        return new LibraryFile(
                path,
                () -> Files.newInputStream(Path.of(path)),
                "give the file of this version, or leave -D" + LibraryProperties.PATH + " out");
    }

    /** Returns the first file of that name in the directories that {@link System#loadLibrary} searches. */
    static LibraryFile ofSystem(String name) {
        String remedy = "put the file of this version there";
        for (String folder : System.getProperty("java.library.path", ".").split(File.pathSeparator, -1)) {
            Path file = Path.of(folder, name);
            if (Files.isRegularFile(file)) {
                return new LibraryFile(file.toString(), () -> Files.newInputStream(file), remedy);
            }
        }
        return new LibraryFile(name, null, remedy);
    }

    static LibraryFile ofJar(String resource) {
        URL url = LibraryFile.class.getResource("/" + resource);
        return new LibraryFile(
                url == null ? resource : url.toString(),
                url == null ? null : url::openStream,
                "have one version of pktinfo alone on the class path or module path");
    }
}
