// A few short texts in one block of memory, for what there are a million of.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace edge {

// REQUIRES: together they have at most kSizeMax bytes.
template <size_t kCount>
class PackedTexts {
 public:
  static constexpr size_t kSizeMax = UINT16_MAX;

  // The new ones may be views of the old.
  void Assign(const std::array<std::string_view, kCount>& texts) {
    size_t size = 0;
    for (const std::string_view text : texts) size += text.size();
    assert(size <= kSizeMax);
    std::string bytes;
    bytes.reserve(size);
    for (size_t i = 0; i < kCount; ++i) {
      bytes += texts[i];
      ends_[i] = static_cast<uint16_t>(bytes.size());
    }
    bytes_ = std::move(bytes);
  }

  std::string_view operator[](size_t index) const {
    const size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(bytes_).substr(begin, ends_[index] - begin);
  }

 private:
  std::string bytes_;
  std::array<uint16_t, kCount> ends_{};
};

}  // namespace edge
