package org.pktinfo.internal;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pktinfo.doctor.Doctor;
import org.pktinfo.internal.Segmentation.State;

/** The kernels that may segment, by their names and by the user's setting. */
class SegmentationTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "7.0",
                "7.0-rc1",
                "7.0.0",
                "7.0.0-rc7",
                "7.0.0-12-generic",
                "7.0.2-1-pve",
                "7.0.13+deb13-cloud-amd64",
                "7.0.14",
                "7.0-rc3-next-20260301",
                "7.1",
                "7.1-rc1",
                "7.1-rc4+deb14-amd64",
                "7.1-rc5",
                "7.1-rc7",
                "7.1.0",
                "7.1.0-rc6",
                "7.1.0-0.rc5.42.fc45.x86_64",
                "7.1.1-arch1-1",
                "7.1.3+deb14-amd64",
                "7.1.4",
                "7.1.4-200.fc44.x86_64"
            })
    void thoseThatMayCorruptDoNotUnlessTheUserSaysSo(String release) {
        String reason = "Linux " + release + " may corrupt what leaves in segments";
        for (String property : new String[] {null, "auto"}) {
            assertThat(Segmentation.of(property, "Linux " + release))
                    .isEqualTo(new Segmentation(State.OFF, "off (" + reason + "; -Dpktinfo.segmentation=on)"));
        }
        assertThat(Segmentation.of("on", "Linux " + release))
                .isEqualTo(new Segmentation(
                        State.ON, "on where the kernel can (-Dpktinfo.segmentation=on, although " + reason + ")"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "2.6.32-754.el6.x86_64",
                "3.10.0-1160.el7.x86_64",
                "6.17.0-41-generic",
                "6.19.9",
                "6.19.14+deb13-cloud-amd64",
                "6.7.0",
                "6.7.1-rc1",
                "7.1.5",
                "7.1.5-arch1-1",
                "7.1.13+deb13-cloud-amd64",
                "7.1.40",
                "7.2",
                "7.2-rc1",
                "7.2.0-rc1",
                "7.2.12+deb14-cloud-amd64",
                "7.10",
                "7.10.1",
                "7.00",
                "17.0.1",
                "70.1",
                "7",
                "7.",
                "7.1.",
                "7..0",
                "7.x",
                "v7.0.1",
                "",
                "null",
                "\u0667.\u0660.1"
            })
    void othersDo(String release) {
        for (String property : new String[] {null, "auto"}) {
            assertThat(Segmentation.of(property, "Linux " + release))
                    .isEqualTo(new Segmentation(
                            State.ON, "on where the kernel can (nothing is known against Linux " + release + ")"));
        }
        assertThat(Segmentation.of("on", "Linux " + release))
                .isEqualTo(new Segmentation(State.ON, "on where the kernel can (-Dpktinfo.segmentation=on)"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"6.18.0", "7.0.1", "7.1.9"})
    void offIsOffOnEach(String release) {
        assertThat(Segmentation.of("off", "Linux " + release))
                .isEqualTo(new Segmentation(State.OFF, "off (-Dpktinfo.segmentation=off)"));
    }

    @Test
    void otherSystemsNumbersMeanNothing() {
        assertThat(Segmentation.of(null, "Mac OS X 7.0").isOn()).isTrue();
        assertThat(Segmentation.of(null, "FreeBSD 7.1").isOn()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "ON", "yes", "true", "off ", "auto,on", "0", "null"})
    void anotherValueIsRefusedByNameWithWhatIsAllowed(String value) {
        Segmentation refused = Segmentation.of(value, "Linux 6.18.0");
        assertThat(refused.isOn()).isFalse();
        assertThat(refused.isRefused()).isTrue();
        assertThat(refused.text())
                .isEqualTo("-Dpktinfo.segmentation=" + value + ": must be \"auto\", \"on\" or \"off\"");
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"auto", "on", "off"})
    void noneOfTheThreeIsRefused(String value) {
        assertThat(Segmentation.of(value, "Linux 7.0.0").isRefused()).isFalse();
    }

    @Test
    void theDoctorSaysWhatHoldsInThisJvm() {
        String property = System.getProperty(Segmentation.PROPERTY);
        String system = System.getProperty("os.name") + " " + System.getProperty("os.version");
        assertThat(Doctor.segmentation())
                .isEqualTo(Segmentation.of(property, system).text());
    }
}
