/**
 * Examines a kernel: tries on this host which packet information comes, and which sources of replies are honoured.
 *
 * <p>{@link org.pktinfo.doctor.Doctor} is the entry; {@link org.pktinfo.doctor.Diagnosis} says what was found.
 */
@NullMarked
package org.pktinfo.doctor;

import org.jspecify.annotations.NullMarked;
