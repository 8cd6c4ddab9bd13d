package org.pktinfo.netty;

import io.netty.channel.Channel;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.pktinfo.NetworkError;
import org.pktinfo.PktInfoChannel;

/**
 * Fires the network's errors as user events. Reading and writing take them from the kernel, so that none of them makes
 * the selector spin; the events follow in a task of their own, because a handler may do anything, even close the
 * channel that is being read. For the event loop's thread.
 */
final class ErrorEvents implements Runnable {
    /** The number of events that one task fires; a flood of errors leaves time for the loop's other channels. */
    private static final int MOST = 16;

    private final Channel owner;
    private final PktInfoChannel udp;

    /** The first error to fire; the task is queued while there is one. */
    private @Nullable NetworkError next;

    ErrorEvents(Channel owner, PktInfoChannel udp) {
        this.owner = owner;
        this.udp = udp;
    }

    /** Queues the task if there are errors to fire. */
    void look() throws IOException {
        if (next == null && owner.isOpen()) {
            next = udp.receiveError();
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
        NetworkError error = next;
        next = null;
        try {
            for (int fired = 1; error != null; fired++) {
                owner.pipeline().fireUserEventTriggered(error);
                if (fired == MOST) {
                    look();
                    return;
                }
                error = owner.isOpen() ? udp.receiveError() : null;
            }
        } catch (IOException e) {
            owner.pipeline().fireExceptionCaught(e);
        }
    }
}
