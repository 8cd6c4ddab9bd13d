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
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Checks the dependencies between classes, by bytecode and by imports: a constant may leave no trace in bytecode.
 * Nested classes count as their outer class.
 */
class StructureTest {
    private static final Path SOURCES = Path.of("src/main/java");
    private static final String ROOT = "org.pktinfo";
    private static final String COMMON = ROOT + ".common";
    private static final String INTERNAL = ROOT + ".internal";

    /** Each package with those that it may use besides itself: a package missing here may use none. */
    private static final Map<String, Set<String>> BELOW = Map.of(
            COMMON,
            Set.of(),
            INTERNAL,
            Set.of(COMMON),
            ROOT,
            Set.of(INTERNAL, COMMON),
            ROOT + ".server",
            Set.of(ROOT, COMMON),
            ROOT + ".socket",
            Set.of(ROOT, COMMON),
            ROOT + ".netty",
            Set.of(ROOT, COMMON),
            ROOT + ".doctor",
            Set.of(ROOT, INTERNAL, COMMON),
            ROOT + ".cli",
            Set.of(ROOT + ".server", ROOT + ".doctor", ROOT, COMMON),
            ROOT + ".jvm",
            Set.of(INTERNAL),
            ROOT + ".agent",
            Set.of(INTERNAL));

    private static final Pattern ARROW =
            Pattern.compile("^\\s+(org\\.pktinfo\\.[\\w.$]+)\\s+-> (org\\.pktinfo\\.[\\w.$]+)\\s", Pattern.MULTILINE);
    private static final Pattern IMPORT = Pattern.compile(
            "^import (?:static )?(org\\.pktinfo(?:\\.[a-z]\\w*)*\\.(?:[A-Z]\\w*|\\*))[\\w.*]*;", Pattern.MULTILINE);

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

    /** Returns the arrows out of both that a rule forbids, as text. */
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
        assertThat(bytecode.get(ROOT + ".server.Worker")).contains(ROOT + ".DatagramBatch", COMMON + ".Deadline");
        assertThat(imports.get(ROOT + ".server.Worker")).contains(ROOT + ".DatagramBatch", COMMON + ".Deadline");
        assertThat(forbidden((from, to) -> !isPublic(to)))
                .contains(INTERNAL + ".Arena -> " + INTERNAL + ".NativeCalls")
                .contains(ROOT + ".server.Worker -> " + ROOT + ".server.Counters");
    }

    @Test
    void noCircleIsLargerThanThree() {
        assertThat(Circles.of(bytecode)).noneMatch(circle -> circle.size() > 3);
    }

    @Test
    void onlyPublicClassesAreUsedByOtherPackages() {
        assertThat(forbidden((from, to) -> !packageOf(from).equals(packageOf(to)) && !isPublic(to)))
                .isEmpty();
    }

    private static boolean isNotBelow(String from, String to) {
        return !packageOf(from).equals(packageOf(to))
                && !BELOW.getOrDefault(packageOf(from), Set.of()).contains(packageOf(to));
    }

    @Test
    void aPackageUsesOnlyThoseBelowIt() {
        assertThat(forbidden(StructureTest::isNotBelow)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "common.Hash, IpAddress",
        "common.Hash, internal.Memory",
        "internal.Memory, Source",
        "internal.Memory, server.RateLimit",
        "Arena, server.RateLimit",
        "PktInfoChannel, netty.BatchCache",
        "server.Worker, internal.Memory",
        "server.Worker, socket.PktInfoDatagramSocket",
        "socket.PktInfoDatagramSocket, internal.Memory",
        "netty.OutboundBatch, internal.Memory",
        "netty.OutboundBatch, server.RateLimit",
        "cli.IntRange, internal.Memory",
        "cli.IntRange, netty.BatchCache",
        "agent.Reporter, server.RateLimit",
        "unheard.Of, common.Hash"
    })
    void whatWouldGoUpwardsOrAsideIsFound(String from, String to) {
        assertThat(isNotBelow(ROOT + "." + from, ROOT + "." + to)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "import org.pktinfo.internal.Memory;",
                "import org.pktinfo.internal.Memory.Piece;",
                "import static org.pktinfo.internal.Memory.SIZE;",
                "import static org.pktinfo.internal.Memory.*;",
                "import org.pktinfo.internal.*;"
            })
    void anImportIsFoundInEveryForm(String line) {
        assertThat(IMPORT.matcher("package org.pktinfo.netty;\n\n" + line + "\n")
                        .results())
                .singleElement()
                .satisfies(found -> assertThat(packageOf(found.group(1))).isEqualTo(INTERNAL));
    }

    /** The compiler does not check this: it lets the whole module read the modules that only cli reads. */
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
