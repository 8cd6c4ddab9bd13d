package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.Requires;
import org.pktinfo.it.support.Agent;
import org.pktinfo.it.support.ArticleHosts;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Opened;

/** The groups that the sample server answers: its own, or all that a program on its host has joined. */
@Timeout(60)
class AllGroupsIT {
    @RegisterExtension
    final Opened opened = new Opened();

    private ArticleHosts hosts;
    private Agent client;

    @BeforeEach
    void connectTwoMachines() throws Exception {
        hosts = new ArticleHosts(opened);
        client = opened.add(new Agent(hosts.namespaces, "vm2"));
    }

    private String answerFrom(String group, String wait) throws Exception {
        assertThat(client.say("send " + group + " 8888")).isEqualTo("sent");
        return client.say(wait);
    }

    private static List<String> java(int jdk) {
        return List.of((jdk == 25 ? Requires.jdk25() : ChildProcess.java()).toString());
    }

    @ParameterizedTest
    @CsvSource({
        "17, 239.1.2.5, 192.168.122.31",
        "17, ff15::b%eth0, fd00:122::",
        "17, ff02::1%eth0, fd00:122::",
        "25, 239.1.2.5, 192.168.122.31",
        "25, ff15::b%eth0, fd00:122::",
        "25, ff02::1%eth0, fd00:122::"
    })
    void aGroupOfAnotherProgramIsAnsweredIfTheOptionSaysSo(int jdk, String group, String source) throws Exception {
        try (Agent other = new Agent(hosts.namespaces, "vm1")) {
            assertThat(other.say("open DUAL_STACK 7999")).isEqualTo("open");
            assertThat(other.say("join " + group.replaceAll("%.*", "") + " eth0"))
                    .isEqualTo("joined");
            try (ChildProcess server = hosts.serve(java(jdk))) {
                assertThat(answerFrom(group, "silence")).as("%s", server).isEqualTo("nothing");
            }
            try (ChildProcess server = hosts.serve(java(jdk), "--all-groups")) {
                assertThat(answerFrom(group, "await")).as("%s", server).startsWith(source);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {17, 25})
    void allNodesOfALinkAreAnsweredOnceJoined(int jdk) throws Exception {
        try (ChildProcess server = hosts.serve(java(jdk), "--workers=2", "--join", "ff02::1@eth0")) {
            assertThat(answerFrom("ff02::1%eth0", "await")).as("%s", server).startsWith("fd00:122::");
        }
    }
}
