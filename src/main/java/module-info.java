/**
 * UDP in which a reply leaves from the very address the request was sent to.
 *
 * <p>An echo server on all addresses of a host:
 *
 * <pre>{@code
 * try (PktInfoChannel channel = PktInfoChannel.open().bind(new InetSocketAddress(9999))) {
 *     while (true) {
 *         Datagram request = channel.receive();
 *         channel.reply(request, request.payload());
 *     }
 * }
 * }</pre>
 *
 * <p>The layers, each of which uses those below it only:
 *
 * <pre>
 *  unchanged programs          servers                        event loops           diagnosis
 * +-------------------+ +-------------------------------+ +---------------------+ +------------------+
 * | org.pktinfo.jvm   | | org.pktinfo.server            | | org.pktinfo.netty   | | org.pktinfo      |
 * | (agent)           | | org.pktinfo.socket            | |                     | |        .doctor   |
 * +---------+---------+ +---------------+---------------+ +----------+----------+ +--------+---------+
 *           |           +---------------+----------------------------+---------------------+---------+
 *           |           | org.pktinfo   PktInfoChannel, DatagramBatch, SourceSelection: policy       |
 *           |           +---------------+------------------------------------------------------------+
 *           |                           | sockets, waiting, arenas of slots: org.pktinfo.internal
 * +---------+---------------------------+------------------------------------------------------------+
 * | native library   recvmsg(2), sendmsg(2), recvmmsg(2), sendmmsg(2) and control messages: mechanism |
 * +---------------------------------------------------------------------------------------------------+
 * </pre>
 *
 * <p>Linux only. The native library is loaded when the first channel is opened. On JDK 24 and later a program passes
 * {@code --enable-native-access=org.pktinfo} (module path) or {@code --enable-native-access=ALL-UNNAMED} (class path),
 * or the JVM prints a warning.
 */
module org.pktinfo {
    requires org.scijava.nativelib;
    // For native-lib-loader, which logs through it: an automatic module cannot require it itself.
    requires org.slf4j;
    requires static org.jspecify;
    requires static io.netty.buffer;
    requires static io.netty.common;
    requires static io.netty.transport;
    requires static io.netty.transport.unix.common;
    // Without them the library runs without events and beans.
    requires static jdk.jfr;
    requires static java.management;

    exports org.pktinfo;
    exports org.pktinfo.doctor;
    exports org.pktinfo.jvm;
    exports org.pktinfo.netty;
    exports org.pktinfo.server;
    exports org.pktinfo.socket;

    uses org.slf4j.spi.SLF4JServiceProvider;
}
