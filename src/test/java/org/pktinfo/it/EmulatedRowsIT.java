package org.pktinfo.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pktinfo.doctor.Diagnosis.Behaviour;
import org.pktinfo.it.support.ChildProcess;
import org.pktinfo.it.support.EmulatedKernel;

/** The emulated kernels: each does in every experiment what the table says of its kind, and the doctor names it. */
class EmulatedRowsIT {
    private static Behaviour kind(EmulatedKernel kernel) {
        if (kernel.isLegacy()) {
            return Behaviour.ONLY_IN_PKTINFO;
        }
        return kernel.isHalf() ? Behaviour.IN6_PKTINFO_IGNORED : Behaviour.BOTH_HONOURED;
    }

    @ParameterizedTest
    @EnumSource(names = {"LEGACY", "HALF", "MODERN"})
    void everyExperimentEndsAsOnARealKernelOfItsKind(EmulatedKernel kernel) throws Exception {
        KernelRowsIT.assertRows(kind(kernel), kernel.toString(), kernel.java());
    }

    @ParameterizedTest
    @EnumSource
    void theDoctorNamesEachAndFindsTheDefaultPolicyRightEverywhere(EmulatedKernel kernel) throws Exception {
        List<String> command = new java.util.ArrayList<>(kernel.java());
        command.addAll(List.of("-jar", System.getProperty("server.jar"), "doctor", "--all"));
        ChildProcess doctor = ChildProcess.run(command);
        assertThat(doctor.exitCode()).as("%s", doctor).isZero();
        assertThat(doctor.out()).contains("This kernel: " + kind(kernel).description() + ".");
        assertThat(doctor.out()).anyMatch(line -> line.startsWith("pktinfo: right, "));
    }
}
