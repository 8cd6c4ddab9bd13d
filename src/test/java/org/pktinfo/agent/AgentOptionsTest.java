package org.pktinfo.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AgentOptionsTest {
    private static int[] ports(String options) {
        AgentOptions parsed = AgentOptions.parse(options);
        return IntStream.rangeClosed(1, 65_535).filter(parsed::choosesSource).toArray();
    }

    @Test
    void withoutOptionsAllPortsAreMeantAndOneLineIsSaid() {
        AgentOptions options = AgentOptions.parse("");
        assertThat(ports("")).hasSize(65_535);
        assertThat(options.log()).isEqualTo(AgentOptions.Log.START);
        assertThat(options.portsInWords()).isEqualTo("all ports");
    }

    @Test
    void portsAreNumbersAndRangesBothEndsIncluded() {
        assertThat(ports("ports=53")).containsExactly(53);
        assertThat(ports("log=quiet,ports=65535,1-3,7-7")).containsExactly(1, 2, 3, 7, 65_535);
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
                "=1 | \"=1\""
            })
    void whatIsWrongIsNamed(String options, String named) {
        assertThatThrownBy(() -> AgentOptions.parse(options))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(named);
    }
}
