package org.pktinfo.socket;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Closing, interrupting and using a socket while another thread is in it. */
final class ThreadCases extends SocketCase {
    private ThreadCases() {}

    static void addTo(Map<String, Case> cases) {
        receiving(cases);
        besides(cases);
    }

    private static void receiving(Map<String, Case> cases) {
        cases.put("closing wakes who receives", (socket, maker) -> {
            Waiter waiter = new Waiter(() -> receive(socket));
            waiter.awaitWaiting();
            socket.close();
            return waiter.result();
        });
        cases.put("an interrupt does not wake who receives and is not forgotten", (socket, maker) -> {
            Waiter waiter = new Waiter(() -> receive(socket));
            waiter.awaitWaiting();
            waiter.thread().interrupt();
            socket.send(packet("x", at(socket)));
            return List.of(waiter.result(), waiter.wasInterrupted(), socket.isClosed());
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
            Waiter waiter = new Waiter(() -> receive(socket));
            waiter.awaitWaiting();
            try (DatagramSocket other = maker.make(ANY)) {
                other.setSoTimeout(SOON);
                socket.send(packet("out", at(other)));
                DatagramPacket packet = new DatagramPacket(new byte[9], 9);
                other.receive(packet);
                other.send(packet("in", packet.getSocketAddress()));
                return List.of(text(packet), waiter.result());
            }
        });
        cases.put("closing wakes all who receive, with or without a timeout", (socket, maker) -> {
            socket.setSoTimeout(10 * SOON);
            Waiter first = new Waiter(() -> receive(socket));
            first.awaitWaiting();
            Waiter second = new Waiter(() -> receive(socket));
            socket.close();
            return List.of(first.result(), second.result());
        });
        cases.put("two receive: each gets one", (socket, maker) -> {
            Waiter first = new Waiter(() -> receive(socket));
            Waiter second = new Waiter(() -> receive(socket));
            first.awaitWaiting(second);
            socket.send(packet("a", at(socket)));
            socket.send(packet("b", at(socket)));
            return List.of(first.result(), second.result());
        });
    }

    private static void besides(Map<String, Case> cases) {
        cases.put("reading and setting what the socket has while another receives", (socket, maker) -> {
            Waiter waiter = new Waiter(() -> receive(socket));
            waiter.awaitWaiting();
            CompletableFuture<Object> seen = CompletableFuture.supplyAsync(() -> outcome(() -> {
                socket.setSoTimeout(SOON);
                socket.setBroadcast(true);
                return List.of(socket.getSoTimeout(), socket.getReuseAddress());
            }));
            Object outcome = outcome(() -> seen.get(1500, TimeUnit.MILLISECONDS));
            socket.send(packet("x", at(socket)));
            return List.of(outcome, waiter.result());
        });
        cases.put("a virtual thread that is interrupted closes the socket", (socket, maker) -> {
            Waiter waiter = new Waiter(() -> receive(socket), Waiter::startVirtual);
            if (waiter.thread() == null) {
                return "no virtual threads here";
            }
            waiter.awaitParked();
            waiter.thread().interrupt();
            return List.of(waiter.result(), waiter.wasInterrupted(), socket.isClosed());
        });
        cases.put("a virtual thread receives, and is woken by closing", (socket, maker) -> {
            Waiter waiter = new Waiter(() -> receive(socket), Waiter::startVirtual);
            if (waiter.thread() == null) {
                return "no virtual threads here";
            }
            waiter.awaitParked();
            socket.send(packet("x", at(socket)));
            Object received = waiter.result(); // before another thread receives, which might take the datagram
            Waiter second = new Waiter(() -> receive(socket), Waiter::startVirtual);
            second.awaitParked();
            socket.close();
            return List.of(received, second.result());
        });
    }

    private static Object receive(DatagramSocket socket) {
        return outcome(() -> socket.receive(new DatagramPacket(new byte[9], 9)));
    }
}
