package org.pktinfo.internal;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Deadline;

/**
 * The channel's own two descriptors: a duplicate of the socket's, so that nobody else's close can make a call hit
 * another socket, and an event that wakes all waiters. Both are closed by the last user out: whoever calls the kernel
 * with them enters before and leaves after. What they stand for is changed by who keeps everybody else out meanwhile.
 *
 * <p>Holds no reference to the channel, so that a forgotten one can be cleaned up.
 */
public final class Descriptors implements Transport {
    private static final int CLOSED = Integer.MIN_VALUE;

    /** Somebody keeps everybody else out. */
    private static final int HELD = 1 << 30;

    /** For a thread that is still inside. */
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(1);

    /** Switched on by a channel for itself: a socket that the JDK puts in the place of another has not got them. */
    private static final int[] OWN_OPTIONS = {
        Layout.OPTION_IP_PKTINFO,
        Layout.OPTION_IPV6_RECVPKTINFO,
        Layout.OPTION_IPV6_V6ONLY,
        Layout.OPTION_UDP_GRO,
        Layout.OPTION_RXQ_OVFL,
        Layout.OPTION_IP_MTU_DISCOVER,
        Layout.OPTION_IP_MULTICAST_ALL,
        Layout.OPTION_IPV6_MULTICAST_ALL
    };

    private final int socket;
    private final int event;

    /** The number of those inside; with one bit while held, and the sign bit once closed. */
    private final AtomicInteger users = new AtomicInteger();

    private final ReentrantLock holding = new ReentrantLock();
    private volatile @Nullable Thread holder; // for who leaves

    /** Of the last socket that worked; null while there is one. */
    private int @Nullable [] options; // guarded by holding

    private final CountDownLatch released = new CountDownLatch(1);

    Descriptors(int socket) throws IOException {
        this.socket = Errno.check("fcntl(F_DUPFD_CLOEXEC)", NativeCalls.duplicate(socket));
        int created = NativeCalls.newEvent();
        if (created < 0) {
            NativeCalls.close(this.socket);
        }
        this.event = Errno.check("eventfd", created);
    }

    /** Makes one for the socket of a channel of the JDK's own provider, any other has an exception. */
    public static Descriptors of(DatagramChannel channel) throws IOException {
        return new Descriptors(JdkChannels.descriptor(channel));
    }

    @Override
    public boolean choosesSource() {
        return true;
    }

    @Override
    public long namespace() {
        return NativeCalls.namespace(socket);
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
        return NativeCalls.receive(socket, arena.address(), count);
    }

    @Override
    public int send(Arena arena, int count) {
        return NativeCalls.send(socket, arena.address(), count);
    }

    @Override
    public int await(int events, int timeoutMillis) {
        return NativeCalls.await(socket, event, events, timeoutMillis);
    }

    @Override
    public boolean enter() {
        int count = users.get();
        while ((count & (CLOSED | HELD)) == 0) {
            if (users.compareAndSet(count, count + 1)) {
                return true;
            }
            count = users.get();
        }
        return false;
    }

    @Override
    @SuppressWarnings("LockNotBeforeTry") // there is nothing to do
    public boolean awaitEntry() {
        if (users.get() < 0 || holding.isHeldByCurrentThread()) {
            return false;
        }
        holding.lock();
        holding.unlock();
        return true;
    }

    @Override
    public void leave() {
        int left = users.decrementAndGet();
        if (left == CLOSED) {
            release();
        } else if ((left & HELD) != 0) {
            LockSupport.unpark(holder);
        }
    }

    /**
     * Keeps everybody else out until {@link #letIn}, also who waits inside. False if it is closed or somebody does so
     * already. After a second a thread that does not leave (that a debugger holds) is not waited for: it has made its
     * call.
     */
    boolean hold() {
        if (holding.isHeldByCurrentThread() || !holding.tryLock()) {
            return false;
        }
        holder = Thread.currentThread();
        int before = users.getAndUpdate(count -> count < 0 ? count : count + 1 | HELD);
        if (before < 0) {
            holding.unlock();
            return false;
        }
        if (before > 0) {
            NativeCalls.signal(event);
            awaitOthers();
            NativeCalls.calm(event);
        }
        return true;
    }

    private void awaitOthers() {
        long deadline = Deadline.after(PATIENCE);
        boolean interrupted = false;
        while ((users.get() & ~(CLOSED | HELD)) > 1 && !Deadline.isOver(deadline)) {
            LockSupport.parkNanos(this, Deadline.left(deadline));
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    void letIn() {
        if (users.updateAndGet(count -> count - 1 & ~HELD) == CLOSED) {
            release();
        }
        holding.unlock();
    }

    /** Returns the kernel's own number of the socket; negative on kernels that cannot tell. For who is inside. */
    long cookie() {
        return NativeCalls.cookie(socket);
    }

    /** Lets go of the socket, for who holds this: the JDK cannot bind another one to the port before. */
    void detach() throws IOException {
        keepOptions();
        Errno.check("dup3", NativeCalls.replace(socket, event));
    }

    /**
     * Takes over the socket that a descriptor stands for, for who holds this; with the options of the one before. If
     * that fails, there is no socket, and the next try goes on from there.
     *
     * @param isStill says afterwards whether it was still that socket's descriptor
     */
    void attach(int descriptor, BooleanSupplier isStill) throws IOException {
        keepOptions();
        boolean done = false;
        try {
            Errno.check("dup3", NativeCalls.replace(socket, descriptor));
            if (!isStill.getAsBoolean()) { // the number may be another socket's
                throw new ClosedChannelException();
            }
            restoreOptions();
            done = true;
        } finally {
            if (!done) {
                NativeCalls.replace(socket, event);
            }
        }
    }

    private void keepOptions() {
        if (options == null) {
            options = IntStream.of(OWN_OPTIONS).map(this::getOption).toArray();
        }
    }

    /**
     * Leaves out what the kernel has not got, and what is neither on nor off, which is IP_DONTFRAGMENT of the JDK's
     * options.
     */
    private void restoreOptions() throws IOException {
        for (int i = 0; options != null && i < OWN_OPTIONS.length; i++) {
            int now = getOption(OWN_OPTIONS[i]);
            if (options[i] >= 0 && options[i] != now && (now == 0 || now == 1)) {
                Errno.check("setsockopt for the JDK's new socket", setOption(OWN_OPTIONS[i], options[i]));
            }
        }
        options = null;
    }

    /**
     * Wakes all waiters and waits until the descriptors are closed: nobody stays inside for longer than a call that
     * does not block. After a second (a thread that a debugger holds) the last one out closes them, without being
     * waited for.
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
        if (!holding.isHeldByCurrentThread()) {
            awaitRelease();
        }
    }

    private void awaitRelease() {
        long deadline = Deadline.after(PATIENCE);
        boolean interrupted = false;
        boolean waiting = true;
        while (waiting) {
            try {
                boolean unused = released.await(Deadline.left(deadline), TimeUnit.NANOSECONDS);
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
