package org.pktinfo.socket;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.Stream;

/** Closing, interrupting and using a socket while another thread is in it. */
final class ThreadCases extends SocketCase {
    private ThreadCases() {}

    static void addTo(Map<String, Case> cases) {
        receiving(cases);
        besides(cases);
    }

    private static void receiving(Map<String, Case> cases) {
        cases.put("closing wakes who receives", (socket, maker) -> {
            Waiter waiter = new Waiter(socket);
            waiter.awaitWaiting();
            socket.close();
            return waiter.failure();
        });
        cases.put("an interrupt does not wake who receives and is not forgotten", (socket, maker) -> {
            Waiter waiter = new Waiter(socket);
            waiter.awaitWaiting();
            waiter.thread.interrupt();
            socket.send(packet("x", at(socket)));
            return List.of(waiter.failure(), waiter.interrupted.get(SOON, TimeUnit.MILLISECONDS), socket.isClosed());
        });
        cases.put("who was interrupted before receives all the same", (socket, maker) -> {
            socket.setSoTimeout(SOON);
            socket.send(packet("x", at(socket)));
            Thread.currentThread().interrupt();
            Object received = outcome(() -> socket.receive(new DatagramPacket(new byte[1], 1)));
            Object sent = outcome(() -> socket.send(packet("x", at(socket))));
            return List.of(received, sent, Thread.interrupted(), socket.isClosed());
        });
        cases.put("sending while another receives", (socket, maker) -> {
            Waiter waiter = new Waiter(socket);
            waiter.awaitWaiting();
            try (DatagramSocket other = maker.make(ANY)) {
                other.setSoTimeout(SOON);
                socket.send(packet("out", at(other)));
                DatagramPacket packet = new DatagramPacket(new byte[9], 9);
                other.receive(packet);
                other.send(packet("in", packet.getSocketAddress()));
                return List.of(text(packet), waiter.failure());
            }
        });
        cases.put("closing wakes all who receive, with or without a timeout", (socket, maker) -> {
            socket.setSoTimeout(10 * SOON);
            Waiter first = new Waiter(socket);
            first.awaitWaiting();
            Waiter second = new Waiter(socket);
            socket.close();
            return List.of(first.failure(), second.failure());
        });
        cases.put("two receive: each gets one", (socket, maker) -> {
            Waiter first = new Waiter(socket);
            Waiter second = new Waiter(socket);
            first.awaitWaiting(second);
            socket.send(packet("a", at(socket)));
            socket.send(packet("b", at(socket)));
            return List.of(first.failure(), second.failure());
        });
    }

    private static void besides(Map<String, Case> cases) {
        cases.put("reading and setting what the socket has while another receives", (socket, maker) -> {
            Waiter waiter = new Waiter(socket);
            waiter.awaitWaiting();
            CompletableFuture<Object> seen = CompletableFuture.supplyAsync(() -> outcome(() -> {
                socket.setSoTimeout(SOON);
                socket.setBroadcast(true);
                return List.of(socket.getSoTimeout(), socket.getReuseAddress());
            }));
            Object outcome = outcome(() -> seen.get(1500, TimeUnit.MILLISECONDS));
            socket.send(packet("x", at(socket)));
            return List.of(outcome, waiter.failure());
        });
        cases.put("a virtual thread that is interrupted closes the socket", (socket, maker) -> {
            Waiter waiter = new Waiter(socket, Waiter::startVirtual);
            if (waiter.thread == null) {
                return "no virtual threads here";
            }
            waiter.awaitParked();
            waiter.thread.interrupt();
            return List.of(waiter.failure(), waiter.interrupted.get(SOON, TimeUnit.MILLISECONDS), socket.isClosed());
        });
        cases.put("a virtual thread receives, and is woken by closing", (socket, maker) -> {
            Waiter waiter = new Waiter(socket, Waiter::startVirtual);
            if (waiter.thread == null) {
                return "no virtual threads here";
            }
            waiter.awaitParked();
            socket.send(packet("x", at(socket)));
            Object received = waiter.failure(); // before another receives, who might take the datagram
            Waiter second = new Waiter(socket, Waiter::startVirtual);
            second.awaitParked();
            socket.close();
            return List.of(received, second.failure());
        });
    }

    /** A thread that receives. */
    private static final class Waiter {
        private final CompletableFuture<Object> received = new CompletableFuture<>();
        private final CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        private final Thread thread; // null if this JVM has none of the kind

        Waiter(DatagramSocket socket) {
            this(socket, Waiter::startDaemon);
        }

        Waiter(DatagramSocket socket, Function<Runnable, Thread> starter) {
            thread = starter.apply(() -> {
                received.complete(outcome(() -> socket.receive(new DatagramPacket(new byte[9], 9))));
                interrupted.complete(Thread.interrupted());
            });
        }

        private static Thread startDaemon(Runnable task) {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            thread.start();
            return thread;
        }

        static Thread startVirtual(Runnable task) {
            try {
                return (Thread) Thread.class
                        .getMethod("startVirtualThread", Runnable.class)
                        .invoke(null, task);
            } catch (NoSuchMethodException e) {
                return null; // before JDK 21
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("Thread.startVirtualThread", e);
            }
        }

        void awaitParked() {
            await(() -> thread.getState() == Thread.State.WAITING);
        }

        /** In the kernel, by one of the JDK's native methods or by ours. */
        void awaitWaiting() {
            await(this::isWaiting);
        }

        /** The JDK lets one thread at a time into the kernel, and the other waits for it. */
        void awaitWaiting(Waiter other) {
            await(() -> (isWaiting() && other.isBusy()) || (other.isWaiting() && isBusy()));
        }

        private boolean isBusy() {
            return isWaiting()
                    || thread.getState() == Thread.State.WAITING
                    || thread.getState() == Thread.State.BLOCKED;
        }

        private boolean isWaiting() {
            return Stream.of(thread.getStackTrace()).anyMatch(Waiter::waits);
        }

        private void await(BooleanSupplier condition) {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(SOON);
            while (!condition.getAsBoolean()) {
                assertThat(received).isNotDone();
                assertThat(System.nanoTime())
                        .as("%s", List.of(thread.getStackTrace()))
                        .isLessThan(end);
                Thread.onSpinWait();
            }
        }

        private static boolean waits(StackTraceElement frame) {
            return frame.isNativeMethod() && Set.of("poll", "await", "receive0").contains(frame.getMethodName());
        }

        Object failure() throws Exception {
            try {
                return received.get(SOON, TimeUnit.MILLISECONDS);
            } catch (ExecutionException e) {
                return e;
            }
        }
    }
}
