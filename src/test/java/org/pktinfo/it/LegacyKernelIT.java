package org.pktinfo.it;

import java.util.List;

/** What leaves the host on a kernel to RHEL 7.3. */
class LegacyKernelIT extends WireIT {
    @Override
    List<String> java() {
        return EmulatedKernel.LEGACY.java();
    }
}
