package org.pktinfo.it.support;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import javax.management.InstanceNotFoundException;
import javax.management.ObjectName;

/** A server with the JDK's classes alone, driven by commands on stdin: a line each, answered by a line on stdout. */
public final class Steered {
    private DatagramSocket socket;
    private SocketAddress peer;
    private SocketAddress firstPeer; // of this socket

    private Steered() {}

    public static void main(String[] arguments) throws IOException {
        Steered steered = new Steered();
        System.out.println("ready");
        CommandLoop.run(steered::answer);
    }

    private String answer(String[] words) {
        try {
            return obey(words);
        } catch (Exception e) {
            return e.getClass().getSimpleName() + ": " + e.getMessage();
        }
    }

    private String obey(String[] words) throws Exception {
        return switch (words[0]) {
            case "open" -> open(words[1], Integer.parseInt(words[2]));
            case "receive" -> receive();
            case "send" -> send(peer);
            case "send-first" -> send(firstPeer);
            case "join" -> join(words[1], words[2]);
            case "close" -> close();
            case "bean" -> bean(words[1]);
            default -> "unknown: " + words[0];
        };
    }

    /** Opens a socket on an address or "any" and a port, 0 for one of the system's choice; returns the port. */
    private String open(String address, int port) throws IOException {
        socket = address.equals("any")
                ? new DatagramSocket(port)
                : new DatagramSocket(new InetSocketAddress(InetAddress.getByName(address), port));
        firstPeer = null;
        socket.setSoTimeout(5000);
        return String.valueOf(socket.getLocalPort());
    }

    private String receive() throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[100], 100);
        socket.receive(packet);
        peer = packet.getSocketAddress();
        firstPeer = firstPeer == null ? peer : firstPeer;
        return "received";
    }

    private String join(String group, String interfaceName) throws IOException {
        socket.joinGroup(
                new InetSocketAddress(InetAddress.getByName(group), 0), NetworkInterface.getByName(interfaceName));
        return "joined";
    }

    private String send(SocketAddress to) throws IOException {
        socket.send(new DatagramPacket(new byte[4], 4, to));
        return "sent";
    }

    private String close() {
        socket.close();
        return "closed";
    }

    /** Returns an attribute of the agent's bean; "none" before the bean exists. */
    static String bean(String attribute) throws Exception {
        try {
            return ManagementFactory.getPlatformMBeanServer()
                    .getAttribute(new ObjectName("org.pktinfo:type=Agent"), attribute)
                    .toString();
        } catch (InstanceNotFoundException e) {
            return "none";
        }
    }
}
