// The reference kernel: a walk from one line feed to the next.
#include <cstring>

#include "sip/scan.h"

namespace sip {
namespace {

const char* FindByte(const char* at, const char* end, char byte) {
  if (at == end) return end;
  const void* const found = std::memchr(at, byte, static_cast<size_t>(end - at));
  return found == nullptr ? end : static_cast<const char*>(found);
}

// Mostly one: memchr() passes over the rest with wide loads.
size_t CountBytes(const char* at, const char* end, char byte) {
  size_t count = 0;
  for (at = FindByte(at, end, byte); at != end; at = FindByte(at + 1, end, byte)) ++count;
  return count;
}

}  // namespace

ScanResult ScanLinesScalar(PaddedView text, LineFeeds* feeds) {
  const char* const base = text.data();
  const char* const end = base + text.size();
  const auto offset = [base](const char* at) { return static_cast<uint16_t>(at - base); };

  feeds->count = feeds->cr_count = 0;
  const char* at = base;
  while (at != end) {
    const char* const feed = FindByte(at, end, '\n');
    const char* const text_end = feed != end && feed != at && feed[-1] == '\r' ? feed - 1 : feed;
    if (feed != end && text_end == at) {
      feeds->empty_line = offset(at);
      feeds->body = offset(feed + 1);
      return ScanResult::kOk;
    }
    if (feeds->count == kLinesMax) {
      feeds->empty_line = feeds->body = offset(at);
      return ScanResult::kTooManyLines;
    }
    feeds->cr_count += CountBytes(at, feed, '\r');
    if (feed == end) break;
    feeds->at[feeds->count++] = offset(feed);
    at = feed + 1;
  }
  feeds->empty_line = feeds->body = offset(end);
  return ScanResult::kNoEmptyLine;
}

}  // namespace sip
