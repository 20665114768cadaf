// The reference kernel: a walk from one line feed to the next.
#include <algorithm>
#include <cstring>

#include "sip/scan.h"

namespace sip {
namespace {

const char* FindByte(const char* at, const char* end, char byte) {
  const void* const found = std::memchr(at, byte, static_cast<size_t>(end - at));
  return found == nullptr ? end : static_cast<const char*>(found);
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
    feeds->cr_count += static_cast<size_t>(std::count(at, feed, '\r'));
    if (feed == end) break;
    feeds->at[feeds->count++] = offset(feed);
    at = feed + 1;
  }
  feeds->empty_line = feeds->body = offset(end);
  return ScanResult::kNoEmptyLine;
}

}  // namespace sip
