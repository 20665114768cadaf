#include "tools/tcp_stream.h"

#include <algorithm>

namespace tools {

std::string_view Name(TcpEventKind kind) {
  switch (kind) {
    case TcpEventKind::kNone:
      return "None";
    case TcpEventKind::kData:
      return "Data";
    case TcpEventKind::kGap:
      return "Gap";
    case TcpEventKind::kEnd:
      return "End";
  }
  return "Unknown";
}

void TcpStream::Add(const TcpSegment& segment, const PacketStamp& stamp) {
  now_us_ = std::max(now_us_, stamp.time_us);
  const uint32_t first = segment.sequence + (segment.syn ? 1 : 0);
  if (!is_begun_) {
    is_begun_ = true;
    // One lap ahead, so that places before the start are still numbers.
    next_ = (uint64_t{1} << 32) + first;
  }
  if (segment.syn) {
    has_syn_ = true;
    syn_sequence_ = segment.sequence;
  }
  if (segment.rst) is_finished_ = true;

  uint64_t at = PlaceOf(first);
  const uint64_t end = at + segment.payload.size();
  if (segment.fin && end_ == 0) end_ = end;
  std::string_view bytes = segment.payload;
  if (at < next_) {  // Seen before, in part at least.
    bytes.remove_prefix(static_cast<size_t>(std::min<uint64_t>(next_ - at, bytes.size())));
    at = next_;
  }
  if (!bytes.empty() && !segment.rst) waiting_.Add(at, bytes, stamp);
}

TcpEvent TcpStream::Next() {
  TcpEvent event;
  if (is_ended_) {
    event.kind = TcpEventKind::kEnd;
    return event;
  }
  if (!waiting_.empty() && (waiting_.begin() == next_ || MustGoOn())) {
    event.stamp = waiting_.front().stamp;
    if (waiting_.begin() > next_) {
      event.kind = TcpEventKind::kGap;
      event.missing = waiting_.begin() - next_;
      next_ = waiting_.begin();
      return event;
    }
    event.kind = TcpEventKind::kData;
    event.bytes = waiting_.TakeFront().bytes;
    next_ += event.bytes.size();
    return event;
  }
  if (waiting_.empty() && (is_finished_ || (end_ != 0 && next_ >= end_))) {
    is_ended_ = true;
    event.kind = TcpEventKind::kEnd;
  }
  return event;
}

bool TcpStream::IsOther(const TcpSegment& segment) const {
  return segment.syn && is_begun_ && (!has_syn_ || segment.sequence != syn_sequence_);
}

// The one nearest to what is expected next: sequence numbers wrap (RFC 9293 3.4).
uint64_t TcpStream::PlaceOf(uint32_t sequence) const {
  const int32_t distance = static_cast<int32_t>(sequence - static_cast<uint32_t>(next_));
  return next_ + static_cast<uint64_t>(int64_t{distance});
}

bool TcpStream::MustGoOn() const {
  return is_finished_ || waiting_.size() > kWaitingMax || waiting_.count() > kPiecesMax ||
         now_us_ - waiting_.front().stamp.time_us > kPatienceUs;
}

}  // namespace tools
