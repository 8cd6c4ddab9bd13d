package org.pktinfo.it;

import java.util.List;

/** What leaves the host on a kernel of RHEL 7.4 and 7.5. */
class HalfKernelIT extends WireIT {
    @Override
    List<String> java() {
        return EmulatedKernel.HALF.java();
    }
}
