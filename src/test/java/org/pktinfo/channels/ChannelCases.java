package org.pktinfo.channels;

import java.util.LinkedHashMap;
import java.util.Map;
import org.pktinfo.socket.Waiter;

/**
 * All that the documentation of {@code DatagramChannel}, {@code MulticastChannel} and {@code Selector} specifies, case
 * by case, with an outcome: values or exceptions. As a program: prints a line for each case, with a channel for both
 * families and with one for IPv4, to be compared with the lines under the agent.
 */
public final class ChannelCases extends ChannelCase {
    private static final Map<String, Case> CASES = new LinkedHashMap<>();

    static {
        OpeningCases.addTo(CASES);
        ReceivingCases.addTo(CASES);
        SendingCases.addTo(CASES);
        ConnectedCases.addTo(CASES);
        OptionCases.addTo(CASES);
        GroupCases.addTo(CASES);
        SelectorCases.addTo(CASES);
        KeyCases.addTo(CASES);
        AdaptorCases.addTo(CASES);
        ThreadCases.addTo(CASES);
    }

    private ChannelCases() {}

    public static void main(String[] arguments) {
        for (Map.Entry<String, Case> each : CASES.entrySet()) {
            for (Channels.Kind kind : Channels.Kind.values()) {
                Waiter waiter = new Waiter(() -> outcome(() -> run(each.getValue(), kind)));
                Object outcome = outcome(waiter::result);
                System.out.println(kind + " " + each.getKey() + " = "
                        + (outcome.equals("TimeoutException") ? "Error: it hangs" : outcome));
            }
        }
    }

    private static Object run(Case each, Channels.Kind kind) throws Exception {
        try (Channels channels = new Channels(kind)) {
            return each.run(channels);
        }
    }
}
