// Stage 1 of the parser: finds the line feeds of a message's head. One implementation per CPU
// behind one function; the scalar one is the reference the others are checked against.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/span.h"

namespace sip {

// Lines of a message's head, folded ones counted one by one.
inline constexpr size_t kLinesMax = 1024;

// What stage 2 walks. Without initialisers, so that it costs nothing to have one.
struct LineFeeds {
  size_t count;         // Line feeds before the empty line...
  size_t cr_count;      // ...and carriage returns: more than line ends have, and one is stray.
  uint16_t empty_line;  // Where the empty line begins...
  uint16_t body;        // ...and the byte after its line end.
  // [0, count) are set, in order. Kernels store up to a step's worth beyond.
  std::array<uint16_t, kLinesMax + 64> at;
};

enum class ScanResult : uint8_t { kOk, kTooManyLines, kNoEmptyLine };

// Finds the line feeds of `text` from its first byte to the first empty line: one that is nothing
// but CRLF, or LF alone. Whether a line goes on with the next (RFC 3261 7.3.1) is stage 2's
// business; a line that begins with a blank is not empty. When it fails, the line feeds found so
// far are there, and empty_line and body are where it stopped: behind the last of kLinesMax lines,
// or at the end.
// REQUIRES: text.size() <= kMessageSizeMax.
ScanResult ScanLines(PaddedView text, LineFeeds* feeds);

// One implementation of ScanLines.
struct ScanKernel {
  std::string_view name;  // "avx512", "avx2", "neon", "scalar"
  ScanResult (*scan)(PaddedView text, LineFeeds* feeds);
};

// All kernels that this CPU can run, the best one first: ScanLines uses that one. For differential
// tests and benches.
std::span<const ScanKernel> ScanKernels();

// The kernel in use.
std::string_view ScanKernelName();

// The reference kernel (scan_scalar.cc).
ScanResult ScanLinesScalar(PaddedView text, LineFeeds* feeds);

}  // namespace sip
