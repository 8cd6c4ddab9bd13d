package org.pktinfo.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pktinfo.internal.JvmSockets;

class AgentOptionsTest {
    private static List<String> ranges(String options) {
        return AgentOptions.parse(options).settings().ports().stream()
                .map(JvmSockets.Ports::toString)
                .toList();
    }

    @Test
    void withoutOptionsThePortsThatTheProgramChoosesAreMeantAndOneLineIsSaid() {
        AgentOptions options = AgentOptions.parse("");
        assertThat(ranges("")).isEmpty();
        assertThat(options.settings().all()).isFalse();
        assertThat(options.settings().memory()).isEqualTo(16_384);
        assertThat(options.settings().expirySeconds()).isEqualTo(600);
        assertThat(options.settings().goneIsException()).isFalse();
        assertThat(options.log()).isEqualTo(AgentOptions.Log.START);
        assertThat(options.statsSeconds()).isZero();
        assertThat(options.portsInWords()).isEqualTo("the ports that the program chooses");
    }

    @Test
    void eachOptionIsRead() {
        AgentOptions options = AgentOptions.parse("ports=all,memory=100,expiry=never,gone=exception,log=stats:5");
        assertThat(options.settings().all()).isTrue();
        assertThat(options.settings().memory()).isEqualTo(100);
        assertThat(options.settings().expirySeconds()).isZero();
        assertThat(options.settings().goneIsException()).isTrue();
        assertThat(options.statsSeconds()).isEqualTo(5);
        assertThat(options.portsInWords()).isEqualTo("all ports");
        assertThat(AgentOptions.parse("expiry=5,gone=drop").settings().expirySeconds())
                .isEqualTo(5);
    }

    @Test
    void portsAreNumbersAndRangesBothEndsIncluded() {
        assertThat(ranges("ports=53")).containsExactly("53");
        assertThat(ranges("log=quiet,ports=65535,1-3,7-7")).containsExactly("65535", "1-3", "7");
        assertThat(AgentOptions.parse("ports=53,5683-5690,log=sockets").portsInWords())
                .isEqualTo("ports 53, 5683-5690");
        assertThat(AgentOptions.parse("ports=53,5683-5690,log=sockets").log()).isEqualTo(AgentOptions.Log.SOCKETS);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ports=0 | \"0\"",
                "ports=65536 | \"65536\"",
                "ports=123456 | \"123456\"",
                "ports=9-8 | \"9-8\"",
                "ports=1-2-3 | \"1-2-3\"",
                "ports=-1 | \"-1\"",
                "ports=1- | \"1-\"",
                "ports= | \"\"",
                "ports=53,,54 | \"\"",
                "ports=53,dns | \"dns\"",
                "ports=1,ports=2 | ports is given twice",
                "log=loud | \"loud\"",
                "log= | \"\"",
                "log=quiet,start | \"start\"",
                "log=quiet,log=start | log is given twice",
                "port=53 | \"port=53\"",
                "53 | \"53\"",
                ", | \"\"",
                "=1 | \"=1\"",
                "ports=all,53 | together",
                "ports=53,all | together",
                "memory=7 | \"7\"",
                "memory=16777217 | \"16777217\"",
                "memory=many | \"many\"",
                "memory=8,9 | \"9\"",
                "expiry=0 | \"0\"",
                "expiry=-1 | \"-1\"",
                "expiry=31536001 | \"31536001\"",
                "gone=stay | \"stay\"",
                "log=stats: | \"\"",
                "log=stats:0 | \"0\""
            })
    void whatIsWrongIsNamed(String options, String named) {
        assertThatThrownBy(() -> AgentOptions.parse(options))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(named);
    }
}
