// The kernels for one kind of CPU each; scan.cc chooses among them. Each does what
// ScanLinesScalar() does. REQUIRES: its Has...() is true.
#pragma once

#include "sip/scan.h"

namespace sip {

#if defined(__x86_64__)
bool HasAvx512();
ScanResult ScanLinesAvx512(PaddedView text, LineFeeds* feeds);

bool HasAvx2();
ScanResult ScanLinesAvx2(PaddedView text, LineFeeds* feeds);
#elif defined(__aarch64__)
// Every 64-bit ARM has NEON.
ScanResult ScanLinesNeon(PaddedView text, LineFeeds* feeds);
#endif

}  // namespace sip
