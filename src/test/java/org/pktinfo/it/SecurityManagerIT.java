package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pktinfo.PktInfoChannel;
import org.pktinfo.Requires;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.socket.PktInfoDatagramSocket;

/** The policy in docs/confinement.md, and its statement of what no policy restricts. */
class SecurityManagerIT {
    private static final String ACCEPT = "\"accept,connect,listen,resolve\"";

    /** Sends itself a datagram, with the JDK's class or with ours, as its argument says. */
    static final class Program {
        @SuppressWarnings("removal") // its planned removal is documented
        public static void main(String[] arguments) throws Exception {
            if (arguments[0].equals("ours")) {
                System.out.println("supported " + PktInfoChannel.isSupported());
            }
            System.setSecurityManager(new SecurityManager());
            InetSocketAddress loopback = new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), 0);
            try (DatagramSocket socket =
                    arguments[0].equals("ours") ? new PktInfoDatagramSocket(loopback) : new DatagramSocket(loopback)) {
                socket.setSoTimeout(2000);
                DatagramPacket packet = new DatagramPacket(new byte[3], 3, socket.getLocalSocketAddress());
                socket.send(packet);
                socket.receive(packet);
                System.out.println("received " + packet.getLength());
            } catch (SecurityException e) {
                System.out.println("refused");
            }
        }
    }

    @TempDir
    private Path folder;

    private static String documented() throws Exception {
        String text = Files.readString(Path.of("docs/confinement.md"));
        Matcher block = Pattern.compile("```policy\n(.*?)```", Pattern.DOTALL).matcher(text);
        assertThat(block.find()).isTrue();
        return block.group(1);
    }

    private List<String> run(String policy, String which, String... options) throws Exception {
        Requires.that(Runtime.version().feature() < 24, "a JDK before 24 to run the tests, for its security manager");
        Path file = Files.writeString(folder.resolve("policy"), policy);
        List<String> command = new ArrayList<>(List.of(
                ChildProcess.java().toString(), "-Djava.security.manager=allow", "-Djava.security.policy==" + file));
        command.addAll(Arrays.asList(options));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Program.class.getName(), which));
        return ChildProcess.run(command).out();
    }

    /**
     * Returns the policy with the second grant and the permission to set a security manager for the program's classes.
     */
    private static String forProgram(String policy, String library) {
        return policy.replace("/opt/pktinfo-agent.jar", library)
                .replace("grant {", "grant {\n  permission java.lang.RuntimePermission \"setSecurityManager\";");
    }

    @Test
    void belowTheAgentAProgramNeedsNoPermissionMore() throws Exception {
        String agent = System.getProperty("agent.jar");
        String policy = forProgram(documented(), agent).replaceAll(".*setContextClassLoader.*", "");
        assertThat(run(policy, "jdk", "-javaagent:" + agent)).containsExactly("received 3");
        assertThat(run(policy, "jdk")).containsExactly("received 3");
    }

    private String forLibrary(String policy) {
        StringBuilder libraries = new StringBuilder();
        for (String entry : System.getProperty("java.class.path").split(":", -1)) {
            if (!entry.contains("test-classes")) {
                String place = Files.isDirectory(Path.of(entry)) ? entry + "/-" : entry;
                libraries.append("grant codeBase \"file:").append(place).append("\" {\n");
                libraries.append("  permission java.security.AllPermission;\n};\n");
            }
        }
        return libraries + forProgram(policy, "/nonexistent");
    }

    @Test
    void theLibraryNeedsOneOnceItsNativePartIsLoaded() throws Exception {
        assertThat(run(forLibrary(documented()), "ours")).containsExactly("supported true", "received 3");
    }

    /** If the last assertion fails, docs/confinement.md has to be changed. */
    @Test
    void aPolicyThatForbidsPeersHoldsForTheJdksSocketsAndBelowTheAgentAndNotForOurs() throws Exception {
        String policy = documented().replace(ACCEPT, "\"listen,resolve\"");
        String agent = System.getProperty("agent.jar");
        assertThat(run(forProgram(policy, agent), "jdk")).containsExactly("refused");
        assertThat(run(forProgram(policy, agent), "jdk", "-javaagent:" + agent)).containsExactly("refused");
        assertThat(run(forLibrary(policy), "ours")).containsExactly("supported true", "received 3");
    }
}
