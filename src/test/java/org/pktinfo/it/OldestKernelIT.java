package org.pktinfo.it;

import java.util.List;
import org.pktinfo.it.support.EmulatedKernel;

/** The replies of a server loop that leave the host on Linux 2.6.32, which has no system call for several datagrams. */
class OldestKernelIT extends OneWorkerIT {
    @Override
    protected List<String> java() {
        return EmulatedKernel.LEGACY_WITHOUT_MMSG.java();
    }
}
