package org.pktinfo.internal;

import java.lang.ref.Cleaner;
import java.net.DatagramPacket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Java's view of the memory shared with C, see {@link Layout}. It reads and writes numbers and bytes; other classes
 * give them a meaning. Not thread-safe: one thread at a time may use an arena.
 */
public final class Arena {
    private static final int CACHE_LINE = 64;
    private static final ByteBuffer FREED = ByteBuffer.allocate(0);

    private ByteBuffer memory;
    private final int payloadCapacity;
    private final int stride;
    private final int payloads;

    /** The counts of this arena's datagrams and calls. */
    public final Tally tally = new Tally();

    /**
     * The address for the native calls; 0 without the native library. Valid while this object is reachable and not
     * freed.
     */
    private long address;

    private Cleaner.@Nullable Cleanable freeing;

    private long @Nullable [] transmitIds; // the program's numbers of slots whose times of transmission it requested

    /**
     * Allocates {@code 64 + slots * (704 + payload capacity rounded up to 8)} bytes outside the heap. The collector
     * frees them once neither this object nor a view from {@link #payload} is reachable.
     */
    public Arena(int slots, int payloadCapacity, int socketFamily) {
        this(
                cacheAligned(ByteBuffer.allocateDirect(room(slots, payloadCapacity))),
                slots,
                payloadCapacity,
                socketFamily);
    }

    /**
     * Allocates as many bytes, which {@link #free} frees, or the collector if {@link #free} is never called. {@link
     * #payload} must not be called: the view would outlive the memory.
     */
    static Arena hidden(int slots, int payloadCapacity, int socketFamily) {
        if (NativeLibrary.failure() != null) {
            return new Arena(slots, payloadCapacity, socketFamily);
        }
        HiddenMemory hidden = HiddenMemory.allocate(room(slots, payloadCapacity));
        try {
            Arena arena = new Arena(cacheAligned(hidden.bytes()), slots, payloadCapacity, socketFamily);
            arena.freeing = Threads.cleaner().register(arena, hidden);
            return arena;
        } catch (Throwable e) {
            hidden.run();
            throw e;
        }
    }

    private Arena(ByteBuffer memory, int slots, int payloadCapacity, int socketFamily) {
        this.memory = memory;
        this.payloadCapacity = payloadCapacity;
        this.stride = stride(payloadCapacity);
        this.payloads = payloads(slots);
        memory.putInt(Layout.SLOT_COUNT, slots)
                .putInt(Layout.PAYLOAD_CAPACITY, payloadCapacity)
                .putInt(Layout.PAYLOAD_STRIDE, stride)
                .putInt(Layout.SOCKET_FAMILY, socketFamily);
        boolean shared = NativeLibrary.failure() == null;
        this.address = shared ? NativeCalls.arenaAddress(memory) : 0;
        if (shared && address == 0) {
            throw new AssertionError("the native library refuses an arena of " + slots + " x " + payloadCapacity);
        }
    }

    private static int stride(int payloadCapacity) {
        return Math.max(8, payloadCapacity + 7 & ~7);
    }

    private static int payloads(int slots) {
        return Layout.HEADER_SIZE + slots * Layout.SLOT_SIZE;
    }

    /** Returns a sufficient size: alignedSlice rounds the beginning up and the end down. */
    private static int room(int slots, int payloadCapacity) {
        return payloads(slots) + slots * (stride(payloadCapacity) + Layout.SCRATCH_SIZE) + 2 * CACHE_LINE;
    }

    private static ByteBuffer cacheAligned(ByteBuffer bytes) {
        return bytes.alignedSlice(CACHE_LINE).order(ByteOrder.nativeOrder());
    }

    long address() {
        return address;
    }

    /**
     * Frees hidden memory. The caller must ensure that no thread uses this arena meanwhile or afterwards; a later use
     * finds no memory.
     */
    void free() {
        if (freeing != null) {
            memory = FREED;
            address = 0;
            freeing.clean();
        }
    }

    /**
     * Lets consecutive datagrams to one peer be sent as one, provided that none is longer than {@code longest} bytes; 0
     * sends each separately.
     */
    public void coalesce(int longest) {
        memory.putInt(Layout.LONGEST_COALESCED, longest);
    }

    public int slots() {
        return memory.getInt(Layout.SLOT_COUNT);
    }

    public int payloadCapacity() {
        return payloadCapacity;
    }

    private static int slot(int index) {
        return Layout.HEADER_SIZE + index * Layout.SLOT_SIZE;
    }

    /** Reads 8 bytes in network order, independent of the machine's byte order. */
    private long networkLong(int at) {
        long value = memory.getLong(at);
        return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Long.reverseBytes(value);
    }

    private void putNetworkLong(int at, long value) {
        memory.putLong(at, ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Long.reverseBytes(value));
    }

    private int unsignedShort(int at) {
        return Short.toUnsignedInt(memory.getShort(at));
    }

    private int networkInt(int at) {
        int value = memory.getInt(at);
        return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value);
    }

    private void putNetworkInt(int at, int value) {
        memory.putInt(at, ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value));
    }

    /** Copies a part of a slot's payload. */
    public void read(int index, int from, byte[] to) {
        memory.get(payloadAt(index) + from, to);
    }

    /** Returns the place of a slot's payload in {@link #memory}. */
    int payloadAt(int index) {
        return payloads + index * stride;
    }

    /** Returns the {@link Layout} flags that the slot was received with. */
    public int flags(int index) {
        return memory.getInt(slot(index) + Layout.FLAGS);
    }

    public boolean has(int index, int flag) {
        return (flags(index) & flag) != 0;
    }

    public long peerHigh(int index) {
        return networkLong(slot(index) + Layout.PEER_ADDRESS);
    }

    public long peerLow(int index) {
        return networkLong(slot(index) + Layout.PEER_ADDRESS + 8);
    }

    public int peerScope(int index) {
        return interfaceIndexAt(slot(index) + Layout.PEER_SCOPE);
    }

    public int peerPort(int index) {
        return unsignedShort(slot(index) + Layout.PEER_PORT);
    }

    public int length(int index) {
        return memory.getInt(slot(index) + Layout.LENGTH);
    }

    public int wireLength(int index) {
        return memory.getInt(slot(index) + Layout.WIRE_LENGTH);
    }

    /**
     * Returns the length of the coalesced datagrams (UDP_GRO), of which the last may be shorter; 0 if the slot holds
     * one datagram.
     */
    public int segmentSize(int index) {
        int size = has(index, Layout.FLAG_SEGMENT_SIZE) ? unsignedShort(slot(index) + Layout.SEGMENT_SIZE) : 0;
        return size < length(index) ? size : 0;
    }

    /** Returns the number of datagrams that were coalesced into the slot. */
    public int datagrams(int index) {
        return datagrams(wireLength(index), segmentSize(index));
    }

    private static int datagrams(int length, int segmentSize) {
        return segmentSize == 0 ? 1 : (length + segmentSize - 1) / segmentSize;
    }

    /**
     * Returns the number of datagrams that the socket had dropped when this one was queued, modulo 2^32; 0 also if the
     * kernel does not report it.
     */
    int dropCount(int index) {
        return has(index, Layout.FLAG_DROP_COUNT) ? memory.getInt(slot(index) + Layout.DROP_COUNT) : 0;
    }

    public int trafficClass(int index) {
        return Byte.toUnsignedInt(memory.get(slot(index) + Layout.TRAFFIC_CLASS));
    }

    public int hopLimit(int index) {
        return Byte.toUnsignedInt(memory.get(slot(index) + Layout.HOP_LIMIT));
    }

    /** Returns the kernel's time of reception in nanoseconds since 1970. */
    public long receiveTime(int index) {
        return memory.getLong(slot(index) + Layout.RECEIVE_TIME);
    }

    /** Returns the network device's time of reception in nanoseconds of its own clock. */
    public long hardwareTime(int index) {
        return memory.getLong(slot(index) + Layout.HARDWARE_TIME);
    }

    public int originalPort(int index) {
        return unsignedShort(slot(index) + Layout.ORIGINAL_PORT);
    }

    /** Returns the packet's mark as unsigned. */
    public long mark(int index) {
        return Integer.toUnsignedLong(memory.getInt(slot(index) + Layout.MARK));
    }

    /** Returns a view of the slot's whole payload, as long as the capacity. The view shares the memory. */
    public ByteBuffer payload(int index) {
        return memory.slice(payloadAt(index), payloadCapacity);
    }

    /** Returns {@code ipi_addr}, the destination address in the header. */
    public int inAddress(int index) {
        return networkInt(slot(index) + Layout.IN_ADDRESS);
    }

    /** Returns {@code ipi_spec_dst}, the local address. */
    public int inLocal(int index) {
        return networkInt(slot(index) + Layout.IN_LOCAL);
    }

    public int inInterface(int index) {
        return interfaceIndexAt(slot(index) + Layout.IN_INTERFACE);
    }

    public long in6High(int index) {
        return networkLong(slot(index) + Layout.IN6_ADDRESS);
    }

    public long in6Low(int index) {
        return networkLong(slot(index) + Layout.IN6_ADDRESS + 8);
    }

    public int in6Interface(int index) {
        return interfaceIndexAt(slot(index) + Layout.IN6_INTERFACE);
    }

    /** Returns 8 of the 32 bytes of both packet information messages as they lie in memory, to compare them. */
    public long pktinfoBytes(int index, int eighth) {
        return memory.getLong(slot(index) + Layout.IN6_ADDRESS + eighth * Long.BYTES);
    }

    /** Returns the index of an interface, 0 if it is unknown: the kernel's indexes are positive. */
    private int interfaceIndexAt(int at) {
        return Math.max(0, memory.getInt(at));
    }

    /** Stores a datagram that the JDK received, as the native library would, but without packet information. */
    void putReceived(int index, DatagramPacket packet) {
        int slot = slot(index);
        int length = Math.min(packet.getLength(), payloadCapacity);
        byte[] peer = packet.getAddress().getAddress();
        long high = Addresses.high(peer);
        memory.put(slot, new byte[Layout.SLOT_SIZE]);
        memory.put(payloadAt(index), packet.getData(), 0, length);
        putPeer(index, high, Addresses.low(peer), Addresses.scope(packet.getAddress(), high), packet.getPort());
        memory.putInt(slot + Layout.FLAGS, length < packet.getLength() ? Layout.FLAG_TRUNCATED : 0);
        memory.putInt(slot + Layout.LENGTH, length);
        memory.putInt(slot + Layout.WIRE_LENGTH, packet.getLength());
    }

    /**
     * Stores a datagram that another arena received, or a part of a coalesced one, as if the kernel had delivered it
     * here.
     */
    public void putReceived(int index, Arena from, int other, int at, int length) {
        int slot = slot(index);
        int fits = Math.min(length, payloadCapacity);
        boolean whole = from.segmentSize(other) == 0;
        boolean wasTruncated = whole && from.has(other, Layout.FLAG_TRUNCATED);
        memory.put(slot, from.memory, slot(other), Layout.SLOT_SIZE);
        memory.put(payloadAt(index), from.memory, from.payloads + other * from.stride + at, fits);
        int flags = memory.getInt(slot + Layout.FLAGS) & ~(Layout.FLAG_SEGMENT_SIZE | Layout.FLAG_TRUNCATED);
        memory.putInt(slot + Layout.FLAGS, flags | (wasTruncated || fits < length ? Layout.FLAG_TRUNCATED : 0));
        memory.putInt(slot + Layout.LENGTH, fits);
        memory.putInt(slot + Layout.WIRE_LENGTH, whole ? from.wireLength(other) : length);
        tally.add(Tally.TRUNCATED, !wasTruncated && fits < length ? 1 : 0);
    }

    /** Copies a payload from the buffer's position to its limit; the buffer is not changed. */
    public void write(int index, ByteBuffer payload) {
        memory.put(payloadAt(index), payload, payload.position(), payload.remaining());
    }

    public void putPeer(int index, long high, long low, int scopeId, int port) {
        int slot = slot(index);
        putNetworkLong(slot + Layout.PEER_ADDRESS, high);
        putNetworkLong(slot + Layout.PEER_ADDRESS + 8, low);
        memory.putInt(slot + Layout.PEER_SCOPE, scopeId);
        memory.putShort(slot + Layout.PEER_PORT, (short) port);
    }

    /**
     * Prepares the slot to send the first {@code length} bytes of its payload to its peer, with the control message
     * that a {@link Layout} form selects.
     */
    public void prepareSend(int index, int length, int form, long high, long low, int interfaceIndex) {
        int slot = slot(index);
        memory.putInt(slot + Layout.LENGTH, length);
        putNetworkLong(slot + Layout.SOURCE_ADDRESS, high);
        putNetworkLong(slot + Layout.SOURCE_ADDRESS + 8, low);
        memory.putInt(slot + Layout.SOURCE_INTERFACE, interfaceIndex);
        memory.put(slot + Layout.SOURCE_FORM, (byte) form);
        memory.putShort(slot + Layout.ERROR, (short) 0);
        memory.putShort(slot + Layout.SENT_LENGTH, (short) 0);
        memory.putShort(slot + Layout.SEND_SEGMENT_SIZE, (short) 0);
        memory.putShort(slot + Layout.SEND_FLAGS, (short) 0);
        memory.putShort(slot + Layout.SEND_TRAFFIC_CLASS, (short) 0); // and the hop limit
        memory.put(slot + Layout.SEND_STATE, (byte) Layout.STATE_PENDING);
    }

    /** Replaces the received packet information messages whose flags are given. */
    public void putPktinfo(
            int index, int flags, int inLocal, int inInterface, long in6High, long in6Low, int in6Interface) {
        int slot = slot(index);
        memory.putInt(slot + Layout.FLAGS, flags);
        putNetworkInt(slot + Layout.IN_LOCAL, inLocal);
        memory.putInt(slot + Layout.IN_INTERFACE, inInterface);
        putNetworkLong(slot + Layout.IN6_ADDRESS, in6High);
        putNetworkLong(slot + Layout.IN6_ADDRESS + 8, in6Low);
        memory.putInt(slot + Layout.IN6_INTERFACE, in6Interface);
    }

    /** Returns the {@link Layout} form of the source that the slot is, or was, to be sent from. */
    public int sourceForm(int index) {
        return memory.get(slot(index) + Layout.SOURCE_FORM);
    }

    public long sourceHigh(int index) {
        return networkLong(slot(index) + Layout.SOURCE_ADDRESS);
    }

    public long sourceLow(int index) {
        return networkLong(slot(index) + Layout.SOURCE_ADDRESS + 8);
    }

    public int sourceInterface(int index) {
        return memory.getInt(slot(index) + Layout.SOURCE_INTERFACE);
    }

    /** Has the payload of a slot that is ready to be sent segmented into datagrams of this size. */
    public void cut(int index, int segmentSize) {
        memory.putShort(slot(index) + Layout.SEND_SEGMENT_SIZE, (short) segmentSize);
    }

    /** Has a slot that is ready to be sent separately, not coalesced with others. */
    public void sendSeparately(int index) {
        memory.putShort(slot(index) + Layout.SEND_FLAGS, (short) (sendFlags(index) | Layout.SEND_SEPARATELY));
    }

    /**
     * Sets the header fields of its own that a slot ready to be sent leaves with, in place of any set before.
     *
     * @param flags those of {@link Layout#SEND_WITH_ANY} that apply; a field without its flag is 0
     */
    public void sendWithFields(int index, int flags, int trafficClass, int hopLimit) {
        int slot = slot(index);
        memory.put(slot + Layout.SEND_TRAFFIC_CLASS, (byte) trafficClass);
        memory.put(slot + Layout.SEND_HOP_LIMIT, (byte) hopLimit);
        memory.putShort(slot + Layout.SEND_FLAGS, (short) ((sendFlags(index) & ~Layout.SEND_WITH_ANY) | flags));
    }

    /** Requests the time of transmission of a slot that is ready to be sent, under the program's number for it. */
    public void requestTransmitTime(int index, long id) {
        long[] ids = transmitIds;
        if (ids == null) {
            ids = new long[memory.getInt(Layout.SLOT_COUNT)];
            transmitIds = ids;
        }
        ids[index] = id;
    }

    /** Returns the numbers of all slots; null if a time of transmission was never requested. */
    long @Nullable [] transmitIds() {
        return transmitIds;
    }

    /** Returns true if a part of the slot's traffic class is to be the socket's. */
    public boolean lacksTrafficClass(int index) {
        return (sendFlags(index) & (Layout.SEND_WITH_DSCP_OF_SOCKET | Layout.SEND_WITH_ECN_OF_SOCKET)) != 0;
    }

    /** Sets the part of the slot's traffic class that is to be the socket's. */
    public void completeTrafficClass(int index, int socketsTrafficClass) {
        int at = slot(index) + Layout.SEND_TRAFFIC_CLASS;
        int mask = (sendFlags(index) & Layout.SEND_WITH_DSCP_OF_SOCKET) != 0 ? 0xfc : 0x03;
        memory.put(at, (byte) ((memory.get(at) & ~mask) | (socketsTrafficClass & mask)));
    }

    /** Returns the flags {@code SEND_*} of {@link Layout} that a slot is, or was, to be sent with. */
    public int sendFlags(int index) {
        return unsignedShort(slot(index) + Layout.SEND_FLAGS);
    }

    /** Returns true if the kernel refused to segment the payload, so that its datagrams were sent one by one. */
    public boolean segmentationRefused(int index) {
        return (sendFlags(index) & Layout.SEND_SEGMENTATION_REFUSED) != 0;
    }

    /** Returns true if the slot was sent coalesced with others. */
    public boolean isCoalesced(int index) {
        return (sendFlags(index) & Layout.SEND_COALESCED) != 0;
    }

    /** Returns the number of datagrams that the slot is, or was, to be sent as. */
    public int datagramsToSend(int index) {
        return datagrams(length(index), unsignedShort(slot(index) + Layout.SEND_SEGMENT_SIZE));
    }

    /** Clears the received fields of a slot, which then holds nothing but a payload of this length. */
    public void clear(int index, int length) {
        int slot = slot(index);
        for (int at = 0; at < Layout.SLOT_SIZE; at += Long.BYTES) {
            memory.putLong(slot + at, 0);
        }
        memory.putInt(slot + Layout.WIRE_LENGTH, length);
    }

    /** Cancels a pending reply. */
    public void cancel(int index) {
        memory.put(slot(index) + Layout.SEND_STATE, (byte) 0);
    }

    /** Completes a pending reply with an error number, 0 if it was sent. */
    public void finish(int index, int errno) {
        memory.putShort(slot(index) + Layout.ERROR, (short) errno);
        memory.put(slot(index) + Layout.SEND_STATE, (byte) Layout.STATE_DONE);
    }

    public int sendState(int index) {
        return memory.get(slot(index) + Layout.SEND_STATE);
    }

    /** Returns the error number that sending the slot failed with, 0 if it did not fail. */
    public int error(int index) {
        return unsignedShort(slot(index) + Layout.ERROR);
    }

    /** Returns the raw memory, for this package and for tests that take the kernel's part. */
    ByteBuffer memory() {
        return memory;
    }
}
