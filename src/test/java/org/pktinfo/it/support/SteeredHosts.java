package org.pktinfo.it.support;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A server of {@link TwoHosts} that also runs a program without the library, with or without the agent. */
public abstract class SteeredHosts extends TwoHosts {
    protected static final String PORT_OF_ITS_OWN = "7001";

    protected ChildProcess program;

    /** Starts {@link Steered} in place of the running one; null starts it without the agent. */
    protected void start(Jvm jvm, @Nullable String options) throws Exception {
        if (program != null) {
            program.close();
            assertThat(program.exitCode()).as("the port is free again").isNotZero();
        }
        List<String> command = new ArrayList<>(jvm.command());
        if (options != null) {
            command.add(Jvm.agent(options));
        }
        command.addAll(List.of("-cp", Jvm.TEST_CLASSES.toString(), Steered.class.getName()));
        program = opened.add(ChildProcess.start(hosts.inside("server", command.toArray(String[]::new))));
        assertThat(program.awaitOut(1)).isEqualTo("ready");
    }

    /** Sends a line to the program and waits for the answer. */
    protected String tell(String command) throws IOException, InterruptedException {
        return program.say(command);
    }

    protected void asks(String destination) throws Exception {
        assertThat(client.say("send " + destination + " " + PORT_OF_ITS_OWN)).isEqualTo("sent");
        assertThat(tell("receive")).isEqualTo("received");
    }

    protected void assertSendLeavesFrom(String source) throws Exception {
        assertThat(tell("send")).isEqualTo("sent");
        assertThat(client.say("await")).isEqualTo(source);
    }
}
