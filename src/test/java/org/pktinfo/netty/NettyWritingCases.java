package org.pktinfo.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.DefaultAddressedEnvelope;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Messages that are written to a Netty channel, in all forms and numbers. */
@SuppressWarnings({
    "try", // a fixture waits while it closes
    "deprecation", // the options are those that programs use
    "FutureReturnValueIgnored" // the result of some writes is checked elsewhere
})
final class NettyWritingCases extends NettyCase {
    private NettyWritingCases() {}

    static void addTo(Map<String, Case> cases) {
        contents(cases);
        failing(cases);
        many(cases);
        threads(cases);
    }

    private static void contents(Map<String, Case> cases) {
        cases.put("all kinds of buffers", fixture -> {
            DatagramChannel channel = fixture.bind();
            List<Object> seen = new ArrayList<>();
            ByteBuf parts = fixture.buffers
                    .compositeBuffer()
                    .addComponent(true, fixture.text("com"))
                    .addComponent(true, fixture.text("posite"));
            ByteBuf moved = fixture.text("..moved").skipBytes(2);
            for (ByteBuf content : List.of(
                    fixture.buffers.heapBuffer().writeBytes("heap".getBytes(StandardCharsets.UTF_8)),
                    fixture.buffers.directBuffer().writeBytes("direct".getBytes(StandardCharsets.UTF_8)),
                    parts,
                    moved,
                    fixture.text("read only").asReadOnly(),
                    fixture.text(letters(3000)))) {
                seen.add(outcome(channel.writeAndFlush(new DatagramPacket(content, fixture.clientAddress()))));
                seen.add(fixture.receiveText());
            }
            seen.add(outcome(channel.writeAndFlush(
                    new DefaultAddressedEnvelope<>(fixture.text("envelope"), fixture.clientAddress()))));
            seen.add(fixture.receiveText());
            return seen;
        });
        cases.put("what cannot be written", fixture -> {
            DatagramChannel channel = fixture.bind();
            InetSocketAddress nowhere = InetSocketAddress.createUnresolved("nowhere.invalid", 9);
            return List.of(
                    outcome(channel.writeAndFlush("text")),
                    outcome(channel.writeAndFlush(fixture.text("for nobody"))),
                    outcome(channel.writeAndFlush(new DefaultAddressedEnvelope<>("text", fixture.clientAddress()))),
                    outcome(channel.writeAndFlush(new DatagramPacket(fixture.text("x"), nowhere))),
                    outcome(channel.writeAndFlush(
                            new DatagramPacket(fixture.text("x"), new InetSocketAddress(loopback(), 0)))),
                    outcome(channel.writeAndFlush(fixture.packet(letters(65_508)))),
                    channel.isOpen());
        });
    }

    private static void failing(Map<String, Case> cases) {
        cases.put("one that fails among others", fixture -> {
            DatagramChannel channel = fixture.bind();
            List<ChannelFuture> futures = List.of(
                    channel.write(fixture.packet("first")),
                    channel.write(fixture.packet(letters(65_508))),
                    channel.write(fixture.packet("second")),
                    channel.write(new DatagramPacket(fixture.text("x"), new InetSocketAddress(loopback(), 0))),
                    channel.write(fixture.text("for nobody")),
                    channel.write(fixture.packet("third")));
            channel.flush();
            List<Object> seen = new ArrayList<>();
            for (ChannelFuture future : futures) {
                seen.add(outcome(future));
            }
            seen.addAll(fixture.receive(3));
            return seen;
        });
        cases.put("one that is cancelled among others", fixture -> {
            DatagramChannel channel = fixture.bind();
            ChannelFuture first = channel.write(fixture.packet("first"));
            ChannelPromise cancelled = channel.newPromise();
            channel.write(fixture.packet("cancelled"), cancelled);
            done(channel.eventLoop().submit(() -> {}));
            List<Object> seen = new ArrayList<>();
            seen.add(cancelled.cancel(false));
            ChannelFuture second = channel.write(fixture.packet("second"));
            ChannelPromise last = channel.newPromise();
            channel.write(fixture.packet("last"), last);
            done(channel.eventLoop().submit(() -> {}));
            seen.add(last.cancel(false));
            channel.flush();
            seen.add(outcome(first));
            seen.add(outcome(second));
            seen.addAll(fixture.receive(2));
            seen.add(outcome(channel.writeAndFlush(fixture.packet("after"))));
            seen.add(fixture.receiveText());
            return seen;
        });
    }

    private static void many(Map<String, Case> cases) {
        cases.put("more than fit anywhere, in their order", fixture -> {
            DatagramChannel channel = fixture.bind();
            List<ChannelFuture> futures = new ArrayList<>();
            List<Object> seen = new ArrayList<>();
            for (int round = 0; round < 20; round++) {
                for (int i = 0; i < 50; i++) {
                    futures.add(channel.write(fixture.packet(round + "." + i + letters(i * 7 % 50))));
                }
                channel.flush();
                seen.addAll(fixture.receive(50));
            }
            for (ChannelFuture future : futures) {
                seen.add(outcome(future));
            }
            return seen;
        });
        cases.put("a few for each flush", fixture -> {
            DatagramChannel channel = fixture.bind(fixture.bootstrap().option(ChannelOption.MAX_MESSAGES_PER_WRITE, 2));
            for (int i = 0; i < 9; i++) {
                channel.write(fixture.packet("" + i), channel.voidPromise());
            }
            channel.flush();
            return fixture.receive(9);
        });
    }

    private static void threads(Map<String, Case> cases) {
        cases.put("from several threads", fixture -> {
            DatagramChannel channel = fixture.bind();
            List<ChannelFuture> futures = Collections.synchronizedList(new ArrayList<>());
            List<Thread> threads = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                Thread thread = new Thread(() -> {
                    for (int i = 0; i < 40; i++) {
                        futures.add(channel.writeAndFlush(fixture.packet("x")));
                    }
                });
                threads.add(thread);
                thread.start();
            }
            List<Object> seen = new ArrayList<>(fixture.receive(160));
            for (Thread thread : threads) {
                thread.join();
            }
            for (ChannelFuture future : futures) {
                seen.add(outcome(future));
            }
            return seen;
        });
        cases.put("writability", fixture -> {
            DatagramChannel channel = fixture.bind(fixture.bootstrap()
                    .option(ChannelOption.WRITE_BUFFER_WATER_MARK, new WriteBufferWaterMark(100, 200)));
            channel.write(fixture.packet(letters(300)));
            fixture.recorder.await("writable false");
            channel.flush();
            fixture.recorder.await("writable true");
            return List.of(
                    fixture.receiveText(),
                    fixture.recorder.events().stream().distinct().toList());
        });
        cases.put("a listener writes, another closes", fixture -> {
            DatagramChannel channel = fixture.bind();
            List<Object> seen = Collections.synchronizedList(new ArrayList<>());
            ChannelFuture first = channel.write(fixture.packet("first"));
            first.addListener(future -> channel.writeAndFlush(fixture.packet("of the listener")));
            ChannelFuture second = channel.write(fixture.packet("second"));
            second.addListener(future -> channel.close());
            channel.flush();
            seen.add(outcome(first));
            seen.add(outcome(second));
            done(channel.closeFuture());
            seen.addAll(fixture.receive(2));
            return seen;
        });
    }
}
