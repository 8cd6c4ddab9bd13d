package org.pktinfo;

import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.MembershipKey;
import java.nio.channels.spi.SelectorProvider;
import java.util.Set;

/** A channel of another provider, which has no descriptor. */
final class ForeignDatagramChannel extends DatagramChannel {
    ForeignDatagramChannel() {
        super(SelectorProvider.provider());
    }

    private static UnsupportedOperationException foreign() {
        return new UnsupportedOperationException("a channel for one test");
    }

    @Override
    public DatagramChannel bind(SocketAddress local) {
        throw foreign();
    }

    @Override
    public <T> DatagramChannel setOption(SocketOption<T> name, T value) {
        throw foreign();
    }

    @Override
    public <T> T getOption(SocketOption<T> name) {
        throw foreign();
    }

    @Override
    public Set<SocketOption<?>> supportedOptions() {
        return Set.of();
    }

    @Override
    public DatagramSocket socket() {
        throw foreign();
    }

    @Override
    public boolean isConnected() {
        return false;
    }

    @Override
    public DatagramChannel connect(SocketAddress remote) {
        throw foreign();
    }

    @Override
    public DatagramChannel disconnect() {
        return this;
    }

    @Override
    public SocketAddress getRemoteAddress() {
        throw foreign();
    }

    @Override
    public SocketAddress getLocalAddress() {
        throw foreign();
    }

    @Override
    public SocketAddress receive(ByteBuffer buffer) {
        throw foreign();
    }

    @Override
    public int send(ByteBuffer buffer, SocketAddress target) {
        throw foreign();
    }

    @Override
    public int read(ByteBuffer buffer) {
        throw foreign();
    }

    @Override
    public long read(ByteBuffer[] buffers, int offset, int length) {
        throw foreign();
    }

    @Override
    public int write(ByteBuffer buffer) {
        throw foreign();
    }

    @Override
    public long write(ByteBuffer[] buffers, int offset, int length) {
        throw foreign();
    }

    @Override
    public MembershipKey join(InetAddress group, NetworkInterface networkInterface) {
        throw foreign();
    }

    @Override
    public MembershipKey join(InetAddress group, NetworkInterface networkInterface, InetAddress source) {
        throw foreign();
    }

    @Override
    protected void implCloseSelectableChannel() {}

    @Override
    protected void implConfigureBlocking(boolean block) {}
}
