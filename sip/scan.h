// Stage 1 of the parser: marks the bytes that structure a message. One implementation per CPU
// behind one function; the scalar one is the reference the others are checked against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/span.h"

namespace sip {

// What stage 2 walks: per header line its begin, its colon and its end, found in one pass.
// Without initialisers, so that an array of them costs nothing.
struct LineMark {
  uint16_t begin;
  uint16_t colon;  // Of the line's first colon; == end when the line has none.
  uint16_t end;    // Of the text, folds included, before the line end.
  uint16_t next;   // Where the next line begins.
};

struct LineIndex {
  LineMark* marks = nullptr;  // Caller's array...
  int capacity = 0;           // ...of this many.
  int count = 0;              // Lines before the empty one, start line included.
  uint16_t empty_line = 0;    // Where the empty line begins...
  uint16_t body = 0;          // ...and the byte after its line end.
  // A CR that no LF follows stands among the lines. RFC 3261 has no place for it, and a peer that
  // ends lines there would read headers that we did not.
  bool stray_cr = false;
};

enum class ScanResult : uint8_t { kOk, kTooManyLines, kNoEmptyLine };

// Indexes the lines of `text` from its first byte to the first empty line. A line ends with CRLF or
// LF alone; a line that begins with SP or HT goes on with the one before (RFC 3261 7.3.1). When it
// fails, the lines found so far are marked, and empty_line and body are where it stopped; a last
// line that the text cuts short ends with the text.
// REQUIRES: text.size() <= kMessageSizeMax.
ScanResult ScanLines(PaddedView text, LineIndex* index);

// One implementation of ScanLines.
struct ScanKernel {
  std::string_view name;  // "avx2", "scalar"
  ScanResult (*scan)(PaddedView text, LineIndex* index);
};

// All kernels that this CPU can run, the best one first: ScanLines uses that one. For differential
// tests and benches.
std::span<const ScanKernel> ScanKernels();

// The kernel in use.
std::string_view ScanKernelName();

// The reference kernel (scan_scalar.cc).
ScanResult ScanLinesScalar(PaddedView text, LineIndex* index);

}  // namespace sip
