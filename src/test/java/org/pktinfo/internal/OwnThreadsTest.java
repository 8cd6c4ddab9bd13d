package org.pktinfo.internal;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The library's own threads: no exception ends them or goes unreported. */
@Timeout(60)
class OwnThreadsTest {
    @Test
    void theThreadThatPollsGoesOnAfterAnErrorAndTheChannelCountsIt() {
        AtomicInteger polls = new AtomicInteger();
        ChannelCounters counters = new ChannelCounters();
        ParkedThreads threads = new ParkedThreads(
                "polls",
                events -> {
                    if (polls.incrementAndGet() <= 3) {
                        throw new OutOfMemoryError("of a moment");
                    }
                    return true;
                },
                Layout.WAIT_READABLE,
                counters);
        ParkedThreads.Ticket ticket = threads.enter();
        try {
            boolean chosen = false;
            while (!chosen) {
                chosen = threads.park(ticket, TimeUnit.SECONDS.toNanos(1));
            }
        } finally {
            threads.leave(ticket);
        }
        assertThat(counters.backgroundErrors()).isEqualTo(3);
    }

    /** Fails the first times that it is checked. */
    private static final class Failing implements ChannelWatchdog.Watched {
        final AtomicInteger looks = new AtomicInteger();
        final AtomicLong errors = new AtomicLong();
        final CountDownLatch done = new CountDownLatch(1);

        @Override
        public boolean watch() {
            if (looks.incrementAndGet() <= 2) {
                throw new OutOfMemoryError("of a moment");
            }
            done.countDown();
            return true;
        }

        @Override
        public void countBackgroundErrors(long number) {
            errors.addAndGet(number);
        }
    }

    @Test
    void theThreadThatWatchesGoesOnAfterAnErrorAndTheChannelCountsIt() throws InterruptedException {
        Failing channel = new Failing();
        Failing another = new Failing();
        ChannelWatchdog.add(channel);
        ChannelWatchdog.add(another);
        assertThat(channel.done.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(another.done.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(channel.errors).hasValue(2);
        assertThat(another.errors).hasValue(2);
    }
}
