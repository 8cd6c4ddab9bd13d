package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.pktinfo.doctor.Diagnosis;
import org.pktinfo.doctor.Doctor;

/** The old names behave as the new ones. */
@SuppressWarnings("removal")
class DeprecatedNamesTest {
    @Test
    void theSelectionIsTheSame() {
        assertThat(SourceSelection.addressAsked()).isSameAs(SourceSelection.requestDestination());
    }

    @Test
    void theMemoryKnowsTheSameDestination() throws Exception {
        try (PktInfoChannel server = Loopback.open(PktInfoChannel.Family.DUAL_STACK);
                Loopback client = new Loopback()) {
            Datagram request = client.ask("127.0.0.2", server, new byte[1]);
            PeerMemory memory = new PeerMemory(8, Duration.ofMinutes(1));
            memory.remember(request.peer(), request.packetInfo());
            assertThat(memory.lastAsked(request.peer())).isNotNull().isSameAs(memory.lastDestination(request.peer()));
        }
    }

    @Test
    void aSlotKnowsTheSame() throws Exception {
        try (PktInfoChannel server = Loopback.open(PktInfoChannel.Family.DUAL_STACK);
                Loopback client = new Loopback()) {
            client.send("127.0.0.2", server, new byte[1]);
            DatagramBatch batch = server.newBatch(1, 16);
            assertThat(batch.receive(Loopback.SOON)).isEqualTo(1);
            assertThat(batch.slot(0).isHeldBack()).isEqualTo(batch.slot(0).wouldBlock());
        }
    }

    @Test
    void aDiagnosisSaysTheSame() throws Exception {
        Diagnosis diagnosis = Doctor.examine();
        assertThat(diagnosis.hostAddressesToldBy()).isEqualTo(diagnosis.hostAddressesFrom());
        assertThat(diagnosis.addressesLeftOut()).isEqualTo(diagnosis.omittedAddresses());
        assertThat(diagnosis.exchanges())
                .isNotEmpty()
                .allSatisfy(exchange -> assertThat(exchange.asked()).isEqualTo(exchange.destination()));
        assertThat(diagnosis.experiments())
                .isNotEmpty()
                .allSatisfy(experiment -> assertThat(experiment.asked()).isEqualTo(experiment.destination()));
    }
}
