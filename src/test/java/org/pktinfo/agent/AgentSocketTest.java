package org.pktinfo.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import org.junit.jupiter.api.Test;

/**
 * Does what the JDK's class above does with it when two threads use a socket for the first time: each finds it unbound,
 * and binds it.
 */
class AgentSocketTest {
    private static final InetAddress ANY = new InetSocketAddress(0).getAddress();

    @Test
    void whoBindsItWithItsFirstUseAfterAnotherThreadFindsItBound() throws IOException {
        AgentSocket socket = new AgentSocket(AgentOptions.parse("log=quiet"));
        socket.create();
        try {
            socket.bind(0, ANY);
            int port = socket.getLocalPort();
            socket.bind(0, ANY);
            assertThat(socket.getLocalPort()).isEqualTo(port).isPositive();
            assertThatThrownBy(() -> socket.bind(port, ANY))
                    .isInstanceOf(SocketException.class)
                    .hasMessage("Already bound");
            socket.close(); // by the class above, which closes what it could not bind
            assertThat(socket.getLocalPort()).isEqualTo(port);
        } finally {
            socket.close();
        }
    }
}
