#include "tools/byte_pieces.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace tools {

// The holes that `bytes` covers are filled, one piece each:
//
//   have     |----|      |---|
//   bytes       |==============|
//   added         |=====|   |==|
void BytePieces::Add(uint64_t at, std::string_view bytes, const PacketStamp& stamp) {
  auto next = pieces_.upper_bound(at);
  if (next != pieces_.begin()) {
    const auto before = std::prev(next);
    const uint64_t end = before->first + before->second.bytes.size();
    if (end > at) {
      const size_t known = static_cast<size_t>(std::min<uint64_t>(end - at, bytes.size()));
      bytes.remove_prefix(known);
      at += known;
    }
  }
  while (!bytes.empty()) {
    const uint64_t room = next == pieces_.end() ? bytes.size() : next->first - at;
    const std::string_view added = bytes.substr(0, static_cast<size_t>(room));
    if (!added.empty()) {
      pieces_.emplace_hint(next, at, Piece{std::string(added), stamp});
      size_ += added.size();
    }
    if (next == pieces_.end() || bytes.size() <= room) return;
    const size_t covered = added.size() + next->second.bytes.size();
    bytes.remove_prefix(std::min(covered, bytes.size()));
    at += covered;
    ++next;
  }
}

BytePieces::Piece BytePieces::TakeFront() {
  assert(!empty());
  Piece piece = std::move(pieces_.begin()->second);
  pieces_.erase(pieces_.begin());
  size_ -= piece.bytes.size();
  return piece;
}

void BytePieces::Clear() {
  pieces_.clear();
  size_ = 0;
}

size_t BytePieces::SizeWithoutHole(uint64_t at) const {
  const uint64_t begin = at;
  for (const auto& [place, piece] : pieces_) {
    if (place > at) break;
    at = std::max(at, place + piece.bytes.size());
  }
  return static_cast<size_t>(at - begin);
}

}  // namespace tools
