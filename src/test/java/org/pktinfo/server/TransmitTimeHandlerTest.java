package org.pktinfo.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pktinfo.server.DatagramServerTest.await;
import static org.pktinfo.server.DatagramServerTest.client;
import static org.pktinfo.server.DatagramServerTest.send;
import static org.pktinfo.server.DatagramServerTest.source;

import java.io.IOException;
import java.net.DatagramSocket;
import java.time.Instant;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.DatagramSlot;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SendOptions;
import org.pktinfo.TransmitTime;

/** A server that learns when its replies left. */
@Timeout(60)
class TransmitTimeHandlerTest {
    private final BlockingQueue<TransmitTime> times = new LinkedBlockingQueue<>();

    private DatagramServer start(boolean throwing) throws IOException {
        return DatagramServer.builder()
                .option(PktInfoSocketOptions.TRANSMIT_TIMES, true)
                .payloadCapacity(1500)
                .start(new DatagramHandler() {
                    @Override
                    public void handle(DatagramSlot request) {
                        int id = request.length();
                        request.reply(id);
                        request.sendOptions(SendOptions.NONE.withTransmitTime(id));
                    }

                    @Override
                    public void handleTransmitTime(TransmitTime time) {
                        times.add(time);
                        if (throwing) {
                            throw new IllegalStateException("a fault of the handler");
                        }
                    }
                });
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theHandlerGetsTheTimeOfEachReplyAndAFaultOfItIsCounted(boolean throwing) throws Exception {
        try (DatagramServer server = start(throwing);
                DatagramSocket client = client()) {
            for (int id = 1; id <= 20; id++) {
                Instant before = Instant.now();
                send(client, "127.0.0.2", server, id);
                assertThat(source(client)).isEqualTo("127.0.0.2");
                TransmitTime time = times.poll(5, TimeUnit.SECONDS);
                assertThat(time).isNotNull();
                assertThat(time.id()).isEqualTo(id);
                assertThat(time.time()).isBetween(before, Instant.now());
            }
            await(() -> server.stats().receiveErrors(), throwing ? 20 : 0);
        }
    }
}
