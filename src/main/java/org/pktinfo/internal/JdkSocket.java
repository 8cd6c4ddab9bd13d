package org.pktinfo.internal;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.AlreadyConnectedException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import org.jspecify.annotations.Nullable;

/**
 * Follows the JDK's channel from socket to socket. When it is disconnected it may make a new one and put it below its
 * descriptor (dup2(2)), where our duplicate would keep the old one, and the port with it. Nothing tells, but its local
 * address is a new object each time that it was bound, connected or disconnected; that costs a few nanoseconds and no
 * system call to see. For any thread.
 */
public final class JdkSocket {
    private record Remote(long high, long low, int port) {}

    private final DatagramChannel channel;
    private final @Nullable Descriptors descriptors; // null where the JDK alone carries the datagrams
    private final ChannelCounters counters;
    private volatile @Nullable SocketAddress place; // its local address when it was last looked at; null before
    private volatile @Nullable Remote remote; // to which it was connected then
    private volatile boolean restless;

    JdkSocket(DatagramChannel channel, Transport transport, ChannelCounters counters) throws IOException {
        this.channel = channel;
        this.descriptors = transport instanceof Descriptors ours ? ours : null;
        this.counters = counters;
        this.remote = remoteNow();
        this.restless = remote != null;
    }

    private @Nullable Remote remoteNow() throws IOException {
        if (!(channel.getRemoteAddress() instanceof InetSocketAddress address)) {
            return null;
        }
        byte[] bytes = address.getAddress().getAddress();
        return new Remote(Addresses.high(bytes), Addresses.low(bytes), address.getPort());
    }

    /** Refuses to send to another than the one that the channel is connected to. */
    public void checkPeer(long high, long low, int port) {
        Remote only = remote;
        if (only != null && (only.port != port || only.low != low || only.high != high)) {
            throw new AlreadyConnectedException();
        }
    }

    /**
     * Returns true if its owner has connected or disconnected it himself: it is to be looked after before each call
     * then.
     */
    boolean isRestless() {
        return restless;
    }

    @SuppressWarnings("ReferenceEquality") // an equal address may be another socket's
    boolean hasMoved() throws IOException {
        try {
            return descriptors != null && channel.getLocalAddress() != place;
        } catch (ClosedChannelException e) {
            return false; // there is nothing to follow, and who goes on finds it closed
        }
    }

    /** Has our descriptor stand for the same socket as the JDK's. */
    void follow() throws IOException {
        if (descriptors == null || !descriptors.enter()) {
            return; // closed, or somebody does it just now
        }
        SocketAddress now; // from before the descriptor is looked at: what changes then is seen the next time
        long ours;
        long theirs;
        try {
            now = channel.getLocalAddress();
            ours = descriptors.cookie();
            theirs = NativeCalls.cookie(JdkChannels.descriptor(channel));
        } finally {
            descriptors.leave();
        }
        boolean same = ours == theirs && ours >= 0;
        restless |= !same || place != null || channel.isConnected();
        if (same) {
            remote = remoteNow();
            place = now;
        } else if (descriptors.hold()) {
            try {
                attach(descriptors, ours);
            } finally {
                descriptors.letIn();
            }
        }
    }

    private void attach(Descriptors ours, long before) throws IOException {
        SocketAddress now = channel.getLocalAddress(); // from before, as above
        ours.attach(JdkChannels.descriptor(channel), channel::isOpen);
        if (ours.cookie() != before) {
            counters.newSocket();
        }
        remote = remoteNow();
        place = now;
    }

    /** Has the JDK's channel connected or disconnected while nobody else sends or receives by ours. */
    void change(IoAction reconnection) throws IOException {
        Descriptors ours = descriptors;
        while (ours != null && !ours.hold()) {
            ours = ours.awaitEntry() ? ours : null;
        }
        if (ours == null) {
            reconnection.run();
            return;
        }
        try {
            long before = ours.cookie();
            ours.detach();
            try {
                reconnection.run();
            } finally {
                if (channel.isOpen()) {
                    attach(ours, before);
                }
            }
        } finally {
            ours.letIn();
        }
    }
}
