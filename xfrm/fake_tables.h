// The SAD and the SPD of the fake kernel, and what one request does to them.
#pragma once

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <span>
#include <unordered_map>
#include <vector>

#include "xfrm/fake_check.h"
#include "xfrm/fake_offload.h"
#include "xfrm/key.h"
#include "xfrm/sa.h"

namespace xfrm {

class FakeTables {
 public:
  using Bytes = std::span<const std::byte>;
  using Datagram = std::vector<std::byte>;

  // Does one request, as xfrm_user_rcv_msg; what it is answered beside an acknowledgement is
  // appended to *answers. `body` is what follows the header.
  Refusal Handle(const nlmsghdr& header, Bytes body, uint64_t now, std::vector<Datagram>* answers);
  // Lets soft and hard lifetimes end; the events go to *events when it is not null.
  // Looks at work_max deadlines at most. True: no other is due.
  bool Expire(uint64_t now, std::vector<Datagram>* events, size_t work_max);

  size_t sa_count() const { return sas_.size(); }
  size_t policy_count() const { return policies_.size(); }
  // As parts of a dump: each message alone in a datagram, with sequence 0.
  void ListSas(const std::function<void(Bytes)>& look) const;
  void ListPolicies(const std::function<void(Bytes)>& look) const;

  OffloadDevices& devices() { return devices_; }
  bool CountPacket(const SaId& id, size_t bytes, uint64_t now);
  xfrm_stats* StatsOf(const SaId& id);  // Of refused packets; null: no such SA.
  std::optional<SaId> CarrierOf(const Selector& flow, uint32_t reqid) const;
  // True: there is such an SA, in a UDP tunnel.
  bool ReceiveInUdp(const SaId& id, const Address& source, uint16_t port, uint64_t now,
                    std::vector<Datagram>* events);

 private:
  // What the SAD is keyed by; the protocol is always ESP.
  struct SaKey {
    std::array<uint8_t, 16> destination;
    uint32_t spi;  // Network byte order, as on the wire.
    uint16_t family;
    bool operator==(const SaKey&) const = default;
  };
  struct SaKeyHash {
    size_t operator()(const SaKey& key) const;
  };
  // Attributes as they go back in a dump. Holds keys, so it wipes itself.
  struct StoredAttributes {
    Datagram bytes;
    size_t replay_at = 0;  // Behind the replay state comes at most the device.
    size_t tunnel_at = 0;  // The payload of XFRMA_ENCAP; 0: none.
    StoredAttributes() = default;
    StoredAttributes(StoredAttributes&&) = default;
    StoredAttributes& operator=(StoredAttributes&&) = default;
    ~StoredAttributes() { Wipe(bytes.data(), bytes.size()); }
  };
  struct StoredSa {
    xfrm_usersa_info info;
    StoredAttributes attributes;
    uint64_t ordinal = 0;   // Grows with each SA added.
    bool is_dying = false;  // Its soft lifetime is over.
  };
  struct StoredPolicy {
    xfrm_userpolicy_info info;
    Datagram templates;
    Datagram device;  // The whole attribute, or nothing.
  };
  // When an SA's soft or hard lifetime may end. Stale once the SA was updated or deleted: it is
  // looked at again when its time comes.
  struct Deadline {
    uint64_t seconds;
    SaKey key;
    bool operator>(const Deadline& other) const { return seconds > other.seconds; }
  };
  struct Request;

  static SaKey KeyOf(const xfrm_address_t& destination, uint16_t family, uint32_t spi);
  static SaKey KeyOf(const xfrm_usersa_info& info);
  Refusal Dump(const nlmsghdr& header, std::vector<Datagram>* answers) const;
  Refusal AddSa(const Request& request, uint64_t now);
  Refusal UpdateSa(const Request& request);
  Refusal DeleteOrGetSa(const Request& request, std::vector<Datagram>* answers);
  Refusal SetOrGetReplay(const Request& request, std::vector<Datagram>* answers);
  Refusal PutPolicy(const Request& request);
  Refusal DeleteOrGetPolicy(const Request& request, std::vector<Datagram>* answers);
  void AddDeadlines(const xfrm_usersa_info& info);

  std::unordered_map<SaKey, StoredSa, SaKeyHash> sas_;
  std::vector<StoredPolicy> policies_;
  std::priority_queue<Deadline, std::vector<Deadline>, std::greater<Deadline>> deadlines_;
  OffloadDevices devices_;
  uint64_t next_ordinal_ = 0;
  uint32_t next_policy_index_ = 8;
};

}  // namespace xfrm
