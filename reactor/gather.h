// What a send points to and what it copies. Only for the sources that send.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "reactor/buffer_ring.h"
#include "reactor/send_slot.h"

namespace reactor {

// Cuts slices into what is pointed to (it lies in the lease's buffer) and what is copied, and joins
// neighbours. Used twice: to count, then to fill.
class Gather {
 public:
  explicit Gather(const BufferLease& lease) {
    const std::span<std::byte> bytes = lease.bytes();
    begin_ = reinterpret_cast<const char*>(bytes.data());
    end_ = begin_ + bytes.size();
  }

  bool Lent(std::string_view slice) const {
    return slice.data() >= begin_ && slice.data() + slice.size() <= end_;
  }

  void Count(std::span<const std::string_view> slices) {
    bool copying = false;
    const char* lent_end = nullptr;
    for (const std::string_view slice : slices) {
      if (slice.empty()) continue;
      const bool lent = Lent(slice);
      if (lent ? slice.data() != lent_end : !copying) ++piece_count_;
      if (!lent) text_size_ += slice.size();
      copying = !lent;
      lent_end = lent ? slice.data() + slice.size() : nullptr;
      size_ += slice.size();
    }
  }

  // Writes piece_count() pieces and text_size() bytes.
  void Fill(std::span<const std::string_view> slices, const SendArea& area) const {
    iovec* piece = area.pieces - 1;
    char* text = area.text;
    const char* piece_end = nullptr;  // Where the next slice must begin to join the piece.
    for (const std::string_view slice : slices) {
      if (slice.empty()) continue;
      char* begin = const_cast<char*>(slice.data());
      if (!Lent(slice)) {
        begin = text;
        std::memcpy(text, slice.data(), slice.size());
        text += slice.size();
      }
      if (begin == piece_end) {
        piece->iov_len += slice.size();
      } else {
        *++piece = {begin, slice.size()};
      }
      piece_end = begin + slice.size();
    }
  }

  size_t size() const { return size_; }
  size_t piece_count() const { return piece_count_; }
  size_t text_size() const { return text_size_; }

 private:
  const char* begin_;
  const char* end_;
  size_t size_ = 0;
  size_t piece_count_ = 0;
  size_t text_size_ = 0;
};

}  // namespace reactor
