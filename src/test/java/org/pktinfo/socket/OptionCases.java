package org.pktinfo.socket;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.pktinfo.PktInfoSocketOptions;

/** A socket's old getters and setters, its options, and its groups as far as every DatagramSocket has them. */
final class OptionCases extends SocketCase {
    private OptionCases() {}

    static void addTo(Map<String, Case> cases) {
        options(cases);
        groups(cases);
    }

    /** Returns the options that the JDK's sockets have too. */
    private static Set<SocketOption<?>> optionsOfJdk(DatagramSocket socket) {
        Set<SocketOption<?>> options = new HashSet<>(socket.supportedOptions());
        options.removeAll(PktInfoSocketOptions.all());
        return options;
    }

    private static void options(Map<String, Case> cases) {
        cases.put("options", (socket, maker) -> {
            socket.setReuseAddress(true);
            socket.setBroadcast(false);
            socket.setTrafficClass(0x10);
            socket.setReceiveBufferSize(40_000);
            socket.setSendBufferSize(50_000);
            socket.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 3);
            Map<String, Object> seen = new TreeMap<>();
            optionsOfJdk(socket)
                    .forEach(option -> seen.put(option.name(), outcome(() -> {
                        Object value = socket.getOption(option);
                        return value == null ? "null" : value;
                    })));
            seen.put("reuse", socket.getReuseAddress());
            seen.put("broadcast", socket.getBroadcast());
            seen.put("traffic class", socket.getTrafficClass());
            seen.put("receive", socket.getReceiveBufferSize());
            seen.put("send", socket.getSendBufferSize());
            seen.put("bad traffic class", outcome(() -> socket.setTrafficClass(256)));
            seen.put("bad size", outcome(() -> socket.setReceiveBufferSize(0)));
            seen.put("not supported", outcome(() -> socket.setOption(StandardSocketOptions.TCP_NODELAY, true)));
            return seen;
        });
        cases.put("options: null, closed, port sharing", (socket, maker) -> {
            List<Object> seen = new ArrayList<>(List.of(
                    outcome(() -> socket.setOption(null, 1)),
                    outcome(() -> socket.getOption(null)),
                    outcome(() -> socket.getOption(StandardSocketOptions.TCP_NODELAY)),
                    outcome(() -> socket.setOption(StandardSocketOptions.SO_RCVBUF, -1)),
                    outcome(() -> socket.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 256))));
            socket.setOption(StandardSocketOptions.SO_REUSEPORT, true);
            seen.add(socket.getOption(StandardSocketOptions.SO_REUSEPORT));
            seen.add(socket.setOption(StandardSocketOptions.SO_REUSEPORT, false) == socket);
            seen.add(socket.supportedOptions().contains(StandardSocketOptions.SO_REUSEPORT));
            seen.add(outcome(() -> socket.supportedOptions().clear()));
            socket.close();
            seen.add(new TreeSet<>(
                    optionsOfJdk(socket).stream().map(SocketOption::name).toList()));
            return seen;
        });
    }

    private static void groups(Map<String, Case> cases) {
        cases.put("groups", (socket, maker) -> {
            InetSocketAddress group = new InetSocketAddress(InetAddress.getByName("239.255.7.7"), 0);
            NetworkInterface lo = NetworkInterface.getByInetAddress(loopback());
            socket.setSoTimeout(SOON);
            List<Object> seen = new ArrayList<>();
            seen.add(outcome(() -> socket.joinGroup(group, lo)));
            seen.add(outcome(() -> socket.joinGroup(group, lo)));
            socket.setOption(StandardSocketOptions.IP_MULTICAST_IF, lo);
            socket.setOption(StandardSocketOptions.IP_MULTICAST_TTL, 0);
            socket.send(packet("all", new InetSocketAddress(group.getAddress(), socket.getLocalPort())));
            DatagramPacket packet = new DatagramPacket(new byte[9], 9);
            socket.receive(packet);
            seen.add(text(packet));
            seen.add(outcome(() -> socket.leaveGroup(group, lo)));
            seen.add(outcome(() -> socket.leaveGroup(group, lo)));
            seen.add(outcome(() -> socket.joinGroup(at(socket), lo)));
            seen.add(outcome(() -> socket.joinGroup(null, lo)));
            return seen;
        });
        cases.put("groups: the system's interface, one that is none, none joined, closed", (socket, maker) -> {
            InetSocketAddress group = new InetSocketAddress(InetAddress.getByName("239.255.7.8"), 0);
            NetworkInterface lo = NetworkInterface.getByInetAddress(loopback());
            List<Object> seen = new ArrayList<>(List.of(
                    outcome(() -> socket.leaveGroup(group, lo)),
                    outcome(() -> socket.leaveGroup(at(socket), lo)),
                    outcome(() -> socket.joinGroup(new SocketAddress() {}, lo)),
                    outcome(() -> socket.joinGroup(InetSocketAddress.createUnresolved("nowhere.invalid", 0), lo))));
            socket.setOption(StandardSocketOptions.IP_MULTICAST_IF, lo);
            seen.add(outcome(() -> socket.joinGroup(group, null)));
            seen.add(outcome(() -> socket.leaveGroup(group, lo)));
            socket.close();
            seen.add(outcome(() -> socket.joinGroup(group, lo)));
            seen.add(outcome(() -> socket.leaveGroup(group, lo)));
            return seen;
        });
    }
}
