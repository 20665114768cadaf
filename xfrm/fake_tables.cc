#include "xfrm/fake_tables.h"

#include <libmnl/libmnl.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "xfrm/fake_answer.h"
#include "xfrm/wire.h"

namespace xfrm {
namespace {

using Bytes = FakeTables::Bytes;
using Datagram = FakeTables::Datagram;

constexpr size_t kDumpPartSizeMax = 16 << 10;  // About what the kernel fills before it sends.

template <typename T>
Bytes BytesOf(const T& value) {
  return std::as_bytes(std::span<const T, 1>(&value, 1));
}

uint64_t HardDeadline(const xfrm_usersa_info& info) {
  return info.curlft.add_time + info.lft.hard_add_expires_seconds;
}

uint64_t SoftDeadline(const xfrm_usersa_info& info) {
  return info.curlft.add_time + info.lft.soft_add_expires_seconds;
}

// Names a hash with its key as older programs want it too, without the truncation.
void AppendPlainAuth(Bytes truncated, Datagram* bytes) {
  Datagram plain(truncated.begin(), truncated.end());
  plain.erase(plain.begin() + sizeof(xfrm_algo), plain.begin() + sizeof(xfrm_algo_auth));
  AppendAttribute(XFRMA_ALG_AUTH, plain, bytes);
  Wipe(plain.data(), plain.size());
}

// As xfrm_smark_init and xfrm_smark_put: a value alone is for all bits, a mask alone is nothing.
void AppendMark(const RequestAttributes& attributes, Datagram* bytes) {
  if (!attributes.has(XFRMA_SET_MARK)) return;
  uint32_t value = 0;
  uint32_t mask = UINT32_MAX;
  static_cast<void>(ReadAt(attributes.of(XFRMA_SET_MARK), 0, &value));
  static_cast<void>(ReadAt(attributes.of(XFRMA_SET_MARK_MASK), 0, &mask));
  if ((value | mask) == 0) return;
  AppendAttribute(XFRMA_SET_MARK, BytesOf(value), bytes);
  if (mask != 0) AppendAttribute(XFRMA_SET_MARK_MASK, BytesOf(mask), bytes);
}

// The bitmap always goes back whole, though a request may leave it out.
void AppendReplay(const RequestAttributes& attributes, Datagram* bytes) {
  if (!attributes.has(XFRMA_REPLAY_ESN_VAL)) {
    const xfrm_replay_state none{};
    const Bytes given = attributes.of(XFRMA_REPLAY_VAL);
    const bool has = attributes.has(XFRMA_REPLAY_VAL);
    AppendAttribute(XFRMA_REPLAY_VAL, has ? given.first(sizeof(none)) : BytesOf(none), bytes);
    return;
  }
  const Bytes given = attributes.of(XFRMA_REPLAY_ESN_VAL);
  xfrm_replay_state_esn head = Zeroed<xfrm_replay_state_esn>();
  static_cast<void>(ReadAt(given, 0, &head));
  const size_t whole = sizeof(head) + head.bmp_len * sizeof(uint32_t);
  Datagram state(whole);
  std::memcpy(state.data(), given.data(), given.size() >= whole ? whole : sizeof(head));
  AppendAttribute(XFRMA_REPLAY_ESN_VAL, state, bytes);
}

bool IsDump(const nlmsghdr& header) {
  const bool is_get =
      header.nlmsg_type == XFRM_MSG_GETSA || header.nlmsg_type == XFRM_MSG_GETPOLICY;
  return is_get && (header.nlmsg_flags & NLM_F_DUMP) != 0;
}

}  // namespace

// A request cut into its parts.
struct FakeTables::Request {
  nlmsghdr header;
  Bytes fixed;
  RequestAttributes attributes;
};

Refusal FakeTables::Handle(const nlmsghdr& header, Bytes body, uint64_t now,
                           std::vector<Datagram>* answers) {
  if (header.nlmsg_type > XFRM_MSG_MAX) return {std::errc::invalid_argument, {}};
  if (IsDump(header)) return Dump(header, answers);

  const size_t fixed_size = FixedSizeOf(header.nlmsg_type);
  if (fixed_size == 0) {
    return {std::errc::operation_not_supported, "the fake kernel does not model this request"};
  }
  if (body.size() < fixed_size) return {std::errc::invalid_argument, "Invalid header length"};
  Request request = {header, body.first(fixed_size), {}};
  const size_t attributes_at = std::min<size_t>(MNL_ALIGN(fixed_size), body.size());
  if (const Refusal refusal = ParseAttributes(body.subspan(attributes_at), &request.attributes)) {
    return refusal;
  }
  switch (header.nlmsg_type) {
    case XFRM_MSG_NEWSA:
      return AddSa(request, now);
    case XFRM_MSG_UPDSA:
      return UpdateSa(request);
    case XFRM_MSG_NEWPOLICY:
    case XFRM_MSG_UPDPOLICY:
      return PutPolicy(request);
    case XFRM_MSG_GETSA:
    case XFRM_MSG_DELSA:
      return DeleteOrGetSa(request, answers);
    case XFRM_MSG_GETAE:
    case XFRM_MSG_NEWAE:
      return SetOrGetReplay(request, answers);
    default:
      return DeleteOrGetPolicy(request, answers);
  }
}

// As xfrm_timer_handler: a deadline is looked at as of its own time, so that the soft event comes
// first however far time has leapt.
bool FakeTables::Expire(uint64_t now, std::vector<Datagram>* events, size_t work_max) {
  for (; !deadlines_.empty() && deadlines_.top().seconds <= now; --work_max) {
    if (work_max == 0) return false;
    const Deadline due = deadlines_.top();
    deadlines_.pop();
    const auto found = sas_.find(due.key);
    if (found == sas_.end()) continue;
    const xfrm_usersa_info& info = found->second.info;
    const bool is_hard =
        info.lft.hard_add_expires_seconds != 0 && HardDeadline(info) <= due.seconds;
    const bool is_soft = info.lft.soft_add_expires_seconds != 0 &&
                         SoftDeadline(info) <= due.seconds && !found->second.is_dying;
    if (!is_hard && !is_soft) continue;
    if (events != nullptr) AppendExpire(info, is_hard, &events->emplace_back());
    if (is_hard) {
      sas_.erase(found);
    } else {
      found->second.is_dying = true;
    }
  }
  return true;
}

void FakeTables::ListSas(const std::function<void(Bytes)>& look) const {
  for (const auto& [key, sa] : sas_) {
    Datagram datagram;
    AppendSa(sa.info, sa.attributes.bytes, 0, 0, &datagram);
    look(datagram);
    Wipe(datagram.data(), datagram.size());
  }
}

void FakeTables::ListPolicies(const std::function<void(Bytes)>& look) const {
  for (const StoredPolicy& policy : policies_) {
    Datagram datagram;
    AppendPolicy(policy.info, policy.templates, 0, 0, &datagram, policy.device);
    look(datagram);
  }
}

size_t FakeTables::SaKeyHash::operator()(const SaKey& key) const {
  uint64_t parts[2];
  std::memcpy(parts, key.destination.data(), sizeof(parts));
  const uint64_t mixed = (parts[0] ^ parts[1] * 0x9e3779b97f4a7c15) + key.spi * 0xff51afd7ed558ccd;
  return mixed ^ mixed >> 32;
}

FakeTables::SaKey FakeTables::KeyOf(const xfrm_address_t& destination, uint16_t family,
                                    uint32_t spi) {
  SaKey key{};
  std::memcpy(key.destination.data(), &destination, family == AF_INET ? 4 : 16);
  key.spi = spi;
  key.family = family;
  return key;
}

FakeTables::SaKey FakeTables::KeyOf(const xfrm_usersa_info& info) {
  return KeyOf(info.id.daddr, info.family, info.id.spi);
}

// Parts of some size, then NLMSG_DONE in a datagram of its own.
Refusal FakeTables::Dump(const nlmsghdr& header, std::vector<Datagram>* answers) const {
  Datagram* part = nullptr;
  const auto part_with_room = [&]() {
    if (part == nullptr || part->size() > kDumpPartSizeMax) part = &answers->emplace_back();
    return part;
  };
  if (header.nlmsg_type == XFRM_MSG_GETSA) {
    for (const auto& [key, sa] : sas_) {
      AppendSa(sa.info, sa.attributes.bytes, header.nlmsg_seq, NLM_F_MULTI, part_with_room());
    }
  } else {
    for (const StoredPolicy& policy : policies_) {
      AppendPolicy(policy.info, policy.templates, header.nlmsg_seq, NLM_F_MULTI, part_with_room(),
                   policy.device);
    }
  }
  AppendDone(header.nlmsg_seq, &answers->emplace_back());
  return {};
}

Refusal FakeTables::AddSa(const Request& request, uint64_t now) {
  xfrm_usersa_info info;
  if (!ReadAt(request.fixed, 0, &info)) return {std::errc::invalid_argument, {}};
  if (const Refusal refusal = CheckSa(info, request.attributes)) return refusal;

  info.curlft = Zeroed<xfrm_lifetime_cur>();
  info.curlft.add_time = now;
  info.stats = Zeroed<xfrm_stats>();
  if (info.sel.family == AF_UNSPEC) info.sel.family = info.family;
  Datagram device;
  if (const Refusal refusal = devices_.TakeSa(request.attributes, &device)) return refusal;
  const auto [place, is_new] = sas_.try_emplace(KeyOf(info));
  if (!is_new) return {std::errc::file_exists, {}};
  place->second.info = info;
  place->second.ordinal = next_ordinal_++;
  // In the kernel's order (copy_to_user_state_extra).
  StoredAttributes* stored = &place->second.attributes;
  for (const uint16_t type : {XFRMA_ALG_AEAD, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_CRYPT}) {
    if (!request.attributes.has(type)) continue;
    const Bytes payload = request.attributes.of(type);
    if (type == XFRMA_ALG_AUTH_TRUNC) AppendPlainAuth(payload, &stored->bytes);
    AppendAttribute(type, payload, &stored->bytes);
  }
  if (request.attributes.has(XFRMA_ENCAP)) {
    stored->tunnel_at = stored->bytes.size() + sizeof(nlattr);
    AppendAttribute(XFRMA_ENCAP, request.attributes.of(XFRMA_ENCAP).first(sizeof(xfrm_encap_tmpl)),
                    &stored->bytes);
  }
  AppendMark(request.attributes, &stored->bytes);
  stored->replay_at = stored->bytes.size();
  AppendReplay(request.attributes, &stored->bytes);
  stored->bytes.insert(stored->bytes.end(), device.begin(), device.end());
  AddDeadlines(info);
  return {};
}

// Takes over the lifetimes and the ports of a UDP tunnel, though the whole request must be right.
Refusal FakeTables::UpdateSa(const Request& request) {
  xfrm_usersa_info info;
  if (!ReadAt(request.fixed, 0, &info)) return {std::errc::invalid_argument, {}};
  if (const Refusal refusal = CheckSa(info, request.attributes)) return refusal;
  const auto found = sas_.find(KeyOf(info));
  if (found == sas_.end()) return {std::errc::no_such_process, {}};
  StoredAttributes& stored = found->second.attributes;
  const bool is_tunnel = request.attributes.has(XFRMA_ENCAP);
  if (is_tunnel != (stored.tunnel_at != 0)) return {std::errc::invalid_argument, {}};
  if (is_tunnel) {
    std::memcpy(stored.bytes.data() + stored.tunnel_at, request.attributes.of(XFRMA_ENCAP).data(),
                sizeof(xfrm_encap_tmpl));
  }
  found->second.info.lft = info.lft;
  found->second.is_dying = false;
  AddDeadlines(found->second.info);
  return {};
}

Refusal FakeTables::DeleteOrGetSa(const Request& request, std::vector<Datagram>* answers) {
  xfrm_usersa_id id;
  if (!ReadAt(request.fixed, 0, &id)) return {std::errc::invalid_argument, {}};
  if (const Refusal refusal = CheckSaId(id)) return refusal;
  const auto found = sas_.find(KeyOf(id.daddr, id.family, id.spi));
  if (found == sas_.end()) return {std::errc::no_such_process, {}};
  if (request.header.nlmsg_type == XFRM_MSG_DELSA) {
    sas_.erase(found);
  } else {
    AppendSa(found->second.info, found->second.attributes.bytes, request.header.nlmsg_seq, 0,
             &answers->emplace_back());
  }
  return {};
}

// As xfrm_new_ae and xfrm_get_ae. A window of the other kind than the SA's changes nothing and is
// no error.
Refusal FakeTables::SetOrGetReplay(const Request& request, std::vector<Datagram>* answers) {
  xfrm_aevent_id id;
  if (!ReadAt(request.fixed, 0, &id)) return {std::errc::invalid_argument, {}};
  const bool is_set = request.header.nlmsg_type == XFRM_MSG_NEWAE;
  if (is_set) {
    if (const Refusal refusal = CheckReplayRequest(request.header, request.attributes)) {
      return refusal;
    }
  }
  if (const Refusal refusal = CheckSaId(id.sa_id)) return refusal;
  const auto found = sas_.find(KeyOf(id.sa_id.daddr, id.sa_id.family, id.sa_id.spi));
  if (found == sas_.end()) return {std::errc::no_such_process, {}};
  StoredAttributes& stored = found->second.attributes;
  const Bytes last = Bytes(stored.bytes).subspan(stored.replay_at);
  Bytes behind = last;
  AttributeView held;
  if (!TakeAttribute(&behind, &held)) return {std::errc::invalid_argument, {}};
  if (!is_set) {
    const Bytes replay = last.first(last.size() - behind.size());
    AppendReplayEvent(found->second.info, id.flags, replay, request.header.nlmsg_seq,
                      &answers->emplace_back());
    return {};
  }
  const bool is_wide = held.type == XFRMA_REPLAY_ESN_VAL;
  if (is_wide && request.attributes.has(held.type)) {
    if (const Refusal refusal = CheckSameWindow(held.payload, request.attributes.of(held.type))) {
      return refusal;
    }
  }
  if (!request.attributes.has(held.type)) return {};
  std::memcpy(stored.bytes.data() + stored.replay_at + sizeof(nlattr),
              request.attributes.of(held.type).data(), held.payload.size());
  return {};
}

// NEWPOLICY wants the selector to be new; UPDPOLICY replaces or adds. The priority is no part of
// what a policy is known by.
Refusal FakeTables::PutPolicy(const Request& request) {
  xfrm_userpolicy_info info;
  if (!ReadAt(request.fixed, 0, &info)) return {std::errc::invalid_argument, {}};
  if (const Refusal refusal = CheckPolicy(info, request.attributes)) return refusal;

  Datagram device;
  if (const Refusal refusal = devices_.TakePolicy(request.attributes, &device)) return refusal;
  const auto found =
      std::find_if(policies_.begin(), policies_.end(), [&](const StoredPolicy& other) {
        return other.info.dir == info.dir &&
               std::memcmp(&other.info.sel, &info.sel, sizeof(info.sel)) == 0;
      });
  if (found != policies_.end() && request.header.nlmsg_type == XFRM_MSG_NEWPOLICY) {
    return {std::errc::file_exists, {}};
  }
  StoredPolicy& target = found != policies_.end() ? *found : policies_.emplace_back();
  info.index = next_policy_index_ + info.dir;
  next_policy_index_ += 8;
  target.info = info;
  const Bytes templates = request.attributes.of(XFRMA_TMPL);
  target.templates.assign(templates.begin(), templates.end());
  target.device = std::move(device);
  return {};
}

Refusal FakeTables::DeleteOrGetPolicy(const Request& request, std::vector<Datagram>* answers) {
  xfrm_userpolicy_id id;
  if (!ReadAt(request.fixed, 0, &id)) return {std::errc::invalid_argument, {}};
  if (id.dir > XFRM_POLICY_FWD) return {std::errc::invalid_argument, {}};
  const auto found =
      std::find_if(policies_.begin(), policies_.end(), [&](const StoredPolicy& other) {
        if (other.info.dir != id.dir) return false;
        if (id.index != 0) return other.info.index == id.index;
        return std::memcmp(&other.info.sel, &id.sel, sizeof(id.sel)) == 0;
      });
  if (found == policies_.end()) return {std::errc::no_such_file_or_directory, {}};
  if (request.header.nlmsg_type == XFRM_MSG_DELPOLICY) {
    policies_.erase(found);
  } else {
    AppendPolicy(found->info, found->templates, request.header.nlmsg_seq, 0,
                 &answers->emplace_back(), found->device);
  }
  return {};
}

void FakeTables::AddDeadlines(const xfrm_usersa_info& info) {
  if (info.lft.hard_add_expires_seconds != 0) deadlines_.push({HardDeadline(info), KeyOf(info)});
  if (info.lft.soft_add_expires_seconds != 0) deadlines_.push({SoftDeadline(info), KeyOf(info)});
}

}  // namespace xfrm
