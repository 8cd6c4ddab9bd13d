import io.ktor.network.selector.SelectorManager
import io.ktor.network.sockets.Datagram
import io.ktor.network.sockets.InetSocketAddress
import io.ktor.network.sockets.aSocket
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking

/** Sends each datagram back, with Ktor. */
fun main(arguments: Array<String>) = runBlocking {
    val socket = aSocket(SelectorManager(Dispatchers.IO)).udp().bind(InetSocketAddress("::", arguments[0].toInt()))
    println("listening")
    for (request in socket.incoming) {
        socket.send(Datagram(request.packet, request.address))
    }
}
