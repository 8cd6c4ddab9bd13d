package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pktinfo.it.support.Jvm.agent;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pktinfo.channels.ChannelCases;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.Jvm;
import org.pktinfo.socket.SocketCases;

/** All that the documentation of the JDK's sockets, channels and selectors says, with pktinfo-agent.jar and without. */
@Timeout(120)
class AgentCasesIT {
    @ParameterizedTest
    @EnumSource
    void whatDatagramSocketsAndMulticastSocketsDoTheyDoUnderTheAgent(Jvm jvm) throws Exception {
        assertTheSame(jvm, SocketCases.class, 70);
    }

    @ParameterizedTest
    @EnumSource
    void whatDatagramChannelsAndSelectorsDoTheyDoUnderTheAgent(Jvm jvm) throws Exception {
        assertTheSame(jvm, ChannelCases.class, 260);
    }

    private static void assertTheSame(Jvm jvm, Class<?> cases, int atLeast) throws Exception {
        Map<String, String> stock = outcomes(jvm, cases);
        assertThat(stock)
                .hasSizeGreaterThan(atLeast)
                .allSatisfy((name, outcome) -> assertThat(outcome).as(name).doesNotContain("Error"));
        assertThat(outcomes(jvm, cases, agent("log=quiet,ports=all"))).isEqualTo(stock);
    }

    private static Map<String, String> outcomes(Jvm jvm, Class<?> cases, String... options) throws Exception {
        List<String> command = jvm.command(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), cases.getName()));
        ChildProcess child = ChildProcess.run(command);
        assertThat(child.exitCode()).as("%s", child).isZero();
        assertThat(child.err()).as("stderr").isEmpty();
        Map<String, String> outcomes = new LinkedHashMap<>();
        for (String line : child.out()) {
            int equals = line.indexOf(" = ");
            assertThat(outcomes.put(line.substring(0, equals), line.substring(equals + 3)))
                    .as(line)
                    .isNull();
        }
        return outcomes;
    }
}
