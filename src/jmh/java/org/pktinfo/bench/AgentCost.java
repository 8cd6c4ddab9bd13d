package org.pktinfo.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Compares servers that use the JDK's classes with the same servers under pktinfo-agent.jar. The kernel itself takes
 * time for reporting the request destination and setting the source address, in a C program too. That time is measured
 * in the same rounds; the cost of the agent is the rest.
 */
final class AgentCost {
    static final int LEAST_ROUNDS = 40;

    private static final List<String> STOCK = List.of("selector", "channel", "socket");
    private static final String WITHOUT = "c-recvfrom";
    private static final String WITH = "c-single";

    private final StringBuilder rows = new StringBuilder("| JDK | peers | | ns a request | / stock | more, ns | "
            + "beyond the kernel's price, ns |\n|---|---|---|---|---|---|---|\n");

    static List<Cell> cells() {
        List<String> variants = new ArrayList<>(List.of(WITHOUT, WITH));
        for (String stock : STOCK) {
            variants.addAll(List.of(stock, stock + Child.AGENT));
        }
        String address = Cell.IPV4_LOOPBACK;
        return List.of(
                new Cell("64 B IPv4", false, address, 1, 64, 1, 64, variants),
                new Cell("64 B IPv4, 64 peers, each alone", false, address, 1, 64, 64, 1, variants));
    }

    void add(String java, Results results) throws Exception {
        String version = World.run(List.of(java, "-version")).replaceAll("(?s).*?\"(.*?)\".*", "$1");
        List<Double> kernel = results.more(WITH, WITHOUT);
        add(version, results, "C", WITHOUT, WITH, "");
        for (String stock : STOCK) {
            List<Double> beyond = results.more(stock + Child.AGENT, stock);
            for (int i = 0; i < beyond.size(); i++) {
                beyond.set(i, beyond.get(i) - kernel.get(i));
            }
            add(version, results, stock, stock, stock + Child.AGENT, " " + text(beyond, "%.0f"));
        }
    }

    private void add(String version, Results results, String name, String without, String with, String beyond) {
        rows.append("| ")
                .append(version)
                .append(" | ")
                .append(results.cell.peers())
                .append(" | ")
                .append(name);
        rows.append(results.isSaturated(without) && results.isSaturated(with) ? "" : " (idle at times)");
        rows.append(String.format(
                Locale.ROOT,
                " | %.0f, %.0f | %s | %s |%s |%n",
                results.nanos(without),
                results.nanos(with),
                text(results.ratio(without, with), "%.3f"),
                text(results.more(with, without), "%.0f"),
                beyond));
    }

    private static String text(List<Double> values, String format) {
        return text(Results.Spread.of(values), format);
    }

    private static String text(Results.Spread spread, String format) {
        String all = "**" + format + "** " + format + " to " + format;
        return String.format(Locale.ROOT, all, spread.median(), spread.low(), spread.high());
    }

    /** Returns the medians, with the quartiles, of all rounds. */
    String table() {
        return rows.toString();
    }
}
