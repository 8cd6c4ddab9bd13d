package org.pktinfo.channels;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Cases of channels with one peer: before, while and after they are connected. */
final class ConnectedCases extends ChannelCase {
    private ConnectedCases() {}

    static void addTo(Map<String, Case> cases) {
        connecting(cases);
        reading(cases);
        writing(cases);
        scattering(cases);
        others(cases);
        disconnecting(cases);
        nobody(cases);
    }

    private static void connecting(Map<String, Case> cases) {
        cases.put("connect: what is told then", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.bound();
            int port = port(channel);
            return List.of(
                    channel.connect(at(peer)) == channel,
                    channel.isConnected(),
                    isOf(channel.getRemoteAddress(), peer),
                    ((InetSocketAddress) channel.getLocalAddress()).getAddress(),
                    port(channel) == port);
        });
        cases.put("connect: twice, to nothing, unresolved, to no internet address, to port 0", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel connected = channels.connected(peer);
            DatagramChannel channel = channels.bound();
            return List.of(
                    outcomes(
                            () -> connected.connect(at(peer)),
                            () -> connected.connect(at(channel)),
                            () -> channel.connect(null),
                            () -> channel.connect(InetSocketAddress.createUnresolved("nowhere.invalid", 7)),
                            () -> channel.connect(new SocketAddress() {}),
                            () -> channel.connect(new InetSocketAddress("127.0.0.1", 0)),
                            () -> channel.connect(new InetSocketAddress("::1", port(peer)))),
                    isOf(connected.getRemoteAddress(), peer));
        });
        cases.put("connect: what others had sent before is not received any more", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.nonBlocking();
            channels.bound().send(bytes("other"), at(channel));
            awaitReadable(channel);
            channel.connect(at(peer));
            peer.send(bytes("peer"), at(channel));
            return next(channel);
        });
    }

    private static void reading(Map<String, Case> cases) {
        cases.put("not connected: no reading, no writing", channels -> {
            DatagramChannel channel = channels.bound();
            ByteBuffer buffer = ByteBuffer.allocate(3);
            ByteBuffer[] buffers = {buffer};
            return List.of(
                    outcomes(
                            () -> channel.read(buffer),
                            () -> channel.write(buffer),
                            () -> channel.read(buffers),
                            () -> channel.write(buffers),
                            () -> channel.read(buffers, 0, 1),
                            () -> channel.write(buffers, 0, 1)),
                    state(buffer));
        });
        cases.put("read: heap, direct, too small, nothing in it, nothing there", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.connected(peer);
            for (String text : List.of("heap", "direct", "too much", "")) {
                peer.send(bytes(text), at(channel));
            }
            ByteBuffer heap = ByteBuffer.allocate(9).position(2);
            ByteBuffer direct = ByteBuffer.allocateDirect(9);
            ByteBuffer small = ByteBuffer.allocate(3);
            ByteBuffer none = ByteBuffer.allocate(3);
            List<Object> seen = new ArrayList<>(
                    List.of(channel.read(heap), state(heap), channel.read(direct), text(direct), channel.read(small)));
            seen.add(List.of(text(small), channel.read(none), state(none)));
            channel.configureBlocking(false);
            seen.add(channel.read(none));
            seen.add(outcome(() -> channel.read(ByteBuffer.allocate(1).asReadOnlyBuffer())));
            return seen;
        });
        cases.put("receive while connected is from the peer", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.connected(peer);
            peer.send(bytes("abcdef"), at(channel));
            ByteBuffer buffer = ByteBuffer.allocate(4);
            return List.of(isOf(channel.receive(buffer), peer), text(buffer), state(buffer));
        });
    }

    private static void writing(Map<String, Case> cases) {
        cases.put("write: heap, direct, nothing, too much", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.connected(peer);
            ByteBuffer heap = bytes("heap");
            ByteBuffer direct = ByteBuffer.allocateDirect(5).position(2);
            ByteBuffer large = ByteBuffer.allocate(65_508);
            List<Object> seen = new ArrayList<>(List.of(
                    channel.write(heap), state(heap), channel.write(direct), channel.write(ByteBuffer.allocate(0))));
            seen.add(List.of(outcome(() -> channel.write(large)), state(large)));
            channel.write(bytes("end"));
            String last = "";
            while (!last.equals("end")) {
                last = next(peer);
                seen.add(last.length());
            }
            return seen;
        });
        cases.put("send while connected: to the peer and to nobody else", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.connected(peer);
            return List.of(
                    channel.send(bytes("peer"), at(peer)),
                    outcome(() -> channel.send(bytes("other"), at(channels.bound()))),
                    outcome(() -> channel.send(bytes("nobody"), null)),
                    next(peer));
        });
    }

    private static void scattering(Map<String, Case> cases) {
        cases.put("scatter and gather, all and some", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.connected(peer);
            ByteBuffer[] out = {
                bytes("ab"), bytes(""), ByteBuffer.allocateDirect(1).put(0, (byte) 'c'), bytes("defg")
            };
            long all = channel.write(out);
            String first = next(peer);
            for (ByteBuffer each : out) {
                each.rewind();
            }
            long some = channel.write(out, 2, 2);
            String second = next(peer);
            peer.send(bytes("ABCDEFGH"), at(channel));
            ByteBuffer[] in = {ByteBuffer.allocate(2), ByteBuffer.allocateDirect(1), ByteBuffer.allocate(2)};
            long read = channel.read(in);
            peer.send(bytes("IJKLMN"), at(channel));
            in[1].clear();
            long rest = channel.read(in, 1, 1);
            return List.of(all, first, some, second, read, text(in[0]), text(in[1]), text(in[2]), rest);
        });
        cases.put("scatter and gather: bad ranges, read-only, nothing", channels -> {
            DatagramChannel channel = channels.connected(channels.bound());
            ByteBuffer[] buffers = {ByteBuffer.allocate(2), ByteBuffer.allocate(2)};
            ByteBuffer[] fixed = {ByteBuffer.allocate(2).asReadOnlyBuffer()};
            channel.configureBlocking(false);
            return outcomes(
                    () -> channel.read(buffers, -1, 1),
                    () -> channel.read(buffers, 0, 3),
                    () -> channel.write(buffers, 1, 2),
                    () -> channel.write(buffers, 0, -1),
                    () -> channel.read(fixed),
                    () -> channel.read(buffers, 0, 0),
                    () -> channel.read(new ByteBuffer[] {null}),
                    () -> channel.read((ByteBuffer[]) null));
        });
    }

    private static void others(Map<String, Case> cases) {
        cases.put("connected: what others send is not heard", channels -> {
            DatagramChannel peer = channels.bound();
            DatagramChannel channel = channels.connected(peer);
            channels.bound().send(bytes("other"), at(channel));
            peer.send(bytes("peer"), at(channel));
            return next(channel);
        });
        cases.put("two connected to one another", channels -> {
            DatagramChannel one = channels.bound();
            DatagramChannel other = channels.connected(one);
            one.connect(at(other));
            one.write(bytes("ping"));
            ByteBuffer buffer = ByteBuffer.allocate(9);
            other.read(buffer);
            other.write(buffer.flip());
            ByteBuffer back = ByteBuffer.allocate(9);
            return List.of(one.read(back), text(back));
        });
    }

    private static void disconnecting(Map<String, Case> cases) {
        cases.put("disconnect: bound as before, and hears all again", channels -> {
            DatagramChannel channel = channels.connected(channels.bound());
            int port = port(channel);
            List<Object> seen = new ArrayList<>(List.of(
                    channel.disconnect() == channel,
                    channel.isConnected(),
                    String.valueOf(channel.getRemoteAddress()),
                    port(channel) == port,
                    ((InetSocketAddress) channel.getLocalAddress()).getAddress().isAnyLocalAddress()));
            DatagramChannel other = channels.bound();
            other.send(bytes("other"), at(channel));
            ByteBuffer buffer = ByteBuffer.allocate(9);
            SocketAddress from = channel.receive(buffer);
            channel.send(bytes("answer"), from);
            seen.add(List.of(text(buffer), isOf(from, other), next(other), outcome(() -> channel.read(buffer))));
            return seen;
        });
        cases.put("disconnect: not connected, twice, then connected to another", channels -> {
            DatagramChannel channel = channels.bound();
            channel.disconnect();
            channel.connect(at(channels.bound()));
            channel.disconnect();
            channel.disconnect();
            DatagramChannel peer = channels.bound();
            channel.connect(at(peer));
            channel.write(bytes("new"));
            peer.send(bytes("back"), at(channel));
            return List.of(isOf(channel.getRemoteAddress(), peer), next(peer), next(channel));
        });
        cases.put("disconnect: of one that was never bound, and of one that is bound to an address", channels -> {
            DatagramChannel unbound = channels.open();
            DatagramChannel one = channels.open().bind(new InetSocketAddress("127.0.0.4", 0));
            Object first = outcome(() -> unbound.disconnect() == unbound);
            one.connect(at(channels.bound()));
            one.disconnect();
            return List.of(
                    first,
                    String.valueOf(unbound.getLocalAddress()),
                    ((InetSocketAddress) one.getLocalAddress()).getAddress());
        });
    }

    private static void nobody(Map<String, Case> cases) {
        cases.put("connected to where nobody listens: reading and receiving say so", channels -> {
            DatagramChannel gone = channels.bound();
            InetSocketAddress nobody = at(gone);
            gone.close();
            DatagramChannel channel = channels.bound().connect(nobody);
            channel.write(bytes("x"));
            Object read = outcome(() -> channel.read(ByteBuffer.allocate(9)));
            channel.write(bytes("x"));
            Object received = outcome(() -> channel.receive(ByteBuffer.allocate(9)));
            return List.of(read, received, channel.isConnected(), channel.isOpen());
        });
        cases.put("connected to where nobody listens: writing and sending say so", channels -> {
            DatagramChannel gone = channels.bound();
            InetSocketAddress nobody = at(gone);
            gone.close();
            DatagramChannel channel = channels.nonBlocking().connect(nobody);
            channel.write(bytes("x"));
            awaitReadable(channel);
            Object written = outcome(() -> channel.write(bytes("x")));
            channel.disconnect();
            channel.connect(nobody);
            channel.write(bytes("x"));
            awaitReadable(channel);
            return List.of(written, outcome(() -> channel.send(bytes("x"), nobody)));
        });
    }
}
