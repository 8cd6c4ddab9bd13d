package org.pktinfo.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;

/** The folders that the library is extracted to, and those that it is not. */
class PrivateFolderTest {
    @TempDir
    private Path parent;

    private static void run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).inheritIO().start();
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
    }

    @Test
    void itIsNewAndForItsOwnerOnly() throws IOException {
        Path folder = PrivateFolder.create(parent);
        assertThat(folder).isEmptyDirectory().hasParent(parent.toRealPath());
        assertThat(Files.getPosixFilePermissions(folder)).isEqualTo(PosixFilePermissions.fromString("rwx------"));
        assertThat(PrivateFolder.create(parent)).isNotEqualTo(folder);
    }

    /** Puts a link, a file and an open folder there, as an attacker who guessed the names would. */
    @Test
    void whatIsThereAlreadyIsNotUsed() throws IOException {
        Path elsewhere = Files.createDirectory(parent.resolve("elsewhere"));
        Files.createSymbolicLink(parent.resolve("pktinfo-1f"), elsewhere);
        Files.createSymbolicLink(parent.resolve("pktinfo-20"), parent.resolve("nothing"));
        Files.writeString(parent.resolve("pktinfo-21"), "");
        Path open = Files.createDirectory(parent.resolve("pktinfo-22"));
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThat(PrivateFolder.create(parent, 0x1f)).hasFileName("pktinfo-23");
        assertThat(elsewhere).isEmptyDirectory();
        assertThat(open).isEmptyDirectory();
        assertThat(parent.resolve("nothing")).doesNotExist();
    }

    @Test
    void ifEveryNameIsTakenItSaysSo() throws IOException {
        for (int i = 0; i < 1000; i++) {
            Files.createFile(parent.resolve("pktinfo-" + Integer.toHexString(i)));
        }
        assertThatThrownBy(() -> PrivateFolder.create(parent, 0)).isInstanceOf(FileAlreadyExistsException.class);
        assertThatThrownBy(() -> PrivateFolder.create(parent.resolve("nothing")))
                .isInstanceOf(NoSuchFileException.class);
    }

    /**
     * Refuses a folder in which others may write without a sticky bit: they could rename the one below and make another
     * of its name.
     */
    @ParameterizedTest
    @CsvSource({"0700, true", "0755, true", "1777, true", "1770, true", "0777, false", "0775, false", "0702, false"})
    void aFolderWhereOthersCouldExchangeItIsRefused(String mode, boolean taken) throws Exception {
        Path above = Files.createDirectory(parent.resolve("above"));
        Path inner = Files.createDirectory(above.resolve("inner"));
        run("chmod", mode, above.toString());
        for (Path each : new Path[] {above, inner}) {
            if (taken) {
                assertThat(PrivateFolder.create(each)).isEmptyDirectory();
            } else {
                assertThatThrownBy(() -> PrivateFolder.create(each))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining(above.toRealPath() + " is open to others and not sticky (mode "
                                + mode.replaceAll("^0", "") + ")")
                        .hasMessageContaining("-Dpktinfo.tmpdir");
                assertThat(inner).isEmptyDirectory();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aFolderOfAnotherUserIsRefusedAlsoByWayOfALink(boolean link) throws Exception {
        Requires.root();
        Path theirs = Files.createDirectory(parent.resolve("theirs"));
        run("chown", "65534", theirs.toString());
        Path given = link ? Files.createSymbolicLink(parent.resolve("link"), theirs) : theirs;
        assertThatThrownBy(() -> PrivateFolder.create(given)).hasMessageContaining("belongs to user 65534");
        assertThat(theirs).isEmptyDirectory();
    }
}
