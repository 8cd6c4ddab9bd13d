package org.pktinfo;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The channel's own two descriptors: a duplicate of the socket's, so that nobody else's close can make a call hit another
 * socket, and an event that wakes all waiters. Both are closed by the last user out: whoever calls the kernel with them
 * enters before and leaves after.
 *
 * <p>Holds no reference to the channel, so that a forgotten one can be cleaned up.
 */
final class Descriptors implements Transport {
    private static final int CLOSED = Integer.MIN_VALUE;

    private final int socket;
    private final int event;

    /** How many are inside; with the sign bit once closed. */
    private final AtomicInteger users = new AtomicInteger();

    private final CountDownLatch released = new CountDownLatch(1);

    Descriptors(int socket) throws IOException {
        this.socket = Errno.check("fcntl(F_DUPFD_CLOEXEC)", NativeCalls.duplicate(socket));
        int created = NativeCalls.newEvent();
        if (created < 0) {
            NativeCalls.close(this.socket);
        }
        this.event = Errno.check("eventfd", created);
    }

    @Override
    public boolean choosesSource() {
        return true;
    }

    @Override
    public int setOption(int option, int value) {
        return NativeCalls.setOption(socket, option, value);
    }

    @Override
    public int getOption(int option) {
        return NativeCalls.getOption(socket, option);
    }

    @Override
    public long drops() {
        return NativeCalls.drops(socket);
    }

    @Override
    public int receive(Arena arena, int count) {
        return NativeCalls.receive(socket, arena.address, count);
    }

    @Override
    public int send(Arena arena, int count) {
        return NativeCalls.send(socket, arena.address, count);
    }

    @Override
    public int await(int events, int timeoutMillis) {
        return NativeCalls.await(socket, event, events, timeoutMillis);
    }

    @Override
    public boolean enter() {
        int count = users.get();
        while (count >= 0) {
            if (users.compareAndSet(count, count + 1)) {
                return true;
            }
            count = users.get();
        }
        return false;
    }

    @Override
    public void leave() {
        if (users.decrementAndGet() == CLOSED) {
            release();
        }
    }

    /**
     * Wakes all waiters and waits until the descriptors are closed: nobody stays inside for longer than a call that does not
     * block. After a second (a thread that a debugger holds) the last one out closes them, without being waited for.
     */
    @Override
    public void close() {
        int before = users.getAndUpdate(count -> count < 0 ? count : count + 1 | CLOSED);
        if (before < 0) {
            return;
        }
        if (before > 0) {
            NativeCalls.signal(event); // from inside: the number may be another file's once the last one is out
        }
        leave();
        awaitRelease();
    }

    private void awaitRelease() {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
        boolean interrupted = false;
        boolean waiting = true;
        while (waiting) {
            try {
                boolean unused = released.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                waiting = false;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void release() {
        NativeCalls.close(socket);
        NativeCalls.close(event);
        released.countDown();
    }
}
