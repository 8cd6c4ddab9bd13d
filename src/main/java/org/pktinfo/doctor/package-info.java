/**
 * Examines a kernel: tests on this host which packet information is received, and which source addresses of replies are
 * honoured.
 *
 * <p>{@link org.pktinfo.doctor.Doctor} is the entry point; {@link org.pktinfo.doctor.Diagnosis} holds the findings.
 */
@NullMarked
package org.pktinfo.doctor;

import org.jspecify.annotations.NullMarked;
