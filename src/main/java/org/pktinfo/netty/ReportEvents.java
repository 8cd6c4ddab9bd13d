package org.pktinfo.netty;

import io.netty.channel.Channel;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.pktinfo.PktInfoChannel;

/**
 * Fires the network's errors and the times of transmission as user events. Reading and writing take them from
 * the kernel, so that none of them makes the selector spin; the events follow in a task of their own, because a handler
 * may do anything, even close the channel that is being read. For the event loop's thread.
 */
final class ReportEvents implements Runnable {
    /** The number of events that one task fires; a flood of them leaves time for the loop's other channels. */
    private static final int MOST = 16;

    private final Channel owner;
    private final PktInfoChannel udp;

    /** The first event to fire; the task is queued while there is one. */
    private @Nullable Object next;

    ReportEvents(Channel owner, PktInfoChannel udp) {
        this.owner = owner;
        this.udp = udp;
    }

    /** Queues the task if there are events to fire. */
    void look() throws IOException {
        if (next == null && owner.isOpen()) {
            next = receive();
            if (next != null) {
                owner.eventLoop().execute(this);
            }
        }
    }

    @Override
    public void run() {
        if (!owner.eventLoop().inEventLoop()) { // registered with another one meanwhile
            owner.eventLoop().execute(this);
            return;
        }
        Object event = next;
        next = null;
        try {
            for (int fired = 1; event != null; fired++) {
                owner.pipeline().fireUserEventTriggered(event);
                if (fired == MOST) {
                    look();
                    return;
                }
                event = owner.isOpen() ? receive() : null;
            }
        } catch (IOException e) {
            owner.pipeline().fireExceptionCaught(e);
        }
    }

    private @Nullable Object receive() throws IOException {
        Object error = udp.receiveError();
        return error != null ? error : udp.receiveTransmitTime();
    }
}
