import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.nio.NioDatagramChannel;

/** Sends each datagram back, with Netty on the JDK's channel. Compiled with 4.1, run with 4.1 and 4.2. */
public final class NettyEcho {
    @ChannelHandler.Sharable
    static final class Echo extends SimpleChannelInboundHandler<DatagramPacket> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, DatagramPacket request) {
            context.writeAndFlush(new DatagramPacket(request.content().retain(), request.sender()));
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        new Bootstrap()
                .group(new NioEventLoopGroup(1))
                .channel(NioDatagramChannel.class)
                .handler(new Echo())
                .bind(Integer.parseInt(arguments[0]))
                .sync();
        System.out.println("listening");
    }
}
