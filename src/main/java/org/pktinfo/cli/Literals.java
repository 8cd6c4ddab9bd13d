package org.pktinfo.cli;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.function.Function;
import java.util.regex.Pattern;

/** Parses numeric addresses without looking up any name. */
final class Literals {
    private static final String OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private static final Pattern IPV4 = Pattern.compile(OCTET + "(\\." + OCTET + "){3}");

    private Literals() {}

    static <X extends RuntimeException> InetAddress address(String option, String text, Function<String, X> error)
            throws X {
        // With a colon the JDK takes it for an IPv6 address and queries no name service.
        if (IPV4.matcher(text).matches() || (text.indexOf(':') >= 0 && text.charAt(0) != '[')) {
            try {
                return InetAddress.getByName(text);
            } catch (UnknownHostException e) {
                // reported below, in the same words as any other text that is not an address
            }
        }
        throw error.apply(
                option + " wants an IPv4 or IPv6 address such as 192.0.2.1 or 2001:db8::1, not \"" + text + "\"");
    }
}
