// Bytes of a stream or a datagram that come in pieces and in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace tools {

// Which packet of a capture, and when.
struct PacketStamp {
  uint64_t number = 0;  // From 1, as Wireshark counts.
  int64_t time_us = 0;  // Since 1970, UTC.
};

// What comes first for a place stays: a later copy of the same place is dropped, the rest of it is
// kept. Copies the bytes.
class BytePieces {
 public:
  struct Piece {
    std::string bytes;
    PacketStamp stamp;
  };

  void Add(uint64_t at, std::string_view bytes, const PacketStamp& stamp);

  bool empty() const { return pieces_.empty(); }
  size_t count() const { return pieces_.size(); }
  // Bytes held.
  size_t size() const { return size_; }
  // Where the first piece begins, and what it is. REQUIRES: !empty().
  uint64_t begin() const { return pieces_.begin()->first; }
  const Piece& front() const { return pieces_.begin()->second; }
  // Takes the first piece out. REQUIRES: !empty().
  Piece TakeFront();
  void Clear();
  // Bytes without a hole from `at` on, to the first hole or the end.
  size_t SizeWithoutHole(uint64_t at) const;

 private:
  // Pieces never overlap.
  std::map<uint64_t, Piece> pieces_;
  size_t size_ = 0;
};

}  // namespace tools
