package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The metadata for GraalVM's native-image: no build compiles it here, so at least every name in it must exist. */
class NativeImageMetadataTest {
    private static final String FILE = "/META-INF/native-image/org.pktinfo/pktinfo/reachability-metadata.json";

    /** Returns every name: "type T", "field T.f", "method T.m", "glob G". */
    private static List<String> names() throws IOException {
        List<String> names = new ArrayList<>();
        try (InputStream in = NativeImageMetadataTest.class.getResourceAsStream(FILE);
                JsonParser json = new JsonFactory().createParser(in)) {
            String type = "";
            String kind = "";
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                if (token == JsonToken.START_ARRAY) {
                    kind = json.currentName();
                }
                if (token == JsonToken.VALUE_STRING) {
                    switch (json.currentName()) {
                        case "type" -> names.add("type " + (type = json.getText()));
                        case "name" -> names.add(kind.replaceAll("s$", "") + " " + type + "." + json.getText());
                        default -> names.add(json.currentName() + " " + json.getText());
                    }
                }
            }
        }
        return names;
    }

    @Test
    void itNamesWhatTheNativeLibraryAsksTheJvmForAndTheLibraryItself() throws Exception {
        assertThat(names())
                .containsExactlyInAnyOrder(
                        "type sun.nio.ch.DatagramChannelImpl",
                        "field sun.nio.ch.DatagramChannelImpl.fdVal",
                        "field sun.nio.ch.DatagramChannelImpl.fd",
                        "method sun.nio.ch.DatagramChannelImpl.getFDVal",
                        "type java.net.DatagramPacket",
                        "field java.net.DatagramPacket.bufLength",
                        "field java.net.DatagramPacket.length",
                        "type java.io.FileDescriptor",
                        "field java.io.FileDescriptor.fd",
                        "type java.lang.Thread",
                        "method java.lang.Thread.isVirtual",
                        "glob META-INF/lib/*/libpktinfo.so");
    }

    @Test
    void everyNameInItExists() throws Exception {
        for (String name : names()) {
            if (!name.endsWith("Thread.isVirtual") || Runtime.version().feature() >= 21) {
                assertThat(exists(name)).as(name).isTrue();
            }
        }
        assertThat(exists("field java.io.FileDescriptor.none")).isFalse();
        assertThat(exists("glob META-INF/none/*")).isFalse();
    }

    private static boolean exists(String name) throws Exception {
        String[] words = name.split(" ", -1);
        String type = words[1].substring(0, Math.max(0, words[1].lastIndexOf('.')));
        String member = words[1].substring(words[1].lastIndexOf('.') + 1);
        return switch (words[0]) {
            case "type" -> Class.forName(words[1]).getName().equals(words[1]);
            case "field" ->
                Arrays.stream(Class.forName(type).getDeclaredFields())
                        .anyMatch(field -> field.getName().equals(member));
            case "method" ->
                Arrays.stream(Class.forName(type).getDeclaredMethods())
                        .anyMatch(method -> method.getName().equals(member) && method.getParameterCount() == 0);
            default -> matchesAFile(words[1]);
        };
    }

    private static boolean matchesAFile(String glob) throws Exception {
        Path classes = Path.of(PktInfoChannel.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + glob);
        try (Stream<Path> files = Files.walk(classes)) {
            return files.map(classes::relativize).anyMatch(matcher::matches);
        }
    }
}
