package org.pktinfo.it.support;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.pktinfo.Requires;

/**
 * The article's two machines.
 *
 * <pre>
 *   vm2 192.168.122.1  eth0 ----- eth0  vm1 192.168.122.31, aliases .200 .201 .202
 *       fd00:122::1                         fd00:122::31, ::200 ::201 ::202
 * </pre>
 */
public final class ArticleHosts {
    public static final String RESPONSE = "This is PKT6INFO test server";

    public final Namespaces namespaces;

    /** Makes the hosts; they are closed with everything else in {@code opened}. */
    public ArticleHosts(Opened opened) {
        Requires.tool("nc");
        namespaces = opened.add(new Namespaces());
        namespaces.host("vm1");
        namespaces.host("vm2");
        namespaces.cable("vm1", "eth0", "vm2", "eth0");
        for (String last : List.of("31", "200", "201", "202")) {
            namespaces.address("vm1", "eth0", "192.168.122." + last + "/24", "fd00:122::" + last + "/64");
        }
        namespaces.address("vm2", "eth0", "192.168.122.1/24", "fd00:122::1/64");
        namespaces.in("vm2", "ip route replace 239.0.0.0/8 dev eth0");
    }

    /** Starts the sample server on vm1, port 8888, in the JVM that the command starts. */
    public ChildProcess serve(List<String> java, String... options) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(Arrays.asList(options));
        arguments.add("8888");
        return namespaces.serve("vm1", java, arguments.toArray(String[]::new));
    }
}
