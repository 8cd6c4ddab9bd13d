package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.pktinfo.doctor.ControlMessages;
import org.pktinfo.doctor.Diagnosis;
import org.pktinfo.netty.OptionsPacket;
import org.pktinfo.netty.PktInfoDatagramChannel;
import org.pktinfo.netty.PktInfoDatagramPacket;
import org.pktinfo.server.DatagramHandler;
import org.pktinfo.server.DatagramServer;
import org.pktinfo.server.RateLimit;
import org.pktinfo.socket.PktInfoDatagramSocket;

/**
 * All public methods and constructors, found in the compiled classes, and one valid value of each type as an argument.
 */
final class PublicApi implements AutoCloseable {
    private static final List<String> PACKAGES = List.of(
            "org.pktinfo", "org.pktinfo.doctor", "org.pktinfo.netty", "org.pktinfo.server", "org.pktinfo.socket");

    /** The types that only the Doctor makes, as its documentation says. */
    private static final List<Class<?>> MADE_BY_THE_DOCTOR = List.of(
            Diagnosis.class,
            Diagnosis.Exchange.class,
            Diagnosis.Experiment.class,
            Diagnosis.Reply.class,
            ControlMessages.class,
            ControlMessages.InPktinfo.class,
            ControlMessages.In6Pktinfo.class);

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final PktInfoChannel peer = open(PktInfoChannel.open().bind(new InetSocketAddress("127.0.0.1", 0)));
    final PktInfoChannel channel = open(PktInfoChannel.open().bind(new InetSocketAddress(0)));
    final DatagramBatch batch = channel.newBatch(2, 100);
    final DatagramServer server =
            open(DatagramServer.builder().payloadCapacity(100).start(request -> {}));
    final PktInfoDatagramSocket socket = open(new PktInfoDatagramSocket(0));
    final NettySamples netty = open(new NettySamples());
    final ByteBuffer payload = ByteBuffer.wrap(new byte[] {1, 2, 3});
    private final Datagram request;

    PublicApi() throws IOException {
        socket.setSoTimeout(1);
        request = ask();
        askAgain();
    }

    private <T extends AutoCloseable> T open(T resource) {
        opened.add(resource);
        return resource;
    }

    Endpoint peer() throws IOException {
        return Endpoint.of(peer.localAddress());
    }

    private Datagram ask() throws IOException {
        sendRequest();
        return channel.receive(Loopback.SOON);
    }

    private void sendRequest() throws IOException {
        InetSocketAddress to =
                new InetSocketAddress("127.0.0.2", channel.localAddress().getPort());
        peer.send(ByteBuffer.wrap(new byte[3]), Endpoint.of(to), Source.systemChoice());
    }

    /** Fills the batch's first slot. */
    void askAgain() throws IOException {
        sendRequest();
        batch.receive(Loopback.SOON);
    }

    Datagram received() throws IOException {
        return peer.receive(Loopback.SOON);
    }

    /** Returns true if one request is received and one reply is sent, whatever went wrong before. */
    boolean stillWorks() throws IOException {
        Datagram asked = ask();
        channel.reply(asked, new byte[] {9});
        Datagram answer = received();
        return answer != null && answer.payload()[0] == 9 && payload.position() == 0 && payload.remaining() == 3;
    }

    static List<Class<?>> types() throws IOException, URISyntaxException, ClassNotFoundException {
        Path root = Path.of(PktInfoChannel.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        List<Class<?>> types = new ArrayList<>();
        for (String name : PACKAGES) {
            try (Stream<Path> files = Files.list(root.resolve(name.replace('.', '/')))) {
                for (Path file : (Iterable<Path>) files.sorted()::iterator) {
                    String simple = file.getFileName().toString();
                    if (simple.endsWith(".class") && !simple.startsWith("package-info")) {
                        types.add(Class.forName(name + "." + simple.replace(".class", "")));
                    }
                }
            }
        }
        types.removeIf(type -> !isPublic(type));
        return types;
    }

    private static boolean isPublic(Class<?> type) {
        return Modifier.isPublic(type.getModifiers())
                && (type.getDeclaringClass() == null || isPublic(type.getDeclaringClass()));
    }

    /**
     * Returns the executables without those that the compiler generates, and those that a user implements and the
     * library calls.
     */
    static List<Executable> executables() throws IOException, URISyntaxException, ClassNotFoundException {
        List<Executable> all = new ArrayList<>();
        for (Class<?> type : types()) {
            if (!MADE_BY_THE_DOCTOR.contains(type)) {
                all.addAll(Arrays.asList(type.getConstructors()));
            }
            Stream.of(type.getDeclaredMethods())
                    .filter(method -> Modifier.isPublic(method.getModifiers()) && !method.isSynthetic())
                    .filter(method -> !type.isEnum() || !Modifier.isStatic(method.getModifiers()))
                    .filter(method -> !method.getName().equals("equals"))
                    .filter(method -> type != DatagramHandler.class && type != org.pktinfo.Reconnection.class)
                    .sorted(Comparator.comparing(Method::toString))
                    .forEach(all::add);
        }
        return all;
    }

    /** Returns the name, for example {@code Source.of(IpAddress,int)}. */
    static String name(Executable executable) {
        String type = executable.getDeclaringClass().getName().replaceAll("^.*\\.", "");
        return type
                + (executable instanceof Method ? "." + executable.getName() : "")
                + Arrays.stream(executable.getParameterTypes())
                        .map(Class::getSimpleName)
                        .collect(Collectors.joining(",", "(", ")"));
    }

    /** Returns valid arguments for a call. */
    Object[] arguments(Executable executable) throws IOException {
        Object[] arguments = new Object[executable.getParameterCount()];
        for (int i = 0; i < arguments.length; i++) {
            Class<?> type = executable.getParameterTypes()[i];
            // Behind a group, an address is the source to include.
            arguments[i] =
                    i > 0 && type == InetAddress.class ? InetAddress.getByName("127.0.0.1") : sample(type, executable);
        }
        return arguments;
    }

    private static boolean takesAGroup(Executable executable) {
        return executable.getName().matches("join|joinGroup|leaveGroup|block");
    }

    private Object sample(Class<?> type, Executable executable) throws IOException {
        Object[] known = {
            PktInfoChannel.Family.IPV4,
            channel,
            new InetSocketAddress("127.0.0.1", 0),
            payload,
            peer(),
            Source.systemChoice(),
            request,
            request.packetInfo(),
            request.facts(),
            batch.slot(0).facts(),
            SendOptions.NONE,
            Instant.EPOCH,
            NetworkError.Origin.ICMP,
            peer().address(),
            new byte[] {1},
            Duration.ofMillis(1),
            new DatagramPacket(new byte[3], 3, InetAddress.getByName("127.0.0.1"), peer().port()),
            NetworkInterface.getByName("lo"),
            InetAddress.getByName(takesAGroup(executable) ? "239.1.2.3" : "127.0.0.1"),
            StandardSocketOptions.SO_REUSEADDR,
            "reason",
            Map.of(),
            new PeerMemory(),
            RateLimit.of(1),
            ChannelStats.NONE,
            Source.ControlMessage.NONE,
            Diagnosis.Form.NONE,
            SourceSelection.requestDestination(),
            (DatagramHandler) handled -> {},
            (org.pktinfo.Reconnection) () -> {},
        };
        if (NettySamples.isNettys(type)) {
            return netty.sample(type);
        }
        if (type == InetSocketAddress.class && takesAGroup(executable)) {
            return new InetSocketAddress("239.1.2.3", 0);
        }
        if (type == int.class) {
            return executable.getDeclaringClass() == PeerMemory.class
                    ? 8
                    : executable.getName().equals("slot") ? 0 : 1;
        }
        if (type == long.class) {
            return 1L;
        }
        if (type == boolean.class || type == Object.class) {
            return true;
        }
        if (type == DatagramChannel.class) {
            return open(DatagramChannel.open());
        }
        return Arrays.stream(known)
                .filter(type::isInstance)
                .findFirst()
                .orElseThrow(() -> new AssertionError(
                        "no sample of " + type + " for " + name(executable) + ": add one, and its bad values"));
    }

    private List<?> receivers(Class<?> type) throws IOException {
        if (type == SourceSelection.class) {
            return List.of(
                    SourceSelection.requestDestination(),
                    SourceSelection.interfacePinned(),
                    SourceSelection.in6PktinfoFirst(),
                    SourceSelection.systemChoice(),
                    SourceSelection.fixed(peer().address()));
        }
        Object[] known = {
            channel,
            batch,
            batch.slot(0),
            server,
            DatagramServer.builder(),
            socket,
            request,
            request.packetInfo(),
            request.facts(),
            batch.slot(0).facts(),
            SendOptions.NONE,
            Fragmentation.SYSTEM,
            new PacketReport(request.packetInfo(), request.facts()),
            new NetworkError(peer(), null, NetworkError.Origin.LOCAL, 0, 0, 111, 0),
            peer(),
            peer().address(),
            Source.systemChoice(),
            SendException.noSource(peer(), "none"),
            new PeerMemory(),
            server.stats(),
            channel.stats(),
            RateLimit.of(1),
            Diagnosis.Behaviour.UNKNOWN,
            new Diagnosis(
                    Diagnosis.Behaviour.UNKNOWN, Map.of(), "field", "nobody", new TreeMap<>(), List.of(), List.of(), 0),
            new Diagnosis.Exchange(PktInfoChannel.Family.IPV4, peer().address(), null, null, null, false),
            new Diagnosis.Experiment(PktInfoChannel.Family.IPV4, Set.of(), peer().address(), null, List.of(), null),
            new Diagnosis.Reply(Diagnosis.Form.NONE, null, null),
            new ControlMessages(null, null, false),
            new ControlMessages.InPktinfo(peer().address(), peer().address(), 0),
            new ControlMessages.In6Pktinfo(peer().address(), 0),
        };
        if (PktInfoDatagramPacket.class == type) {
            return List.of(netty.packet(request.packetInfo()));
        }
        if (OptionsPacket.class == type) {
            return List.of(netty.packetWithOptions());
        }
        if (PktInfoDatagramChannel.class == type) {
            return List.of(netty.channel());
        }
        return Arrays.stream(known).filter(type::isInstance).limit(1).toList();
    }

    /** Calls it on every kind of receiver; returns the exception of each, null if there was none. */
    List<Throwable> call(Executable executable, Object... arguments) throws IOException, ReflectiveOperationException {
        List<?> receivers = Modifier.isStatic(executable.getModifiers()) || executable instanceof Constructor
                ? Arrays.asList((Object) null)
                : receivers(executable.getDeclaringClass());
        if (receivers.isEmpty()) {
            throw new AssertionError("nothing to call " + name(executable) + " on: add a receiver");
        }
        List<Throwable> thrown = new ArrayList<>();
        for (Object receiver : receivers) {
            thrown.add(callOn(receiver, executable, arguments));
        }
        return thrown;
    }

    Throwable callOn(Object receiver, Executable executable, Object... arguments) throws ReflectiveOperationException {
        executable.setAccessible(true);
        try {
            Object result = executable instanceof Method method
                    ? method.invoke(receiver, arguments)
                    : ((Constructor<?>) executable).newInstance(arguments);
            if (result instanceof AutoCloseable resource) {
                open(resource);
            }
            return result == null ? null : netty.failure(result);
        } catch (InvocationTargetException e) {
            return e.getCause();
        }
    }

    /** Makes a test with new objects, after which everything must still work. */
    static DynamicTest test(String name, ThrowingRun run) {
        return DynamicTest.dynamicTest(name, () -> {
            try (PublicApi api = new PublicApi()) {
                run.with(api);
                assertThat(api.stillWorks()).isTrue();
            }
        });
    }

    interface ThrowingRun {
        void with(PublicApi api) throws Exception;
    }

    static void assertNotNative(Throwable thrown) {
        assertThat(thrown.getStackTrace())
                .noneMatch(frame -> frame.getClassName().endsWith(".NativeCalls"));
    }

    /**
     * Returns true if the drop-in only inherits it: the JDK documents it, and the drop-in behaves as the JDK's own
     * socket.
     */
    static boolean isTheJdks(Executable executable) {
        return executable instanceof Method method
                && method.getDeclaringClass() == PktInfoDatagramSocket.class
                && Arrays.stream(DatagramSocket.class.getMethods())
                        .anyMatch(jdks -> jdks.getName().equals(method.getName())
                                && Arrays.equals(jdks.getParameterTypes(), method.getParameterTypes()));
    }

    static Throwable jdkThrows(Method method, Object... arguments) throws Exception {
        try (DatagramSocket jdk = new DatagramSocket();
                PublicApi api = new PublicApi()) {
            jdk.setSoTimeout(1);
            Throwable thrown = api.callOn(
                    jdk, DatagramSocket.class.getMethod(method.getName(), method.getParameterTypes()), arguments);
            return thrown == null ? new AssertionError("the JDK takes it") : thrown;
        }
    }

    @Override
    public void close() throws IOException {
        for (AutoCloseable resource : opened) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IOException("cannot close " + resource, e);
            }
        }
    }

    static SocketAddress unresolved() {
        return InetSocketAddress.createUnresolved("nowhere.invalid", 1);
    }
}
