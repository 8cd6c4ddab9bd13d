package org.pktinfo.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.DefaultAddressedEnvelope;
import io.netty.channel.EventLoop;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What the documentation of Netty's channels says, case by case, done with {@link NioDatagramChannel} and with ours: the outcomes, events,
 * values or exceptions, must be the same, and no buffer may be left.
 */
@Timeout(60)
@SuppressWarnings({
    "try", // a fixture waits while it closes
    "deprecation", // the options are those that programs have
    "FutureReturnValueIgnored" // what becomes of some writes is seen elsewhere
})
class NettyConformanceTest {
    private static final long SOON = 5; // seconds
    private static final MultiThreadIoEventLoopGroup LOOPS =
            new MultiThreadIoEventLoopGroup(2, NioIoHandler.newFactory());
    private static final Map<String, Case> CASES = new LinkedHashMap<>();

    /** One case: says what was seen. */
    private interface Case {
        Object run(Fixture fixture) throws Exception;
    }

    private interface Action {
        void run() throws Exception;
    }

    /** A kind of channel, buffers that are counted, and an ordinary socket besides. */
    private static final class Fixture implements AutoCloseable {
        private final Class<? extends DatagramChannel> kind;
        private final boolean shares;
        private final List<Channel> opened = Collections.synchronizedList(new ArrayList<>());
        final UnpooledByteBufAllocator buffers = new UnpooledByteBufAllocator(true);
        final Recorder recorder = new Recorder();
        final DatagramSocket client = new DatagramSocket(new InetSocketAddress(loopback(), 0));

        Fixture(Class<? extends DatagramChannel> kind, boolean shares) throws IOException {
            this.kind = kind;
            this.shares = shares;
            client.setSoTimeout((int) TimeUnit.SECONDS.toMillis(SOON));
            client.setBroadcast(true);
        }

        Bootstrap bootstrap() {
            return bootstrap(recorder);
        }

        Bootstrap bootstrap(Recorder handler) {
            Bootstrap bootstrap = new Bootstrap()
                    .group(LOOPS)
                    .channel(kind)
                    .option(ChannelOption.ALLOCATOR, buffers)
                    .handler(handler);
            return shares ? bootstrap.option(PktInfoChannelOption.SHARE_READ_BUFFER, true) : bootstrap;
        }

        DatagramChannel bind() throws Exception {
            return bind(bootstrap());
        }

        DatagramChannel bind(Bootstrap bootstrap) throws Exception {
            return opened(bootstrap.bind(loopback(), 0));
        }

        DatagramChannel opened(ChannelFuture future) throws Exception {
            opened.add(future.channel());
            done(future);
            return (DatagramChannel) future.channel();
        }

        ByteBuf text(String text) {
            return buffers.buffer().writeBytes(text.getBytes(StandardCharsets.UTF_8));
        }

        DatagramPacket packet(String text) {
            return new DatagramPacket(text(text), clientAddress());
        }

        InetSocketAddress clientAddress() {
            return (InetSocketAddress) client.getLocalSocketAddress();
        }

        void send(DatagramChannel to, String... texts) throws IOException {
            for (String text : texts) {
                byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
                client.send(new java.net.DatagramPacket(bytes, bytes.length, to.localAddress()));
            }
        }

        String receive() throws IOException {
            java.net.DatagramPacket packet = new java.net.DatagramPacket(new byte[70_000], 70_000);
            client.receive(packet);
            return new String(packet.getData(), 0, packet.getLength(), StandardCharsets.UTF_8);
        }

        List<String> receive(int count) throws IOException {
            List<String> texts = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                texts.add(receive());
            }
            return texts;
        }

        boolean isSilent() throws IOException {
            client.setSoTimeout(50);
            try {
                receive();
                return false;
            } catch (SocketTimeoutException e) {
                return true;
            } finally {
                client.setSoTimeout((int) TimeUnit.SECONDS.toMillis(SOON));
            }
        }

        @Override
        public void close() throws Exception {
            client.close();
            for (Channel channel : opened) {
                done(channel.close());
                // What it does afterwards in its loop is over when another task has run.
                done(channel.eventLoop().submit(() -> {}));
            }
            assertThat(buffers.metric().usedDirectMemory() + buffers.metric().usedHeapMemory())
                    .as("bytes not released")
                    .isZero();
        }
    }

    private static InetAddress loopback() {
        try {
            return InetAddress.getByName("127.0.0.1");
        } catch (IOException e) {
            throw new AssertionError("a literal is not looked up", e);
        }
    }

    private static void done(Future<?> future) throws Exception {
        assertThat(future.await(SOON, TimeUnit.SECONDS)).as("done in time").isTrue();
        future.sync();
    }

    private static Object outcome(Future<?> future) throws Exception {
        assertThat(future.await(SOON, TimeUnit.SECONDS)).as("done in time").isTrue();
        return future.isSuccess() ? "done" : kind(future.cause());
    }

    private static Object outcome(Action action) {
        try {
            action.run();
            return "done";
        } catch (Exception e) {
            return kind(e);
        }
    }

    /** The type that a caller would catch; a subclass of it is as good. */
    private static String kind(Throwable e) {
        return Stream.of(
                        ClosedChannelException.class,
                        BindException.class,
                        IOException.class,
                        IllegalArgumentException.class,
                        UnsupportedOperationException.class)
                .filter(type -> type.isInstance(e))
                .map(Class::getSimpleName)
                .findFirst()
                .orElse(e.getClass().getName());
    }

    private static String letters(int count) {
        return "x".repeat(count);
    }

    static {
        life();
        reading();
        writing();
        connecting();
        options();
        groups();
    }

    private static void life() {
        CASES.put("from new to closed", fixture -> {
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
        CASES.put("binding: twice, where somebody is, where nobody can", fixture -> {
            DatagramChannel channel = fixture.bind();
            return List.of(
                    outcome(channel.bind(new InetSocketAddress(loopback(), 0))),
                    channel.isActive(),
                    outcome(fixture.bootstrap().bind(channel.localAddress())),
                    outcome(fixture.bootstrap().bind(new InetSocketAddress("192.0.2.77", 0))));
        });
        CASES.put("a port is free after closing", fixture -> {
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
        CASES.put("closed: writes fail, those that wait too", fixture -> {
            DatagramChannel channel = fixture.bind();
            ChannelFuture waiting = channel.write(fixture.packet("not flushed"));
            done(channel.close());
            return List.of(
                    outcome(waiting), outcome(channel.writeAndFlush(fixture.packet("late"))), fixture.isSilent());
        });
        CASES.put("to another event loop and back to work", fixture -> {
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
        CASES.put("active on registration, unbound", fixture -> {
            DatagramChannel channel = fixture.opened(fixture.bootstrap()
                    .option(ChannelOption.DATAGRAM_CHANNEL_ACTIVE_ON_REGISTRATION, true)
                    .register());
            fixture.recorder.await("active");
            List<Object> seen = new ArrayList<>(List.of(channel.isActive()));
            seen.add(outcome(channel.writeAndFlush(fixture.packet("hello"))));
            seen.add(fixture.receive());
            return seen;
        });
        CASES.put("not active: writes fail", fixture -> {
            DatagramChannel channel = fixture.opened(fixture.bootstrap().register());
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

    private static void reading() {
        CASES.put("what comes in a row, empty ones too", fixture -> {
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
        CASES.put("no more than so many at a time", fixture -> {
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
        CASES.put("one for each read", fixture -> {
            DatagramChannel channel = fixture.bind(fixture.bootstrap().option(ChannelOption.AUTO_READ, false));
            fixture.send(channel, "1", "2", "3");
            channel.read();
            fixture.recorder.await("read 1");
            channel.read();
            fixture.recorder.await("read 2");
            done(channel.eventLoop().submit(() -> {}));
            return fixture.recorder.events();
        });
        CASES.put("autoRead switched off by the first of many", fixture -> {
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
        CASES.put("the handler closes in the middle of many", fixture -> {
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
        CASES.put("the handler goes away in the middle of many", fixture -> {
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
        CASES.put("the handler throws", fixture -> {
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
        CASES.put("a buffer too small", fixture -> {
            DatagramChannel channel = fixture.bind(
                    fixture.bootstrap().option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(4)));
            fixture.send(channel, "abcdef", "gh");
            fixture.recorder.await("read gh");
            return fixture.recorder.events().contains("read abcd");
        });
        CASES.put("the largest", fixture -> {
            DatagramChannel channel = fixture.bind(
                    fixture.bootstrap().option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(65_536)));
            fixture.send(channel, letters(65_507));
            fixture.recorder.await("read " + letters(65_507));
            return "read";
        });
    }

    private static void writing() {
        CASES.put("all kinds of buffers", fixture -> {
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
                seen.add(fixture.receive());
            }
            seen.add(outcome(channel.writeAndFlush(
                    new DefaultAddressedEnvelope<>(fixture.text("envelope"), fixture.clientAddress()))));
            seen.add(fixture.receive());
            return seen;
        });
        CASES.put("what cannot be written", fixture -> {
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
        CASES.put("one that fails among others", fixture -> {
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
        CASES.put("one that is cancelled among others", fixture -> {
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
            seen.add(fixture.receive());
            return seen;
        });
        CASES.put("more than fit anywhere, in their order", fixture -> {
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
        CASES.put("a few for each flush", fixture -> {
            DatagramChannel channel = fixture.bind(fixture.bootstrap().option(ChannelOption.MAX_MESSAGES_PER_WRITE, 2));
            for (int i = 0; i < 9; i++) {
                channel.write(fixture.packet("" + i), channel.voidPromise());
            }
            channel.flush();
            return fixture.receive(9);
        });
        CASES.put("from several threads", fixture -> {
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
        CASES.put("writability", fixture -> {
            DatagramChannel channel = fixture.bind(fixture.bootstrap()
                    .option(ChannelOption.WRITE_BUFFER_WATER_MARK, new WriteBufferWaterMark(100, 200)));
            channel.write(fixture.packet(letters(300)));
            fixture.recorder.await("writable false");
            channel.flush();
            fixture.recorder.await("writable true");
            return List.of(
                    fixture.receive(),
                    fixture.recorder.events().stream().distinct().toList());
        });
        CASES.put("a listener writes, another closes", fixture -> {
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

    private static void connecting() {
        CASES.put("connected: only the peer, and back", fixture -> {
            DatagramChannel channel = fixture.bind();
            try (DatagramSocket stranger = new DatagramSocket()) {
                List<Object> seen = new ArrayList<>();
                seen.add(outcome(channel.connect(fixture.clientAddress())));
                seen.add(channel.isConnected());
                seen.add(channel.remoteAddress().equals(fixture.clientAddress()));
                stranger.send(new java.net.DatagramPacket(new byte[] {'s'}, 1, channel.localAddress()));
                fixture.send(channel, "of the peer");
                fixture.recorder.await("read of the peer");
                seen.add(fixture.recorder.events().contains("read s"));
                seen.add(outcome(channel.writeAndFlush(fixture.text("bare"))));
                seen.add(outcome(channel.writeAndFlush(fixture.packet("addressed"))));
                seen.addAll(fixture.receive(2));
                InetSocketAddress other = new InetSocketAddress(loopback(), stranger.getLocalPort());
                seen.add(outcome(channel.writeAndFlush(new DatagramPacket(fixture.text("x"), other))));
                seen.add(outcome(channel.disconnect()));
                seen.add(channel.isConnected());
                seen.add(String.valueOf(channel.remoteAddress()));
                seen.add(channel.isOpen());
                seen.add(outcome(channel.writeAndFlush(fixture.text("for nobody"))));
                stranger.send(new java.net.DatagramPacket(new byte[] {'t'}, 1, channel.localAddress()));
                fixture.recorder.await("read t");
                return seen;
            }
        });
        CASES.put("connected from the beginning", fixture -> {
            DatagramChannel channel = fixture.opened(fixture.bootstrap().connect(fixture.clientAddress()));
            List<Object> seen = new ArrayList<>(List.of(channel.isConnected(), channel.isActive()));
            seen.add(outcome(channel.writeAndFlush(fixture.text("hello"))));
            seen.add(fixture.receive());
            seen.addAll(fixture.recorder.events());
            return seen;
        });
        CASES.put("connected to where nobody listens", fixture -> {
            DatagramSocket gone = new DatagramSocket(new InetSocketAddress(loopback(), 0));
            InetSocketAddress there = (InetSocketAddress) gone.getLocalSocketAddress();
            gone.close();
            DatagramChannel channel = fixture.opened(fixture.bootstrap().connect(there));
            done(channel.writeAndFlush(fixture.text("hello")));
            fixture.recorder.await("caught PortUnreachableException");
            return List.of(channel.isOpen(), channel.isActive());
        });
    }

    private static void options() {
        CASES.put("options", fixture -> {
            DatagramChannel channel = fixture.bind();
            NetworkInterface lo = NetworkInterface.getByInetAddress(loopback());
            Map<ChannelOption<?>, Object> set = new LinkedHashMap<>();
            set.put(ChannelOption.SO_BROADCAST, true);
            set.put(ChannelOption.SO_RCVBUF, 40_000);
            set.put(ChannelOption.SO_SNDBUF, 50_000);
            set.put(ChannelOption.SO_REUSEADDR, true);
            set.put(ChannelOption.IP_TOS, 0x10);
            set.put(ChannelOption.IP_MULTICAST_IF, lo);
            set.put(ChannelOption.IP_MULTICAST_TTL, 3);
            set.put(ChannelOption.AUTO_CLOSE, false);
            set.put(ChannelOption.WRITE_SPIN_COUNT, 7);
            set.put(ChannelOption.MAX_MESSAGES_PER_READ, 5);
            set.put(ChannelOption.MAX_MESSAGES_PER_WRITE, 6);
            set.put(ChannelOption.CONNECT_TIMEOUT_MILLIS, 8);
            set.put(NioChannelOption.of(StandardSocketOptions.SO_REUSEPORT), true);
            set.put(ChannelOption.TCP_NODELAY, true);
            set.put(NioChannelOption.of(StandardSocketOptions.TCP_NODELAY), true);
            List<Object> seen = new ArrayList<>();
            set.forEach((option, value) -> {
                seen.add(option.name());
                seen.add(set(channel, option, value));
                seen.add(outcome(() -> seen.add(String.valueOf(channel.config().getOption(option)))));
            });
            seen.add(outcome(() -> channel.config().setOption(ChannelOption.SO_RCVBUF, -1)));
            seen.add(channel.config().getInterface());
            seen.add(set(channel, NioChannelOption.of(StandardSocketOptions.TCP_NODELAY), null));
            seen.add(outcome(() -> set(channel, NioChannelOption.of(StandardSocketOptions.IP_MULTICAST_IF), null)));
            seen.add(outcome(() -> set(channel, NioChannelOption.of(StandardSocketOptions.SO_RCVBUF), null)));
            seen.add(outcome(() -> set(channel, ChannelOption.SO_RCVBUF, null)));
            return seen;
        });
        CASES.put("options of a new channel", fixture -> {
            DatagramChannel channel = fixture.bind();
            Map<String, String> seen = new TreeMap<>();
            channel.config().getOptions().forEach((option, value) -> {
                if (!option.name().contains("PktInfo") && !option.name().contains("_LOOP")) {
                    seen.put(option.name(), String.valueOf(value).replaceAll("@.*|Adaptive.*", ""));
                }
            });
            return seen;
        });
    }

    @SuppressWarnings("unchecked")
    private static Object set(Channel channel, ChannelOption<?> option, Object value) {
        return channel.config().setOption((ChannelOption<Object>) option, value);
    }

    private static void groups() {
        CASES.put("groups: joining, leaving, blocking", fixture -> {
            NetworkInterface lo = NetworkInterface.getByInetAddress(loopback());
            InetAddress group = InetAddress.getByName("239.255.7.8");
            DatagramChannel channel = fixture.opened(fixture.bootstrap()
                    .option(ChannelOption.SO_REUSEADDR, true)
                    .option(ChannelOption.IP_MULTICAST_IF, lo)
                    .bind(0));
            InetSocketAddress there =
                    new InetSocketAddress(group, channel.localAddress().getPort());
            fixture.client.setOption(StandardSocketOptions.IP_MULTICAST_IF, lo);
            fixture.client.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 0);
            List<Object> seen = new ArrayList<>();
            seen.add(outcome(channel.joinGroup(there, lo)));
            seen.add(outcome(channel.joinGroup(there, lo)));
            say(fixture, there, "member");
            fixture.recorder.await("read member");
            seen.add(outcome(channel.block(group, lo, loopback())));
            say(fixture, there, "blocked");
            say(fixture, new InetSocketAddress(loopback(), there.getPort()), "unicast");
            fixture.recorder.await("read unicast");
            seen.add(fixture.recorder.events().contains("read blocked"));
            seen.add(outcome(channel.leaveGroup(there, lo)));
            seen.add(outcome(channel.leaveGroup(there, lo)));
            seen.add(outcome(channel.joinGroup(group, lo, loopback())));
            say(fixture, there, "of this source");
            fixture.recorder.await("read of this source");
            seen.add(outcome(channel.leaveGroup(group, lo, loopback())));
            seen.add(outcome(channel.joinGroup(group)));
            say(fixture, there, "by the option");
            fixture.recorder.await("read by the option");
            seen.add(outcome(channel.joinGroup(loopback(), lo, null)));
            return seen;
        });
    }

    private static void say(Fixture fixture, InetSocketAddress there, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        fixture.client.send(new java.net.DatagramPacket(bytes, bytes.length, there));
    }

    @AfterAll
    static void stop() {
        LOOPS.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
    }

    static Stream<String> cases() {
        return CASES.keySet().stream();
    }

    private static Object run(String name, Class<? extends DatagramChannel> kind, boolean shares) throws Exception {
        try (Fixture fixture = new Fixture(kind, shares)) {
            return CASES.get(name).run(fixture);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void whatNettysChannelDoesOursDoesToo(String name) throws Exception {
        Object stock = run(name, NioDatagramChannel.class, false);
        assertThat(run(name, PktInfoDatagramChannel.class, false)).isEqualTo(stock);
        assertThat(run(name, PktInfoDatagramChannel.class, true))
                .as("with SHARE_READ_BUFFER")
                .isEqualTo(stock);
    }
}
