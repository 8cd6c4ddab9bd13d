package org.pktinfo.it.support;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** The loop of a program that {@link ChildProcess#say} speaks to: it answers each line with one line. */
public final class CommandLoop {
    /** A command's execution: takes its words and returns the answer. */
    public interface Commands {
        String execute(String[] words) throws Exception;
    }

    private CommandLoop() {}

    /** Executes commands until the end of the input; the answer to one that fails is the exception. */
    public static void run(Commands commands) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer;
            try {
                answer = commands.execute(line.split(" ", -1));
            } catch (Exception e) {
                answer = e.toString();
            }
            System.out.println(answer);
            System.out.flush();
        }
    }
}
