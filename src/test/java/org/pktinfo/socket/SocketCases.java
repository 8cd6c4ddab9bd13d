package org.pktinfo.socket;

import java.net.DatagramSocket;
import java.net.MulticastSocket;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * All that the documentation of {@link DatagramSocket} and {@link MulticastSocket} says, case by case: applied to any
 * kind of socket, with an outcome, values or exceptions, that must be the same for all kinds. As a program: all cases
 * with the JDK's own classes, one line each, to be compared with the lines under the agent.
 */
public final class SocketCases extends SocketCase {
    static final Map<String, Case> CASES = new LinkedHashMap<>();
    private static final Map<String, MulticastCase> MULTICAST_CASES = new LinkedHashMap<>();

    static {
        LifeCases.addTo(CASES);
        DatagramCases.addTo(CASES);
        OptionCases.addTo(CASES);
        MulticastCases.addTo(MULTICAST_CASES);
        ThreadCases.addTo(CASES);
    }

    private SocketCases() {}

    public static void main(String[] arguments) throws Exception {
        for (String name : CASES.keySet()) {
            System.out.println("datagram " + name + " = " + outcome(() -> run(name, DatagramSocket::new)));
            System.out.println("multicast " + name + " = " + outcome(() -> run(name, MulticastSocket::new)));
        }
        for (Map.Entry<String, MulticastCase> each : MULTICAST_CASES.entrySet()) {
            try (MulticastSocket socket = new MulticastSocket(0)) {
                System.out.println(
                        each.getKey() + " = " + outcome(() -> each.getValue().run(socket)));
            }
        }
    }

    static Object run(String name, Maker maker) throws Exception {
        try (DatagramSocket socket = maker.make(ANY)) {
            return CASES.get(name).run(socket, maker);
        }
    }
}
