package org.pktinfo.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.doctor.Doctor;
import picocli.CommandLine.IVersionProvider;

/** The data for a bug report: the versions of all parts between the program and the wire. */
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        return lines().toArray(String[]::new);
    }

    static List<String> lines() {
        return facts().entrySet().stream()
                .map(fact -> fact.getKey() + " " + fact.getValue())
                .toList();
    }

    /** Returns the facts in the order in which they are printed. */
    static Map<String, String> facts() {
        String version = PktInfoServer.class.getPackage().getImplementationVersion();
        Throwable reason = PktInfoChannel.unsupportedReason();
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("pktinfo", version == null ? "(not from its jar)" : version);
        facts.put("JDK", property("java.runtime.version") + ", " + property("java.vendor"));
        facts.put("kernel", property("os.name") + " " + property("os.version"));
        facts.put("architecture", property("os.arch"));
        facts.put("libc", reason == null ? Doctor.libcVersion() : "unknown");
        facts.put("native library", reason == null ? Doctor.libraryOrigin() : String.valueOf(reason.getMessage()));
        facts.put("segmentation", Doctor.segmentation());
        return facts;
    }

    private static String property(String name) {
        return String.valueOf(System.getProperty(name));
    }
}
