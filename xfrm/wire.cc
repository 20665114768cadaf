#include "xfrm/wire.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cassert>

namespace xfrm {
namespace {

constexpr uint32_t kBitsPerWord = 32;
constexpr uint16_t kExactPort = 0xffff;

uint8_t BitsOf(uint8_t family) {
  return family == AF_INET ? 32 : 128;
}

// Bytes never end an SA or a policy, and packets only an SA that asks for it.
xfrm_lifetime_cfg Unlimited() {
  xfrm_lifetime_cfg limits = Zeroed<xfrm_lifetime_cfg>();
  limits.soft_byte_limit = XFRM_INF;
  limits.hard_byte_limit = XFRM_INF;
  limits.soft_packet_limit = XFRM_INF;
  limits.hard_packet_limit = XFRM_INF;
  return limits;
}

xfrm_selector ToWire(const Selector& selector) {
  xfrm_selector wire = Zeroed<xfrm_selector>();
  wire.family = selector.destination.family;
  wire.daddr = ToWire(selector.destination);
  wire.saddr = ToWire(selector.source);
  wire.prefixlen_d = BitsOf(selector.destination.family);
  wire.prefixlen_s = BitsOf(selector.source.family);
  wire.dport = htons(selector.destination_port);
  wire.sport = htons(selector.source_port);
  wire.dport_mask = kExactPort;
  wire.sport_mask = kExactPort;
  return wire;  // proto 0: UDP and TCP share the SA (TS 33.203 7.1).
}

// As ToWire(Sa) makes them: what FromWire(SaInfo) leaves out has the value it has there. Whether
// tunnel mode is in UDP an attribute says.
bool IsExact(const xfrm_usersa_info& info) {
  const xfrm_selector& selector = info.sel;
  const uint8_t bits = BitsOf(static_cast<uint8_t>(info.family));
  const bool is_ours = info.mode == XFRM_MODE_TRANSPORT || info.mode == XFRM_MODE_TUNNEL;
  return is_ours && info.flags == 0 && selector.family == info.family &&
         selector.prefixlen_d == bits && selector.prefixlen_s == bits &&
         selector.dport_mask == kExactPort && selector.sport_mask == kExactPort &&
         selector.proto == 0 && selector.ifindex == 0;
}

void SetPeer(const Policy& policy, xfrm_selector* wire) {
  assert(policy.peer.family == policy.local.family);
  const uint16_t mask = policy.peer_port != 0 ? kExactPort : uint16_t{0};  // Not one of ours: any.
  if (policy.direction == Direction::kIn) {
    wire->saddr = ToWire(policy.peer);
    wire->prefixlen_s = BitsOf(policy.peer.family);
    wire->sport = htons(policy.peer_port);
    wire->sport_mask = mask;
  } else {
    wire->daddr = ToWire(policy.peer);
    wire->prefixlen_d = BitsOf(policy.peer.family);
    wire->dport = htons(policy.peer_port);
    wire->dport_mask = mask;
  }
}

}  // namespace

xfrm_address_t ToWire(const Address& address) {
  xfrm_address_t wire = Zeroed<xfrm_address_t>();
  static_assert(sizeof(wire) == sizeof(address.bytes));
  const size_t size = address.family == AF_INET ? 4 : 16;
  std::memcpy(&wire, address.bytes.data(), size);
  return wire;
}

Address FromWire(const xfrm_address_t& address, uint16_t family) {
  Address value;
  if (family != AF_INET && family != AF_INET6) return value;
  value.family = static_cast<uint8_t>(family);
  std::memcpy(value.bytes.data(), &address, family == AF_INET ? 4 : 16);
  return value;
}

xfrm_usersa_info ToWire(const Sa& sa) {
  assert(sa.selector.source.family == sa.selector.destination.family);
  xfrm_usersa_info wire = Zeroed<xfrm_usersa_info>();
  wire.sel = ToWire(sa.selector);
  wire.id.daddr = wire.sel.daddr;
  wire.id.spi = htonl(sa.spi);
  wire.id.proto = IPPROTO_ESP;
  wire.saddr = wire.sel.saddr;
  wire.lft = Unlimited();
  wire.lft.hard_add_expires_seconds = sa.hard_seconds;
  wire.lft.soft_add_expires_seconds = sa.soft_seconds;
  if (sa.hard_packets != 0) {
    // Drivers that count packets themselves want a soft limit below the hard one (mlx5).
    wire.lft.hard_packet_limit = sa.hard_packets;
    wire.lft.soft_packet_limit = sa.hard_packets - 1;
  }
  wire.reqid = sa.reqid;
  wire.family = sa.selector.destination.family;
  wire.mode = XFRM_MODE_TRANSPORT;
  if (sa.tunnel) {
    assert(sa.tunnel.source.family == wire.family && sa.tunnel.destination.family == wire.family);
    wire.mode = XFRM_MODE_TUNNEL;
    wire.id.daddr = ToWire(sa.tunnel.destination);
    wire.saddr = ToWire(sa.tunnel.source);
  }
  const bool fits = sa.replay_window <= kWindowInSaMax;
  wire.replay_window = fits ? static_cast<uint8_t>(sa.replay_window) : uint8_t{0};
  return wire;
}

xfrm_usersa_id ToWire(const SaId& id) {
  xfrm_usersa_id wire = Zeroed<xfrm_usersa_id>();
  wire.daddr = ToWire(id.destination);
  wire.spi = htonl(id.spi);
  wire.family = id.destination.family;
  wire.proto = IPPROTO_ESP;
  return wire;
}

SaInfo FromWire(const xfrm_usersa_info& info) {
  SaInfo value;
  value.selector.source = FromWire(info.sel.saddr, info.sel.family);
  value.selector.destination = FromWire(info.sel.daddr, info.sel.family);
  value.selector.source_port = ntohs(info.sel.sport);
  value.selector.destination_port = ntohs(info.sel.dport);
  value.id.destination = FromWire(info.id.daddr, info.family);
  value.id.spi = ntohl(info.id.spi);
  value.source = FromWire(info.saddr, info.family);
  value.reqid = info.reqid;
  value.is_exact = IsExact(info);
  value.hard_seconds = info.lft.hard_add_expires_seconds;
  value.hard_packets = info.lft.hard_packet_limit == XFRM_INF ? 0 : info.lft.hard_packet_limit;
  value.added_at = info.curlft.add_time;
  value.used_at = info.curlft.use_time;
  value.bytes = info.curlft.bytes;
  value.packets = info.curlft.packets;
  value.replayed = info.stats.replay + info.stats.replay_window;
  value.undecrypted = info.stats.integrity_failed;
  value.replay_window = info.replay_window;
  return value;
}

// | bits of the bitmap in words | sent | received | their upper halves | window | words... |
WideWindow ToWideWire(const ReplayState& state) {
  assert(state.window > kWindowInSaMax && state.window <= kReplayWindowMax);
  xfrm_replay_state_esn head = Zeroed<xfrm_replay_state_esn>();
  head.bmp_len = (state.window + kBitsPerWord - 1) / kBitsPerWord;
  head.oseq = state.sent;
  head.seq = state.received;
  head.replay_window = state.window;
  WideWindow wire;
  const size_t words_size = head.bmp_len * sizeof(uint32_t);
  wire.size = sizeof(head) + words_size;
  std::memcpy(wire.bytes.data(), &head, sizeof(head));
  std::memcpy(wire.bytes.data() + sizeof(head), state.received_bits.data(), words_size);
  return wire;
}

xfrm_replay_state ToWire(const ReplayState& state) {
  return {state.sent, state.received, state.received_bits[0]};
}

bool FromWideWire(std::span<const std::byte> payload, ReplayState* state) {
  xfrm_replay_state_esn head;
  if (!ReadAt(payload, 0, &head) || head.bmp_len > ReplayState::kWordsMax) return false;
  if (head.replay_window > kReplayWindowMax || head.seq_hi != 0 || head.oseq_hi != 0) return false;
  state->sent = head.oseq;
  state->received = head.seq;
  state->window = static_cast<uint16_t>(head.replay_window);
  state->received_bits = {};
  for (size_t i = 0; i < head.bmp_len; ++i) {
    const size_t at = sizeof(head) + i * sizeof(uint32_t);
    if (!ReadAt(payload, at, &state->received_bits[i])) return false;
  }
  return true;
}

bool FromWire(std::span<const std::byte> payload, ReplayState* state) {
  xfrm_replay_state wire;
  if (!ReadAt(payload, 0, &wire)) return false;
  *state = {wire.oseq, wire.seq, 0, {wire.bitmap}};
  return true;
}

xfrm_user_offload ToWire(const Offload& offload, std::optional<Direction> direction) {
  assert(offload.kind != OffloadKind::kNone);
  xfrm_user_offload wire = Zeroed<xfrm_user_offload>();
  wire.ifindex = offload.interface;
  uint8_t flags = 0;
  if (direction == Direction::kIn) flags |= XFRM_OFFLOAD_INBOUND;
  if (offload.kind == OffloadKind::kPacket) flags |= XFRM_OFFLOAD_PACKET;
  wire.flags = flags;
  return wire;
}

Offload FromWire(const xfrm_user_offload& wire) {
  const bool is_packet = (wire.flags & XFRM_OFFLOAD_PACKET) != 0;
  return {is_packet ? OffloadKind::kPacket : OffloadKind::kCrypto, wire.ifindex};
}

xfrm_encap_tmpl ToWire(const UdpTunnel& tunnel) {
  assert(tunnel);
  xfrm_encap_tmpl wire = Zeroed<xfrm_encap_tmpl>();
  wire.encap_type = UDP_ENCAP_ESPINUDP;
  wire.encap_sport = htons(tunnel.source_port);
  wire.encap_dport = htons(tunnel.destination_port);
  return wire;
}

bool FromWire(std::span<const std::byte> payload, UdpTunnel* tunnel) {
  xfrm_encap_tmpl wire;
  if (!ReadAt(payload, 0, &wire) || wire.encap_type != UDP_ENCAP_ESPINUDP) return false;
  tunnel->source_port = ntohs(wire.encap_sport);
  tunnel->destination_port = ntohs(wire.encap_dport);
  return true;
}

xfrm_selector SelectorOf(const Policy& policy) {
  assert(policy.local_port != 0);  // Any port would cut off the whole host.
  xfrm_selector wire = Zeroed<xfrm_selector>();
  wire.family = policy.local.family;
  if (policy.direction == Direction::kIn) {
    wire.daddr = ToWire(policy.local);
    wire.prefixlen_d = BitsOf(policy.local.family);
    wire.dport = htons(policy.local_port);
    wire.dport_mask = kExactPort;
  } else {
    wire.saddr = ToWire(policy.local);
    wire.prefixlen_s = BitsOf(policy.local.family);
    wire.sport = htons(policy.local_port);
    wire.sport_mask = kExactPort;
  }
  if (policy.is_of_flow()) SetPeer(policy, &wire);
  return wire;
}

xfrm_userpolicy_info ToWire(const Policy& policy) {
  xfrm_userpolicy_info wire = Zeroed<xfrm_userpolicy_info>();
  wire.sel = SelectorOf(policy);
  wire.lft = Unlimited();
  wire.priority = policy.priority;
  wire.dir = policy.direction == Direction::kIn ? XFRM_POLICY_IN : XFRM_POLICY_OUT;
  wire.action = XFRM_POLICY_ALLOW;
  wire.share = XFRM_SHARE_ANY;
  return wire;
}

// SPI zero, and addresses but for a tunnel: any SA of our reqid will do, and its own selector picks
// which.
xfrm_user_tmpl TemplateOf(const Policy& policy) {
  xfrm_user_tmpl wire = Zeroed<xfrm_user_tmpl>();
  wire.id.proto = IPPROTO_ESP;
  wire.family = policy.local.family;
  wire.reqid = policy.reqid;
  wire.mode = XFRM_MODE_TRANSPORT;
  if (policy.is_of_flow()) {
    wire.mode = XFRM_MODE_TUNNEL;
    wire.id.daddr = ToWire(policy.tunnel_destination);
    wire.saddr = ToWire(policy.tunnel_source);
  }
  wire.share = XFRM_SHARE_ANY;
  wire.optional = 0;  // Level "required": without an SA nothing passes.
  wire.aalgos = ~uint32_t{0};
  wire.ealgos = ~uint32_t{0};
  wire.calgos = ~uint32_t{0};
  return wire;
}

PolicyInfo FromWire(const xfrm_userpolicy_info& info) {
  const xfrm_selector& selector = info.sel;
  const bool is_in = info.dir == XFRM_POLICY_IN;
  PolicyInfo value;
  value.priority = info.priority;
  value.direction = is_in ? Direction::kIn : Direction::kOut;
  value.local = FromWire(is_in ? selector.daddr : selector.saddr, selector.family);
  value.local_port = ntohs(is_in ? selector.dport : selector.sport);
  if ((is_in ? selector.prefixlen_s : selector.prefixlen_d) != 0) {
    value.peer = FromWire(is_in ? selector.saddr : selector.daddr, selector.family);
    value.peer_port = ntohs(is_in ? selector.sport : selector.dport);
  }
  return value;
}

bool TakeAttribute(std::span<const std::byte>* bytes, AttributeView* attribute) {
  nlattr header;
  if (!ReadAt(*bytes, 0, &header)) return false;
  if (header.nla_len < sizeof(header) || header.nla_len > bytes->size()) return false;

  attribute->type = header.nla_type & NLA_TYPE_MASK;
  attribute->payload = bytes->subspan(sizeof(header), header.nla_len - sizeof(header));
  // The last attribute may come without its padding.
  const size_t step = std::min<size_t>(MNL_ALIGN(size_t{header.nla_len}), bytes->size());
  *bytes = bytes->subspan(step);
  return true;
}

}  // namespace xfrm
