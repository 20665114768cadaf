// Fragments of IP datagrams put together (RFC 791 3.2, RFC 8200 4.5).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tools/byte_pieces.h"
#include "tools/packet.h"

namespace tools {

class IpFragments {
 public:
  static constexpr size_t kDatagramsMax = 64;  // Beyond it the oldest is given up.
  static constexpr size_t kPiecesMax = 512;    // Of one datagram; beyond it that is given up.
  static constexpr int64_t kPatienceUs = 60'000'000;  // Capture time; ids come again.

  // REQUIRES: packet->is_fragment. True when the datagram is whole: *packet is it then, its
  // payload valid until the next call. Where fragments overlap, what came first stays.
  bool Add(const PacketStamp& stamp, IpPacket* packet);

  // Datagrams that never became whole, those under way included.
  uint64_t incomplete() const { return given_up_ + pending_.size(); }

 private:
  struct Pending {
    BytePieces pieces;
    PacketStamp first;
    size_t size = 0;  // Of the whole datagram; 0: not known yet.
    uint8_t protocol = 0;
  };
  using Map = std::map<std::string, Pending>;

  Map::iterator Find(const PacketStamp& stamp, const IpPacket& packet);
  void GiveUp(Map::iterator entry);

  Map pending_;
  std::string whole_;
  uint64_t given_up_ = 0;
};

}  // namespace tools
