/**
 * UDP in which a reply leaves from the very address the request was sent to.
 *
 * <p>Linux only. The native library is loaded when the first channel is opened, so a program on JDK 24 or later wants
 * {@code --enable-native-access=org.pktinfo} (module path) or {@code --enable-native-access=ALL-UNNAMED} (class path).
 */
module org.pktinfo {
    requires org.scijava.nativelib;
    // Nothing here logs through it: native-lib-loader does, and an automatic module cannot ask for it itself.
    requires org.slf4j;
    requires static org.jspecify;
    requires static io.netty.buffer;
    requires static io.netty.common;
    requires static io.netty.transport;
    requires static io.netty.transport.unix.common;
    // The program runs where they are missing, without events and beans.
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
