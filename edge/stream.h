// One connection's bytes as messages (RFC 3261 18.3): cut where they lie when they lie in one
// buffer, put together in a storage when not.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "edge/limits.h"
#include "sip/framer.h"

namespace edge {

// Where messages are put together: as many at once as there are storages. Not thread-safe.
class FrameStorages {
 public:
  static constexpr size_t kSize = kStreamLimits.message_size_max + sip::kPaddingSize;

  explicit FrameStorages(size_t count);

  // Empty when all are taken.
  std::span<char> Take();
  void Give(std::span<char> storage) { free_.push_back(storage); }
  size_t available() const { return free_.size(); }

 private:
  std::unique_ptr<char[]> bytes_;  // Only pages that are written to take memory.
  std::vector<std::span<char>> free_;
};

class Stream {
 public:
  explicit Stream(FrameStorages* storages);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  enum class State : uint8_t {
    kBetween,    // No message is under way.
    kInMessage,  // One has begun and holds a storage until it has ended.
    kStopped,    // By the visitor.
    kNoStorage,  // All storages are taken: the stream is lost.
    kBroken,     // It cannot be cut any further, error() says why.
  };

  // Calls visit(const sip::Frame&) for each frame but kNeedMore and kError: a message's text is
  // lent for the call. False from it stops: nothing may be fed any more.
  template <typename Visit>
  State Feed(sip::PaddedView bytes, Visit&& visit) {
    if (!Prepare()) return State::kNoStorage;
    framer_.Feed(bytes);
    for (sip::Frame frame = framer_.Next(); frame.kind != sip::FrameKind::kNeedMore;
         frame = framer_.Next()) {
      if (frame.kind == sip::FrameKind::kError) {
        error_ = frame.error;
        return State::kBroken;
      }
      if (!visit(frame)) return State::kStopped;
    }
    return Finish();
  }

  bool in_message() const { return framer_.in_message(); }
  // What another stream is to be given to go on where this one is, by Continue(). Good until the
  // next Feed().
  std::string_view unfinished() const { return framer_.unfinished(); }
  // The first bytes of a stream. They lie in no padded memory and hold no whole message.
  State Continue(std::string_view unfinished);
  sip::FrameError error() const { return error_; }

 private:
  bool Prepare();
  State Finish();

  FrameStorages* storages_;
  std::span<char> storage_;  // Empty between messages.
  sip::Framer framer_;
  sip::FrameError error_ = sip::FrameError::kOk;
};

}  // namespace edge
