package org.pktinfo.socket;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocketImpl;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.SocketException;

/**
 * Satisfies the superclass of {@link PktInfoDatagramSocket} in place of a real socket. None of its methods is ever
 * called.
 */
final class UnusedSocketImpl extends DatagramSocketImpl {
    private static SocketException never() {
        return new SocketException("this socket has a channel");
    }

    @Override
    protected void create() {
        // nothing to create
    }

    @Override
    protected void close() {
        // nothing to close
    }

    @Override
    protected void bind(int port, InetAddress address) throws SocketException {
        throw never();
    }

    @Override
    protected void send(DatagramPacket packet) throws IOException {
        throw never();
    }

    @Override
    protected int peek(InetAddress address) throws IOException {
        throw never();
    }

    @Override
    protected int peekData(DatagramPacket packet) throws IOException {
        throw never();
    }

    @Override
    protected void receive(DatagramPacket packet) throws IOException {
        throw never();
    }

    @Deprecated
    @Override
    protected void setTTL(byte ttl) throws IOException {
        throw never();
    }

    @Deprecated
    @Override
    protected byte getTTL() throws IOException {
        throw never();
    }

    @Override
    protected void setTimeToLive(int ttl) throws IOException {
        throw never();
    }

    @Override
    protected int getTimeToLive() throws IOException {
        throw never();
    }

    @Override
    protected void join(InetAddress group) throws IOException {
        throw never();
    }

    @Override
    protected void leave(InetAddress group) throws IOException {
        throw never();
    }

    @Override
    protected void joinGroup(SocketAddress group, NetworkInterface networkInterface) throws IOException {
        throw never();
    }

    @Override
    protected void leaveGroup(SocketAddress group, NetworkInterface networkInterface) throws IOException {
        throw never();
    }

    @Override
    public void setOption(int option, Object value) throws SocketException {
        throw never();
    }

    @Override
    public Object getOption(int option) throws SocketException {
        throw never();
    }
}
