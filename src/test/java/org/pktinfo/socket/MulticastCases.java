package org.pktinfo.socket;

import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.StandardSocketOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The rest of multicast, most of it deprecated and all of it in use. */
final class MulticastCases extends SocketCase {
    private MulticastCases() {}

    static void addTo(Map<String, MulticastCase> cases) {
        multicastOnly(cases);
    }

    @SuppressWarnings({"deprecation", "removal"})
    private static void multicastOnly(Map<String, MulticastCase> cases) {
        cases.put("time to live", socket -> {
            List<Object> seen = new ArrayList<>(List.of(socket.getTimeToLive(), socket.getTTL()));
            socket.setTimeToLive(0);
            seen.add(socket.getTimeToLive());
            socket.setTTL((byte) 200);
            seen.add(socket.getTimeToLive());
            seen.add(socket.getTTL());
            seen.add(outcome(() -> socket.setTimeToLive(256)));
            return seen;
        });
        cases.put("interfaces and loopback mode", socket -> {
            NetworkInterface lo = NetworkInterface.getByInetAddress(loopback());
            List<Object> seen = new ArrayList<>(
                    List.of(socket.getNetworkInterface().getIndex(), socket.getInterface(), socket.getLoopbackMode()));
            socket.setLoopbackMode(true);
            seen.add(List.of(socket.getLoopbackMode(), socket.getOption(StandardSocketOptions.IP_MULTICAST_LOOP)));
            socket.setInterface(loopback());
            seen.add(List.of(socket.getNetworkInterface(), socket.getInterface()));
            socket.setNetworkInterface(lo);
            seen.add(socket.getNetworkInterface());
            seen.add(outcome(() -> socket.setInterface(InetAddress.getByName("192.0.2.77"))));
            return seen;
        });
        cases.put("groups without an interface, sending with a time to live", socket -> {
            InetAddress group = InetAddress.getByName("239.255.7.9");
            socket.setSoTimeout(SOON);
            socket.setNetworkInterface(NetworkInterface.getByInetAddress(loopback()));
            List<Object> seen = new ArrayList<>();
            seen.add(outcome(() -> socket.joinGroup(group)));
            socket.send(packet("all", new InetSocketAddress(group, socket.getLocalPort())), (byte) 0);
            DatagramPacket packet = new DatagramPacket(new byte[9], 9);
            socket.receive(packet);
            seen.add(text(packet));
            seen.add(socket.getTimeToLive());
            seen.add(outcome(() -> socket.leaveGroup(group)));
            seen.add(outcome(() -> socket.leaveGroup(group)));
            seen.add(outcome(() -> socket.joinGroup(loopback())));
            return seen;
        });
    }
}
