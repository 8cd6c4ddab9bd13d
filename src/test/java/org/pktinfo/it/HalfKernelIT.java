package org.pktinfo.it;

import java.util.List;
import org.pktinfo.it.support.EmulatedKernel;

/** The replies that leave the host on a kernel of RHEL 7.4 and 7.5. */
class HalfKernelIT extends WireIT {
    @Override
    protected List<String> java() {
        return EmulatedKernel.HALF.java();
    }
}
