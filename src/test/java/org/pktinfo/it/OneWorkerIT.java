package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

/** The replies that leave the host, sent by a server loop with one worker. */
class OneWorkerIT extends WireIT {
    @Override
    protected void open(String how) throws Exception {
        assertThat(server.say("serve 1" + PORT)).isEqualTo("open");
    }
}
