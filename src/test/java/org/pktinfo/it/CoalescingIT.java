package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.TwoHosts;

/** Replies that the server sends as one, and their arrival at an ordinary client. */
@Timeout(60)
class CoalescingIT extends TwoHosts {
    private static final int COUNT = 5;

    @TempDir
    private Path folder;

    @Override
    protected List<String> java() {
        return List.of(
                "strace",
                "-f",
                "-qq",
                "-e",
                "trace=sendmsg,sendmmsg",
                "-o",
                trace().toString(),
                ChildProcess.java().toString(),
                "-Dpktinfo.segmentation=on");
    }

    private Path trace() {
        return folder.resolve("trace");
    }

    @BeforeEach
    void connectTwoHosts() throws Exception {
        connect();
    }

    private void assertAllAnswered(String destination, int length) throws Exception {
        for (int i = 0; i < COUNT; i++) {
            assertThat(client.say("send " + destination + PORT + " " + length)).isEqualTo("sent");
        }
        assertThat(server.say("echo")).isEqualTo("received " + COUNT + " sent " + COUNT);
        for (int i = 0; i < COUNT; i++) {
            assertThat(client.say("await")).isEqualTo(destination);
            assertThat(client.say("length")).isEqualTo(String.valueOf(length));
        }
        assertThat(client.say("silence")).isEqualTo("nothing");
    }

    /** Returns the results, a number or an error, of the calls that asked the kernel to segment. */
    private List<String> cuts() throws IOException {
        return Files.readAllLines(trace()).stream()
                .filter(line -> line.contains("SOL_UDP"))
                .map(line -> line.replaceAll(".*\\) = ", "").replaceAll(" \\(.*", ""))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "fd00:9::2"})
    void everyOneOfThemArrivesFromTheRequestDestination(String destination) throws Exception {
        assertAllAnswered(destination, 1400);
        assertThat(cuts()).containsExactly(String.valueOf(COUNT * 1400));
    }

    /** The kernel refuses segmentation once, not at each burst, and no reply is lost. */
    @ParameterizedTest
    @ValueSource(strings = {"10.9.0.2", "fd00:9::2"})
    void whereThePathIsTooNarrowTheyLeaveOneByOneFromThenOn(String destination) throws Exception {
        String peer = destination.contains(":") ? "fd00:9::100/128" : "10.9.0.100/32";
        hosts.in("server", "ip route add " + peer + " dev a0 mtu 1280");
        assertAllAnswered(destination, 1400);
        assertThat(cuts()).singleElement().asString().matches("-1 (EINVAL|EMSGSIZE)");
        assertAllAnswered(destination, 1400);
        assertAllAnswered(destination, 100);
        assertThat(cuts()).hasSize(1);
    }
}
