package org.pktinfo.it;

import java.util.List;
import org.pktinfo.it.support.EmulatedKernel;

/** The replies that leave the host on a kernel up to that of RHEL 7.3. */
class LegacyKernelIT extends WireIT {
    @Override
    protected List<String> java() {
        return EmulatedKernel.LEGACY.java();
    }
}
