#include "sip/framer.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>

#include "sip/header_id.h"
#include "sip/number.h"

namespace sip {
namespace {

// Its two names tell most others apart by their sizes alone.
bool IsContentLength(std::string_view name) {
  constexpr size_t kFullSize = std::string_view("Content-Length").size();
  constexpr size_t kCompactSize = std::string_view("l").size();
  while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
  return (name.size() == kFullSize || name.size() == kCompactSize) &&
         LookUpHeader(name) == HeaderId::kContentLength;
}

// One value for all Content-Length lines of a header section.
class ContentLength {
 public:
  FrameError Add(std::string_view value) {
    const std::optional<uint32_t> size = DecodeNumber(value);
    if (!size.has_value()) return FrameError::kBadContentLength;
    if (size_.has_value() && size_ != size) return FrameError::kUnequalContentLength;
    size_ = size;
    return FrameError::kOk;
  }
  const std::optional<uint32_t>& size() const { return size_; }

 private:
  std::optional<uint32_t> size_;
};

// `line`: without its line end, folds included.
FrameError AddLine(std::string_view line, ContentLength* length) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsContentLength(line.substr(0, colon))) {
    return FrameError::kOk;
  }
  return length->Add(line.substr(colon + 1));
}

// The lines as the parser cuts them, also when they are more than it takes. What FindHeadersEnd()
// ended at is the empty line.
FrameError FindContentLength(std::string_view headers, ContentLength* length) {
  size_t begin = 0;
  for (size_t feed = headers.find('\n'); feed + 1 < headers.size();) {
    const size_t next = feed + 1;
    feed = headers.find('\n', next);
    if (headers[next] == ' ' || headers[next] == '\t') continue;  // A fold.
    const std::string_view line = headers.substr(begin, next - 1 - begin);
    const FrameError error = begin == 0 ? FrameError::kOk : AddLine(line, length);
    if (error != FrameError::kOk) return error;
    begin = next;
  }
  return FrameError::kOk;
}

}  // namespace

std::string_view Name(FrameKind kind) {
  switch (kind) {
    case FrameKind::kNeedMore:
      return "NeedMore";
    case FrameKind::kMessage:
      return "Message";
    case FrameKind::kPong:
      return "Pong";
    case FrameKind::kPing:
      return "Ping";
    case FrameKind::kError:
      return "Error";
  }
  return "Unknown";
}

std::string_view Name(FrameError error) {
  switch (error) {
    case FrameError::kOk:
      return "Ok";
    case FrameError::kHeadersTooLarge:
      return "HeadersTooLarge";
    case FrameError::kBodyTooLarge:
      return "BodyTooLarge";
    case FrameError::kMessageTooLarge:
      return "MessageTooLarge";
    case FrameError::kNoContentLength:
      return "NoContentLength";
    case FrameError::kBadContentLength:
      return "BadContentLength";
    case FrameError::kUnequalContentLength:
      return "UnequalContentLength";
  }
  return "Unknown";
}

Framer::Framer(std::span<char> storage, const FrameLimits& limits)
    : storage_(storage), limits_(limits) {
  assert(limits.headers_size_max > 0 && limits.headers_size_max <= limits.message_size_max);
  assert(limits.message_size_max <= kMessageSizeMax);
  assert(storage.size() >= limits.message_size_max + kPaddingSize);
}

void Framer::set_storage(std::span<char> storage) {
  assert(!in_message() && storage.size() >= limits_.message_size_max + kPaddingSize);
  storage_ = storage;
}

void Framer::Feed(PaddedView bytes) {
  assert(input_.empty());
  input_ = bytes.bytes();
}

std::string_view Framer::unfinished() const {
  constexpr std::string_view kKeepAlive = "\r\n\r";
  if (in_message()) return {storage_.data(), stored_size_};
  switch (between_) {
    case Between::kNothing:
      break;
    case Between::kCr:
      return kKeepAlive.substr(0, 1);
    case Between::kCrLf:
      return kKeepAlive.substr(0, 2);
    case Between::kCrLfCr:
      return kKeepAlive;
  }
  return {};
}

Frame Framer::Next() {
  if (error_ != FrameError::kOk) return Fail(error_);
  if (stored_size_ == 0) {
    const Frame keep_alive = SkipBetween();
    if (keep_alive.kind != FrameKind::kNeedMore) return keep_alive;
  }
  if (input_.empty()) return {};

  if (message_size_ == 0) {
    const size_t room = limits_.headers_size_max - stored_size_;
    size_t size = 0;
    if (!FindHeadersEnd(input_.substr(0, room), &size)) {
      return size == room ? Fail(FrameError::kHeadersTooLarge) : Keep();
    }
    std::string_view headers = input_.substr(0, size);
    if (stored_size_ > 0) {
      Store(size);
      headers = {storage_.data(), stored_size_};
    }
    const FrameError error = ReadHeaders(headers);
    if (error != FrameError::kOk) return Fail(error);
  }
  const size_t missing = message_size_ - stored_size_;
  if (input_.size() < missing) return Keep();
  return {FrameKind::kMessage, PaddedView::Promise(Take(missing)), FrameError::kOk};
}

// Up to the first byte of a message or the next CRLF.
Frame Framer::SkipBetween() {
  for (size_t at = 0; at < input_.size(); ++at) {
    const char c = input_[at];
    const bool half = between_ == Between::kCrLf || between_ == Between::kCrLfCr;
    const bool after_cr = between_ == Between::kCr || between_ == Between::kCrLfCr;
    if (c == '\n' && after_cr) {
      input_.remove_prefix(at + 1);
      between_ = half ? Between::kNothing : Between::kCrLf;
      return {half ? FrameKind::kPing : FrameKind::kPong, {}, FrameError::kOk};
    }
    if (c == '\r') {
      between_ = between_ == Between::kCrLf ? Between::kCrLfCr : Between::kCr;
      continue;
    }
    between_ = Between::kNothing;
    if (c == '\n' || c == '\0') continue;
    input_.remove_prefix(at);
    return {};
  }
  input_ = {};
  return {};
}

// Walks on to the empty line: a LF with nothing, or only a CR, before it on its line. True when it
// is there; *size is then how far it reaches, else all of the part.
bool Framer::FindHeadersEnd(std::string_view part, size_t* size) {
  *size = part.size();
  size_t at = 0;
  while (at < part.size()) {
    if (line_ == Line::kText) {
      const void* const lf = std::memchr(part.data() + at, '\n', part.size() - at);
      if (lf == nullptr) return false;
      at = static_cast<size_t>(static_cast<const char*>(lf) - part.data()) + 1;
      line_ = Line::kEmpty;
      continue;
    }
    const char c = part[at++];
    if (c == '\n') {
      *size = at;
      return true;
    }
    line_ = c == '\r' && line_ == Line::kEmpty ? Line::kCr : Line::kText;
  }
  return false;
}

// The whole header section is there: how large is the message?
FrameError Framer::ReadHeaders(std::string_view headers) {
  ContentLength length;
  const FrameError error = FindContentLength(headers, &length);
  if (error != FrameError::kOk) return error;
  if (!length.size().has_value()) return FrameError::kNoContentLength;
  const size_t body_size = *length.size();
  if (body_size > limits_.body_size_max) return FrameError::kBodyTooLarge;
  if (body_size > limits_.message_size_max - headers.size()) return FrameError::kMessageTooLarge;
  message_size_ = headers.size() + body_size;
  return FrameError::kOk;
}

// The message under way ends with the next `size` bytes of the feed.
std::string_view Framer::Take(size_t size) {
  std::string_view text = input_.substr(0, size);
  if (stored_size_ == 0) {
    input_.remove_prefix(size);
  } else {
    Store(size);
    text = {storage_.data(), stored_size_};
  }
  stored_size_ = message_size_ = 0;
  line_ = Line::kEmpty;
  return text;
}

// Cannot overrun: headers are bounded before they are scanned, a body before it is awaited.
void Framer::Store(size_t size) {
  if (size == 0) return;
  std::memcpy(storage_.data() + stored_size_, input_.data(), size);
  stored_size_ += size;
  input_.remove_prefix(size);
}

Frame Framer::Keep() {
  Store(input_.size());
  return {};
}

Frame Framer::Fail(FrameError error) {
  error_ = error;
  input_ = {};
  stored_size_ = 0;
  return {FrameKind::kError, {}, error};
}

}  // namespace sip
