// Cuts messages out of a stream of bytes (TCP) by their Content-Length (RFC 3261 18.3), and tells
// the keep-alives between them (RFC 5626 4.4.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/span.h"

namespace sip {

// In bytes; each limit is the largest size that passes.
struct FrameLimits {
  size_t headers_size_max = 0;  // Start line through empty line. REQUIRES: 0 < it <= message's.
  size_t body_size_max = 0;
  size_t message_size_max = 0;  // Both together. REQUIRES: <= kMessageSizeMax.
};

enum class FrameKind : uint8_t {
  kNeedMore,  // The feed is used up.
  kMessage,
  kPong,   // A CRLF, told as soon as it is there: the other side's pong, or half a ping.
  kPing,   // A second CRLF right behind the first: answer with one CRLF.
  kError,  // The stream cannot be cut any further: close it.
};
std::string_view Name(FrameKind kind);

enum class FrameError : uint8_t {
  kOk,
  kHeadersTooLarge,       // No empty line within headers_size_max bytes.
  kBodyTooLarge,          // Content-Length is over body_size_max.
  kMessageTooLarge,       // Headers and Content-Length are over message_size_max.
  kNoContentLength,       // Mandatory over a stream (RFC 3261 20.14).
  kBadContentLength,      // Not a number below 2^32.
  kUnequalContentLength,  // Two that differ.
};
std::string_view Name(FrameError error);

struct Frame {
  FrameKind kind = FrameKind::kNeedMore;
  PaddedView text;                     // Of a kMessage: its bytes, no more and no less.
  FrameError error = FrameError::kOk;  // Of a kError.
};

// The framer of one connection. Any split of the stream into feeds gives the same frames:
//
//   framer.Feed(bytes);
//   for (Frame frame = framer.Next(); frame.kind != FrameKind::kNeedMore; frame = framer.Next())
//
// A message that lies whole in one feed is handed out where it lies. Any other is put together in
// the storage, which the caller owns. Where headers end and what Content-Length says is what
// Parse() says of the frame; whether it is SIP at all is for Parse() to find out.
//
// Between messages CR, LF and NUL are skipped. A CRLF might yet become a ping: it is told as kPong
// without waiting for the byte that tells, so a ping is kPong, kPing. Who waits for a pong takes
// either for a sign of life; who does not has nothing to do at a kPong.
//
// Time is linear in the bytes fed, whatever their split: no byte is scanned again in a later feed.
class Framer {
 public:
  // REQUIRES: storage.size() >= limits.message_size_max + kPaddingSize.
  Framer(std::span<char> storage, const FrameLimits& limits);

  // Another storage, of the same size, so that one is kept only by a connection that is in the
  // middle of a message. REQUIRES: !in_message(), and the text of the last frame is not needed.
  void set_storage(std::span<char> storage);

  // REQUIRES: Next() said kNeedMore, or nothing was fed yet. The bytes are lent until it does so
  // again: what is left unfinished has been copied then.
  void Feed(PaddedView bytes);
  // The text of a frame is valid until the next call of Next(). After kError only kError follows.
  Frame Next();

  // A message has begun and not ended: a peer that pauses or closes now leaves it cut short.
  bool in_message() const { return stored_size_ > 0; }
  // What was fed and no frame has told of: a message's beginning, or some of a keep-alive. Fed to
  // another framer it makes that one go on where this one is, after frames that were told before.
  // REQUIRES: Next() said kNeedMore, or nothing was fed yet.
  std::string_view unfinished() const;

 private:
  enum class Between : uint8_t { kNothing, kCr, kCrLf, kCrLfCr };
  enum class Line : uint8_t { kEmpty, kCr, kText };

  Frame SkipBetween();
  bool FindHeadersEnd(std::string_view part, size_t* size);
  FrameError ReadHeaders(std::string_view headers);
  std::string_view Take(size_t size);
  void Store(size_t size);
  Frame Keep();
  Frame Fail(FrameError error);

  std::span<char> storage_;
  const FrameLimits limits_;
  std::string_view input_;    // What of the feed is not used yet.
  size_t stored_size_ = 0;    // Of the message under way, what earlier feeds brought.
  size_t message_size_ = 0;   // Of the message under way; 0 until its headers have ended.
  Line line_ = Line::kEmpty;  // What the header line under way holds.
  Between between_ = Between::kNothing;
  FrameError error_ = FrameError::kOk;
};

}  // namespace sip
