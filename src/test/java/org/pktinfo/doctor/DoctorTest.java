package org.pktinfo.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.pktinfo.Environment;
import org.pktinfo.IpAddress;
import org.pktinfo.Loopback;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.PktInfoSocketOptions;
import org.pktinfo.SourceSelection;
import org.pktinfo.doctor.Diagnosis.Behaviour;
import org.pktinfo.doctor.Diagnosis.Exchange;
import org.pktinfo.doctor.Diagnosis.Experiment;
import org.pktinfo.doctor.Diagnosis.Form;
import org.pktinfo.doctor.Diagnosis.Proof;
import org.pktinfo.doctor.Diagnosis.SocketOption;
import org.pktinfo.it.support.Tuned;

class DoctorTest {
    private static final IpAddress ALIAS = ControlMessages.ipv4(0x7f00_0002);
    private static final IpAddress PRIMARY = ControlMessages.ipv4(0x7f00_0001);

    private static List<Experiment> at(Diagnosis diagnosis, Family socket, String asked) throws Exception {
        IpAddress address = Loopback.address(asked);
        return diagnosis.experiments().stream()
                .filter(experiment -> experiment.socket() == socket
                        && experiment.destination().equals(address))
                .toList();
    }

    @Test
    void onThisHostTheDefaultPolicyIsRightEverywhere() throws Exception {
        Diagnosis diagnosis = Doctor.examine();
        assertThat(diagnosis.exchanges()).allMatch(exchange -> exchange.isRight() || !exchange.available());
        assertThat(diagnosis.isRight()).isTrue();
        assertThat(diagnosis.proofs().get(Family.IPV4)).isEqualTo(Proof.HONOURED);
        if (Environment.hasIpv6() && !Boolean.getBoolean("java.net.preferIPv4Stack")) {
            assertThat(diagnosis.proofs())
                    .hasSize(3)
                    .allSatisfy((family, proof) -> assertThat(proof).isEqualTo(Proof.HONOURED));
        }
        assertThat(diagnosis.hostAddressesFrom()).isEqualTo("the routing table");
        assertThat(diagnosis.descriptorFoundBy()).startsWith("sun.nio.ch.DatagramChannelImpl.");
    }

    @Test
    void theExperimentsShowTheWrongSourceOfAReplyWithoutAControlMessageAndTheRightOneWithIt() throws Exception {
        List<Experiment> found = at(Doctor.examine(), Family.IPV4, "127.0.0.2");
        assertThat(found).hasSize(1);
        Experiment experiment = found.get(0);
        assertThat(experiment.options()).containsExactly(SocketOption.IP_PKTINFO);
        assertThat(experiment.received())
                .isEqualTo(new ControlMessages(new ControlMessages.InPktinfo(ALIAS, ALIAS, 1), null, false));
        assertThat(experiment.source(Form.NONE)).isEqualTo(PRIMARY);
        assertThat(experiment.source(Form.IN_PKTINFO)).isEqualTo(ALIAS);
        assertThat(experiment.source(Form.IN6_PKTINFO)).as("ignored on AF_INET").isEqualTo(PRIMARY);
        assertThat(experiment.source(Form.BOTH)).isEqualTo(ALIAS);
        assertThat(experiment.source(Form.BOTH_IN_PKTINFO_FIRST))
                .as("not tried")
                .isNull();
    }

    @Test
    void withEverythingEachCombinationOfOptionsIsTriedAndWhatTheKernelDoesNotHaveIsNotAvailable() throws Exception {
        Diagnosis diagnosis = Doctor.examineEverything();
        List<Experiment> experiments = at(diagnosis, Family.IPV4, "127.0.0.2");
        assertThat(experiments)
                .extracting(Experiment::options)
                .containsExactly(Set.of(), Set.of(SocketOption.IP_PKTINFO));
        assertThat(experiments.get(0).received()).isEqualTo(new ControlMessages(null, null, false));
        assertThat(experiments.get(1).source(Form.BOTH_IN_PKTINFO_FIRST)).isEqualTo(ALIAS);
        assertThat(diagnosis.omittedAddresses()).isZero();
        assertThat(diagnosis.experiments().stream()
                        .filter(experiment -> experiment.socket() == Family.IPV4 && experiment.notAvailable() != null)
                        .map(Experiment::notAvailable))
                .containsExactly(
                        "setsockopt(IPV6_RECVPKTINFO): ENOPROTOOPT (92)",
                        "setsockopt(IPV6_RECVPKTINFO): ENOPROTOOPT (92)");
    }

    @Test
    void aBroadcastRequestIsExpectedToBeAnsweredFromTheLocalAddressThatTheKernelNames() throws Exception {
        IpAddress broadcast = Loopback.address("127.255.255.255");
        List<Exchange> exchanges = Doctor.examine().exchanges().stream()
                .filter(exchange -> exchange.destination().equals(broadcast) && exchange.socket() == Family.IPV4)
                .toList();
        assertThat(exchanges).containsExactly(new Exchange(Family.IPV4, broadcast, PRIMARY, PRIMARY, null, true));
    }

    @Test
    void theBehaviourAgreesWithWhatADatagramOnADualStackSocketShows() throws Exception {
        Behaviour behaviour = Doctor.examine().behaviour();
        try (PktInfoChannel server = Loopback.open(Family.DUAL_STACK);
                Loopback client = new Loopback()) {
            boolean in6Came = client.ask("127.0.0.2", server).packetInfo().in6Pktinfo();
            IpAddress source = client.exchange("127.0.0.2", server, SourceSelection.in6PktinfoFirst());
            if (!Environment.hasIpv6() || Boolean.getBoolean("java.net.preferIPv4Stack")) {
                assertThat(behaviour).isEqualTo(Behaviour.NO_DUAL_STACK);
            } else if (in6Came) {
                assertThat(behaviour)
                        .isEqualTo(source.equals(ALIAS) ? Behaviour.BOTH_HONOURED : Behaviour.IN6_PKTINFO_IGNORED);
            } else {
                assertThat(behaviour).isEqualTo(Behaviour.ONLY_IN_PKTINFO);
            }
        }
    }

    @Test
    void theSocketOptionsAreThoseThatCanBeSet() throws Exception {
        Map<String, Boolean> found = Doctor.examine().socketOptions();
        assertThat(found.keySet())
                .containsExactlyElementsOf(PktInfoSocketOptions.all().stream()
                        .map(java.net.SocketOption::name)
                        .sorted()
                        .toList());
        try (PktInfoChannel channel = PktInfoChannel.open()) {
            for (String sample : List.of("RECEIVE_MARK=true", "FREEBIND=true", "FRAGMENTATION=OMIT", "MARK=1")) {
                boolean lacks = Tuned.attempt(channel, sample).startsWith("java.lang.UnsupportedOperationException: ");
                assertThat(found).as(sample).containsEntry(sample.replaceAll("=.*", ""), !lacks);
            }
        }
    }

    private static Diagnosis diagnosis(Exchange... exchanges) {
        return new Diagnosis(
                Behaviour.BOTH_HONOURED,
                Map.of(),
                "field",
                "nobody",
                new TreeMap<>(),
                List.of(exchanges),
                List.of(),
                0);
    }

    @Test
    void oneWrongSourceOrOneLostReplyMakesItWrongAndWhatCannotBeAskedDoesNot() {
        Exchange right = new Exchange(Family.IPV4, ALIAS, ALIAS, ALIAS, null, true);
        Exchange wrong = new Exchange(Family.IPV4, ALIAS, ALIAS, PRIMARY, null, true);
        Exchange lost = new Exchange(Family.IPV4, ALIAS, ALIAS, null, "the reply was lost", true);
        Exchange notAvailable = new Exchange(Family.IPV6, ALIAS, null, null, "no IPv6", false);
        assertThat(diagnosis(right, right).isRight()).isTrue();
        assertThat(diagnosis(right, notAvailable).isRight()).isTrue();
        assertThat(diagnosis(right, wrong).isRight()).isFalse();
        assertThat(diagnosis(right, lost).isRight()).isFalse();
        assertThat(diagnosis(notAvailable).isRight()).as("nothing was tried").isFalse();
    }
}
