#include "tools/sip_stream.h"

#include <algorithm>
#include <cstring>

#include "sip/chars.h"
#include "sip/list.h"
#include "sip/message.h"

namespace tools {
namespace {

constexpr sip::FrameLimits kLimits = {.headers_size_max = sip::kMessageSizeMax,
                                      .body_size_max = sip::kMessageSizeMax,
                                      .message_size_max = sip::kMessageSizeMax};
constexpr std::string_view kBlanks("\r\n\0", 3);
// Longer lines are no start lines.
constexpr size_t kLineMax = 8192;
constexpr size_t npos = std::string_view::npos;

// "SIP/7"
bool IsVersionAt(std::string_view line, size_t at) {
  return at + 5 <= line.size() && sip::EqualsIgnoreCase(line.substr(at, 4), "SIP/") &&
         sip::Is(line[at + 4], sip::kDigitChar);
}

// "SIP/2.0 "; a Via goes on with "/UDP".
bool IsStatusLineAt(std::string_view line, size_t at) {
  return IsVersionAt(line, at) && at + 8 <= line.size() && line[at + 5] == '.' &&
         line[at + 7] == ' ';
}

bool IsStartLine(std::string_view line) {
  if (IsStatusLineAt(line, 0)) return true;
  size_t end = 0;
  while (end < line.size() && sip::Is(line[end], sip::kTokenChar)) ++end;
  if (end == 0 || end == line.size() || line[end] != ' ') return false;
  for (size_t at = line.find(' ', end); at != npos; at = line.find(' ', at + 1)) {
    if (IsVersionAt(line, at + 1)) return true;
  }
  return false;
}

// Behind a body without a line end of its own the start line stands on the body's last line: where
// it begins there, or npos. Only methods that are known can be told from what precedes them.
size_t StartBehindBody(std::string_view line) {
  for (size_t at = 0; at < line.size(); ++at) {
    if (IsStatusLineAt(line, at)) return at;
  }
  size_t version = line.rfind(' ');
  while (version != npos && !IsVersionAt(line, version + 1)) {
    version = version == 0 ? npos : line.rfind(' ', version - 1);
  }
  if (version == npos) return npos;
  for (size_t blank = line.find(' '); blank < version; blank = line.find(' ', blank + 1)) {
    const std::string_view before = line.substr(0, blank);
    for (int i = 1; i <= static_cast<int>(sip::Method::kUpdate); ++i) {
      const std::string_view method = sip::Name(static_cast<sip::Method>(i));
      if (before.ends_with(method)) return before.size() - method.size();
    }
  }
  return npos;
}

// The first start line that is there to its end, or else the place where one may still begin.
bool FindStartLine(std::string_view text, bool may_be_body, size_t* at) {
  *at = 0;
  while (*at < text.size()) {
    const size_t end = text.find('\n', *at);
    if (end == npos) break;
    const std::string_view line = text.substr(*at, std::min(end - *at, kLineMax));
    const bool is_start_line = IsStartLine(line);
    // A body's last word and a method read like one method.
    const size_t behind = may_be_body ? StartBehindBody(line) : npos;
    if (is_start_line || behind != npos) {
      *at += behind == npos ? 0 : behind;
      return true;
    }
    *at = end + 1;
  }
  if (text.size() - *at > kLineMax) *at = text.size();
  return false;
}

// With padding behind it.
class PaddedCopy {
 public:
  explicit PaddedCopy(std::string_view text) : bytes_(text), size_(text.size()) {
    bytes_.resize(size_ + sip::kPaddingSize);
  }
  sip::PaddedView view() const {
    return sip::PaddedView::Promise(std::string_view(bytes_).substr(0, size_));
  }

 private:
  std::string bytes_;
  size_t size_;
};

// The header section with its empty line, or everything.
size_t HeadersSize(std::string_view text) {
  for (size_t at = text.find('\n'); at != npos; at = text.find('\n', at + 1)) {
    if (text.substr(at + 1).starts_with("\r\n")) return at + 3;
    if (text.substr(at + 1).starts_with("\n")) return at + 2;
  }
  return text.size();
}

}  // namespace

bool LooksLikeSip(std::string_view bytes) {
  const size_t begin = bytes.find_first_not_of(kBlanks);
  if (begin == npos) return false;
  bytes.remove_prefix(begin);
  return IsStartLine(bytes.substr(0, std::min(bytes.find('\n'), kLineMax)));
}

bool IsKeepAlive(std::string_view bytes) {
  return bytes.find_first_not_of(kBlanks) == npos;
}

std::string_view Name(StreamItemKind kind) {
  switch (kind) {
    case StreamItemKind::kMessage:
      return "Message";
    case StreamItemKind::kFault:
      return "Fault";
    case StreamItemKind::kCutShort:
      return "CutShort";
    case StreamItemKind::kSkipped:
      return "Skipped";
    case StreamItemKind::kKeepAlive:
      return "KeepAlive";
  }
  return "Unknown";
}

SipStream::SipStream() : storage_() {}

void SipStream::Feed(std::string_view bytes, const PacketStamp& stamp, StreamSink* sink) {
  if (is_given_up_) return;
  // Bytes that came early were of no use before the packet they waited for.
  if (stamp.number >= stamp_.number) stamp_ = stamp;
  pending_ += bytes;
  bool goes_on = true;
  while (goes_on) goes_on = framer_ ? CutFrames(sink) : Seek(sink);
  pending_.erase(0, pending_begin_);
  pending_begin_ = 0;
}

void SipStream::Break(StreamSink* sink) {
  if (is_given_up_) return;
  TellCutShort(sink);
  is_lost_ = true;
  framer_.reset();
  skipped_ += rest().size();
  Consume(rest().size());
}

void SipStream::Finish(StreamSink* sink) {
  Break(sink);
  if (is_sip_) TellSkipped(sink);
}

// True when a message begins: there is something to cut then.
bool SipStream::Seek(StreamSink* sink) {
  size_t size = 0;
  const bool is_found = FindStartLine(rest(), is_lost_, &size);
  // What stands between messages is no loss.
  skipped_ += static_cast<size_t>(std::count_if(rest().begin(),
                                                rest().begin() + static_cast<std::ptrdiff_t>(size),
                                                [](char c) { return kBlanks.find(c) == npos; }));
  Consume(size);
  if (!is_found) {
    is_given_up_ = !is_sip_ && skipped_ > kPatienceSize;
    if (is_given_up_) Consume(rest().size());
    return false;
  }
  TellSkipped(sink);
  is_sip_ = true;
  is_lost_ = false;
  framer_.emplace(storage_, kLimits);
  fed_to_framer_ = 0;
  return true;
}

// True when a fault ended it: there is something to seek then.
bool SipStream::CutFrames(StreamSink* sink) {
  const PaddedCopy feed(rest().substr(fed_to_framer_));
  fed_to_framer_ = rest().size();
  framer_->Feed(feed.view());
  for (sip::Frame frame = framer_->Next(); frame.kind != sip::FrameKind::kNeedMore;
       frame = framer_->Next()) {
    OnFrame(frame, sink);
    if (!framer_) return true;
  }
  if (!framer_->in_message()) DropBlanks();
  return false;
}

void SipStream::OnFrame(const sip::Frame& frame, StreamSink* sink) {
  StreamItem item;
  item.stamp = stamp_;
  switch (frame.kind) {
    case sip::FrameKind::kMessage:
      DropBlanks();
      item.at = at_;
      item.text = frame.text;
      sink->OnItem(item);
      Consume(frame.text.size());
      return;
    case sip::FrameKind::kError:
      OnFault(frame.error, sink);
      return;
    case sip::FrameKind::kPing:
    case sip::FrameKind::kPong:
      item.kind = StreamItemKind::kKeepAlive;
      sink->OnItem(item);
      return;
    case sip::FrameKind::kNeedMore:
      return;
  }
}

void SipStream::OnFault(sip::FrameError fault, StreamSink* sink) {
  DropBlanks();
  const size_t size = std::min(HeadersSize(rest()), sip::kMessageSizeMax);
  const PaddedCopy text(rest().substr(0, size));
  StreamItem item;
  item.kind = StreamItemKind::kFault;
  item.text = text.view();
  item.fault = fault;
  item.at = at_;
  item.stamp = stamp_;
  sink->OnItem(item);
  Consume(size);
  is_lost_ = true;
  framer_.reset();
}

void SipStream::TellCutShort(StreamSink* sink) {
  if (!framer_ || !framer_->in_message()) return;
  DropBlanks();
  const PaddedCopy text(rest());
  StreamItem item;
  item.kind = StreamItemKind::kCutShort;
  item.text = text.view();
  item.at = at_;
  item.stamp = stamp_;
  sink->OnItem(item);
  Consume(rest().size());
}

void SipStream::TellSkipped(StreamSink* sink) {
  if (skipped_ == 0) return;
  StreamItem item;
  item.kind = StreamItemKind::kSkipped;
  item.skipped = skipped_;
  item.at = at_;
  item.stamp = stamp_;
  skipped_ = 0;
  sink->OnItem(item);
}

void SipStream::Consume(size_t size) {
  pending_begin_ += size;
  at_ += size;
  fed_to_framer_ -= std::min(size, fed_to_framer_);
}

void SipStream::DropBlanks() {
  Consume(std::min(rest().find_first_not_of(kBlanks), rest().size()));
}

}  // namespace tools
