package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import java.util.List;
import java.util.Map;

/** Datagrams that a Netty channel reads, and handlers that interfere. */
@SuppressWarnings({
    "try", // a fixture waits while it closes
    "deprecation", // the options are those that programs use
    "FutureReturnValueIgnored" // the result of some writes is checked elsewhere
})
final class NettyReadingCases extends NettyCase {
    private NettyReadingCases() {}

    static void addTo(Map<String, Case> cases) {
        howMany(cases);
        handlers(cases);
        sizes(cases);
    }

    private static void howMany(Map<String, Case> cases) {
        cases.put("what comes in a row, empty ones too", fixture -> {
            DatagramChannel channel = fixture.bind(fixture.bootstrap().option(ChannelOption.AUTO_READ, false));
            String[] texts = {"a", "", "bcd", letters(1400), "", "", "e"};
            fixture.send(channel, texts);
            channel.config().setAutoRead(true);
            for (int i = 0; i < texts.length; i++) {
                DatagramPacket packet = fixture.recorder.next();
                assertThat(packet.sender()).isEqualTo(fixture.clientAddress());
                assertThat(packet.recipient()).isEqualTo(channel.localAddress());
            }
            return fixture.recorder.events().stream()
                    .filter(event -> event.startsWith("read"))
                    .toList();
        });
        cases.put("no more than so many at a time", fixture -> {
            DatagramChannel channel = fixture.bind(fixture.bootstrap()
                    .option(ChannelOption.AUTO_READ, false)
                    .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(100).maxMessagesPerRead(3)));
            fixture.send(channel, "1", "2", "3", "4", "5", "6", "7", "8");
            channel.config().setAutoRead(true);
            for (int i = 0; i < 8; i++) {
                fixture.recorder.next();
            }
            List<String> events = fixture.recorder.events();
            return events.subList(0, events.indexOf("read 8"));
        });
        cases.put("one for each read", fixture -> {
            DatagramChannel channel = fixture.bind(fixture.bootstrap().option(ChannelOption.AUTO_READ, false));
            fixture.send(channel, "1", "2", "3");
            channel.read();
            fixture.recorder.await("read 1");
            channel.read();
            fixture.recorder.await("read 2");
            done(channel.eventLoop().submit(() -> {}));
            return fixture.recorder.events();
        });
    }

    private static void handlers(Map<String, Case> cases) {
        cases.put("autoRead switched off by the first of many", fixture -> {
            Recorder stopping = new Recorder() {
                @Override
                void received(ChannelHandlerContext context, DatagramPacket packet) {
                    context.channel().config().setAutoRead(false);
                }
            };
            DatagramChannel channel = fixture.bind(fixture.bootstrap(stopping)
                    .option(ChannelOption.AUTO_READ, false)
                    .option(ChannelOption.MAX_MESSAGES_PER_READ, 4));
            fixture.send(channel, "1", "2", "3", "4", "5", "6");
            channel.config().setAutoRead(true);
            stopping.await("read 4");
            done(channel.eventLoop().submit(() -> {}));
            done(channel.eventLoop().submit(() -> {}));
            return stopping.events();
        });
        cases.put("the handler closes in the middle of many", fixture -> {
            Recorder closing = new Recorder() {
                @Override
                void received(ChannelHandlerContext context, DatagramPacket packet) {
                    context.close();
                }
            };
            DatagramChannel channel = fixture.bind(fixture.bootstrap(closing).option(ChannelOption.AUTO_READ, false));
            fixture.send(channel, "1", "2", "3");
            channel.config().setAutoRead(true);
            closing.await("unregistered");
            return closing.events();
        });
        cases.put("the handler goes away in the middle of many", fixture -> {
            Recorder leaving = new Recorder() {
                @Override
                void received(ChannelHandlerContext context, DatagramPacket packet) {
                    context.pipeline().remove(this);
                }
            };
            DatagramChannel channel = fixture.bind(fixture.bootstrap(leaving).option(ChannelOption.AUTO_READ, false));
            fixture.send(channel, "1", "2", "3");
            channel.config().setAutoRead(true);
            leaving.await("read 1");
            return leaving.events();
        });
        cases.put("the handler throws", fixture -> {
            Recorder throwing = new Recorder() {
                @Override
                void received(ChannelHandlerContext context, DatagramPacket packet) {
                    throw new IllegalStateException("as meant");
                }
            };
            DatagramChannel channel = fixture.bind(fixture.bootstrap(throwing));
            fixture.send(channel, "1");
            throwing.await("caught IllegalStateException");
            return List.of(channel.isOpen());
        });
    }

    private static void sizes(Map<String, Case> cases) {
        cases.put("a buffer too small", fixture -> {
            DatagramChannel channel = fixture.bind(
                    fixture.bootstrap().option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(4)));
            fixture.send(channel, "abcdef", "gh");
            fixture.recorder.await("read gh");
            return fixture.recorder.events().contains("read abcd");
        });
        cases.put("the largest", fixture -> {
            DatagramChannel channel = fixture.bind(
                    fixture.bootstrap().option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(65_536)));
            fixture.send(channel, letters(65_507));
            fixture.recorder.await("read " + letters(65_507));
            return "read";
        });
    }
}
