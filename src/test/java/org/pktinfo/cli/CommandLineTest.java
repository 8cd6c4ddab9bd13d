package org.pktinfo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * Every option of every command, with a missing, malformed, repeated or contradictory value: one line that names the
 * value and the allowed ones, and exit code 2. The options are those that picocli knows: a new one without its bad
 * values fails here.
 */
class CommandLineTest {
    /** A wrong value of one argument; the line must have each of the texts. */
    private record Bad(String value, List<String> named) {}

    private static Bad bad(String value, String... named) {
        return new Bad(value, List.of(named));
    }

    private static List<Bad> whole(int least, int most) {
        List<Bad> values = new ArrayList<>();
        String range = "in " + least + " to " + most;
        for (String value : new String[] {
            "x",
            "",
            " ",
            "1.5",
            "0x10",
            "99999999999999999999",
            "2147483648",
            "-2147483649",
            "\u0663",
            "1\n2",
            String.valueOf(least - 1L),
            String.valueOf(most + 1L)
        }) {
            values.add(bad(value, range));
        }
        return values;
    }

    private static List<Bad> addresses(String... more) {
        List<Bad> values = new ArrayList<>();
        for (String value : new String[] {
            "",
            "nowhere.invalid",
            "localhost",
            "1",
            "1.2.3",
            "127.0.0.256",
            "0127.0.0.1",
            "127.0.0.1 ",
            "1.2.3.4/24",
            ":::",
            "::1::",
            "2001:db8::g",
            "[::1]",
            "fe80::1%nosuchinterface"
        }) {
            values.add(bad(value, "192.0.2.1", "2001:db8::1"));
        }
        for (String value : more) {
            values.add(bad(value));
        }
        return values;
    }

    private static List<Bad> prefixed(String prefix, List<Bad> values) {
        return values.stream()
                .map(each -> new Bad(prefix + each.value, each.named))
                .toList();
    }

    /** Returns bad values of an option that takes a number of seconds up to an hour, and further ones. */
    private static List<Bad> seconds(String least, String... more) {
        List<Bad> values = new ArrayList<>();
        for (String value : new String[] {
            "x", "", "3600.1", "-1", "NaN", "Infinity", "1d", "1e1", "0x1p3", ".5", "5.", "1,5", "9".repeat(400)
        }) {
            values.add(bad(value, least + " to 3600 seconds"));
        }
        for (String value : more) {
            values.add(bad(value, least + " to 3600 seconds"));
        }
        return values;
    }

    private static final String POLICIES = "asked, system, pinned, in6-first or fixed:ADDRESS";

    /**
     * Maps command and argument to bad values; an empty list is an option without a value, null one that takes any
     * text.
     */
    private static Map<String, List<Bad>> malformed() {
        Map<String, List<Bad>> table = new TreeMap<>();
        ofServerAndDoctor(table);
        ofProbe(table);
        return table;
    }

    private static void ofServerAndDoctor(Map<String, List<Bad>> table) {
        List<Bad> policies =
                new ArrayList<>(prefixed("fixed:", addresses("239.1.2.3", "0.0.0.0", "::", "255.255.255.255")));
        for (String value : new String[] {"", "none", "ASKED", "asked ", "fixed", "asked,system"}) {
            policies.add(bad(value, POLICIES));
        }
        List<Bad> groups = new ArrayList<>(addresses());
        groups.addAll(List.of(
                bad("127.0.0.1", "239.1.2.3"),
                bad("::1", "ff15::9"),
                bad("239.1.2.3@nosuch"),
                bad("239.1.2.3@"),
                bad("@lo"),
                bad("239.1.2.3@lo@lo")));
        List<Bad> slips = new ArrayList<>(whole(2, 1_000_000));
        slips.add(bad("-1", "or be 0"));
        table.put("pktinfo-server --bind", addresses());
        table.put("pktinfo-server --policy", policies);
        table.put("pktinfo-server --response", List.of(bad("x".repeat(65_528), "65528", "65527")));
        table.put("pktinfo-server --echo", List.of());
        table.put("pktinfo-server --quiet", List.of());
        table.put("pktinfo-server --workers", whole(1, 1024));
        table.put("pktinfo-server --batch", whole(1, 1024));
        table.put("pktinfo-server --join", groups);
        table.put("pktinfo-server --stats", whole(0, 86_400));
        table.put("pktinfo-server --rate-limit", whole(0, 1_000_000));
        table.put("pktinfo-server --rate-burst", whole(1, 1_000_000));
        table.put("pktinfo-server --rate-ipv4-prefix", whole(1, 32));
        table.put("pktinfo-server --rate-ipv6-prefix", whole(1, 64));
        table.put("pktinfo-server --rate-slip", slips);
        table.put("pktinfo-server --spin", whole(0, 1_000_000));
        table.put("pktinfo-server --no-coalescing", List.of());
        table.put("pktinfo-server --ipv4", List.of());
        table.put("pktinfo-server --ipv6", List.of());
        table.put("pktinfo-server PORT", whole(0, 65_535));
        table.put("doctor --json", List.of());
        table.put("doctor --all", List.of());
        table.put("pktinfo-server --no-pmtu-discovery", List.of());
        table.put("pktinfo-server --all-groups", List.of());
        table.put("pktinfo-server --drain", seconds("0"));
        table.put("pktinfo-server --on-drain", List.of(bad("true", "needs --drain")));
    }

    private static void ofProbe(Map<String, List<Bad>> table) {
        table.put("probe --timeout", seconds("0.001", "0", "0.0009"));
        table.put("probe --every", seconds("0.01", "0", "0.0099"));
        table.put("probe --rise", whole(1, 1000));
        table.put("probe --fall", whole(1, 1000));
        table.put("probe --on-up", List.of(bad("true", "needs --every")));
        table.put("probe --on-down", List.of(bad("true", "needs --every")));
        table.put("probe --from", addresses("192.0.2.77", "::1"));
        table.put("probe --message", List.of(bad("x".repeat(65_528), "65528", "65527")));
        table.put(
                "probe --hex",
                List.of(
                        bad("0", "pairs of hexadecimal digits"),
                        bad("0g", "pairs of hexadecimal digits"),
                        bad("0x00", "pairs of hexadecimal digits"),
                        bad("00 00", "pairs of hexadecimal digits"),
                        bad("00".repeat(65_528), "65528", "65527")));
        table.put(
                "probe HOST",
                List.of(
                        bad("224.0.0.1", "unicast"),
                        bad("ff02::1", "unicast"),
                        bad("255.255.255.255", "unicast"),
                        bad("0.0.0.0", "unicast"),
                        bad("::", "unicast"),
                        bad("", "an address or a name"),
                        bad(" ", "an address or a name")));
        table.put("probe PORT", whole(1, 65_535));
    }

    private static Map<String, CommandLine> commands() {
        CommandLine main = new CommandLine(new PktInfoServer());
        Map<String, CommandLine> commands = new TreeMap<>(main.getSubcommands());
        commands.put(main.getCommandName(), main);
        return commands;
    }

    private static List<ArgSpec> arguments(CommandLine command) {
        return command.getCommandSpec().args().stream()
                .filter(each -> !(each instanceof OptionSpec option) || (!option.usageHelp() && !option.versionHelp()))
                .toList();
    }

    private static String name(ArgSpec argument) {
        return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
    }

    /** Returns a command line in which everything else is right. */
    private static String[] line(String command, ArgSpec argument, String... given) {
        List<String> words = new ArrayList<>();
        boolean main = command.equals("pktinfo-server");
        if (!main) {
            words.add(command);
        }
        boolean positional = argument instanceof PositionalParamSpec;
        if (!positional) {
            words.addAll(Arrays.asList(given));
        }
        if (main || command.equals("probe")) {
            List<String> parameters = new ArrayList<>(main ? List.of("0") : List.of("127.0.0.1", "53"));
            if (positional) {
                parameters.set(((PositionalParamSpec) argument).index().min(), given[0]);
            }
            words.add("--"); // so that a number below zero is not taken for an option
            words.addAll(parameters);
        }
        return words.toArray(String[]::new);
    }

    /** Returns the one line of the error; nothing may be printed on stdout. */
    private static String refused(String... words) throws Exception {
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        ByteArrayOutputStream complained = new ByteArrayOutputStream();
        int exitCode;
        try {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
            // A command line that is accepted by mistake would run until it is stopped.
            exitCode = CompletableFuture.supplyAsync(() -> PktInfoServer.run(words))
                    .get(20, TimeUnit.SECONDS);
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
        String text = complained.toString(StandardCharsets.UTF_8);
        String given = String.join(" ", words);
        given = given.length() > 200 ? given.substring(0, 200) + "..." : given;
        assertThat(exitCode).as("%s: %s", given, text).isEqualTo(2);
        assertThat(printed.size()).as(given).isZero();
        assertThat(text).as(given).startsWith("pktinfo-server: ").endsWith("\n");
        assertThat(text.lines()).as(given).hasSize(1);
        return text;
    }

    private interface Tests {
        void add(String command, ArgSpec argument, List<DynamicTest> tests);
    }

    private static Stream<DynamicTest> forEveryArgument(Tests what) {
        List<DynamicTest> tests = new ArrayList<>();
        commands().forEach((name, command) -> arguments(command).forEach(each -> what.add(name, each, tests)));
        assertThat(tests).hasSizeGreaterThan(5);
        return tests.stream();
    }

    private static DynamicTest namesBadValue(String command, ArgSpec argument, Bad bad) {
        String shown = bad.value.length() > 40 ? bad.value.length() + " characters" : bad.value;
        return DynamicTest.dynamicTest(command + " " + name(argument) + " \"" + shown + "\"", () -> {
            String line = refused(line(command, argument, option(argument, bad.value)));
            if (bad.value.length() < 1000) {
                assertThat(line).contains(bad.value.replaceAll("\\s*\\R\\s*", " "));
            }
            assertThat(line).contains(name(argument));
            assertThat(bad.named).allMatch(line::contains);
        });
    }

    @TestFactory
    Stream<DynamicTest> aMalformedValueIsNamedWithWhatIsAllowed() {
        Map<String, List<Bad>> table = malformed();
        List<String> unknown = new ArrayList<>();
        List<DynamicTest> all = forEveryArgument((command, argument, tests) -> {
                    String name = command + " " + name(argument);
                    List<Bad> values = table.remove(name);
                    if (values == null) {
                        unknown.add(name);
                        return;
                    }
                    assertThat(values.isEmpty())
                            .as(name + " takes no value")
                            .isEqualTo(argument.arity().max() == 0);
                    values.forEach(value -> tests.add(namesBadValue(command, argument, value)));
                })
                .toList();
        assertThat(unknown).as("options without bad values here").isEmpty();
        assertThat(table).as("bad values of options that are gone").isEmpty();
        return all.stream();
    }

    /** Returns one word, so that a value that begins with a dash is the value. */
    private static String option(ArgSpec argument, String value) {
        return argument instanceof OptionSpec ? name(argument) + "=" + value : value;
    }

    @TestFactory
    Stream<DynamicTest> aValueThatIsMissingOrTooMuchIsNamed() {
        return forEveryArgument((command, argument, tests) -> {
            String name = name(argument);
            if (argument instanceof PositionalParamSpec) {
                if (argument.required()) {
                    tests.add(DynamicTest.dynamicTest(
                            command + " without " + name,
                            () -> assertThat(refused(command)).contains(name)));
                }
                return;
            }
            if (argument.arity().max() == 0) {
                tests.add(DynamicTest.dynamicTest(
                        command + " " + name + "=x",
                        () -> assertThat(refused(line(command, argument, name + "=x")))
                                .contains(name, "x")));
                return;
            }
            tests.add(DynamicTest.dynamicTest(command + " " + name + " at the end", () -> {
                String[] words = command.equals("pktinfo-server")
                        ? new String[] {"0", name}
                        : new String[] {command, "127.0.0.1", "53", name};
                assertThat(refused(words)).contains(name);
            }));
            tests.add(DynamicTest.dynamicTest(
                    command + " " + name + " before another option",
                    () -> assertThat(refused(line(
                                    command,
                                    argument,
                                    name,
                                    "--" + (command.equals("probe") ? "from" : "quiet"),
                                    "127.0.0.1")))
                            .contains(name)));
        });
    }

    /** Returns a valid value of each kind. */
    private static String good(String name) {
        return switch (name) {
            case "--bind", "--from" -> "127.0.0.1";
            case "--policy" -> "asked";
            case "--response", "--message" -> "x";
            case "--hex" -> "00";
            default -> "2";
        };
    }

    @TestFactory
    Stream<DynamicTest> anOptionGivenTwiceIsNamedUnlessItIsRepeatable() {
        return forEveryArgument((command, argument, tests) -> {
            if (argument instanceof OptionSpec && !argument.isMultiValue()) {
                String name = name(argument);
                String once = argument.arity().max() == 0 ? name : name + "=" + good(name);
                tests.add(DynamicTest.dynamicTest(
                        command + " " + once + " twice",
                        () -> assertThat(refused(line(command, argument, once, once)))
                                .contains(name)));
            }
        });
    }

    @TestFactory
    Stream<DynamicTest> optionsThatContradictEachOtherAreBothNamed() {
        return Stream.of(
                        "--echo --response=x 0",
                        "--ipv4 --ipv6 0",
                        "--bind=::1 --ipv4 0",
                        "--bind=127.0.0.1 --ipv6 0",
                        "--policy=fixed:127.0.0.1 --ipv6 0",
                        "--policy=fixed:::1 --ipv4 0",
                        "--join=239.1.2.3 --ipv6 0",
                        "--join=ff15::9 --ipv4 0",
                        "--rate-burst=5 --rate-limit=0 0",
                        "--rate-slip=2 --rate-limit=0 0",
                        "--rate-slip=0 --rate-limit=0 0",
                        "--rate-ipv4-prefix=24 --rate-limit=0 0",
                        "--rate-ipv6-prefix=56 --rate-limit=0 0",
                        "probe --hex=00 --message=x 127.0.0.1 53",
                        "probe --from=127.0.0.1 ::1 53",
                        "probe --from=::1 127.0.0.1 53")
                .map(words -> DynamicTest.dynamicTest(words, () -> {
                    String line = refused(words.split(" ", -1));
                    Stream.of(words.split(" ", -1))
                            .filter(word -> word.startsWith("--"))
                            .forEach(word -> assertThat(line).contains(word.replaceAll("=.*", "")));
                }));
    }

    @TestFactory
    Stream<DynamicTest> whatIsNoOptionAndNoParameterIsNamed() {
        return Stream.of(
                        List.of("--nosuch", "0"),
                        List.of("-x", "0"),
                        List.of("0", "9999"),
                        List.of("doctor", "--nosuch"),
                        List.of("doctor", "9999"),
                        List.of("probe", "127.0.0.1", "53", "9999"),
                        List.of("probe", "--nosuch", "127.0.0.1", "53"),
                        List.of("docter"))
                .map(words -> DynamicTest.dynamicTest(
                        String.join(" ", words),
                        () -> assertThat(refused(words.toArray(String[]::new)))
                                .containsAnyOf("--nosuch", "-x", "9999", "docter")));
    }
}
