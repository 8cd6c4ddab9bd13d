package org.pktinfo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Who uses whom, by bytecode and imports, as a constant may leave no trace in the former. Nested classes are their outer's. */
class StructureTest {
    private static final Path SOURCES = Path.of("src/main/java");
    private static final String ROOT = "org.pktinfo";
    private static final String INTERNAL = "org.pktinfo.internal";

    /** The one large circle there is, around the channel: whoever makes it smaller strikes names out here. */
    private static final Set<String> AROUND_THE_CHANNEL = Set.of(
            ROOT + ".DatagramBatch",
            ROOT + ".DatagramSlot",
            ROOT + ".Diagnosis",
            ROOT + ".GuardedArena",
            ROOT + ".Inbox",
            ROOT + ".JdkSocket",
            ROOT + ".Outbox",
            ROOT + ".PktInfoChannel",
            ROOT + ".SourceProof");

    private static final Pattern ARROW =
            Pattern.compile("^\\s+(org\\.pktinfo\\.[\\w.$]+)\\s+-> (org\\.pktinfo\\.[\\w.$]+)\\s", Pattern.MULTILINE);
    private static final Pattern IMPORT = Pattern.compile(
            "^import (?:static )?(org\\.pktinfo(?:\\.[a-z]\\w*)*\\.[A-Z]\\w*)[\\w.]*;", Pattern.MULTILINE);

    private static final Pattern ARROW_OUT =
            Pattern.compile("^\\s+(org\\.pktinfo\\.[\\w.$]+)\\s+-> (?!org\\.pktinfo\\.)(\\S+)\\s", Pattern.MULTILINE);

    /** The packages that are in the jars of the programs and not in that of the library. */
    private static final Set<String> PROGRAMS = Set.of(ROOT + ".agent", ROOT + ".cli");

    private static Map<String, Set<String>> outside;
    private static Map<String, Set<String>> bytecode;
    private static Map<String, Set<String>> imports;

    @BeforeAll
    static void look() throws IOException, URISyntaxException {
        String printed = jdeps();
        bytecode = arrows(ARROW, printed);
        outside = arrows(ARROW_OUT, printed);
        imports = imports();
    }

    private static String jdeps() throws IOException, URISyntaxException {
        Path classes = Path.of(PktInfoChannel.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        List<String> arguments = new ArrayList<>(List.of("-verbose:class", "-filter:none"));
        try (Stream<Path> files = Files.walk(classes.resolve("org/pktinfo"))) {
            files.map(Path::toString).filter(file -> file.endsWith(".class")).forEach(arguments::add);
        }
        StringWriter out = new StringWriter();
        PrintWriter printer = new PrintWriter(out);
        int exitCode =
                ToolProvider.findFirst("jdeps").orElseThrow().run(printer, printer, arguments.toArray(String[]::new));
        assertThat(exitCode).as(out.toString()).isZero();
        return out.toString();
    }

    private static Map<String, Set<String>> arrows(Pattern arrow, String printed) {
        Map<String, Set<String>> arrows = new TreeMap<>();
        arrow.matcher(printed).results().forEach(found -> add(arrows, outer(found.group(1)), outer(found.group(2))));
        return arrows;
    }

    private static String outer(String name) {
        return name.replaceFirst("\\$.*", "");
    }

    private static void add(Map<String, Set<String>> arrows, String from, String to) {
        arrows.computeIfAbsent(from, key -> new TreeSet<>()).add(to);
    }

    private static Map<String, Set<String>> imports() throws IOException {
        Map<String, Set<String>> imports = new TreeMap<>();
        try (Stream<Path> files = Files.walk(SOURCES)) {
            for (Path file :
                    (Iterable<Path>) files.filter(each -> each.toString().endsWith(".java"))::iterator) {
                String name =
                        SOURCES.relativize(file).toString().replace(".java", "").replace('/', '.');
                for (MatchResult line :
                        IMPORT.matcher(Files.readString(file)).results().toList()) {
                    add(imports, name, line.group(1));
                }
            }
        }
        return imports;
    }

    private static String packageOf(String name) {
        return name.substring(0, name.lastIndexOf('.'));
    }

    private static boolean isPublic(String name) {
        try {
            return Modifier.isPublic(Class.forName(name, false, StructureTest.class.getClassLoader())
                    .getModifiers());
        } catch (ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }

    /** The arrows out of both that a rule forbids, as text. */
    private static List<String> forbidden(Rule rule) {
        List<String> found = new ArrayList<>();
        for (Map<String, Set<String>> arrows : List.of(bytecode, imports)) {
            arrows.forEach((from, all) -> all.stream()
                    .filter(to -> rule.forbids(from, to))
                    .map(to -> from + " -> " + to)
                    .forEach(found::add));
        }
        return found;
    }

    private interface Rule {
        boolean forbids(String from, String to);
    }

    @Test
    void whatIsKnownToUseEachOtherIsSeenToDoSo() {
        assertThat(bytecode).hasSizeGreaterThan(50);
        assertThat(bytecode.get(ROOT + ".server.Worker")).contains(ROOT + ".DatagramBatch", INTERNAL + ".Deadline");
        assertThat(imports.get(ROOT + ".server.Worker")).contains(ROOT + ".DatagramBatch", INTERNAL + ".Deadline");
        assertThat(forbidden((from, to) -> !isPublic(to)))
                .contains(ROOT + ".Arena -> " + ROOT + ".Layout")
                .contains(ROOT + ".server.Worker -> " + ROOT + ".server.Counters");
    }

    @Test
    void noCircleIsLargerThanThreeButTheOneAroundTheChannel() {
        List<SortedSet<String>> large = Circles.of(bytecode).stream()
                .filter(circle -> circle.size() > 3)
                .toList();
        assertThat(large).containsExactly(new TreeSet<>(AROUND_THE_CHANNEL));
    }

    @Test
    void onlyPublicClassesAreUsedByOtherPackages() {
        assertThat(forbidden((from, to) -> !packageOf(from).equals(packageOf(to)) && !isPublic(to)))
                .isEmpty();
    }

    @Test
    void theMechanismKnowsNoTypeOfTheOtherPackages() {
        assertThat(forbidden((from, to) ->
                        packageOf(from).equals(INTERNAL) && !packageOf(to).equals(INTERNAL)))
                .isEmpty();
    }

    @Test
    void theRootKnowsNoPackageButTheMechanism() {
        assertThat(forbidden((from, to) -> packageOf(from).equals(ROOT)
                        && !packageOf(to).equals(ROOT)
                        && !packageOf(to).equals(INTERNAL)))
                .isEmpty();
    }

    @Test
    void theLibraryUsesNoProgram() {
        assertThat(forbidden((from, to) ->
                        PROGRAMS.contains(packageOf(to)) && !packageOf(from).equals(packageOf(to))))
                .isEmpty();
    }

    /** The compiler would not complain: it lets the whole module read what only cli does. */
    @Test
    void onlyTheProgramsUseWhatTheModuleDoesNotRequire() {
        assertThat(outside.get(ROOT + ".cli.PktInfoServer")).contains("picocli.CommandLine");
        assertThat(outside.get(ROOT + ".cli.DiagnosisJson")).contains("com.fasterxml.jackson.core.JsonGenerator");
        Pattern required = Pattern.compile("(java|javax\\.management|jdk\\.jfr|org\\.scijava\\.nativelib|org\\.slf4j"
                + "|org\\.jspecify|io\\.netty)\\..*");
        List<String> others = new ArrayList<>();
        outside.forEach((from, all) -> all.stream()
                .filter(to -> !PROGRAMS.contains(packageOf(from))
                        && !required.matcher(to).matches())
                .forEach(to -> others.add(from + " -> " + to)));
        assertThat(others).isEmpty();
    }
}
