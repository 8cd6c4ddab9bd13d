package org.pktinfo.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
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
 * A transport on two descriptors of the channel's own: a duplicate of the socket's, so that a close by other code
 * cannot make a call hit another socket, and an eventfd that wakes all waiters. A thread enters before it uses them in
 * a call and leaves afterwards; the last one to leave closes them. Only a thread that holds the transport exclusively
 * changes what they refer to.
 *
 * <p>It has no reference to the channel, so that an unreachable channel can be cleaned up.
 */
public final class NativeTransport implements Transport {
    private static final int CLOSED = Integer.MIN_VALUE;

    /** The bit for a thread that holds the transport exclusively. */
    private static final int HELD = 1 << 30;

    /** The kernel's form of requests for times of transmission; negative before it is known. */
    private static volatile int transmitForm = -1;

    /** The longest wait, in nanoseconds, for a thread that is still inside. */
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(1);

    /** The options that a channel sets for itself. A socket that the JDK puts in the place of another lacks them. */
    private static final int[] OWN_OPTIONS = {
        Layout.OPTION_IP_PKTINFO,
        Layout.OPTION_IPV6_RECVPKTINFO,
        Layout.OPTION_IPV6_V6ONLY,
        Layout.OPTION_UDP_GRO,
        Layout.OPTION_RXQ_OVFL,
        Layout.OPTION_IP_MTU_DISCOVER,
        Layout.OPTION_IP_MULTICAST_ALL,
        Layout.OPTION_IPV6_MULTICAST_ALL,
        Layout.OPTION_IP_RECVTOS,
        Layout.OPTION_IPV6_RECVTCLASS,
        Layout.OPTION_IP_RECVTTL,
        Layout.OPTION_IPV6_RECVHOPLIMIT,
        Layout.OPTION_TIMESTAMPNS,
        Layout.OPTION_TIMESTAMPING,
        Layout.OPTION_IP_RECVORIGDSTADDR,
        Layout.OPTION_IPV6_RECVORIGDSTADDR,
        Layout.OPTION_RCVMARK,
        Layout.OPTION_IPV6_MTU_DISCOVER,
        Layout.OPTION_IPV6_DONTFRAG,
        Layout.OPTION_IP_TRANSPARENT,
        Layout.OPTION_IPV6_TRANSPARENT,
        Layout.OPTION_MARK,
        Layout.OPTION_BOUND_INTERFACE,
        Layout.OPTION_BUSY_POLL,
        Layout.OPTION_IPV6_FREEBIND,
        Layout.OPTION_IP_RECVERR,
        Layout.OPTION_IPV6_RECVERR
    };

    private static final int UNSET = -1;

    private final int socket;
    private final int event;

    /** The number of threads inside, with the HELD bit while held, and the sign bit once closed. */
    private final AtomicInteger users = new AtomicInteger();

    private final ReentrantLock holding = new ReentrantLock();
    private volatile @Nullable Thread holder; // for threads that leave

    /** The options of the last working socket; null while there is a socket. */
    private long @Nullable [] options; // guarded by holding

    private long receiveBuffer; // of the last working socket, guarded by holding

    /** The kernel overwrites SO_INCOMING_CPU of a connected socket, so its value is not what was set. */
    private volatile int incomingCpu = UNSET;

    /** A disconnect clears SO_BINDTODEVICE (__udp_disconnect). */
    private volatile int boundInterface = UNSET;

    private final CountDownLatch released = new CountDownLatch(1);

    NativeTransport(int socket) throws IOException {
        this.socket = Errno.check("fcntl(F_DUPFD_CLOEXEC)", NativeCalls.duplicate(socket));
        int created = NativeCalls.newEvent();
        if (created < 0) {
            NativeCalls.close(this.socket);
        }
        this.event = Errno.check("eventfd", created);
    }

    /** Creates a transport for the socket of a channel. Throws if the channel is not from the JDK's own provider. */
    public static NativeTransport of(DatagramChannel channel) throws IOException {
        return new NativeTransport(JdkChannels.descriptor(channel));
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
        int result = NativeCalls.setOption(socket, option, value);
        if (option == Layout.OPTION_INCOMING_CPU && result >= 0) {
            incomingCpu = value;
        } else if (option == Layout.OPTION_BOUND_INTERFACE && result >= 0) {
            boundInterface = value;
        }
        return result;
    }

    @Override
    public long getOption(int option) {
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

    /** Returns the kernel's form of requests for times of transmission; a failure to ask it is not remembered. */
    static int transmitForm() {
        int form = transmitForm;
        if (form < 0) {
            form = NativeCalls.transmitForm();
            transmitForm = form;
        }
        return form < 0 ? Layout.TRANSMIT_ALL : form;
    }

    @Override
    public int receiveErrors(ByteBuffer reports, int count) {
        return NativeCalls.receiveErrors(socket, reports, count);
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
    @SuppressWarnings("LockNotBeforeTry") // nothing to do under the lock
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
        int remaining = users.decrementAndGet();
        if (remaining == CLOSED) {
            release();
        } else if ((remaining & HELD) != 0) {
            LockSupport.unpark(holder);
        }
    }

    /**
     * Keeps all other threads out until {@link #letIn}, and waits until those inside have left. Returns false if this
     * is closed or already held. Goes on after a second even if a thread is still inside (suspended by a debugger): it
     * has made its call by then.
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
            LockSupport.parkNanos(this, Deadline.remaining(deadline));
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

    /** Returns the socket's cookie; negative on kernels that have none. The caller must be inside. */
    long cookie() {
        return NativeCalls.cookie(socket);
    }

    /** Releases the socket, without which the JDK could not bind another one to the port. The caller must hold this. */
    void detach() throws IOException {
        keepOptions();
        Errno.check("dup3", NativeCalls.replace(socket, event));
    }

    /**
     * Takes over the socket of a descriptor, with the options of the former one. The caller must hold this. If this
     * fails, there is no socket, and the next call makes another attempt.
     *
     * @param isStill returns true if afterwards the descriptor still refers to that socket
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
            options = IntStream.of(OWN_OPTIONS).mapToLong(this::getOption).toArray();
            receiveBuffer = getOption(Layout.OPTION_RCVBUF);
        }
    }

    /**
     * Restores the options. Skips those that the kernel lacks, and an IP_MTU_DISCOVER that the JDK has set on the new
     * socket for its IP_DONTFRAGMENT.
     */
    private void restoreOptions() throws IOException {
        for (int i = 0; options != null && i < OWN_OPTIONS.length; i++) {
            long now = getOption(OWN_OPTIONS[i]);
            boolean isOfJdk = OWN_OPTIONS[i] == Layout.OPTION_IP_MTU_DISCOVER && now > 1;
            if (options[i] >= 0 && options[i] != now && !isOfJdk) {
                restore(OWN_OPTIONS[i], options[i]);
            }
        }
        restore(Layout.OPTION_INCOMING_CPU, incomingCpu);
        restore(Layout.OPTION_BOUND_INTERFACE, boundInterface);
        restoreReceiveBuffer();
        options = null;
    }

    private void restore(int option, long value) throws IOException {
        if (value != UNSET && value != getOption(option)) {
            Errno.check(KernelOption.callOf(option) + " for the JDK's new socket", setOption(option, (int) value));
        }
    }

    /** The JDK restores a size up to net.core.rmem_max. A program that gave up its capabilities keeps that one. */
    private void restoreReceiveBuffer() throws IOException {
        if (receiveBuffer > getOption(Layout.OPTION_RCVBUF)) {
            int half = (int) (receiveBuffer / 2); // the kernel doubles it, see socket(7)
            int result = setOption(Layout.OPTION_RCVBUFFORCE, half);
            if (result != -Errno.EPERM) {
                Errno.check("setsockopt(SO_RCVBUFFORCE) for the JDK's new socket", result);
            }
        }
    }

    /**
     * Wakes all waiters, and waits until the descriptors are closed: no thread stays inside for longer than a call that
     * does not block. Returns after a second at the latest; if a thread is still inside (suspended by a debugger), the
     * last one to leave closes them.
     */
    @Override
    public void close() {
        int before = users.getAndUpdate(count -> count < 0 ? count : count + 1 | CLOSED);
        if (before < 0) {
            return;
        }
        if (before > 0) {
            NativeCalls.signal(event); // while inside: the number may be another file's once the last thread has left
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
                boolean unused = released.await(Deadline.remaining(deadline), TimeUnit.NANOSECONDS);
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
