package org.pktinfo.internal;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * A new folder that no other user can enter, or replace while the library in it is being loaded. Each folder above it
 * belongs to root or to this user, and one that others may write to is sticky, so that they cannot rename files that
 * are not theirs.
 */
public final class PrivateFolder {
    private static final int WRITABLE_BY_OTHERS = 022;
    private static final int STICKY = 01000;

    private static final Set<PosixFilePermission> OWN =
            Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE);

    private PrivateFolder() {}

    /**
     * Creates a folder in an existing one.
     *
     * @throws IOException if the folder cannot be created, or not safely: the message names the folder and the reason
     */
    public static Path create(Path parent) throws IOException {
        return create(parent, System.nanoTime());
    }

    /**
     * Creates a folder as Files.createTempDirectory does, which spends 15 ms of a starting JVM on a secure random
     * number. A guessed name gains nothing: a file or link that exists already is not used.
     */
    static Path create(Path parent, long number) throws IOException {
        Path real = parent.toRealPath();
        for (int attempt = 0; attempt < 1000; attempt++) {
            Path folder = real.resolve("pktinfo-" + Long.toHexString(number + attempt));
            try {
                Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(OWN));
            } catch (FileAlreadyExistsException e) {
                continue; // another process has this name: the next one
            }
            return checked(folder);
        }
        throw new FileAlreadyExistsException(parent + ": every name for a folder is taken");
    }

    private static Path checked(Path folder) throws IOException {
        try {
            int self = (Integer) Files.getAttribute(folder, "unix:uid");
            for (Path above = folder.getParent(); above != null; above = above.getParent()) {
                check(above, self);
            }
            return folder;
        } catch (IOException e) {
            Files.deleteIfExists(folder);
            throw e;
        }
    }

    private static void check(Path above, int self) throws IOException {
        int owner = (Integer) Files.getAttribute(above, "unix:uid");
        int mode = (Integer) Files.getAttribute(above, "unix:mode");
        String problem = null;
        if (owner != 0 && owner != self) {
            problem = "belongs to user " + owner;
        } else if ((mode & WRITABLE_BY_OTHERS) != 0 && (mode & STICKY) == 0) {
            problem = "is open to others and not sticky (mode " + Integer.toOctalString(mode & 07777) + ")";
        }
        if (problem != null) {
            throw new IOException(above + " " + problem + ", so the library could be exchanged there; -D"
                    + LibraryProperties.FOLDER + " chooses another folder");
        }
    }
}
