package org.pktinfo.channels;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.StandardProtocolFamily;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Selector;
import java.util.ArrayDeque;
import java.util.Deque;

/** Makes the channels and selectors of one case, all of one kind, and closes them. */
final class Channels implements AutoCloseable {
    /** The kinds of channel with which every case is run. */
    enum Kind {
        DUAL,
        INET
    }

    private final Kind kind;
    private final Deque<Closeable> made = new ArrayDeque<>();

    Channels(Kind kind) {
        this.kind = kind;
    }

    private <T extends Closeable> T add(T one) {
        made.push(one);
        return one;
    }

    DatagramChannel open() throws IOException {
        return add(kind == Kind.DUAL ? DatagramChannel.open() : DatagramChannel.open(StandardProtocolFamily.INET));
    }

    DatagramChannel open(ProtocolFamily family) throws IOException {
        return add(DatagramChannel.open(family));
    }

    /** Makes a channel that is bound to all addresses. */
    DatagramChannel bound() throws IOException {
        return open().bind(new InetSocketAddress(0));
    }

    DatagramChannel nonBlocking() throws IOException {
        DatagramChannel channel = bound();
        channel.configureBlocking(false);
        return channel;
    }

    /** Makes a channel that is connected to another. */
    DatagramChannel connected(DatagramChannel peer) throws IOException {
        return bound().connect(ChannelCase.at(peer));
    }

    Selector selector() throws IOException {
        return add(Selector.open());
    }

    /** Closes the last made first; channels closed already stay closed. */
    @Override
    public void close() throws IOException {
        while (!made.isEmpty()) {
            made.pop().close();
        }
    }
}
