package org.pktinfo.it;

import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** {@link WireIT} with the same hosts and programs for all of its tests: a quarter of the time in an emulator. */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class WireCheck extends WireIT {}
