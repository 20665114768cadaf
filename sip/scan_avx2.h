// The kernel for CPUs with AVX2; scan.cc chooses it.
#pragma once

#include "sip/scan.h"

#if defined(__x86_64__)
namespace sip {

// What ScanLinesAvx2() needs of the CPU.
bool HasAvx2();

// As ScanLinesScalar(). REQUIRES: HasAvx2().
ScanResult ScanLinesAvx2(PaddedView text, LineIndex* index);

}  // namespace sip
#endif
