package org.pktinfo.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.IOException;
import java.io.StringWriter;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pktinfo.IpAddress;
import org.pktinfo.PktInfoChannel.Family;
import org.pktinfo.doctor.ControlMessages;
import org.pktinfo.doctor.Diagnosis;
import org.pktinfo.doctor.Diagnosis.Exchange;
import org.pktinfo.doctor.Diagnosis.Experiment;
import org.pktinfo.doctor.Diagnosis.Proof;
import org.pktinfo.doctor.Diagnosis.Reply;
import org.pktinfo.doctor.Diagnosis.SocketOption;

/** A diagnosis for programs: one JSON object; addresses as text, missing values as null. */
final class DiagnosisJson {
    private final JsonGenerator json;

    private DiagnosisJson(JsonGenerator json) {
        this.json = json;
    }

    static String of(@Nullable Diagnosis diagnosis) throws IOException {
        StringWriter text = new StringWriter();
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
        printer.indentArraysWith(new DefaultIndenter("  ", "\n"));
        printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
        try (JsonGenerator generator = new JsonFactory().createGenerator(text)) {
            generator.setPrettyPrinter(printer);
            new DiagnosisJson(generator).write(diagnosis);
        }
        return text + "\n";
    }

    private void write(@Nullable Diagnosis diagnosis) throws IOException {
        json.writeStartObject();
        json.writeObjectFieldStart("environment");
        for (Map.Entry<String, String> fact : Version.facts().entrySet()) {
            json.writeStringField(fact.getKey(), fact.getValue());
        }
        json.writeEndObject();
        json.writeBooleanField("supported", diagnosis != null);
        json.writeBooleanField("right", diagnosis != null && diagnosis.isRight());
        if (diagnosis != null) {
            diagnosis(diagnosis);
        }
        json.writeEndObject();
    }

    private void diagnosis(Diagnosis diagnosis) throws IOException {
        json.writeStringField("behaviour", diagnosis.behaviour().name());
        json.writeObjectFieldStart("source");
        for (Family family : Family.values()) {
            Proof proof = diagnosis.proofs().getOrDefault(family, Proof.NOT_TESTED);
            json.writeStringField(family.name(), proof.name());
        }
        json.writeEndObject();
        json.writeStringField("descriptor", diagnosis.descriptorFoundBy());
        json.writeStringField("hostAddressesToldBy", diagnosis.hostAddressesFrom());
        json.writeObjectFieldStart("socketOptions");
        for (Map.Entry<String, Boolean> option : diagnosis.socketOptions().entrySet()) {
            json.writeBooleanField(option.getKey(), option.getValue());
        }
        json.writeEndObject();
        json.writeNumberField("addressesLeftOut", diagnosis.omittedAddresses());
        json.writeArrayFieldStart("exchanges");
        for (Exchange exchange : diagnosis.exchanges()) {
            exchange(exchange);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("experiments");
        for (Experiment experiment : diagnosis.experiments()) {
            experiment(experiment);
        }
        json.writeEndArray();
    }

    private void exchange(Exchange exchange) throws IOException {
        json.writeStartObject();
        json.writeStringField("socket", exchange.socket().name());
        address("asked", exchange.destination());
        json.writeBooleanField("available", exchange.available());
        json.writeBooleanField("right", exchange.isRight());
        address("expected", exchange.expected());
        address("source", exchange.source());
        json.writeStringField("problem", exchange.problem());
        json.writeEndObject();
    }

    private void experiment(Experiment experiment) throws IOException {
        json.writeStartObject();
        json.writeStringField("socket", experiment.socket().name());
        json.writeArrayFieldStart("options");
        for (SocketOption option : experiment.options()) {
            json.writeString(option.name());
        }
        json.writeEndArray();
        address("asked", experiment.destination());
        json.writeStringField("notAvailable", experiment.notAvailable());
        received(experiment.received());
        json.writeArrayFieldStart("replies");
        for (Reply reply : experiment.replies()) {
            json.writeStartObject();
            json.writeStringField("form", reply.form().name());
            address("source", reply.source());
            json.writeStringField("error", reply.error());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private void received(@Nullable ControlMessages received) throws IOException {
        if (received == null) {
            json.writeNullField("received");
            return;
        }
        ControlMessages.InPktinfo in = received.inPktinfo();
        ControlMessages.In6Pktinfo in6 = received.in6Pktinfo();
        json.writeObjectFieldStart("received");
        if (in == null) {
            json.writeNullField("in_pktinfo");
        } else {
            json.writeObjectFieldStart("in_pktinfo");
            address("ipi_addr", in.destination());
            address("ipi_spec_dst", in.local());
            json.writeNumberField("ipi_ifindex", in.interfaceIndex());
            json.writeEndObject();
        }
        if (in6 == null) {
            json.writeNullField("in6_pktinfo");
        } else {
            json.writeObjectFieldStart("in6_pktinfo");
            json.writeStringField("ipi6_addr", (in6.address().isIpv4() ? "::ffff:" : "") + in6.address());
            json.writeNumberField("ipi6_ifindex", in6.interfaceIndex());
            json.writeEndObject();
        }
        json.writeBooleanField("in6_pktinfo_first", received.in6First());
        json.writeEndObject();
    }

    private void address(String name, @Nullable IpAddress address) throws IOException {
        json.writeStringField(name, address == null ? null : address.toString());
    }
}
