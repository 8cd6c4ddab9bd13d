package org.pktinfo.netty;

import io.netty.channel.ChannelOption;
import java.net.SocketOption;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.pktinfo.PeerMemory;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SourceSelection;

/**
 * The options of a {@link PktInfoDatagramChannel} besides those of Netty's own datagram channels. Those of the socket
 * are {@link #of}.
 */
@SuppressWarnings("exports") // users of this package have Netty's modules
public final class PktInfoChannelOption {
    /**
     * Limits the datagrams that one system call receives or sends, in 1 to {@value
     * org.pktinfo.DatagramBatch#MAX_SLOTS}. Default: {@value #DEFAULT_BATCH_SIZE}. One read takes no more than {@link
     * io.netty.channel.MaxMessagesRecvByteBufAllocator#maxMessagesPerRead} in all, by Netty's default 16.
     */
    public static final ChannelOption<Integer> BATCH_SIZE =
            ChannelOption.valueOf(PktInfoChannelOption.class, "BATCH_SIZE");

    /**
     * Enables the coalescing of neighbouring datagrams to one peer, from one source and of one length. They are sent as
     * one, which the kernel segments, see {@link org.pktinfo.DatagramBatch#coalesceReplies}. Default: true.
     */
    public static final ChannelOption<Boolean> COALESCE_WRITES =
            ChannelOption.valueOf(PktInfoChannelOption.class, "COALESCE_WRITES");

    /**
     * Enables packets to groups that only another socket of this host has joined, see {@link
     * PktInfoSocketOptions#RECEIVE_ALL_GROUPS}, whose {@link #of} this is. Default: false.
     */
    public static final ChannelOption<Boolean> ALL_GROUPS =
            ChannelOption.valueOf(PktInfoChannelOption.class, "ALL_GROUPS");

    /**
     * The memory of each peer's last request destination, which also counts datagrams sent to unknown peers: {@link
     * PeerMemory#unknownPeers}. Default: one for each channel. Share it among channels that share a port (SO_REUSEPORT)
     * and answer each other's peers.
     */
    public static final ChannelOption<PeerMemory> PEER_MEMORY =
            ChannelOption.valueOf(PktInfoChannelOption.class, "PEER_MEMORY");

    /**
     * The selection of the source address of a packet that does not name one and whose peer has sent a request.
     * Default: {@link SourceSelection#requestDestination}. An exception of the selection fails the write. Only a
     * selection of the program's own may choose an address that the channel is not bound to.
     */
    public static final ChannelOption<SourceSelection> SOURCE_SELECTION =
            ChannelOption.valueOf(PktInfoChannelOption.class, "SOURCE_SELECTION");

    /**
     * Makes the packets received by one system call share one buffer, as those of Netty's epoll channel do with {@code
     * MAX_DATAGRAM_PAYLOAD_SIZE}. A content is then a slice no longer than the datagram, which costs less than a buffer
     * for each. It cannot be written to beyond its end. If you keep one, you keep the memory of all packets received
     * with it. They share one reference count, so that releasing one twice frees another. Default: false, each has a
     * buffer of its own.
     */
    public static final ChannelOption<Boolean> SHARE_READ_BUFFER =
            ChannelOption.valueOf(PktInfoChannelOption.class, "SHARE_READ_BUFFER");

    static final int DEFAULT_BATCH_SIZE = 32;

    /** Netty's option for each option of the socket; the read buffers of a channel do not hold coalesced datagrams. */
    private static final Map<SocketOption<?>, ChannelOption<?>> OF_SOCKET = PktInfoSocketOptions.all().stream()
            .filter(option -> !option.equals(PktInfoSocketOptions.COALESCE_RECEIVED))
            .collect(Collectors.toUnmodifiableMap(Function.identity(), PktInfoChannelOption::named));

    private static final Map<ChannelOption<?>, SocketOption<?>> SOCKET_OPTIONS =
            OF_SOCKET.entrySet().stream().collect(Collectors.toUnmodifiableMap(Map.Entry::getValue, Map.Entry::getKey));

    private PktInfoChannelOption() {}

    private static ChannelOption<?> named(SocketOption<?> option) {
        return option.equals(PktInfoSocketOptions.RECEIVE_ALL_GROUPS)
                ? ALL_GROUPS
                : ChannelOption.valueOf(PktInfoChannelOption.class, option.name());
    }

    /**
     * Returns Netty's option for one of {@link PktInfoSocketOptions}. Set by {@code Bootstrap.option}, it is set before
     * the channel is bound. Setting it by {@code config().setOption} throws {@link IllegalArgumentException} if the
     * value is out of range, {@link UnsupportedOperationException} if the kernel lacks the option, and {@link
     * io.netty.channel.ChannelException} with the reason as its cause if it cannot be set otherwise, as for lack of a
     * privilege. The JDK's options are {@code NioChannelOption.of}.
     *
     * @param <T> the type of its value
     * @param option any but {@link PktInfoSocketOptions#COALESCE_RECEIVED}: a packet is one datagram
     * @return always the same object for the same option
     * @throws IllegalArgumentException if it is another option
     */
    @SuppressWarnings("unchecked") // the types of both are those of their values
    public static <T> ChannelOption<T> of(SocketOption<T> option) {
        ChannelOption<?> found = OF_SOCKET.get(option);
        if (found == null) {
            throw new IllegalArgumentException(
                    option.equals(PktInfoSocketOptions.COALESCE_RECEIVED)
                            ? "COALESCE_RECEIVED is not for Netty's channels: a packet is one datagram"
                            : option + " is none of PktInfoSocketOptions: NioChannelOption.of has the JDK's");
        }
        return (ChannelOption<T>) found;
    }

    /** Returns the option of the socket that one of Netty's stands for, null if it stands for none. */
    @SuppressWarnings("unchecked") // the types of both are those of their values
    static <T> @Nullable SocketOption<T> socketOption(ChannelOption<T> option) {
        return (SocketOption<T>) SOCKET_OPTIONS.get(option);
    }

    /** Returns the options of the socket that a channel has. */
    static Iterable<ChannelOption<?>> ofSocket() {
        return OF_SOCKET.values();
    }
}
