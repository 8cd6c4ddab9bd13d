package org.pktinfo.netty;

import io.netty.channel.ChannelOption;
import org.pktinfo.PeerMemory;
import org.pktinfo.SourceSelection;

/** The options of a {@link PktInfoDatagramChannel} besides those of Netty's own datagram channels. */
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
     * org.pktinfo.PktInfoChannel#allGroups}. Default: false.
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

    private PktInfoChannelOption() {}
}
