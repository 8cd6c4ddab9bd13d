package org.pktinfo.netty;

import io.netty.channel.ChannelOption;
import org.pktinfo.PeerMemory;
import org.pktinfo.SourceSelection;

/** What can be set on a {@link PktInfoDatagramChannel} besides the options of Netty's own datagram channels. */
@SuppressWarnings("exports") // who uses this package has Netty's modules
public final class PktInfoChannelOption {
    /**
     * Limits the datagrams that one system call receives or sends, in 1 to {@value
     * org.pktinfo.DatagramBatch#MAX_SLOTS}. Default: {@value #DEFAULT_BATCH_SIZE}. One read takes no more than {@link
     * io.netty.channel.MaxMessagesRecvByteBufAllocator#maxMessagesPerRead} in all, by Netty's default 16.
     */
    public static final ChannelOption<Integer> BATCH_SIZE =
            ChannelOption.valueOf(PktInfoChannelOption.class, "BATCH_SIZE");

    /**
     * Whether neighbouring datagrams to one peer, from one source and of one length, leave in one piece that the kernel
     * cuts again, as {@link org.pktinfo.DatagramBatch#coalesceReplies} has it. Default: yes.
     */
    public static final ChannelOption<Boolean> COALESCE_WRITES =
            ChannelOption.valueOf(PktInfoChannelOption.class, "COALESCE_WRITES");

    /**
     * Whether packets for groups are read that only another socket of this host has joined, as {@link
     * org.pktinfo.PktInfoChannel#allGroups} has it. Default: no.
     */
    public static final ChannelOption<Boolean> ALL_GROUPS =
            ChannelOption.valueOf(PktInfoChannelOption.class, "ALL_GROUPS");

    /**
     * Where the channel remembers which address each peer asked last, and counts what it sent to peers that it did not
     * know: {@link PeerMemory#unknownPeers}. Default: one of its own. Channels that share a port (SO_REUSEPORT) and
     * answer each other's peers share it.
     */
    public static final ChannelOption<PeerMemory> PEER_MEMORY =
            ChannelOption.valueOf(PktInfoChannelOption.class, "PEER_MEMORY");

    /**
     * Which source what is written leaves from if it does not say itself and its peer has asked. Default: {@link
     * SourceSelection#addressAsked}. What the selection throws fails the write. Only one of the program's own may
     * choose an address that the channel is not bound to.
     */
    public static final ChannelOption<SourceSelection> SOURCE_SELECTION =
            ChannelOption.valueOf(PktInfoChannelOption.class, "SOURCE_SELECTION");

    /**
     * Whether the packets that come by one system call share one buffer, as those of Netty's epoll channel do with
     * {@code MAX_DATAGRAM_PAYLOAD_SIZE}: a content is a slice then, no longer than the datagram, which costs less than
     * a buffer for each. It cannot be written to beyond its end; who keeps it keeps the memory of those that came with
     * it; and the reference count is that of all of them, so that releasing one twice takes another's away. Default:
     * no, each has a buffer of its own.
     */
    public static final ChannelOption<Boolean> SHARE_READ_BUFFER =
            ChannelOption.valueOf(PktInfoChannelOption.class, "SHARE_READ_BUFFER");

    static final int DEFAULT_BATCH_SIZE = 32;

    private PktInfoChannelOption() {}
}
