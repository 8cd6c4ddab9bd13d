package org.pktinfo.netty;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DatagramChannel;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A Netty channel from its constructor to its close. */
@SuppressWarnings({
    "try", // a fixture waits while it closes
    "deprecation", // the options are those that programs use
    "FutureReturnValueIgnored" // the result of some writes is checked elsewhere
})
final class NettyLifeCases extends NettyCase {
    private NettyLifeCases() {}

    static void addTo(Map<String, Case> cases) {
        opening(cases);
        moving(cases);
    }

    private static void opening(Map<String, Case> cases) {
        cases.put("from new to closed", fixture -> {
            DatagramChannel channel = fixture.kind.getDeclaredConstructor().newInstance();
            List<Object> seen = new ArrayList<>(state(channel));
            channel.pipeline().addLast(fixture.recorder);
            done(LOOPS.register(channel));
            seen.addAll(state(channel));
            done(channel.bind(new InetSocketAddress(loopback(), 0)));
            seen.addAll(state(channel));
            seen.add(channel.localAddress().getAddress());
            seen.add(outcome(channel.close()));
            seen.add(outcome(channel.close()));
            seen.add(outcome(channel.closeFuture()));
            done(channel.eventLoop().submit(() -> {}));
            seen.addAll(state(channel));
            seen.addAll(fixture.recorder.events());
            return seen;
        });
        cases.put("binding: twice, where somebody is, where nobody can", fixture -> {
            DatagramChannel channel = fixture.bind();
            return List.of(
                    outcome(channel.bind(new InetSocketAddress(loopback(), 0))),
                    channel.isActive(),
                    outcome(fixture.bootstrap().bind(channel.localAddress())),
                    outcome(fixture.bootstrap().bind(new InetSocketAddress("192.0.2.77", 0))));
        });
        cases.put("a port is free after closing", fixture -> {
            DatagramChannel channel = fixture.bind();
            InetSocketAddress address = channel.localAddress();
            done(channel.close());
            done(channel.eventLoop().submit(() -> {}));
            List<Object> seen = new ArrayList<>();
            for (int i = 0; i < 100 && !seen.contains("done"); i++) { // the JDK closes with the next selection
                try (DatagramSocket again = new DatagramSocket(null)) {
                    seen.clear();
                    seen.add(outcome(() -> again.bind(address)));
                }
                channel.eventLoop().submit(() -> {}).sync();
            }
            return seen;
        });
        cases.put("closed: writes fail, those that wait too", fixture -> {
            DatagramChannel channel = fixture.bind();
            ChannelFuture waiting = channel.write(fixture.packet("not flushed"));
            done(channel.close());
            return List.of(
                    outcome(waiting), outcome(channel.writeAndFlush(fixture.packet("late"))), fixture.isSilent());
        });
    }

    private static void moving(Map<String, Case> cases) {
        cases.put("to another event loop and back to work", fixture -> {
            DatagramChannel channel = fixture.bind();
            fixture.send(channel, "one");
            List<Object> seen = new ArrayList<>();
            seen.add(fixture.recorder.next().sender().equals(fixture.clientAddress()));
            seen.add(outcome(channel.writeAndFlush(fixture.packet("1"))));
            EventLoop before = channel.eventLoop();
            EventLoop after = LOOPS.next();
            while (after == before) {
                after = LOOPS.next();
            }
            done(channel.deregister());
            done(after.register(channel));
            fixture.send(channel, "two");
            seen.add(fixture.recorder.next().sender().equals(fixture.clientAddress()));
            seen.add(outcome(channel.writeAndFlush(fixture.packet("2"))));
            seen.addAll(fixture.receive(2));
            fixture.recorder.await("read two");
            return seen;
        });
        cases.put("active on registration, unbound", fixture -> {
            DatagramChannel channel = fixture.channel(fixture.bootstrap()
                    .option(ChannelOption.DATAGRAM_CHANNEL_ACTIVE_ON_REGISTRATION, true)
                    .register());
            fixture.recorder.await("active");
            List<Object> seen = new ArrayList<>(List.of(channel.isActive()));
            seen.add(outcome(channel.writeAndFlush(fixture.packet("hello"))));
            seen.add(fixture.receiveText());
            return seen;
        });
        cases.put("not active: writes fail", fixture -> {
            DatagramChannel channel = fixture.channel(fixture.bootstrap().register());
            return List.of(
                    channel.isActive(), outcome(channel.writeAndFlush(fixture.packet("hello"))), channel.isOpen());
        });
    }

    private static List<Object> state(DatagramChannel channel) {
        return List.of(
                channel.isOpen(),
                channel.isRegistered(),
                channel.isActive(),
                channel.isConnected(),
                channel.isWritable(),
                channel.localAddress() == null,
                String.valueOf(channel.remoteAddress()),
                channel.metadata().hasDisconnect(),
                channel.metadata().defaultMaxMessagesPerRead());
    }
}
