package org.pktinfo.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.channels.ClosedChannelException;
import java.util.stream.Stream;
import javax.management.Attribute;
import javax.management.AttributeList;
import javax.management.AttributeNotFoundException;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A server's counters as a JMX client sees them. */
class StatsBeanTest {
    private static final MBeanServer BEANS = ManagementFactory.getPlatformMBeanServer();

    private DatagramServer server;

    @BeforeEach
    void start() throws IOException {
        server = DatagramServer.builder().start(request -> request.reply(request.length()));
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private static ObjectName name(String server) throws Exception {
        return new ObjectName("org.pktinfo:type=DatagramServer,name=" + ObjectName.quote(server));
    }

    private void exchange() throws IOException {
        try (DatagramSocket client = new DatagramSocket()) {
            client.setSoTimeout(5000);
            DatagramPacket packet = new DatagramPacket(
                    new byte[8],
                    8,
                    InetAddress.getByName("127.0.0.2"),
                    server.localAddress().getPort());
            client.send(packet);
            client.receive(packet);
        }
    }

    @Test
    void everyAttributeIsANumberOfTheSnapshot() throws Exception {
        server.registerBean("echo: \"one\", *");
        ObjectName name = name("echo: \"one\", *");
        exchange();
        long deadline = System.nanoTime() + 5_000_000_000L;
        while (!BEANS.getAttribute(name, "replied").equals(1L) && System.nanoTime() < deadline) {
            Thread.onSpinWait(); // counted after the reply has been sent
        }
        String[] attributes = Stream.of(BEANS.getMBeanInfo(name).getAttributes())
                .map(MBeanAttributeInfo::getName)
                .toArray(String[]::new);
        assertThat(attributes)
                .contains("received", "channelsKernelDrops", "sendErrorsSourceUnusable", "channelsSendErrorsTransient");
        AttributeList values = BEANS.getAttributes(name, attributes);
        assertThat(values).hasSameSizeAs(attributes);
        ServerStats stats = server.stats();
        assertThat(values.asList())
                .contains(
                        new Attribute("received", stats.received()),
                        new Attribute("replied", 1L),
                        new Attribute("channelsReceived", 1L),
                        new Attribute("channelsSentBytes", 8L),
                        new Attribute("channelsKernelDrops", 0L),
                        new Attribute("sendErrorsSourceUnusable", 0L));
        assertThatThrownBy(() -> BEANS.getAttribute(name, "nosuch")).isInstanceOf(AttributeNotFoundException.class);
        assertThatThrownBy(() -> BEANS.setAttribute(name, new Attribute("received", 0L)))
                .isInstanceOf(AttributeNotFoundException.class);
    }

    @Test
    void nothingIsRegisteredByItselfAndNothingStaysWhenTheServerStops() throws Exception {
        assertThat(BEANS.queryNames(new ObjectName("org.pktinfo:*"), null)).isEmpty();
        server.registerBean("a");
        server.registerBean("b");
        assertThat(BEANS.queryNames(new ObjectName("org.pktinfo:*"), null))
                .containsExactlyInAnyOrder(name("a"), name("b"));
        server.close();
        assertThat(BEANS.queryNames(new ObjectName("org.pktinfo:*"), null)).isEmpty();
        assertThatThrownBy(() -> server.registerBean("c"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("stopped");
        assertThat(BEANS.queryNames(new ObjectName("org.pktinfo:*"), null)).isEmpty();
    }

    @Test
    void twoServersCannotHaveOneName() throws Exception {
        server.registerBean("dns");
        try (DatagramServer other = DatagramServer.builder().start(request -> {})) {
            assertThatThrownBy(() -> other.registerBean("dns"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("\"dns\"");
            other.registerBean("dns 2");
        }
        assertThat(BEANS.isRegistered(name("dns"))).isTrue();
        assertThatThrownBy(() -> server.registerBean("")).isInstanceOf(IllegalArgumentException.class);
        server.close();
        try (DatagramServer next = DatagramServer.builder().start(request -> {})) {
            next.registerBean("dns");
        }
    }

    @Test
    void whoUnregistersTheBeanByHandDoesNoHarm() throws Exception {
        server.registerBean("gone");
        BEANS.unregisterMBean(name("gone"));
        server.close();
        assertThatThrownBy(server::localAddress).as("closed all the same").isInstanceOf(ClosedChannelException.class);
    }
}
