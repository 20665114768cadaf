#include "edge/stream.h"

#include <string>
#include <utility>

namespace edge {
namespace {

// What a framer has while it needs none: never written to.
std::span<char> NoStorage() {
  static char bytes[FrameStorages::kSize];
  return bytes;
}

}  // namespace

FrameStorages::FrameStorages(size_t count)
    : bytes_(std::make_unique_for_overwrite<char[]>(count * kSize)) {
  free_.reserve(count);
  for (size_t i = count; i > 0; --i) free_.emplace_back(bytes_.get() + (i - 1) * kSize, kSize);
}

std::span<char> FrameStorages::Take() {
  if (free_.empty()) return {};
  const std::span<char> storage = free_.back();
  free_.pop_back();
  return storage;
}

Stream::Stream(FrameStorages* storages)
    : storages_(storages), framer_(NoStorage(), kStreamLimits) {}

Stream::~Stream() {
  if (!storage_.empty()) storages_->Give(storage_);
}

Stream::State Stream::Continue(std::string_view unfinished) {
  std::string padded(unfinished);
  padded.resize(unfinished.size() + sip::kPaddingSize);
  const sip::PaddedView bytes = sip::PaddedView::Promise({padded.data(), unfinished.size()});
  return Feed(bytes, [](const sip::Frame& frame) { return frame.kind == sip::FrameKind::kPong; });
}

// One storage is at hand for what this feed may leave unfinished.
bool Stream::Prepare() {
  if (!storage_.empty()) return true;
  storage_ = storages_->Take();
  if (storage_.empty()) return false;
  framer_.set_storage(storage_);
  return true;
}

Stream::State Stream::Finish() {
  if (framer_.in_message()) return State::kInMessage;
  framer_.set_storage(NoStorage());
  storages_->Give(std::exchange(storage_, {}));
  return State::kBetween;
}

}  // namespace edge
