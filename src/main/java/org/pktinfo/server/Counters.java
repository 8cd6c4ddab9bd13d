package org.pktinfo.server;

import java.util.concurrent.atomic.LongAdder;
import org.pktinfo.ChannelStats;
import org.pktinfo.SendException;
import org.pktinfo.common.KindCounters;

/** The counters behind {@link ServerStats}. Any thread may count. */
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
    private final KindCounters<SendException.Kind> sendErrors = new KindCounters<>(SendException.Kind.class);

    void sendError(SendException.Kind kind) {
        sendErrors.count(kind);
    }

    ServerStats snapshot(ChannelStats channels) {
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
                sendErrors.snapshot(),
                channels.receiveCalls(),
                receiveErrors.sum(),
                channels);
    }
}
