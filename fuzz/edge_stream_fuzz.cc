// Three connections that share two storages, fed any bytes in any split and order: each tells what
// its bytes tell when they come in one read, up to where it ends; what is told is within the
// limits; a storage is held by a message under way or an ended stream and by nobody else.
//
// The input is a program. One byte: whose (its rest by three), and what (its rest by three of the
// quotient):
//   0, 1: | size | bytes of one read |, at 1 the visitor stops at its first message
//   2:    | size |: so many times 256 letters, to come near the limits
//   3:    the connection ends and another begins
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/stream.h"

namespace {

using edge::FrameStorages;
using edge::Stream;
using sip::FrameKind;

constexpr size_t kStorages = 2;
constexpr size_t kLettersMax = 1 << 18;  // Of one input.

void Require(bool condition) {
  if (!condition) std::abort();
}

struct Told {
  FrameKind kind;
  std::string text;
  bool operator==(const Told&) const = default;
};

// A read in memory of its own, which is given back after it.
class Read {
 public:
  explicit Read(std::string_view bytes)
      : size_(bytes.size()), memory_(std::make_unique<char[]>(size_ + sip::kPaddingSize)) {
    if (size_ > 0) std::memcpy(memory_.get(), bytes.data(), size_);
    std::memset(memory_.get() + size_, '\xff', sip::kPaddingSize);
  }
  sip::PaddedView View() const { return sip::PaddedView::Promise({memory_.get(), size_}); }

 private:
  size_t size_;
  std::unique_ptr<char[]> memory_;
};

void CheckLimits(const sip::Frame& frame) {
  const std::string_view text = frame.text.bytes();
  Require(frame.kind == FrameKind::kMessage || text.empty());
  Require(text.size() <= edge::kStreamLimits.message_size_max);
}

// What all bytes of a connection tell in one read.
std::vector<Told> Whole(const std::string& bytes, Stream::State* state, sip::FrameError* error) {
  FrameStorages storages(1);
  std::vector<Told> told;
  {
    Stream stream(&storages);
    *state = stream.Feed(Read(bytes).View(), [&](const sip::Frame& frame) {
      told.push_back({frame.kind, std::string(frame.text.bytes())});
      return true;
    });
    *error = stream.error();
    Require(stream.in_message() == (*state == Stream::State::kInMessage) ||
            *state == Stream::State::kBroken);
  }
  Require(storages.available() == 1);
  return told;
}

class Connection {
 public:
  explicit Connection(FrameStorages* storages) : stream_(std::make_unique<Stream>(storages)) {}

  bool ended() const {
    return state_ != Stream::State::kBetween && state_ != Stream::State::kInMessage;
  }
  bool holds_storage() const {
    return state_ != Stream::State::kBetween && state_ != Stream::State::kNoStorage;
  }
  void Feed(std::string_view bytes, bool stop) {
    if (ended()) return;
    all_ += bytes;
    state_ = stream_->Feed(Read(bytes).View(), [&](const sip::Frame& frame) {
      CheckLimits(frame);
      told_.push_back({frame.kind, std::string(frame.text.bytes())});
      return !stop || frame.kind != FrameKind::kMessage;
    });
  }
  // It goes, and gives back what it holds.
  void End() {
    stream_.reset();
    Stream::State state = Stream::State::kBetween;
    sip::FrameError error = sip::FrameError::kOk;
    const std::vector<Told> whole = Whole(all_, &state, &error);
    const bool was_cut_off =
        state_ == Stream::State::kStopped || state_ == Stream::State::kNoStorage;
    Require(was_cut_off ? told_.size() <= whole.size() : told_.size() == whole.size());
    Require(std::equal(told_.begin(), told_.end(), whole.begin()));
    Require(was_cut_off || state == state_);
  }

 private:
  std::unique_ptr<Stream> stream_;
  Stream::State state_ = Stream::State::kBetween;
  std::string all_;
  std::vector<Told> told_;
};

class Play {
 public:
  Play(const uint8_t* data, size_t size) : at_(data), left_(size) {
    for (auto& connection : connections_) connection = std::make_unique<Connection>(&storages_);
  }

  void Run() {
    while (left_ > 0) Step();
    for (auto& connection : connections_) connection->End();
    Require(storages_.available() == kStorages);
  }

 private:
  uint8_t Byte() {
    if (left_ == 0) return 0;
    --left_;
    return *at_++;
  }

  void Step() {
    const uint8_t what = Byte();
    auto& connection = connections_[what % connections_.size()];
    switch (what / connections_.size() % 4) {
      case 0:
      case 1: {
        const size_t size = std::min<size_t>(Byte(), left_);
        const bool stop = what / connections_.size() % 4 == 1;
        connection->Feed({reinterpret_cast<const char*>(at_), size}, stop);
        at_ += size;
        left_ -= size;
        break;
      }
      case 2: {
        const size_t size = std::min<size_t>(Byte() * 256u, kLettersMax - letters_);
        letters_ += size;
        connection->Feed(std::string(size, 'x'), false);
        break;
      }
      default:
        connection->End();
        connection = std::make_unique<Connection>(&storages_);
        break;
    }
    const auto held = std::count_if(connections_.begin(), connections_.end(),
                                    [](const auto& one) { return one->holds_storage(); });
    Require(storages_.available() + static_cast<size_t>(held) == kStorages);
  }

  const uint8_t* at_;
  size_t left_;
  size_t letters_ = 0;
  FrameStorages storages_{kStorages};
  std::array<std::unique_ptr<Connection>, 3> connections_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Play(data, size).Run();
  return 0;
}
