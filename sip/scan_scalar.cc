// The reference kernel: memchr() to the next LF, which the C library does with wide loads, and a
// few comparisons per line.
#include <cstring>

#include "sip/scan.h"

namespace sip {
namespace {

// Where `c` first stands in [begin, end), or end.
const char* FindByte(const char* begin, const char* end, char c) {
  if (begin == end) return end;
  const void* found = std::memchr(begin, c, static_cast<size_t>(end - begin));
  return found == nullptr ? end : static_cast<const char*>(found);
}

// Finds the end of the physical line that begins at `at`: *text_end before its CR LF or LF,
// *next behind it. False when no LF follows: both are then the end of the text.
bool FindLineEnd(const char* at, const char* end, const char** text_end, const char** next) {
  const char* const lf = FindByte(at, end, '\n');
  if (lf == end) {
    *text_end = end;
    *next = end;
    return false;
  }
  *text_end = lf > at && lf[-1] == '\r' ? lf - 1 : lf;
  *next = lf + 1;
  return true;
}

}  // namespace

ScanResult ScanLinesScalar(PaddedView text, LineIndex* index) {
  const char* const base = text.bytes().data();
  const char* const end = base + text.size();
  const auto offset = [base](const char* at) { return static_cast<uint16_t>(at - base); };

  index->count = 0;
  index->stray_cr = false;
  const char* at = base;
  while (at != end) {
    const char* text_end;
    const char* next;
    bool ended = FindLineEnd(at, end, &text_end, &next);
    if (ended && text_end == at) {
      index->empty_line = offset(at);
      index->body = offset(next);
      return ScanResult::kOk;
    }
    if (index->count == index->capacity) {
      index->empty_line = index->body = offset(at);
      return ScanResult::kTooManyLines;
    }
    index->stray_cr |= FindByte(at, text_end, '\r') != text_end;
    while (ended && next != end && (*next == ' ' || *next == '\t')) {  // A fold.
      const char* const fold = next;
      ended = FindLineEnd(fold, end, &text_end, &next);
      index->stray_cr |= FindByte(fold, text_end, '\r') != text_end;
    }
    const char* const colon = FindByte(at, text_end, ':');
    index->marks[index->count++] = {offset(at), offset(colon), offset(text_end), offset(next)};
    at = next;
  }
  index->empty_line = index->body = offset(end);
  return ScanResult::kNoEmptyLine;
}

}  // namespace sip
