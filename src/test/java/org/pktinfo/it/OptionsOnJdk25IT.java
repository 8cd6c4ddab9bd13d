package org.pktinfo.it;

import org.pktinfo.it.support.Jvm;

class OptionsOnJdk25IT extends OptionsIT {
    @Override
    Jvm jvm() {
        return Jvm.JDK25;
    }
}
