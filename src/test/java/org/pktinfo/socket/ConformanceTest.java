package org.pktinfo.socket;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.DatagramSocket;
import java.net.MulticastSocket;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The cases with the JDK's own class and with the drop-in: the outcomes must be the same. */
@Timeout(60)
class ConformanceTest {
    static Stream<String> cases() {
        return SocketCases.CASES.keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void whatTheJdksSocketDoesOursDoesToo(String name) throws Exception {
        Object stock = SocketCases.run(name, DatagramSocket::new);
        Object ours = SocketCases.run(name, PktInfoDatagramSocket::new);
        assertThat(ours).isEqualTo(stock);
    }

    /** Uses the drop-in where a MulticastSocket is needed for its groups alone. */
    @ParameterizedTest
    @ValueSource(strings = {"groups", "groups: the system's interface, one that is none, none joined, closed"})
    void groupsAreThoseOfAMulticastSocket(String name) throws Exception {
        assertThat(SocketCases.run(name, PktInfoDatagramSocket::new))
                .isEqualTo(SocketCases.run(name, MulticastSocket::new));
    }

    /** A method that is not overridden would work on the unused socket of the superclass. */
    @Test
    void everyMethodIsOurs() {
        assertThat(DatagramSocket.class.getMethods())
                .filteredOn(method -> method.getDeclaringClass() == DatagramSocket.class)
                .filteredOn(method -> !Modifier.isStatic(method.getModifiers()))
                .allSatisfy(method -> assertThat(declared(method)).isNotNull());
    }

    private static Method declared(Method method) throws NoSuchMethodException {
        return PktInfoDatagramSocket.class.getDeclaredMethod(method.getName(), method.getParameterTypes());
    }
}
