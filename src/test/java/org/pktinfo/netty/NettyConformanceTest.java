package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.nio.NioDatagramChannel;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * All that the documentation of Netty's channels says, case by case, done with {@link NioDatagramChannel} and with this
 * library's channel: the outcomes, events, values or exceptions, must be the same, and no buffer may be left.
 */
@Timeout(60)
@SuppressWarnings("try") // a fixture waits while it closes
class NettyConformanceTest extends NettyCase {
    private static final Map<String, Case> CASES = new LinkedHashMap<>();

    static {
        NettyLifeCases.addTo(CASES);
        NettyReadingCases.addTo(CASES);
        NettyWritingCases.addTo(CASES);
        NettyOptionCases.addTo(CASES);
    }

    @AfterAll
    static void stop() {
        LOOPS.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
    }

    static Stream<String> cases() {
        return CASES.keySet().stream();
    }

    private static Object run(String name, Class<? extends DatagramChannel> kind, boolean shares) throws Exception {
        try (Fixture fixture = new Fixture(kind, shares)) {
            return CASES.get(name).run(fixture);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void whatNettysChannelDoesOursDoesToo(String name) throws Exception {
        Object stock = run(name, NioDatagramChannel.class, false);
        assertThat(run(name, PktInfoDatagramChannel.class, false)).isEqualTo(stock);
        assertThat(run(name, PktInfoDatagramChannel.class, true))
                .as("with SHARE_READ_BUFFER")
                .isEqualTo(stock);
    }
}
