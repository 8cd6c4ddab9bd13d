package org.pktinfo;

import java.lang.ref.Cleaner;
import java.net.DatagramPacket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.pktinfo.common.Hash;

/**
 * The memory that Java and C share, see {@link Layout}; Java's side of it. A slot is decoded into records here and here
 * only, and nothing is allocated before a record is asked for. For one thread at a time.
 */
final class Arena {
    private static final int CACHE_LINE = 64;
    private static final int PEER_BITS = 10;
    private static final int INFO_BITS = 5;
    private static final int INFO_FLAGS = Layout.FLAG_IN_PKTINFO
            | Layout.FLAG_IN6_PKTINFO
            | Layout.FLAG_IN6_PKTINFO_FIRST
            | Layout.FLAG_CONTROL_TRUNCATED;

    private static final ByteBuffer FREED = ByteBuffer.allocate(0);

    /** Bytes that {@link #hidden} has and {@link #free} or the collector has not freed yet. */
    private static final AtomicLong HIDDEN_BYTES = new AtomicLong();

    private ByteBuffer memory;
    private final int payloadCapacity;
    private final int stride;
    private final int payloads;

    /** Records made before, because a server has few addresses and its peers come again: one at each place. */
    private final @Nullable Endpoint[] knownPeers = new Endpoint[1 << PEER_BITS];

    private final @Nullable KnownInfo[] knownInfos = new KnownInfo[1 << INFO_BITS];

    /** With all that it was made of: the slot's bytes from IN6_ADDRESS on, flags, and whether the peer has an IPv4 address. */
    private record KnownInfo(
            long first, long second, long third, long fourth, int flags, boolean ipv4, PacketInfo info) {}

    /** What went through here. */
    final Tally tally = new Tally();

    /** For the native calls, 0 without the native library; valid as long as this object is reachable and not freed. */
    private long address;

    private Cleaner.@Nullable Cleanable freeing;

    /**
     * Takes {@code 64 + slots * (576 + payload capacity rounded up to 8)} bytes outside the heap, which the collector frees when nobody
     * sees them any more: {@link #payload} shows them.
     */
    Arena(int slots, int payloadCapacity, int socketFamily) {
        this(
                cacheAligned(ByteBuffer.allocateDirect(room(slots, payloadCapacity))),
                slots,
                payloadCapacity,
                socketFamily);
    }

    /**
     * As many bytes, which {@link #free} frees, or the collector if nobody calls that. Not for {@link #payload}: the view would outlive
     * them.
     */
    static Arena hidden(int slots, int payloadCapacity, int socketFamily) {
        if (NativeLibrary.failure() != null) {
            return new Arena(slots, payloadCapacity, socketFamily);
        }
        int size = room(slots, payloadCapacity);
        ByteBuffer bytes = NativeCalls.allocate(size);
        if (bytes == null) {
            throw new OutOfMemoryError("no " + size + " bytes outside the heap");
        }
        boolean done = false;
        try {
            Arena arena = new Arena(cacheAligned(bytes), slots, payloadCapacity, socketFamily);
            HIDDEN_BYTES.addAndGet(size);
            arena.freeing = Threads.cleaner().register(arena, () -> {
                HIDDEN_BYTES.addAndGet(-size);
                NativeCalls.free(bytes);
            });
            done = true;
            return arena;
        } finally {
            if (!done) {
                NativeCalls.free(bytes);
            }
        }
    }

    static long hiddenBytes() {
        return HIDDEN_BYTES.get();
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

    /** So many bytes are enough: alignedSlice rounds the beginning up and the end down. */
    private static int room(int slots, int payloadCapacity) {
        return payloads(slots) + slots * (stride(payloadCapacity) + Layout.SCRATCH_SIZE) + 2 * CACHE_LINE;
    }

    private static ByteBuffer cacheAligned(ByteBuffer bytes) {
        return bytes.alignedSlice(CACHE_LINE).order(ByteOrder.nativeOrder());
    }

    long address() {
        return address;
    }

    /** Gives hidden memory back. For who lets nobody use this arena meanwhile or afterwards; who does finds nothing. */
    void free() {
        if (freeing != null) {
            memory = FREED;
            address = 0;
            freeing.clean();
        }
    }

    /** Lets neighbours for one peer leave together, as long as none is longer than this; 0: none does. */
    void coalesce(int longest) {
        memory.putInt(Layout.LONGEST_COALESCED, longest);
    }

    int slots() {
        return memory.getInt(Layout.SLOT_COUNT);
    }

    int payloadCapacity() {
        return payloadCapacity;
    }

    private static int slot(int index) {
        return Layout.HEADER_SIZE + index * Layout.SLOT_SIZE;
    }

    /** Bytes in network order, whatever the machine's. */
    private long networkLong(int at) {
        long value = memory.getLong(at);
        return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Long.reverseBytes(value);
    }

    private void putNetworkLong(int at, long value) {
        memory.putLong(at, ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Long.reverseBytes(value));
    }

    private int networkInt(int at) {
        int value = memory.getInt(at);
        return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value);
    }

    private void putNetworkInt(int at, int value) {
        memory.putInt(at, ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value));
    }

    Datagram datagram(int index) {
        return datagram(index, 0, length(index), wireLength(index));
    }

    /** A part of what came as one: it has the peer and the packet information of the whole. */
    Datagram datagram(int index, int from, int length, int wireLength) {
        byte[] payload = new byte[length];
        memory.get(payloads + index * stride + from, payload);
        return new Datagram(payload, peer(index), packetInfo(index), wireLength);
    }

    /** Copies a part of what came as one into a packet of the JDK, as much as fits. */
    void copy(int index, int from, int length, DatagramPacket packet) {
        Endpoint peer = peer(index);
        synchronized (packet) {
            int fits = Math.min(length, room(packet, length));
            memory.get(payloads + index * stride + from, packet.getData(), packet.getOffset(), fits);
            packet.setAddress(peer.address().toInetAddress());
            packet.setPort(peer.port());
            // setLength would take the room away that a longer datagram needs, the next time that the packet is used.
            if (fits != packet.getLength() && (address == 0 || NativeCalls.setPacketLength(packet, fits) < 0)) {
                packet.setLength(fits);
            }
        }
    }

    /** How much fits, as far as that matters for so much. */
    private int room(DatagramPacket packet, int length) {
        int known = packet.getLength();
        return known >= length || address == 0 ? known : Math.max(known, NativeCalls.packetRoom(packet));
    }

    Endpoint peer(int index) {
        long high = peerHigh(index);
        long low = peerLow(index);
        int scope = peerScope(index);
        int port = peerPort(index);
        int place = Hash.place(low ^ port, PEER_BITS);
        Endpoint known = knownPeers[place];
        if (known == null || known.port() != port || !is(known.address(), high, low, scope)) {
            known = new Endpoint(new IpAddress(high, low, scope), port);
            knownPeers[place] = known;
        }
        return known;
    }

    private static boolean is(IpAddress address, long high, long low, int scope) {
        return address.low() == low && address.high() == high && address.scopeId() == scope;
    }

    private boolean has(int index, int flag) {
        return (memory.getInt(slot(index) + Layout.FLAGS) & flag) != 0;
    }

    long peerHigh(int index) {
        return networkLong(slot(index) + Layout.PEER_ADDRESS);
    }

    long peerLow(int index) {
        return networkLong(slot(index) + Layout.PEER_ADDRESS + 8);
    }

    int peerScope(int index) {
        return interfaceIndexAt(slot(index) + Layout.PEER_SCOPE);
    }

    int peerPort(int index) {
        return Short.toUnsignedInt(memory.getShort(slot(index) + Layout.PEER_PORT));
    }

    int length(int index) {
        return memory.getInt(slot(index) + Layout.LENGTH);
    }

    int wireLength(int index) {
        return memory.getInt(slot(index) + Layout.WIRE_LENGTH);
    }

    /** How long the datagrams are that came as one (UDP_GRO), the last perhaps shorter; 0 if it is one datagram. */
    int segmentSize(int index) {
        int size = has(index, Layout.FLAG_SEGMENT_SIZE) ? memory.getInt(slot(index) + Layout.SEGMENT_SIZE) : 0;
        return size < length(index) ? size : 0;
    }

    /** Counts what was received into the first so many slots; how many did not fit. */
    int countReceived(int count) {
        long datagrams = 0;
        long bytes = 0;
        int truncated = 0;
        int controlTruncated = 0;
        int withoutPacketInfo = 0;
        for (int i = 0; i < count; i++) {
            datagrams += datagrams(wireLength(i), segmentSize(i));
            bytes += wireLength(i);
            truncated += has(i, Layout.FLAG_TRUNCATED) ? 1 : 0;
            controlTruncated += has(i, Layout.FLAG_CONTROL_TRUNCATED) ? 1 : 0;
            withoutPacketInfo += hasPacketInfo(i) ? 0 : 1;
        }
        tally.add(Tally.RECEIVED, datagrams);
        tally.add(Tally.RECEIVED_BYTES, bytes);
        tally.add(Tally.RECEIVE_CALLS, 1);
        if ((truncated | controlTruncated | withoutPacketInfo) != 0) {
            tally.add(Tally.TRUNCATED, truncated);
            tally.add(Tally.CONTROL_TRUNCATED, controlTruncated);
            tally.add(Tally.WITHOUT_PACKET_INFO, withoutPacketInfo);
        }
        return truncated;
    }

    private static int datagrams(int length, int segmentSize) {
        return segmentSize == 0 ? 1 : (length + segmentSize - 1) / segmentSize;
    }

    /** How many datagrams the socket had lost when this one was queued, modulo 2^32; 0 also if the kernel does not tell. */
    int dropCount(int index) {
        return has(index, Layout.FLAG_DROP_COUNT) ? memory.getInt(slot(index) + Layout.DROP_COUNT) : 0;
    }

    /** A view of the slot's whole payload, as long as the capacity; it shares the memory. */
    ByteBuffer payload(int index) {
        return memory.slice(payloads + index * stride, payloadCapacity);
    }

    /**
     * Which of the two control messages is believed: of an IPv4 peer the in_pktinfo, because only it names the local
     * address of a broadcast or multicast request, or else an IPv4-mapped in6_pktinfo; of an IPv6 peer the in6_pktinfo.
     */
    private boolean believesIn(int index) {
        return has(index, Layout.FLAG_IN_PKTINFO) && IpAddress.isIpv4(peerHigh(index), peerLow(index));
    }

    private boolean believesIn6(int index) {
        int slot = slot(index);
        return has(index, Layout.FLAG_IN6_PKTINFO)
                && !believesIn(index)
                && IpAddress.isIpv4(networkLong(slot + Layout.IN6_ADDRESS), networkLong(slot + Layout.IN6_ADDRESS + 8))
                        == IpAddress.isIpv4(peerHigh(index), peerLow(index));
    }

    private long destinationHigh(int index) {
        return believesIn6(index) ? networkLong(slot(index) + Layout.IN6_ADDRESS) : 0;
    }

    private long destinationLow(int index) {
        if (believesIn(index)) {
            return IpAddress.mapped(networkInt(slot(index) + Layout.IN_ADDRESS));
        }
        return believesIn6(index) ? networkLong(slot(index) + Layout.IN6_ADDRESS + 8) : 0;
    }

    private long localHigh(int index) {
        long high = destinationHigh(index);
        return IpAddress.isUsableSource(high, destinationLow(index)) ? high : 0;
    }

    /** A datagram that was queued before IP_PKTINFO was on has ipi_spec_dst 0.0.0.0, which would mean "any" in a reply. */
    private long localLow(int index) {
        int specific = believesIn(index) ? networkInt(slot(index) + Layout.IN_LOCAL) : 0;
        if (specific != 0) {
            return IpAddress.mapped(specific);
        }
        long low = destinationLow(index);
        return IpAddress.isUsableSource(destinationHigh(index), low) ? low : 0;
    }

    boolean hasPacketInfo(int index) {
        return (believesIn(index) || believesIn6(index)) && !has(index, Layout.FLAG_CONTROL_TRUNCATED);
    }

    /** The kernel names another local address for what was sent to a group or to broadcast, or none. */
    boolean isUnicast(int index) {
        long low = localLow(index);
        long high = localHigh(index);
        return (high | low) != 0 && low == destinationLow(index) && high == destinationHigh(index);
    }

    int interfaceIndex(int index) {
        return interfaceIndexAt(slot(index) + (believesIn(index) ? Layout.IN_INTERFACE : Layout.IN6_INTERFACE));
    }

    /** The kernel counts interfaces in positive numbers; what is none is unknown. */
    private int interfaceIndexAt(int at) {
        return Math.max(0, memory.getInt(at));
    }

    PacketInfo packetInfo(int index) {
        int at = slot(index) + Layout.IN6_ADDRESS;
        long first = memory.getLong(at);
        long second = memory.getLong(at + 8);
        long third = memory.getLong(at + 16);
        long fourth = memory.getLong(at + 24);
        int flags = memory.getInt(slot(index) + Layout.FLAGS) & INFO_FLAGS;
        boolean ipv4 = IpAddress.isIpv4(peerHigh(index), peerLow(index));
        long key = (second * 31 + third) * 31 + fourth; // not ^: an address that is there twice would be gone
        int place = Hash.place(key, INFO_BITS);
        KnownInfo known = knownInfos[place];
        if (known == null
                || known.fourth != fourth
                || known.third != third
                || known.second != second
                || known.first != first
                || known.flags != flags
                || known.ipv4 != ipv4) {
            known = new KnownInfo(first, second, third, fourth, flags, ipv4, newPacketInfo(index));
            knownInfos[place] = known;
        }
        return known.info;
    }

    private PacketInfo newPacketInfo(int index) {
        int interfaceIndex = interfaceIndex(index);
        long high = destinationHigh(index);
        long low = destinationLow(index);
        long localHigh = localHigh(index);
        long localLow = localLow(index);
        IpAddress destination = new IpAddress(high, low, IpAddress.isOnOneLink(high) ? interfaceIndex : 0);
        boolean same = localHigh == high && localLow == low;
        return new PacketInfo(
                destination,
                same ? destination : new IpAddress(localHigh, localLow, 0),
                interfaceIndex,
                has(index, Layout.FLAG_IN_PKTINFO),
                has(index, Layout.FLAG_IN6_PKTINFO),
                has(index, Layout.FLAG_IN6_PKTINFO_FIRST),
                has(index, Layout.FLAG_CONTROL_TRUNCATED));
    }

    /** The rule of {@link AddressAsked} on a slot. */
    AddressAsked.Answer addressAsked(int index) {
        return AddressAsked.answer(
                peerHigh(index),
                peerLow(index),
                localHigh(index),
                localLow(index),
                interfaceIndex(index),
                has(index, Layout.FLAG_IN6_PKTINFO),
                has(index, Layout.FLAG_CONTROL_TRUNCATED));
    }

    /** What the JDK received, as the native library would put it here: without packet information. */
    void putReceived(int index, DatagramPacket packet) {
        int slot = slot(index);
        int length = Math.min(packet.getLength(), payloadCapacity);
        IpAddress peer = IpAddress.of(packet.getAddress());
        memory.put(slot, new byte[Layout.SLOT_SIZE]);
        memory.put(payloads + index * stride, packet.getData(), 0, length);
        putNetworkLong(slot + Layout.PEER_ADDRESS, peer.high());
        putNetworkLong(slot + Layout.PEER_ADDRESS + 8, peer.low());
        memory.putInt(slot + Layout.PEER_SCOPE, peer.scopeId());
        memory.putShort(slot + Layout.PEER_PORT, (short) packet.getPort());
        memory.putInt(slot + Layout.FLAGS, length < packet.getLength() ? Layout.FLAG_TRUNCATED : 0);
        memory.putInt(slot + Layout.LENGTH, length);
        memory.putInt(slot + Layout.WIRE_LENGTH, packet.getLength());
    }

    /** A datagram that another arena received, or a part of what came there as one, as if the kernel had put it here. */
    void putReceived(int index, Arena from, int other, int at, int length) {
        int slot = slot(index);
        int fits = Math.min(length, payloadCapacity);
        boolean whole = from.segmentSize(other) == 0;
        boolean wasCut = whole && from.has(other, Layout.FLAG_TRUNCATED);
        memory.put(slot, from.memory, slot(other), Layout.SLOT_SIZE);
        memory.put(payloads + index * stride, from.memory, from.payloads + other * from.stride + at, fits);
        int flags = memory.getInt(slot + Layout.FLAGS) & ~(Layout.FLAG_SEGMENT_SIZE | Layout.FLAG_TRUNCATED);
        memory.putInt(slot + Layout.FLAGS, flags | (wasCut || fits < length ? Layout.FLAG_TRUNCATED : 0));
        memory.putInt(slot + Layout.LENGTH, fits);
        memory.putInt(slot + Layout.WIRE_LENGTH, whole ? from.wireLength(other) : length);
        tally.add(Tally.TRUNCATED, !wasCut && fits < length ? 1 : 0);
    }

    /** Takes a payload from its position to its limit, and leaves it as it is. */
    void write(int index, ByteBuffer payload) {
        memory.put(payloads + index * stride, payload, payload.position(), payload.remaining());
    }

    /** Makes the slot ready to send so much of its payload. */
    void prepareSend(int index, int length, Endpoint peer, Source source, int interfaceIndex) {
        int slot = slot(index);
        putNetworkLong(slot + Layout.PEER_ADDRESS, peer.address().high());
        putNetworkLong(slot + Layout.PEER_ADDRESS + 8, peer.address().low());
        memory.putInt(slot + Layout.PEER_SCOPE, peer.address().scopeId());
        memory.putShort(slot + Layout.PEER_PORT, (short) peer.port());
        prepareReply(index, length, source, interfaceIndex);
    }

    /** Makes the slot ready to answer its peer with the first bytes of its payload. */
    void prepareReply(int index, int length, Source source, int interfaceIndex) {
        prepareReply(
                index,
                length,
                form(source),
                source.address().high(),
                source.address().low(),
                interfaceIndex);
    }

    /** The same from the slot's own local address, by the rule's answer. */
    void prepareReply(int index, int length, AddressAsked.Answer answer, int boundInterface) {
        int form = answer == AddressAsked.Answer.IN_PKTINFO ? Layout.FORM_IN_PKTINFO : Layout.FORM_IN6_PKTINFO;
        int onLink = answer == AddressAsked.Answer.IN6_PKTINFO_ON_LINK ? interfaceIndex(index) : boundInterface;
        prepareReply(index, length, form, localHigh(index), localLow(index), onLink);
    }

    private void prepareReply(int index, int length, int form, long high, long low, int interfaceIndex) {
        int slot = slot(index);
        memory.putInt(slot + Layout.LENGTH, length);
        putNetworkLong(slot + Layout.SOURCE_ADDRESS, high);
        putNetworkLong(slot + Layout.SOURCE_ADDRESS + 8, low);
        memory.putInt(slot + Layout.SOURCE_INTERFACE, interfaceIndex);
        memory.putInt(slot + Layout.SOURCE_FORM, form);
        memory.putInt(slot + Layout.ERROR, 0);
        memory.putShort(slot + Layout.SENT_LENGTH, (short) 0);
        memory.putInt(slot + Layout.SEND_SEGMENT_SIZE, 0);
        memory.putInt(slot + Layout.SEND_FLAGS, 0);
        memory.putInt(slot + Layout.SEND_STATE, Layout.STATE_PENDING);
    }

    /** The same with whatever control messages, which take the place of those that were received. */
    void prepareReply(int index, int length, ControlMessages messages) {
        int slot = slot(index);
        ControlMessages.InPktinfo in = messages.inPktinfo();
        ControlMessages.In6Pktinfo in6 = messages.in6Pktinfo();
        memory.putInt(
                slot + Layout.FLAGS,
                (in == null ? 0 : Layout.FLAG_IN_PKTINFO)
                        | (in6 == null ? 0 : Layout.FLAG_IN6_PKTINFO)
                        | (messages.in6First() ? Layout.FLAG_IN6_PKTINFO_FIRST : 0));
        if (in != null) {
            putNetworkInt(slot + Layout.IN_LOCAL, (int) in.local().low());
            memory.putInt(slot + Layout.IN_INTERFACE, in.interfaceIndex());
        }
        if (in6 != null) {
            putNetworkLong(slot + Layout.IN6_ADDRESS, in6.address().high());
            putNetworkLong(slot + Layout.IN6_ADDRESS + 8, in6.address().low());
            memory.putInt(slot + Layout.IN6_INTERFACE, in6.interfaceIndex());
        }
        prepareReply(index, length, Layout.FORM_AS_RECEIVED, 0, 0, 0);
    }

    /** Everything about packet information that came. */
    ControlMessages controlMessages(int index) {
        int slot = slot(index);
        ControlMessages.InPktinfo in = new ControlMessages.InPktinfo(
                IpAddress.ipv4(networkInt(slot + Layout.IN_ADDRESS)),
                IpAddress.ipv4(networkInt(slot + Layout.IN_LOCAL)),
                memory.getInt(slot + Layout.IN_INTERFACE));
        ControlMessages.In6Pktinfo in6 = new ControlMessages.In6Pktinfo(
                new IpAddress(networkLong(slot + Layout.IN6_ADDRESS), networkLong(slot + Layout.IN6_ADDRESS + 8), 0),
                memory.getInt(slot + Layout.IN6_INTERFACE));
        return new ControlMessages(
                has(index, Layout.FLAG_IN_PKTINFO) ? in : null,
                has(index, Layout.FLAG_IN6_PKTINFO) ? in6 : null,
                has(index, Layout.FLAG_IN6_PKTINFO_FIRST));
    }

    /** What the slot is, or was, to be sent from. */
    Source source(int index) {
        int slot = slot(index);
        IpAddress address = new IpAddress(
                networkLong(slot + Layout.SOURCE_ADDRESS), networkLong(slot + Layout.SOURCE_ADDRESS + 8), 0);
        int interfaceIndex = memory.getInt(slot + Layout.SOURCE_INTERFACE);
        return switch (memory.getInt(slot + Layout.SOURCE_FORM)) {
            case Layout.FORM_IN_PKTINFO -> new Source(Source.ControlMessage.IN_PKTINFO, address, interfaceIndex);
            case Layout.FORM_IN6_PKTINFO -> new Source(Source.ControlMessage.IN6_PKTINFO, address, interfaceIndex);
            default -> Source.systemChoice();
        };
    }

    /** Of a slot that is ready to be sent: its payload leaves as datagrams of this size. */
    void cut(int index, int segmentSize) {
        memory.putInt(slot(index) + Layout.SEND_SEGMENT_SIZE, segmentSize);
    }

    /** Of a slot that is ready to be sent: it leaves alone. */
    void sendAlone(int index) {
        memory.putInt(slot(index) + Layout.SEND_FLAGS, Layout.SEND_ALONE);
    }

    /** Whether the kernel refused to cut what was sent, and it went out one by one. */
    boolean cutRefused(int index) {
        return (memory.getInt(slot(index) + Layout.SEND_FLAGS) & Layout.SEND_REFUSED) != 0;
    }

    /** Whether it went out together with others. */
    boolean leftTogether(int index) {
        return (memory.getInt(slot(index) + Layout.SEND_FLAGS) & Layout.SEND_TOGETHER) != 0;
    }

    /** As how many datagrams the slot is, or was, to be sent. */
    int datagramsToSend(int index) {
        return datagrams(length(index), memory.getInt(slot(index) + Layout.SEND_SEGMENT_SIZE));
    }

    /** As {@link #prepareSend} into a slot that holds nothing else: what was received there is forgotten. */
    void put(int index, int length, Endpoint peer, Source source, int interfaceIndex) {
        int slot = slot(index);
        for (int at = 0; at < Layout.SLOT_SIZE; at += Long.BYTES) {
            memory.putLong(slot + at, 0);
        }
        memory.putInt(slot + Layout.WIRE_LENGTH, length);
        prepareSend(index, length, peer, source, interfaceIndex);
    }

    /** Takes a reply back. */
    void cancel(int index) {
        memory.putInt(slot(index) + Layout.SEND_STATE, 0);
    }

    /** Ends a reply that is pending, with 0 if it was sent. */
    void finish(int index, int errno) {
        memory.putInt(slot(index) + Layout.ERROR, errno);
        memory.putInt(slot(index) + Layout.SEND_STATE, Layout.STATE_DONE);
    }

    int sendState(int index) {
        return memory.getInt(slot(index) + Layout.SEND_STATE);
    }

    private static int form(Source source) {
        return switch (source.controlMessage()) {
            case NONE -> Layout.FORM_NONE;
            case IN_PKTINFO -> Layout.FORM_IN_PKTINFO;
            case IN6_PKTINFO -> Layout.FORM_IN6_PKTINFO;
        };
    }

    /** What sending the slot failed with, 0 if it did not. */
    int error(int index) {
        return memory.getInt(slot(index) + Layout.ERROR);
    }

    /** The raw memory, for tests that play the kernel. */
    ByteBuffer memory() {
        return memory;
    }
}
