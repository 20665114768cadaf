// Packets, as far as the fake kernel knows of them: which SA carries one, and what one does to it.

#include <arpa/inet.h>

#include <cstring>

#include "xfrm/fake_answer.h"
#include "xfrm/fake_tables.h"
#include "xfrm/wire.h"

namespace xfrm {

bool FakeTables::CountPacket(const SaId& id, size_t bytes, uint64_t now) {
  const xfrm_usersa_id wire = ToWire(id);
  const auto found = sas_.find(KeyOf(wire.daddr, wire.family, wire.spi));
  if (found == sas_.end()) return false;
  xfrm_lifetime_cur& current = found->second.info.curlft;
  if (current.use_time == 0) current.use_time = now;
  current.bytes += bytes;
  current.packets += 1;
  return true;
}

xfrm_stats* FakeTables::StatsOf(const SaId& id) {
  const xfrm_usersa_id wire = ToWire(id);
  const auto found = sas_.find(KeyOf(wire.daddr, wire.family, wire.spi));
  return found == sas_.end() ? nullptr : &found->second.info.stats;
}

// As xfrm_state_look_at: one whose soft lifetime is over comes last, then the newest first.
std::optional<SaId> FakeTables::CarrierOf(const Selector& flow, uint32_t reqid) const {
  const StoredSa* best = nullptr;
  std::optional<SaId> id;
  for (const auto& [key, sa] : sas_) {
    const SaInfo info = FromWire(sa.info);
    if (info.selector != flow || info.reqid != reqid) continue;
    const bool is_better =
        best == nullptr ||
        (sa.is_dying != best->is_dying ? best->is_dying : sa.ordinal > best->ordinal);
    if (!is_better) continue;
    best = &sa;
    id = info.id;
  }
  return id;
}

// As esp_input_done2 and xfrm_send_mapping: the packet is taken, from wherever it came.
bool FakeTables::ReceiveInUdp(const SaId& id, const Address& source, uint16_t port, uint64_t now,
                              std::vector<Datagram>* events) {
  const xfrm_usersa_id wire = ToWire(id);
  const auto found = sas_.find(KeyOf(wire.daddr, wire.family, wire.spi));
  if (found == sas_.end() || found->second.attributes.tunnel_at == 0) return false;
  const xfrm_usersa_info& info = found->second.info;
  xfrm_encap_tmpl known;
  static_cast<void>(
      ReadAt(found->second.attributes.bytes, found->second.attributes.tunnel_at, &known));
  const xfrm_address_t from = ToWire(source);
  const bool is_known =
      known.encap_sport == htons(port) && std::memcmp(&from, &info.saddr, sizeof(from)) == 0;
  if (!is_known) AppendMapping(info, known, from, htons(port), &events->emplace_back());
  return CountPacket(id, 1, now);
}

}  // namespace xfrm
