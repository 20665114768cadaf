// What the benches of sip/ share: the messages of tests/data/messages with their padding.
#pragma once

#include <cassert>
#include <fstream>
#include <iterator>
#include <string>

#include "sip/message.h"

namespace sip_bench {

inline constexpr const char* kMessages[] = {"a-register", "b-401", "c-invite", "d-200-register"};

class PaddedMessage {
 public:
  explicit PaddedMessage(const std::string& name) {
    std::ifstream file(GMEDGE_SOURCE_DIR "/tests/data/messages/" + name + ".sip", std::ios::binary);
    assert(file.is_open());
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    size_ = bytes_.size();
    bytes_.resize(size_ + sip::kPaddingSize);
  }

  size_t size() const { return size_; }
  sip::PaddedView view() const { return sip::PaddedView::Promise({bytes_.data(), size_}); }

 private:
  std::string bytes_;
  size_t size_ = 0;
};

}  // namespace sip_bench
