import io.netty.bootstrap.Bootstrap;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioDatagramChannel;

/** Does as {@link NettyEcho}, on Netty's native sockets where they are available, as Netty's documentation advises. */
public final class NettyEpollEcho {
    public static void main(String[] arguments) throws InterruptedException {
        boolean epoll = Epoll.isAvailable();
        new Bootstrap()
                .group(epoll ? new EpollEventLoopGroup(1) : new NioEventLoopGroup(1))
                .channel(epoll ? EpollDatagramChannel.class : NioDatagramChannel.class)
                .handler(new NettyEcho.Echo())
                .bind(Integer.parseInt(arguments[0]))
                .sync();
        System.out.println("listening");
    }
}
