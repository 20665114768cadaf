// SIP messages out of a stream that may begin in the middle, have holes, or be no SIP at all.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/framer.h"
#include "tools/byte_pieces.h"

namespace tools {

// True when the first line, behind blank lines, is a start line or meant to be one: a token, a
// blank and a "SIP/" behind it, or "SIP/2.0 " (of whatever version) at the front.
bool LooksLikeSip(std::string_view bytes);
// Only CR, LF and NUL (RFC 5626 4.4.1, and what phones send for it), or nothing at all.
bool IsKeepAlive(std::string_view bytes);

enum class StreamItemKind : uint8_t {
  kMessage,
  kFault,      // `text` is the header section of a message that has no end: see `fault`.
  kCutShort,   // `text` is what is there of a message.
  kSkipped,    // `skipped` bytes in which no message begins.
  kKeepAlive,  // A CRLF between messages.
};
std::string_view Name(StreamItemKind kind);

struct StreamItem {
  StreamItemKind kind = StreamItemKind::kMessage;
  sip::PaddedView text;  // Valid until the sink returns.
  sip::FrameError fault = sip::FrameError::kOk;
  uint64_t skipped = 0;
  uint64_t at = 0;    // Where in the stream it begins, in bytes that were fed; not of a kKeepAlive.
  PacketStamp stamp;  // Of the packet that made it complete.
};

class StreamSink {
 public:
  virtual ~StreamSink() = default;
  virtual void OnItem(const StreamItem& item) = 0;
};

// Nothing is handed out before a line that looks like a start line. After a fault or a hole the
// next such line is looked for; so a body that holds one may be taken for a message there, and
// there alone.
class SipStream {
 public:
  // Bytes without a start line after which a stream that carried none is no SIP.
  static constexpr size_t kPatienceSize = 64 * 1024;

  SipStream();
  SipStream(const SipStream&) = delete;
  SipStream& operator=(const SipStream&) = delete;

  void Feed(std::string_view bytes, const PacketStamp& stamp, StreamSink* sink);
  // Bytes are missing here.
  void Break(StreamSink* sink);
  // No more bytes come.
  void Finish(StreamSink* sink);

  // It carried a message, or what was meant to be one.
  bool is_sip() const { return is_sip_; }
  // No more bytes are looked at.
  bool is_given_up() const { return is_given_up_; }

 private:
  static constexpr size_t kStorageSize = sip::kMessageSizeMax + sip::kPaddingSize;

  bool Seek(StreamSink* sink);
  bool CutFrames(StreamSink* sink);
  void OnFrame(const sip::Frame& frame, StreamSink* sink);
  void OnFault(sip::FrameError fault, StreamSink* sink);
  void TellCutShort(StreamSink* sink);
  void TellSkipped(StreamSink* sink);
  void Consume(size_t size);
  void DropBlanks();
  std::string_view rest() const { return std::string_view(pending_).substr(pending_begin_); }

  std::array<char, kStorageSize> storage_;
  std::optional<sip::Framer> framer_;  // Of the messages since the last seek; none: seeking.
  std::string pending_;                // Fed, and not told of yet.
  size_t pending_begin_ = 0;
  size_t fed_to_framer_ = 0;  // Of rest().
  uint64_t at_ = 0;           // Of rest(), in the stream.
  uint64_t skipped_ = 0;
  PacketStamp stamp_;
  bool is_sip_ = false;
  bool is_lost_ = false;  // Seeking behind a hole or a fault: the bytes may be of a body.
  bool is_given_up_ = false;
};

}  // namespace tools
