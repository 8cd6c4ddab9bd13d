package org.pktinfo.bench;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.uring.IoUringDatagramChannel;
import io.netty.channel.uring.IoUringIoHandler;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.pktinfo.Datagram;
import org.pktinfo.DatagramBatch;
import org.pktinfo.DatagramSlot;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SlotFacts;
import org.pktinfo.netty.PktInfoChannelOption;
import org.pktinfo.netty.PktInfoDatagramChannel;
import org.pktinfo.server.DatagramServer;
import org.pktinfo.socket.PktInfoDatagramSocket;

/** Servers that all do the same: they echo. Each serves until its process is killed. */
final class Variants {
    private static final int LARGEST = 2048; // bytes

    private static final List<SocketOption<Boolean>> FACTS = List.of(
            PktInfoSocketOptions.RECEIVE_TRAFFIC_CLASS,
            PktInfoSocketOptions.RECEIVE_HOP_LIMIT,
            PktInfoSocketOptions.RECEIVE_TIME,
            PktInfoSocketOptions.RECEIVE_HARDWARE_TIME,
            PktInfoSocketOptions.RECEIVE_ORIGINAL_PORT,
            PktInfoSocketOptions.RECEIVE_MARK);

    private static long sum; // of the facts: what is not used need not be read

    /** A port, on all addresses or on each of some. */
    record Place(int port, String firstAddress, int addresses) {}

    interface Server {
        /** Serves, and runs {@code ready} when it is ready. */
        void run(Place place, Runnable ready) throws Exception;
    }

    static final Map<String, Server> ALL = new LinkedHashMap<>();

    static {
        ALL.put("records", Variants::records);
        ALL.put("batch", (place, ready) -> batch(place, ready, 32, LARGEST, true));
        ALL.put("batch-alone", (place, ready) -> batch(place, ready, 32, LARGEST, false));
        ALL.put("batch-facts", Variants::batchWithFacts);
        ALL.put("server", Variants::server);
        ALL.put("segments", Variants::segments);
        ALL.put("channel", Variants::channel);
        ALL.put("socket", (place, ready) -> socket(new DatagramSocket(place.port), ready));
        ALL.put("pktinfo-socket", (place, ready) -> socket(new PktInfoDatagramSocket(place.port), ready));
        ALL.put("netty-pktinfo", Variants::nettyPktinfo);
        ALL.put("netty-nio", Variants::nettyNio);
        ALL.put("netty-epoll", Variants::nettyEpoll);
        ALL.put("netty-io_uring", Variants::nettyIoUring);
        ALL.put("channels", Variants::channels);
        ALL.put("selector", Variants::selector);
    }

    /** The name of a batch that sends each reply separately, with number and size of its slots: to find the best. */
    static final Pattern SIZED = Pattern.compile("alone:(\\d+):(\\d+)");

    private Variants() {}

    static Server of(String name) {
        Matcher sized = SIZED.matcher(name);
        if (!sized.matches()) {
            return ALL.get(name);
        }
        int slots = Integer.parseInt(sized.group(1));
        int capacity = Integer.parseInt(sized.group(2));
        return (place, ready) -> batch(place, ready, slots, capacity, false);
    }

    private static void records(Place place, Runnable ready) throws IOException {
        try (PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(place.port))) {
            ready.run();
            while (true) {
                Datagram request = channel.receive();
                channel.reply(request, request.payload());
            }
        }
    }

    private static void batch(Place place, Runnable ready, int slots, int capacity, boolean together)
            throws IOException {
        try (PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(place.port))) {
            DatagramBatch batch = channel.newBatch(slots, capacity).coalesceReplies(together);
            ready.run();
            while (true) {
                int count = batch.receive();
                for (int i = 0; i < count; i++) {
                    DatagramSlot slot = batch.slot(i);
                    slot.reply(slot.length());
                }
                batch.send();
            }
        }
    }

    /** Serves with a batch, each reply sent separately, as the C server with the same options does, and reads all. */
    private static void batchWithFacts(Place place, Runnable ready) throws IOException {
        try (PktInfoChannel channel = PktInfoChannel.open()) {
            for (SocketOption<Boolean> option : FACTS) {
                channel.setOption(option, true);
            }
            channel.bind(new InetSocketAddress(place.port));
            DatagramBatch batch = channel.newBatch(32, LARGEST).coalesceReplies(false);
            ready.run();
            while (true) {
                int count = batch.receive();
                for (int i = 0; i < count; i++) {
                    DatagramSlot slot = batch.slot(i);
                    sum += read(slot.facts());
                    slot.reply(slot.length());
                }
                batch.send();
            }
        }
    }

    private static long read(SlotFacts facts) {
        return facts.trafficClass()
                + facts.hopLimit()
                + facts.timeNanos()
                + facts.hardwareTimeNanos()
                + facts.originalPort()
                + facts.mark();
    }

    /** Serves with default settings. */
    private static void server(Place place, Runnable ready) throws Exception {
        try (DatagramServer server = DatagramServer.builder()
                .bind(new InetSocketAddress(place.port))
                .start(request -> request.reply(request.length()))) {
            ready.run();
            Thread.currentThread().join();
        }
    }

    private static void segments(Place place, Runnable ready) throws IOException {
        try (PktInfoChannel channel = PktInfoChannel.open()) {
            channel.setOption(PktInfoSocketOptions.COALESCE_RECEIVED, true);
            channel.bind(new InetSocketAddress(place.port));
            DatagramBatch batch = channel.newBatch(16, PktInfoChannel.MAX_PAYLOAD);
            ready.run();
            while (true) {
                int count = batch.receive();
                for (int i = 0; i < count; i++) {
                    DatagramSlot slot = batch.slot(i);
                    if (slot.segmentSize() > 0) {
                        slot.replyInSegments(slot.length(), slot.segmentSize());
                    } else {
                        slot.reply(slot.length());
                    }
                }
                batch.send();
            }
        }
    }

    private static void channel(Place place, Runnable ready) throws IOException {
        try (java.nio.channels.DatagramChannel channel =
                java.nio.channels.DatagramChannel.open().bind(new InetSocketAddress(place.port))) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(LARGEST);
            ready.run();
            while (true) {
                buffer.clear();
                SocketAddress peer = channel.receive(buffer);
                buffer.flip();
                channel.send(buffer, peer);
            }
        }
    }

    private static void socket(DatagramSocket opened, Runnable ready) throws IOException {
        try (DatagramSocket socket = opened) {
            java.net.DatagramPacket packet = new java.net.DatagramPacket(new byte[LARGEST], LARGEST);
            ready.run();
            while (true) {
                packet.setLength(LARGEST);
                socket.receive(packet);
                socket.send(packet);
            }
        }
    }

    /** Serves without packet information: with a channel for each address, found by a selector. */
    private static void channels(Place place, Runnable ready) throws IOException {
        Selector selector = Selector.open();
        byte[] address = InetAddress.getByName(place.firstAddress).getAddress();
        ByteBuffer last = ByteBuffer.wrap(address);
        int at = address.length - Integer.BYTES;
        for (int i = 0; i < place.addresses; i++) {
            java.nio.channels.DatagramChannel channel = java.nio.channels.DatagramChannel.open();
            channel.bind(new InetSocketAddress(InetAddress.getByAddress(address), place.port));
            channel.configureBlocking(false).register(selector, SelectionKey.OP_READ);
            last.putInt(at, last.getInt(at) + 1);
        }
        answer(selector, ready);
    }

    /** Serves with one channel for all addresses, found by a selector. */
    private static void selector(Place place, Runnable ready) throws IOException {
        Selector selector = Selector.open();
        java.nio.channels.DatagramChannel channel = java.nio.channels.DatagramChannel.open();
        channel.bind(new InetSocketAddress(place.port));
        channel.configureBlocking(false).register(selector, SelectionKey.OP_READ);
        answer(selector, ready);
    }

    private static void answer(Selector selector, Runnable ready) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(LARGEST);
        ready.run();
        while (true) {
            selector.select();
            for (Iterator<SelectionKey> keys = selector.selectedKeys().iterator(); keys.hasNext(); keys.remove()) {
                answerAll((java.nio.channels.DatagramChannel) keys.next().channel(), buffer);
            }
        }
    }

    private static void answerAll(java.nio.channels.DatagramChannel channel, ByteBuffer buffer) throws IOException {
        while (true) {
            buffer.clear();
            SocketAddress peer = channel.receive(buffer);
            if (peer == null) {
                return;
            }
            buffer.flip();
            channel.send(buffer, peer);
        }
    }

    /** Serves as Netty's documentation has it: recvmmsg of 32 into one pooled direct buffer, flushed once per read. */
    private static void nettyEpoll(Place place, Runnable ready) throws Exception {
        netty(
                place,
                ready,
                EpollIoHandler.newFactory(),
                new Bootstrap()
                        .channel(EpollDatagramChannel.class)
                        .option(ChannelOption.ALLOCATOR, PooledByteBufAllocator.DEFAULT)
                        .option(EpollChannelOption.MAX_DATAGRAM_PAYLOAD_SIZE, LARGEST)
                        .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(32 * LARGEST)));
    }

    /** Serves as with epoll: the same number at a time, into one buffer. */
    private static void nettyPktinfo(Place place, Runnable ready) throws Exception {
        netty(
                place,
                ready,
                NioIoHandler.newFactory(),
                nio().channel(PktInfoDatagramChannel.class).option(PktInfoChannelOption.SHARE_READ_BUFFER, true));
    }

    private static void nettyNio(Place place, Runnable ready) throws Exception {
        netty(place, ready, NioIoHandler.newFactory(), nio().channel(NioDatagramChannel.class));
    }

    private static Bootstrap nio() {
        return new Bootstrap()
                .option(ChannelOption.ALLOCATOR, PooledByteBufAllocator.DEFAULT)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(LARGEST).maxMessagesPerRead(32));
    }

    private static void nettyIoUring(Place place, Runnable ready) throws Exception {
        netty(
                place,
                ready,
                IoUringIoHandler.newFactory(),
                new Bootstrap()
                        .channel(IoUringDatagramChannel.class)
                        .option(ChannelOption.ALLOCATOR, PooledByteBufAllocator.DEFAULT)
                        .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(LARGEST)));
    }

    private static void netty(Place place, Runnable ready, IoHandlerFactory factory, Bootstrap bootstrap)
            throws Exception {
        MultiThreadIoEventLoopGroup group = new MultiThreadIoEventLoopGroup(1, factory);
        try {
            bootstrap.group(group).handler(new ChannelInitializer<DatagramChannel>() {
                @Override
                protected void initChannel(DatagramChannel channel) {
                    channel.pipeline().addLast(new NettyEcho());
                }
            });
            io.netty.channel.Channel channel = bootstrap.bind(place.port).sync().channel();
            ready.run();
            channel.closeFuture().sync();
        } finally {
            group.shutdownGracefully();
        }
    }

    private static final class NettyEcho extends SimpleChannelInboundHandler<DatagramPacket> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
            context.write(new DatagramPacket(packet.content().retain(), packet.sender()), context.voidPromise());
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }
    }
}
