package org.pktinfo.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Passes text that is not ASCII in and out if the locale is limited to ASCII, as in most containers and under cron.
 * There the JVM, of every version, replaces each such byte of an argument by a replacement character, and each such
 * character printed by a question mark.
 */
final class Utf8 {
    private static final char REPLACEMENT = '\uFFFD';
    private static final Path COMMAND_LINE = Path.of("/proc/self/cmdline");

    private Utf8() {}

    /** Makes the standard outputs print UTF-8 if they are limited to ASCII. */
    static void print() {
        if (nativeCharset().equals(StandardCharsets.US_ASCII)) {
            System.setOut(utf8(FileDescriptor.out));
            System.setErr(utf8(FileDescriptor.err));
        }
    }

    private static PrintStream utf8(FileDescriptor file) {
        return new PrintStream(new BufferedOutputStream(new FileOutputStream(file)), true, StandardCharsets.UTF_8);
    }

    private static Charset nativeCharset() {
        return Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
    }

    /**
     * Returns the arguments as typed. Those that the JVM could not decode are decoded again, as UTF-8, from the command
     * line that the kernel keeps.
     *
     * @throws IllegalArgumentException if an argument is not UTF-8 either
     */
    static String[] arguments(String[] decoded) {
        if (Arrays.stream(decoded).allMatch(Utf8::isWhole)) {
            return decoded;
        }
        List<byte[]> typed = lastOfCommandLine(decoded.length);
        String[] arguments = decoded.clone();
        for (int i = 0; i < decoded.length; i++) {
            if (!isWhole(decoded[i])) {
                arguments[i] = decode(i < typed.size() ? typed.get(i) : new byte[0], decoded[i]);
            }
        }
        return arguments;
    }

    private static boolean isWhole(String argument) {
        return argument.indexOf(REPLACEMENT) < 0;
    }

    private static String decode(byte[] typed, String decoded) {
        if (!new String(typed, nativeCharset()).equals(decoded)) {
            throw new IllegalArgumentException("\"" + decoded + "\" has characters that this locale (" + nativeCharset()
                    + ") does not know: try LC_ALL=C.UTF-8");
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(typed))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("\"" + decoded + "\" is not UTF-8", e);
        }
    }

    /**
     * Returns fewer words, or none, if the kernel does not keep all of them (before Linux 4.2, 4096 bytes) or there is
     * no /proc.
     */
    private static List<byte[]> lastOfCommandLine(int count) {
        List<byte[]> words = new ArrayList<>();
        try {
            byte[] all = Files.readAllBytes(COMMAND_LINE);
            for (int begin = 0, end = 0; end < all.length; end++) {
                if (all[end] == 0) {
                    words.add(Arrays.copyOfRange(all, begin, end));
                    begin = end + 1;
                }
            }
        } catch (IOException e) {
            return List.of();
        }
        return words.subList(Math.max(0, words.size() - count), words.size());
    }
}
