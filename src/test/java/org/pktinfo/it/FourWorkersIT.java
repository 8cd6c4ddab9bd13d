package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

/** The replies that leave the host, sent by a server loop with four workers. */
class FourWorkersIT extends WireIT {
    @Override
    protected void open(String how) throws Exception {
        assertThat(server.say("serve 4" + PORT)).isEqualTo("open");
    }
}
