package org.pktinfo.socket;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** A thread that waits in a call of a socket, a channel or a selector. */
public final class Waiter {
    private static final Set<String> WAITING = Set.of("poll", "await", "wait", "receive0", "read0");

    private final CompletableFuture<Object> result = new CompletableFuture<>();
    private final CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
    private final Thread thread; // null if this JVM has no such thread

    /** Starts it with a call that never throws. */
    public Waiter(Supplier<Object> call) {
        this(call, Waiter::startDaemon);
    }

    public Waiter(Supplier<Object> call, Function<Runnable, Thread> starter) {
        thread = starter.apply(() -> {
            result.complete(call.get());
            interrupted.complete(Thread.interrupted());
        });
    }

    private static Thread startDaemon(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** Starts a virtual thread; returns null before JDK 21. */
    public static Thread startVirtual(Runnable task) {
        try {
            return (Thread)
                    Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task);
        } catch (NoSuchMethodException e) {
            return null;
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("Thread.startVirtualThread", e);
        }
    }

    public Thread thread() {
        return thread;
    }

    public void awaitParked() {
        await(() -> thread.getState() == Thread.State.WAITING);
    }

    /** Waits until the thread is in the kernel, by one of the JDK's native methods or by the library's. */
    public void awaitWaiting() {
        await(this::isWaiting);
    }

    /** Waits for both threads: the JDK lets one thread at a time into the kernel, and the other waits for it. */
    public void awaitWaiting(Waiter other) {
        await(() -> (isWaiting() && other.isBusy()) || (other.isWaiting() && isBusy()));
    }

    private boolean isBusy() {
        return isWaiting() || thread.getState() == Thread.State.WAITING || thread.getState() == Thread.State.BLOCKED;
    }

    private boolean isWaiting() {
        return Stream.of(thread.getStackTrace()).anyMatch(Waiter::waits);
    }

    private void await(BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(SocketCase.SOON);
        while (!condition.getAsBoolean()) {
            assertThat(result).isNotDone();
            assertThat(System.nanoTime())
                    .as("%s", List.of(thread.getStackTrace()))
                    .isLessThan(end);
            Thread.onSpinWait();
        }
    }

    private static boolean waits(StackTraceElement frame) {
        return frame.isNativeMethod() && WAITING.contains(frame.getMethodName());
    }

    /** Returns the call's result, once there is one. */
    public Object result() throws Exception {
        return result.get(SocketCase.SOON, TimeUnit.MILLISECONDS);
    }

    public boolean wasInterrupted() throws Exception {
        return interrupted.get(SocketCase.SOON, TimeUnit.MILLISECONDS);
    }
}
