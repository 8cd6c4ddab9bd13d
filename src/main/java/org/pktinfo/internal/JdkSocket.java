package org.pktinfo.internal;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.AlreadyConnectedException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import org.jspecify.annotations.Nullable;

/**
 * The socket below the JDK's channel, which may change. On disconnect the JDK may create a new socket and put it below
 * its descriptor (dup2(2)); our duplicate would keep the old socket, and the port with it. There is no notification,
 * but the channel's local address is a new object after each bind, connect and disconnect; comparing it costs a few
 * nanoseconds and no system call. Thread-safe.
 */
public final class JdkSocket {
    private record Remote(long high, long low, int port) {}

    private final DatagramChannel channel;
    private final @Nullable NativeTransport descriptors; // null where the JDK alone carries the datagrams
    private final ChannelCounters counters;
    private volatile @Nullable SocketAddress place; // the local address when last checked; null before
    private volatile @Nullable Remote remote; // the address it was connected to then
    private volatile boolean restless;

    JdkSocket(DatagramChannel channel, Transport transport, ChannelCounters counters) throws IOException {
        this.channel = channel;
        this.descriptors = transport instanceof NativeTransport ours ? ours : null;
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

    /** Throws unless the address is the one that the channel is connected to. */
    public void checkPeer(long high, long low, int port) {
        Remote only = remote;
        if (only != null && (only.port != port || only.low != low || only.high != high)) {
            throw new AlreadyConnectedException();
        }
    }

    /**
     * Returns true if the owner has connected or disconnected the JDK's channel itself, so that it must be checked
     * before each call.
     */
    boolean isRestless() {
        return restless;
    }

    @SuppressWarnings("ReferenceEquality") // an equal address may be another socket's
    boolean hasMoved() throws IOException {
        try {
            return descriptors != null && channel.getLocalAddress() != place;
        } catch (ClosedChannelException e) {
            return false; // nothing to follow; the caller finds the channel closed
        }
    }

    /** Makes our descriptor refer to the JDK's socket. */
    void follow() throws IOException {
        if (descriptors == null || !descriptors.enter()) {
            return; // closed, or another thread is doing it
        }
        SocketAddress now; // read before the descriptor is checked: a later change is seen next time
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

    private void attach(NativeTransport ours, long before) throws IOException {
        SocketAddress now = channel.getLocalAddress(); // read before, as above
        ours.attach(JdkChannels.descriptor(channel), channel::isOpen);
        if (ours.cookie() != before) {
            counters.newSocket();
        }
        remote = remoteNow();
        place = now;
    }

    /** Connects or disconnects the JDK's channel while no other thread uses our descriptor. */
    void change(IoAction reconnection) throws IOException {
        NativeTransport ours = descriptors;
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
