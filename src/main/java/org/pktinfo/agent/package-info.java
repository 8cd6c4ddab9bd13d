/**
 * pktinfo-agent.jar, for programs that cannot be changed. {@code java -javaagent:pktinfo-agent.jar} starts one with the
 * agent, {@code java -jar pktinfo-agent.jar PID} brings the agent into one that runs. Both load the agent's native
 * library there, which does the rest.
 */
@NullMarked
package org.pktinfo.agent;

import org.jspecify.annotations.NullMarked;
