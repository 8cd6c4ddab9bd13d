package org.pktinfo.netty;

import io.netty.channel.ChannelException;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.DatagramChannelConfig;
import io.netty.channel.socket.DefaultDatagramChannelConfig;
import io.netty.channel.socket.nio.NioChannelOption;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pktinfo.DatagramBatch;
import org.pktinfo.PeerMemory;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.SourceSelection;

/**
 * Netty's options for datagram channels, those of the JDK by {@link NioChannelOption}, and those of {@link
 * PktInfoChannelOption}. Safe for use by any thread, as Netty's are.
 */
final class PktInfoDatagramChannelConfig extends DefaultDatagramChannelConfig {
    private final PktInfoChannel udp;
    private final DatagramChannel jdk;
    private final Runnable stopReading;
    private volatile int batchSize = PktInfoChannelOption.DEFAULT_BATCH_SIZE;
    private volatile boolean coalesces = true;
    private volatile boolean sharesReadBuffer;
    private volatile SourceSelection selection = SourceSelection.requestDestination();

    /** Created on demand: a client that receives no request needs none. */
    private volatile @Nullable PeerMemory memory;

    /**
     * Creates the options of a channel.
     *
     * @param owner Netty's channel, whose options these are
     * @param udp the channel below it
     * @param stopReading makes the owner stop reading
     */
    PktInfoDatagramChannelConfig(
            io.netty.channel.socket.DatagramChannel owner, PktInfoChannel udp, Runnable stopReading) {
        super(owner, udp.jdkChannel().socket());
        this.udp = udp;
        this.jdk = udp.jdkChannel();
        this.stopReading = stopReading;
    }

    int batchSize() {
        return batchSize;
    }

    boolean coalesces() {
        return coalesces;
    }

    boolean sharesReadBuffer() {
        return sharesReadBuffer;
    }

    SourceSelection selection() {
        return selection;
    }

    PeerMemory memory() {
        PeerMemory current = memory;
        return current == null ? newMemory() : current;
    }

    private synchronized PeerMemory newMemory() {
        PeerMemory current = memory;
        if (current == null) {
            current = new PeerMemory();
            memory = current;
        }
        return current;
    }

    @Override
    public Map<ChannelOption<?>, Object> getOptions() {
        Map<ChannelOption<?>, Object> options = getOptions(
                super.getOptions(),
                PktInfoChannelOption.BATCH_SIZE,
                PktInfoChannelOption.COALESCE_WRITES,
                PktInfoChannelOption.PEER_MEMORY,
                PktInfoChannelOption.SHARE_READ_BUFFER,
                PktInfoChannelOption.SOURCE_SELECTION);
        for (SocketOption<?> option : jdk.supportedOptions()) {
            options.put(NioChannelOption.of(option), ofJdk(option));
        }
        for (ChannelOption<?> option : PktInfoChannelOption.ofSocket()) {
            options.put(option, getOption(option));
        }
        return options;
    }

    @Override
    @SuppressWarnings("unchecked") // an option's type is that of its value
    public <T> @Nullable T getOption(ChannelOption<T> option) {
        if (option.equals(PktInfoChannelOption.BATCH_SIZE)) {
            return (T) (Integer) batchSize;
        }
        if (option.equals(PktInfoChannelOption.COALESCE_WRITES)) {
            return (T) (Boolean) coalesces;
        }
        if (option.equals(PktInfoChannelOption.PEER_MEMORY)) {
            return (T) memory();
        }
        if (option.equals(PktInfoChannelOption.SHARE_READ_BUFFER)) {
            return (T) (Boolean) sharesReadBuffer;
        }
        if (option.equals(PktInfoChannelOption.SOURCE_SELECTION)) {
            return (T) selection;
        }
        SocketOption<T> own = PktInfoChannelOption.socketOption(option);
        if (own != null) {
            return ofSocket(own);
        }
        SocketOption<T> jdkOption = jdkOption(option);
        return jdkOption == null ? super.getOption(option) : ofJdk(jdkOption);
    }

    @Override
    public <T> boolean setOption(ChannelOption<T> option, T value) {
        if (option instanceof NioChannelOption) {
            return setJdkOption(jdkOption(option), value); // the value may be null, as with the JDK
        }
        validate(option, value);
        SocketOption<T> own = PktInfoChannelOption.socketOption(option);
        if (own != null) {
            setSocketOption(own, value);
        } else if (option.equals(PktInfoChannelOption.BATCH_SIZE)) {
            setBatchSize((Integer) value);
        } else if (option.equals(PktInfoChannelOption.COALESCE_WRITES)) {
            coalesces = (Boolean) value;
        } else if (option.equals(PktInfoChannelOption.PEER_MEMORY)) {
            memory = (PeerMemory) value;
        } else if (option.equals(PktInfoChannelOption.SHARE_READ_BUFFER)) {
            sharesReadBuffer = (Boolean) value;
        } else if (option.equals(PktInfoChannelOption.SOURCE_SELECTION)) {
            selection = (SourceSelection) value;
        } else {
            return super.setOption(option, value);
        }
        return true;
    }

    private <T> T ofSocket(SocketOption<T> option) {
        try {
            return udp.getOption(option);
        } catch (IOException e) {
            throw new ChannelException(e);
        }
    }

    private <T> void setSocketOption(SocketOption<T> option, T value) {
        try {
            PktInfoChannel unused = udp.setOption(option, value);
        } catch (IOException e) {
            throw new ChannelException(e);
        }
    }

    private void setBatchSize(int size) {
        if (size < 1 || size > DatagramBatch.MAX_SLOTS) {
            throw new IllegalArgumentException("batch size " + size + " is not in 1 to " + DatagramBatch.MAX_SLOTS);
        }
        batchSize = size;
    }

    /** Returns the JDK's option of the same name: Netty does not expose the one inside its own. */
    @SuppressWarnings("unchecked") // an option's name and type belong together
    private <T> @Nullable SocketOption<T> jdkOption(ChannelOption<T> option) {
        if (option instanceof NioChannelOption) {
            for (SocketOption<?> supported : jdk.supportedOptions()) {
                if (supported.name().equals(option.name())) {
                    return (SocketOption<T>) supported;
                }
            }
        }
        return null;
    }

    private <T> @Nullable T ofJdk(SocketOption<T> option) {
        try {
            return jdk.getOption(option);
        } catch (IOException e) {
            throw new ChannelException(e);
        }
    }

    private <T> boolean setJdkOption(@Nullable SocketOption<T> option, T value) {
        if (option == null) {
            return false;
        }
        try {
            jdk.setOption(option, value);
        } catch (IOException e) {
            throw new ChannelException(e);
        }
        return true;
    }

    /** Returns null if none is set, where the JDK's socket would return a placeholder. */
    @Override
    public @Nullable NetworkInterface getNetworkInterface() {
        return ofJdk(StandardSocketOptions.IP_MULTICAST_IF);
    }

    @Override
    public @Nullable InetAddress getInterface() {
        NetworkInterface set = getNetworkInterface();
        return set == null ? null : set.inetAddresses().findFirst().orElse(null);
    }

    @Override
    public DatagramChannelConfig setAutoRead(boolean autoRead) {
        super.setAutoRead(autoRead);
        return this;
    }

    @Override
    protected void autoReadCleared() {
        stopReading.run();
    }
}
