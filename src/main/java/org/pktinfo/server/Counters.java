package org.pktinfo.server;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.pktinfo.ChannelStats;
import org.pktinfo.SendException;

/** The counters behind {@link ServerStats}; any thread may count. */
final class Counters {
    final LongAdder received = new LongAdder();
    final LongAdder replied = new LongAdder();
    final LongAdder unanswered = new LongAdder();
    final LongAdder handlerErrors = new LongAdder();
    final LongAdder ownAddress = new LongAdder();
    final LongAdder answeringPorts = new LongAdder();
    final LongAdder otherWorkers = new LongAdder();
    final LongAdder rateLimited = new LongAdder();
    final LongAdder receiveErrors = new LongAdder();
    private final Map<SendException.Kind, LongAdder> sendErrors = new EnumMap<>(SendException.Kind.class);

    Counters() {
        for (SendException.Kind kind : SendException.Kind.values()) {
            sendErrors.put(kind, new LongAdder());
        }
    }

    void sendError(SendException.Kind kind) {
        LongAdder counter = sendErrors.get(kind);
        if (counter != null) {
            counter.increment();
        }
    }

    ServerStats snapshot(ChannelStats channels) {
        Map<SendException.Kind, Long> errors = new EnumMap<>(SendException.Kind.class);
        sendErrors.forEach((kind, counter) -> {
            if (counter.sum() > 0) {
                errors.put(kind, counter.sum());
            }
        });
        return new ServerStats(
                received.sum(),
                replied.sum(),
                unanswered.sum(),
                handlerErrors.sum(),
                ownAddress.sum(),
                answeringPorts.sum(),
                otherWorkers.sum(),
                rateLimited.sum(),
                channels.truncated(),
                channels.withoutPacketInfo(),
                errors,
                channels.receiveCalls(),
                receiveErrors.sum(),
                channels);
    }
}
