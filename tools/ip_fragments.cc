#include "tools/ip_fragments.h"

#include <algorithm>

namespace tools {
namespace {

constexpr size_t kDatagramSizeMax = 65535;

// What fragments of one datagram have in common.
std::string KeyOf(const IpPacket& packet) {
  std::string key;
  for (const reactor::Endpoint* endpoint : {&packet.source, &packet.destination}) {
    const std::span<const uint8_t> address = endpoint->address();
    key.append(address.begin(), address.end());
  }
  for (int shift = 0; shift < 32; shift += 8) {
    key += static_cast<char>(packet.fragment_id >> shift & 255);
  }
  // IPv6 has no protocol in the key: it is the first fragment's.
  if (packet.source.family() == AF_INET) key += static_cast<char>(packet.protocol);
  return key;
}

}  // namespace

bool IpFragments::Add(const PacketStamp& stamp, IpPacket* packet) {
  const size_t end = packet->fragment_at + packet->payload.size();
  if (packet->is_cut || end > kDatagramSizeMax) return false;
  const Map::iterator entry = Find(stamp, *packet);
  Pending& pending = entry->second;
  pending.pieces.Add(packet->fragment_at, packet->payload, stamp);
  if (packet->fragment_at == 0) pending.protocol = packet->protocol;
  if (!packet->more_fragments && pending.size == 0) pending.size = end;
  if (pending.pieces.count() > kPiecesMax) {
    GiveUp(entry);
    return false;
  }
  if (pending.size == 0 || pending.pieces.SizeWithoutHole(0) < pending.size) return false;

  whole_.clear();
  while (!pending.pieces.empty()) whole_ += pending.pieces.TakeFront().bytes;
  whole_.resize(pending.size);
  packet->payload = whole_;
  packet->protocol = pending.protocol;
  packet->is_fragment = packet->more_fragments = false;
  packet->fragment_at = 0;
  pending_.erase(entry);
  return true;
}

IpFragments::Map::iterator IpFragments::Find(const PacketStamp& stamp, const IpPacket& packet) {
  const std::string key = KeyOf(packet);
  const Map::iterator known = pending_.find(key);
  if (known != pending_.end()) {
    if (stamp.time_us - known->second.first.time_us <= kPatienceUs) return known;
    GiveUp(known);
  }
  if (pending_.size() == kDatagramsMax) {
    GiveUp(std::min_element(pending_.begin(), pending_.end(), [](const auto& a, const auto& b) {
      return a.second.first.number < b.second.first.number;
    }));
  }
  const Map::iterator entry = pending_.emplace(key, Pending()).first;
  entry->second.first = stamp;
  return entry;
}

void IpFragments::GiveUp(Map::iterator entry) {
  pending_.erase(entry);
  ++given_up_;
}

}  // namespace tools
