package org.pktinfo.it.support;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.handler.codec.dns.DatagramDnsQuery;
import io.netty.handler.codec.dns.DatagramDnsQueryDecoder;
import io.netty.handler.codec.dns.DatagramDnsResponse;
import io.netty.handler.codec.dns.DatagramDnsResponseEncoder;
import io.netty.handler.codec.dns.DefaultDnsRawRecord;
import io.netty.handler.codec.dns.DnsQuestion;
import io.netty.handler.codec.dns.DnsRecordType;
import io.netty.handler.codec.dns.DnsSection;
import io.netty.handler.codec.quic.InsecureQuicTokenHandler;
import io.netty.handler.codec.quic.QuicChannel;
import io.netty.handler.codec.quic.QuicClientCodecBuilder;
import io.netty.handler.codec.quic.QuicServerCodecBuilder;
import io.netty.handler.codec.quic.QuicSslContextBuilder;
import io.netty.handler.codec.quic.QuicStreamChannel;
import io.netty.handler.codec.quic.QuicStreamType;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import org.pktinfo.netty.PktInfoChannelOption;
import org.pktinfo.netty.PktInfoDatagramChannel;

/** Common servers on Netty, on Netty's own channel or on ours, and a client of one of them. */
@SuppressWarnings("FutureReturnValueIgnored") // the client sees the outcome of a write
public final class NettyServers {
    public static final int PORT = 7001;
    public static final int BURST = 60;
    public static final int BURST_LENGTH = 1000;

    private NettyServers() {}

    /**
     * Takes the server, the kind of channel ("stock" or "ours") and, for QUIC, the file with the key; or "quic-client",
     * seconds and addresses.
     */
    public static void main(String[] arguments) throws Exception {
        MultiThreadIoEventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        if (arguments[0].equals("quic-client")) {
            for (int i = 2; i < arguments.length; i++) {
                InetSocketAddress server = new InetSocketAddress(arguments[i], PORT);
                System.out.println(askByQuic(loops, server, Integer.parseInt(arguments[1])));
            }
            System.exit(0);
        }
        Class<? extends DatagramChannel> kind =
                arguments[1].equals("stock") ? NioDatagramChannel.class : PktInfoDatagramChannel.class;
        Bootstrap bootstrap = new Bootstrap().group(loops).channel(kind).handler(handler(arguments));
        if (arguments[0].equals("burst")) {
            bootstrap.option(ChannelOption.SO_SNDBUF, 5000);
            if (arguments[1].equals("ours")) { // otherwise all of it would fit into a piece or two
                bootstrap.option(PktInfoChannelOption.COALESCE_WRITES, false);
            }
        }
        bootstrap.bind(PORT).sync();
        System.out.println("ready");
    }

    private static ChannelHandler handler(String[] arguments) throws Exception {
        return switch (arguments[0]) {
            case "echo" -> new Echo();
            case "burst" -> new Burst();
            case "dns" ->
                new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline()
                                .addLast(new DatagramDnsQueryDecoder(), new DatagramDnsResponseEncoder(), new Dns());
                    }
                };
            case "quic" -> quic(Path.of(arguments[2]));
            default -> throw new IllegalArgumentException(arguments[0]);
        };
    }

    private static final class Echo extends SimpleChannelInboundHandler<DatagramPacket> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
            context.writeAndFlush(new DatagramPacket(packet.content().retain(), packet.sender()));
        }
    }

    /** Sends more than the send buffer holds per request; reports the number left after the flush, and all outcomes. */
    private static final class Burst extends SimpleChannelInboundHandler<DatagramPacket> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
            List<ChannelFuture> futures = new ArrayList<>();
            for (int i = 0; i < BURST; i++) {
                ByteBuf content = context.alloc().buffer().writeZero(BURST_LENGTH);
                futures.add(context.write(new DatagramPacket(content, packet.sender())));
            }
            context.flush();
            System.out.println(
                    futures.stream().allMatch(ChannelFuture::isDone) ? "nothing was left" : "some were left");
            futures.get(BURST - 1)
                    .addListener(last -> System.out.println(
                            futures.stream().filter(ChannelFuture::isSuccess).count() + " sent"));
        }
    }

    private static final class Dns extends SimpleChannelInboundHandler<DatagramDnsQuery> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, DatagramDnsQuery query) {
            DnsQuestion question = query.recordAt(DnsSection.QUESTION);
            DatagramDnsResponse response = new DatagramDnsResponse(query.recipient(), query.sender(), query.id());
            response.addRecord(DnsSection.QUESTION, question);
            response.addRecord(
                    DnsSection.ANSWER,
                    new DefaultDnsRawRecord(
                            question.name(), DnsRecordType.A, 60, Unpooled.wrappedBuffer(new byte[] {(byte) 192, 0, 2, 1
                            })));
            context.writeAndFlush(response);
        }
    }

    private static ChannelHandler quic(Path keyFile) throws Exception {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        char[] password = "password".toCharArray();
        try (InputStream in = Files.newInputStream(keyFile)) {
            keys.load(in, password);
        }
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(keys, password);
        return new QuicServerCodecBuilder()
                .sslContext(QuicSslContextBuilder.forServer(factory, "password")
                        .applicationProtocols("echo")
                        .build())
                .maxIdleTimeout(30, TimeUnit.SECONDS)
                .initialMaxData(10_000_000)
                .initialMaxStreamDataBidirectionalRemote(1_000_000)
                .initialMaxStreamsBidirectional(10)
                .tokenHandler(InsecureQuicTokenHandler.INSTANCE)
                .handler(new ChannelInitializer<QuicChannel>() {
                    @Override
                    protected void initChannel(QuicChannel connection) {}
                })
                .streamHandler(new ChannelInitializer<QuicStreamChannel>() {
                    @Override
                    protected void initChannel(QuicStreamChannel stream) {
                        stream.pipeline().addLast(new ChannelInboundHandlerAdapter() {
                            @Override
                            public void channelRead(ChannelHandlerContext context, Object message) {
                                context.writeAndFlush(message);
                            }
                        });
                    }
                })
                .build();
    }

    /** Returns the server's echo of 100 000 bytes, or the reason for none. */
    private static String askByQuic(MultiThreadIoEventLoopGroup loops, InetSocketAddress server, int patience)
            throws Exception {
        ChannelHandler codec = new QuicClientCodecBuilder()
                .sslContext(QuicSslContextBuilder.forClient()
                        .trustManager(InsecureTrustManagerFactory.INSTANCE)
                        .endpointIdentificationAlgorithm("")
                        .applicationProtocols("echo")
                        .build())
                .maxIdleTimeout(patience, TimeUnit.SECONDS)
                .initialMaxData(10_000_000)
                .initialMaxStreamDataBidirectionalLocal(1_000_000)
                .build();
        Channel channel = new Bootstrap()
                .group(loops)
                .channel(NioDatagramChannel.class)
                .handler(codec)
                .bind(0)
                .sync()
                .channel();
        var connecting = QuicChannel.newBootstrap(channel)
                .handler(new ChannelInboundHandlerAdapter())
                .streamHandler(new ChannelInboundHandlerAdapter())
                .remoteAddress(server)
                .connect()
                .await();
        if (!connecting.isSuccess()) {
            return "not connected: " + connecting.cause();
        }
        int length = 100_000;
        CompletableFuture<String> answer = new CompletableFuture<>();
        QuicStreamChannel stream = connecting
                .getNow()
                .createStream(QuicStreamType.BIDIRECTIONAL, new SimpleChannelInboundHandler<ByteBuf>() {
                    private int received;

                    @Override
                    protected void channelRead0(ChannelHandlerContext context, ByteBuf content) {
                        received += content.readableBytes();
                        if (received == length) {
                            answer.complete("received " + received);
                        }
                    }
                })
                .sync()
                .getNow();
        stream.writeAndFlush(Unpooled.wrappedBuffer("x".repeat(length).getBytes(StandardCharsets.UTF_8)));
        return answer.get(patience, TimeUnit.SECONDS);
    }
}
