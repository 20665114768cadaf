// Stage 1 of the parser: marks the bytes that structure a message. One implementation per CPU
// behind one function; the scalar one is the reference the others are checked against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/span.h"

namespace sip {

// What stage 2 walks: per header line its begin, its colon and its end, found in one pass.
struct LineMark {
  uint16_t begin = 0;
  uint16_t colon = 0;  // Of the line's first colon; == end when the line has none.
  uint16_t end = 0;    // Of the text, folds included, before the line end.
  uint16_t next = 0;   // Where the next line begins.
};

struct LineIndex {
  LineMark* marks = nullptr;  // Caller's array...
  int capacity = 0;           // ...of this many.
  int count = 0;              // Lines before the empty one, start line included.
  uint16_t empty_line = 0;    // Where the empty line begins...
  uint16_t body = 0;          // ...and the byte after its line end.
};

enum class ScanResult : uint8_t { kOk, kTooManyLines, kNoEmptyLine };

// Indexes the lines of `text` from its first byte to the first empty line. A line ends with CRLF or
// LF alone; a line that begins with SP or HT goes on with the one before (RFC 3261 7.3.1).
ScanResult ScanLines(PaddedView text, LineIndex* index);

// The kernel in use: "scalar", later also "avx2"...
std::string_view ScanKernelName();

}  // namespace sip
