package org.pktinfo.channels;

import java.net.DatagramPacket;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.pktinfo.socket.Waiter;

/** Cases of closing, interrupting and using a channel while another thread uses it. */
final class ThreadCases extends ChannelCase {
    private ThreadCases() {}

    static void addTo(Map<String, Case> cases) {
        closing(cases);
        interrupting(cases);
        besides(cases);
        together(cases);
        virtual(cases);
    }

    private static Waiter receiver(DatagramChannel channel) {
        return new Waiter(() -> receive(channel));
    }

    private static Object receive(DatagramChannel channel) {
        return outcome(() -> {
            ByteBuffer buffer = ByteBuffer.allocate(9);
            channel.receive(buffer);
            return text(buffer);
        });
    }

    private static void closing(Map<String, Case> cases) {
        cases.put("closing wakes who receives", channels -> {
            DatagramChannel channel = channels.bound();
            Waiter waiter = receiver(channel);
            waiter.awaitWaiting();
            channel.close();
            return waiter.result();
        });
        cases.put("closing wakes who reads", channels -> {
            DatagramChannel channel = channels.connected(channels.bound());
            Waiter one = new Waiter(() -> outcome(() -> channel.read(ByteBuffer.allocateDirect(9))));
            one.awaitWaiting();
            channel.close();
            return List.of(one.result(), one.wasInterrupted());
        });
        cases.put("closing wakes who receives by the socket", channels -> {
            DatagramChannel channel = channels.bound();
            Waiter waiter =
                    new Waiter(() -> outcome(() -> channel.socket().receive(new DatagramPacket(new byte[9], 9))));
            waiter.awaitWaiting();
            channel.close();
            return waiter.result();
        });
        cases.put("closing wakes all who receive", channels -> {
            DatagramChannel channel = channels.bound();
            Waiter first = receiver(channel);
            Waiter second = receiver(channel);
            first.awaitWaiting(second);
            channel.close();
            return new TreeSet<>(
                    List.of(first.result().toString(), second.result().toString()));
        });
    }

    private static void interrupting(Map<String, Case> cases) {
        cases.put("an interrupt closes the channel under who receives", channels -> {
            DatagramChannel channel = channels.bound();
            Waiter waiter = receiver(channel);
            waiter.awaitWaiting();
            waiter.thread().interrupt();
            return List.of(waiter.result(), waiter.wasInterrupted(), channel.isOpen());
        });
        cases.put("an interrupt closes the channel under who reads", channels -> {
            DatagramChannel channel = channels.connected(channels.bound());
            Waiter waiter = new Waiter(() -> outcome(() -> channel.read(ByteBuffer.allocate(9))));
            waiter.awaitWaiting();
            waiter.thread().interrupt();
            return List.of(waiter.result(), waiter.wasInterrupted(), channel.isOpen());
        });
        cases.put("who was interrupted before: receiving, sending, in either mode", channels -> {
            List<Object> seen = new ArrayList<>();
            for (boolean blocking : new boolean[] {true, false}) {
                DatagramChannel receiver = channels.bound();
                DatagramChannel sender = channels.bound();
                receiver.configureBlocking(blocking);
                sender.configureBlocking(blocking);
                sender.send(bytes("x"), at(receiver));
                InetSocketAddress to = at(receiver);
                if (!blocking) {
                    awaitReadable(receiver);
                }
                Thread.currentThread().interrupt();
                seen.add(outcome(() -> receiver.receive(ByteBuffer.allocate(9)) != null));
                seen.add(Thread.interrupted());
                Thread.currentThread().interrupt();
                seen.add(outcome(() -> sender.send(bytes("y"), to)));
                seen.add(List.of(Thread.interrupted(), receiver.isOpen(), sender.isOpen()));
            }
            return seen;
        });
    }

    private static void besides(Map<String, Case> cases) {
        cases.put("sending while another receives", channels -> {
            DatagramChannel channel = channels.bound();
            DatagramChannel peer = channels.bound();
            Waiter waiter = receiver(channel);
            waiter.awaitWaiting();
            channel.send(bytes("out"), at(peer));
            String sent = next(peer);
            peer.send(bytes("in"), at(channel));
            return List.of(sent, waiter.result());
        });
        cases.put("reading while another writes, on one connection", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.connected(peer);
            Waiter waiter = receiver(channel);
            waiter.awaitWaiting();
            channel.write(bytes("out"));
            String written = next(peer);
            peer.send(bytes("in"), at(channel));
            return List.of(written, waiter.result());
        });
        cases.put("addresses, options and groups while another receives", channels -> {
            DatagramChannel channel = channels.bound();
            Waiter waiter = receiver(channel);
            waiter.awaitWaiting();
            boolean bound = port(channel) > 0;
            channel.setOption(StandardSocketOptions.IP_TOS, 8);
            boolean joined = channel.join(address("239.255.8.20"), loopback()).isValid();
            int told = channel.getOption(StandardSocketOptions.IP_TOS);
            channels.bound().send(bytes("x"), at(channel));
            return List.of(bound, joined, told, String.valueOf(channel.getRemoteAddress()), waiter.result());
        });
        cases.put("two receive: each gets one", channels -> {
            DatagramChannel channel = channels.bound();
            Waiter first = receiver(channel);
            Waiter second = receiver(channel);
            first.awaitWaiting(second);
            channel.send(bytes("a"), at(channel));
            channel.send(bytes("b"), at(channel));
            return new TreeSet<>(
                    List.of(first.result().toString(), second.result().toString()));
        });
    }

    private static void together(Map<String, Case> cases) {
        cases.put("four threads send by one channel, and all of it comes", channels -> {
            DatagramChannel sender = channels.bound();
            DatagramChannel receiver = channels.bound();
            List<Waiter> senders = new ArrayList<>();
            for (String name : List.of("a", "b", "c", "d")) {
                senders.add(new Waiter(() -> outcome(() -> {
                    for (int i = 0; i < 25; i++) {
                        sender.send(bytes(name + i), at(receiver));
                    }
                })));
            }
            TreeSet<String> came = new TreeSet<>();
            for (int i = 0; i < 100; i++) {
                came.add(next(receiver));
            }
            List<Object> seen = new ArrayList<>(List.of(came));
            for (Waiter each : senders) {
                seen.add(each.result());
            }
            return seen;
        });
        cases.put("a thread asks and another answers, five hundred times", channels -> {
            DatagramChannel server = channels.bound();
            DatagramChannel client = channels.bound();
            Waiter answering = new Waiter(() -> outcome(() -> {
                ByteBuffer buffer = ByteBuffer.allocateDirect(9);
                for (int i = 0; i < 500; i++) {
                    SocketAddress peer = server.receive(buffer.clear());
                    server.send(buffer.flip(), peer);
                }
            }));
            int right = 0;
            for (int i = 0; i < 500; i++) {
                client.send(bytes("q" + i), at(server));
                right += next(client).equals("q" + i) ? 1 : 0;
            }
            return List.of(right, answering.result());
        });
    }

    private static void virtual(Map<String, Case> cases) {
        cases.put("a virtual thread receives", channels -> {
            DatagramChannel channel = channels.bound();
            Waiter waiter = new Waiter(() -> receive(channel), Waiter::startVirtual);
            if (waiter.thread() == null) {
                return "no virtual threads here";
            }
            waiter.awaitParked();
            channels.bound().send(bytes("x"), at(channel));
            return waiter.result();
        });
        cases.put("a virtual thread that is interrupted closes the channel", channels -> {
            DatagramChannel channel = channels.bound();
            Waiter waiter = new Waiter(() -> receive(channel), Waiter::startVirtual);
            if (waiter.thread() == null) {
                return "no virtual threads here";
            }
            waiter.awaitParked();
            waiter.thread().interrupt();
            return List.of(waiter.result(), waiter.wasInterrupted(), channel.isOpen());
        });
        cases.put("closing wakes a virtual thread that receives", channels -> {
            DatagramChannel channel = channels.bound();
            Waiter waiter = new Waiter(() -> receive(channel), Waiter::startVirtual);
            if (waiter.thread() == null) {
                return "no virtual threads here";
            }
            waiter.awaitParked();
            channel.close();
            return waiter.result();
        });
    }
}
