package org.pktinfo.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptionsTest {
    @Test
    void withoutOptionsThePortsThatTheProgramChoosesAreMeantAndOneLineIsSaid() {
        Options options = Options.parse("");
        assertThat(options.ports()).isEmpty();
        assertThat(options.allPorts()).isFalse();
        assertThat(options.memory()).isEqualTo(16_384);
        assertThat(options.expirySeconds()).isEqualTo(600);
        assertThat(options.goneIsException()).isFalse();
        assertThat(options.log()).isEqualTo(Options.Log.START);
        assertThat(options.statsSeconds()).isZero();
        assertThat(options.inWords()).endsWith(" on the ports that the program chooses");
    }

    @Test
    void eachOptionIsRead() {
        Options options = Options.parse("ports=all,memory=100,expiry=never,gone=exception,log=stats:5");
        assertThat(options.allPorts()).isTrue();
        assertThat(options.memory()).isEqualTo(100);
        assertThat(options.expirySeconds()).isZero();
        assertThat(options.goneIsException()).isTrue();
        assertThat(options.statsSeconds()).isEqualTo(5);
        assertThat(options.nettyNio()).isFalse();
        assertThat(Options.parse("netty=nio").nettyNio()).isTrue();
        assertThat(options.transfers()).isEmpty();
        assertThat(Options.parse("transfer=69,1069-1070,ports=69,log=quiet").transfers())
                .containsExactly(69, 69, 1069, 1070);
        assertThat(options.inWords()).endsWith(" on all ports");
        assertThat(Options.parse("expiry=5,gone=drop").expirySeconds()).isEqualTo(5);
    }

    @Test
    void portsAreNumbersAndRangesBothEndsIncluded() {
        assertThat(Options.parse("ports=53").ports()).containsExactly(53, 53);
        assertThat(Options.parse("log=quiet,ports=65535,1-3,7-7").ports()).containsExactly(65535, 65535, 1, 3, 7, 7);
        assertThat(Options.parse("ports=53,5683-5690,log=sockets").inWords()).endsWith(" on ports 53, 5683-5690");
        assertThat(Options.parse("ports=53,5683-5690,log=sockets").log()).isEqualTo(Options.Log.SOCKETS);
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
                "transfer= | \"\"",
                "transfer=all | \"all\"",
                "transfer=69,0 | \"0\"",
                "netty=epoll | \"epoll\"",
                "log=stats: | \"\"",
                "log=stats:0 | \"0\""
            })
    void whatIsWrongIsNamed(String options, String named) {
        assertThatThrownBy(() -> Options.parse(options))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(named);
    }
}
