package org.pktinfo.it;

import org.pktinfo.it.support.Jvm;

class FragmentationOnJdk25IT extends FragmentationIT {
    @Override
    Jvm jvm() {
        return Jvm.JDK25;
    }
}
