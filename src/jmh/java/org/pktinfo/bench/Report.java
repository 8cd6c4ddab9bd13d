package org.pktinfo.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler.LegendPosition;

/** Writes tables and pictures. */
final class Report {
    /** Conditions of the measurement. */
    record Conditions(int rounds, int forks, double slice, String java) {}

    private static final List<String> OURS = List.of(
            "records", "pktinfo-socket", "batch-alone", "batch", "server", "netty-pktinfo", "segments", "batch-facts");

    private static final List<String> FACTS = List.of("batch-facts", "batch-alone", "c-batch-facts", "c-batch");

    private Report() {}

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    private static String number(double value, String format) {
        return Double.isNaN(value) ? "-" : format(format, value);
    }

    static String table(Results results) {
        List<String> ours = results.cell.variants().stream()
                .filter(name ->
                        OURS.contains(name) || Variants.SIZED.matcher(name).matches())
                .toList();
        StringBuilder text = new StringBuilder("### " + results.cell.name() + "\n\n| | ns a request |");
        ours.forEach(name -> text.append(" / ").append(name).append(" |"));
        text.append(" kreq/s | B | calls | sockets | fds | MB | p50 us | p90 us | wrong | lost |\n|---|---|");
        text.append("---|".repeat(ours.size() + 10)).append('\n');
        for (String variant : results.cell.variants()) {
            text.append("| ").append(variant).append(results.isSaturated(variant) ? "" : " (idle at times)");
            text.append(format(" | %.0f |", results.nanos(variant)));
            for (String name : ours) {
                Results.Spread ratio = results.ratio(name, variant);
                text.append(
                        name.equals(variant)
                                ? " |"
                                : format(" **%.2f** %.2f-%.2f |", ratio.median(), ratio.low(), ratio.high()));
            }
            text.append(format(" %.0f |", 1e6 / results.nanos(variant)));
            text.append(variant.startsWith("c-") ? " |" : format(" %.1f |", results.allocatedPerRequest(variant)));
            Results.Facts facts = results.facts.get(variant);
            text.append(
                    facts == null
                            ? " | | | | | |"
                            : format(
                                    " %.3f | %d | %d | %d | %.0f | %.0f |",
                                    facts.systemCalls(),
                                    facts.sockets(),
                                    facts.descriptors(),
                                    facts.residentKilobytes() / 1024,
                                    facts.p50(),
                                    facts.p90()));
            text.append(format(" %s | %s |\n", share(results.wrongShare(variant)), share(results.lostShare(variant))));
        }
        if (results.cell.variants().containsAll(FACTS)) {
            Results.Spread part = results.ownPart("batch-facts", "batch-alone", "c-batch-facts", "c-batch");
            text.append(format(
                    "\nOur part of all facts, in a request of batch-alone: **%.1f %%** %.1f to %.1f\n",
                    100 * part.median(), 100 * part.low(), 100 * part.high()));
        }
        return text.toString();
    }

    private static String share(double share) {
        return share == 0 ? "0" : share > 0.9995 ? "all" : number(100 * share, "%.2f %%");
    }

    /** Puts the tables between the markers of record.md in a folder, and the pictures beside it. */
    static void write(Path folder, List<Results> all, String startUp, Conditions conditions) throws Exception {
        Path file = folder.resolve("record.md");
        String text = Files.readString(file);
        int begin = text.indexOf("<!-- begin: tables -->\n");
        int end = text.indexOf("<!-- end: tables -->");
        if (begin < 0 || end < begin) {
            throw new IOException("no markers for the tables in " + file);
        }
        StringBuilder middle = new StringBuilder("<!-- begin: tables -->\n" + header(conditions));
        middle.append(picture(folder, "by-variant", byVariant(all)));
        middle.append(byAddresses(folder, all, "IPv4 addresses"));
        middle.append(byAddresses(folder, all, "IPv6 addresses"));
        middle.append(byAddresses(folder, all, "IPv6 addresses, veth"));
        all.forEach(results -> middle.append('\n').append(table(results)));
        middle.append('\n').append(startUp);
        Files.writeString(file, text.substring(0, begin) + middle + text.substring(end), StandardCharsets.UTF_8);
    }

    private static String header(Conditions conditions) throws IOException, InterruptedException {
        String cpu = Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                .filter(line -> line.startsWith("model name"))
                .findFirst()
                .orElse("unknown")
                .replaceAll(".*: ", "");
        String version = World.run(List.of(conditions.java, "-version"))
                .lines()
                .skip(1)
                .findFirst()
                .orElse("");
        return "\n" + LocalDate.now() + ", " + Runtime.getRuntime().availableProcessors() + " processors of " + cpu
                + ", Linux "
                + System.getProperty("os.version") + ", " + version + ", Netty 4.2.18; " + conditions.forks
                + " forks of "
                + conditions.rounds + " rounds, " + conditions.slice + " s each.\n\n";
    }

    private static String picture(Path folder, String name, Chart<?, ?> chart) throws IOException {
        chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
        VectorGraphicsEncoder.saveVectorGraphic(chart, folder.resolve(name).toString(), VectorGraphicsFormat.SVG);
        return "![" + chart.getTitle() + "](" + name + ".svg)\n";
    }

    private static CategoryChart byVariant(List<Results> all) {
        CategoryChart chart = new CategoryChartBuilder()
                .width(1000)
                .height(420)
                .title("CPU time of one request, loopback, one peer")
                .yAxisTitle("ns")
                .build();
        List<Results> cells = all.stream()
                .filter(results -> results.cell.name().matches("\\d+ B IPv[46]"))
                .toList();
        List<String> variants = cells.isEmpty() ? List.of() : cells.get(0).cell.variants();
        List<String> names = cells.stream().map(results -> results.cell.name()).toList();
        for (String variant : variants) {
            chart.addSeries(
                    variant,
                    names,
                    cells.stream().map(results -> results.nanos(variant)).toList());
        }
        return chart;
    }

    private static String byAddresses(Path folder, List<Results> all, String what) throws IOException {
        List<Results> cells = all.stream()
                .filter(results -> results.cell.name().matches("\\d+ " + what))
                .toList();
        if (cells.isEmpty()) {
            return "";
        }
        XYChart chart = new XYChartBuilder()
                .width(800)
                .height(420)
                .title("CPU time of one request by number of " + what)
                .xAxisTitle("addresses")
                .yAxisTitle("ns")
                .build();
        chart.getStyler().setXAxisLogarithmic(true);
        chart.getStyler().setYAxisLogarithmic(true);
        List<Integer> counts = new ArrayList<>();
        cells.forEach(results -> counts.add(results.cell.addresses()));
        for (String variant : cells.get(0).cell.variants()) {
            chart.addSeries(
                    variant,
                    counts,
                    cells.stream().map(results -> results.nanos(variant)).toList());
        }
        return picture(folder, "by-" + what.replaceAll("\\W+", "-"), chart);
    }
}
