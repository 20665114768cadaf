#include "xfrm/reply.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "xfrm/wire.h"

namespace xfrm {
namespace {

using Bytes = std::span<const std::byte>;

constexpr int kErrnoMax = 4095;  // The kernel's MAX_ERRNO.

// A negative errno as the kernel writes it. False: no such thing.
bool ToError(int32_t value, std::errc* error) {
  if (value > 0 || value < -kErrnoMax) return false;
  *error = static_cast<std::errc>(-value);
  return true;
}

// The extended acknowledgement's text, up to its NUL, wherever in `attributes` it stands.
bool ReadExplanation(Bytes attributes, std::string_view* text) {
  AttributeView attribute;
  while (TakeAttribute(&attributes, &attribute)) {
    if (attribute.type != NLMSGERR_ATTR_MSG) continue;
    const char* begin = reinterpret_cast<const char*>(attribute.payload.data());
    *text = {begin, strnlen(begin, attribute.payload.size())};
  }
  return attributes.empty();
}

// | error | header of the request | its body, unless capped | attributes, if flagged |
bool ReadAck(const nlmsghdr& header, Bytes body, Reply* reply) {
  nlmsgerr ack;
  if (!ReadAt(body, 0, &ack) || !ToError(ack.error, &reply->error)) return false;
  reply->kind = ReplyKind::kAck;
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return true;

  size_t attributes_at = sizeof(ack);
  if ((header.nlmsg_flags & NLM_F_CAPPED) == 0 && ack.error != 0) {
    if (ack.msg.nlmsg_len < sizeof(nlmsghdr) || ack.msg.nlmsg_len > body.size()) return false;
    attributes_at += MNL_ALIGN(size_t{ack.msg.nlmsg_len}) - sizeof(nlmsghdr);
  }
  if (attributes_at > body.size()) return false;
  return ReadExplanation(body.subspan(attributes_at), &reply->explanation);
}

bool ReadDone(const nlmsghdr& header, Bytes body, Reply* reply) {
  int32_t error = 0;
  if (!ReadAt(body, 0, &error) || !ToError(error, &reply->error)) return false;
  reply->kind = ReplyKind::kDone;
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return true;
  return ReadExplanation(body.subspan(sizeof(error)), &reply->explanation);
}

// The algorithm attributes of an SA, by what they name. The key bytes behind are never looked at.
class AlgorithmReader {
 public:
  // False: too short for what its type says.
  bool Take(const AttributeView& attribute) {
    switch (attribute.type) {
      case XFRMA_ALG_AUTH_TRUNC:
        return TakeRow(Attribute::kAuthTrunc, attribute.payload);
      case XFRMA_ALG_CRYPT:
        return TakeRow(Attribute::kCrypt, attribute.payload);
      case XFRMA_ALG_AEAD:
        return TakeRow(Attribute::kAead, attribute.payload);
      default:
        return true;
    }
  }
  std::optional<Algorithms> algorithms() const {
    const Algorithms named = {integrity_.value_or(Integrity::kNull),
                              encryption_.value_or(Encryption::kNull)};
    // Without an encryption of its own only GMAC is whole.
    const bool is_whole = encryption_.has_value() || integrity_ == Integrity::kAesGmac;
    if (is_foreign_ || !is_whole || !IsLegal(named)) return std::nullopt;
    return named;
  }

 private:
  bool TakeRow(Attribute kind, Bytes payload) {
    uint32_t key_bits = 0;
    uint32_t icv_bits = 0;
    const bool has_icv = kind != Attribute::kCrypt;
    if (!ReadAt(payload, offsetof(xfrm_algo, alg_key_len), &key_bits)) return false;
    if (has_icv && !ReadAt(payload, offsetof(xfrm_algo_auth, alg_trunc_len), &icv_bits)) {
      return false;
    }
    const char* begin = reinterpret_cast<const char*>(payload.data());
    const std::string_view name(begin, strnlen(begin, sizeof(xfrm_algo::alg_name)));
    const auto fits = [&](const KernelAlgorithm& row) {
      return row.attribute == kind && row.name == name && row.key_bits == key_bits &&
             row.icv_bits == icv_bits;
    };
    bool is_known = false;
    for (const Integrity integrity :
         {Integrity::kHmacMd5_96, Integrity::kHmacSha1_96, Integrity::kAesGmac}) {
      if (!fits(KernelNameOf(integrity))) continue;
      integrity_ = integrity;
      is_known = true;
    }
    for (const Encryption encryption :
         {Encryption::kNull, Encryption::kDesEde3Cbc, Encryption::kAesCbc, Encryption::kAesGcm}) {
      if (!fits(KernelNameOf(encryption))) continue;
      encryption_ = encryption;
      is_known = true;
    }
    is_foreign_ = is_foreign_ || !is_known;
    return true;
  }

  std::optional<Integrity> integrity_;
  std::optional<Encryption> encryption_;
  bool is_foreign_ = false;
};

// An SA with a mark has both attributes, in this order (xfrm_smark_put); with a value alone, which
// is not of our making, the mask is of all bits.
bool ReadMark(const AttributeView& attribute, PacketMark* mark) {
  if (attribute.type == XFRMA_SET_MARK) {
    mark->mask = UINT32_MAX;
    return ReadAt(attribute.payload, 0, &mark->value);
  }
  return attribute.type != XFRMA_SET_MARK_MASK || ReadAt(attribute.payload, 0, &mark->mask);
}

bool ReadOffload(const AttributeView& attribute, Offload* offload) {
  if (attribute.type != XFRMA_OFFLOAD_DEV) return true;
  xfrm_user_offload wire;
  if (!ReadAt(attribute.payload, 0, &wire)) return false;
  *offload = FromWire(wire);
  return true;
}

// Of another kind than ESP in UDP the ports stay 0: no tunnel as we make them.
void ReadTunnel(const AttributeView& attribute, SaInfo* sa) {
  if (attribute.type != XFRMA_ENCAP || !FromWire(attribute.payload, &sa->tunnel)) return;
  sa->tunnel.source = sa->source;
  sa->tunnel.destination = sa->id.destination;
}

// The attributes carry keys; they are looked past, never copied.
bool ReadSa(Bytes body, Reply* reply) {
  xfrm_usersa_info info;
  if (!ReadAt(body, 0, &info)) return false;
  reply->sa = FromWire(info);
  if (info.id.proto == IPPROTO_ESP) reply->kind = ReplyKind::kSa;

  AlgorithmReader algorithms;
  Bytes attributes = body.subspan(sizeof(info));
  AttributeView attribute;
  while (TakeAttribute(&attributes, &attribute)) {
    if (!algorithms.Take(attribute) || !ReadMark(attribute, &reply->sa.mark) ||
        !ReadOffload(attribute, &reply->sa.offload)) {
      return false;
    }
    ReadTunnel(attribute, &reply->sa);
    xfrm_replay_state_esn window;
    if (attribute.type != XFRMA_REPLAY_ESN_VAL) continue;
    if (!ReadAt(attribute.payload, 0, &window)) return false;
    const uint32_t packets = std::min<uint32_t>(window.replay_window, kReplayWindowMax);
    reply->sa.replay_window = static_cast<uint16_t>(packets);
  }
  reply->sa.algorithms = algorithms.algorithms();
  const bool is_tunnel = static_cast<bool>(reply->sa.tunnel);
  if (is_tunnel != (info.mode == XFRM_MODE_TUNNEL)) reply->sa.is_exact = false;
  return attributes.empty();
}

// | id, source, reqid | replay state | lifetime so far |; a state that cannot be one of ours is of
// no interest.
bool ReadReplay(Bytes body, Reply* reply) {
  xfrm_aevent_id id;
  if (!ReadAt(body, 0, &id)) return false;
  reply->sa.id = {FromWire(id.sa_id.daddr, id.sa_id.family), ntohl(id.sa_id.spi)};
  reply->sa.source = FromWire(id.saddr, id.sa_id.family);
  reply->sa.reqid = id.reqid;

  bool is_ours = false;
  Bytes attributes = body.subspan(sizeof(id));
  AttributeView attribute;
  while (TakeAttribute(&attributes, &attribute)) {
    if (attribute.type == XFRMA_REPLAY_VAL) is_ours = FromWire(attribute.payload, &reply->replay);
    if (attribute.type == XFRMA_REPLAY_ESN_VAL) {
      is_ours = FromWideWire(attribute.payload, &reply->replay);
    }
    xfrm_lifetime_cur current;
    if (attribute.type != XFRMA_LTIME_VAL) continue;
    if (!ReadAt(attribute.payload, 0, &current)) return false;
    reply->sa.bytes = current.bytes;
    reply->sa.packets = current.packets;
    reply->sa.added_at = current.add_time;
    reply->sa.used_at = current.use_time;
  }
  if (is_ours && id.sa_id.proto == IPPROTO_ESP) reply->kind = ReplyKind::kReplay;
  return attributes.empty();
}

bool ReadExpire(Bytes body, Reply* reply) {
  xfrm_user_expire event;
  if (!ReadAt(body, 0, &event)) return false;
  reply->sa = FromWire(event.state);
  reply->hard = event.hard != 0;
  if (event.state.id.proto == IPPROTO_ESP) reply->kind = ReplyKind::kExpire;
  return true;
}

bool ReadMapping(Bytes body, Reply* reply) {
  xfrm_user_mapping event;
  if (!ReadAt(body, 0, &event)) return false;
  Mapping& mapping = reply->mapping;
  mapping.id = {FromWire(event.id.daddr, event.id.family), ntohl(event.id.spi)};
  mapping.reqid = event.reqid;
  mapping.source = FromWire(event.new_saddr, event.id.family);
  mapping.source_port = ntohs(event.new_sport);
  if (event.id.proto == IPPROTO_ESP) reply->kind = ReplyKind::kMapping;
  return true;
}

bool ReadPolicy(Bytes body, Reply* reply) {
  xfrm_userpolicy_info info;
  if (!ReadAt(body, 0, &info)) return false;
  if (info.dir == XFRM_POLICY_IN || info.dir == XFRM_POLICY_OUT) {  // Forwarding is not ours.
    reply->policy = FromWire(info);
    reply->kind = ReplyKind::kPolicy;
  }
  Bytes attributes = body.subspan(sizeof(info));
  AttributeView attribute;
  while (TakeAttribute(&attributes, &attribute)) {
    if (!ReadOffload(attribute, &reply->policy.offload)) return false;
    xfrm_user_tmpl entry;
    if (attribute.type != XFRMA_TMPL) continue;
    if (!ReadAt(attribute.payload, 0, &entry)) return false;
    reply->policy.reqid = entry.reqid;
    if (entry.mode != XFRM_MODE_TUNNEL) continue;
    reply->policy.tunnel_source = FromWire(entry.saddr, entry.family);
    reply->policy.tunnel_destination = FromWire(entry.id.daddr, entry.family);
  }
  return attributes.empty();
}

bool ReadBody(const nlmsghdr& header, Bytes body, Reply* reply) {
  switch (header.nlmsg_type) {
    case NLMSG_ERROR:
      return ReadAck(header, body, reply);
    case NLMSG_DONE:
      return ReadDone(header, body, reply);
    case XFRM_MSG_NEWSA:
      return ReadSa(body, reply);
    case XFRM_MSG_NEWAE:
      return ReadReplay(body, reply);
    case XFRM_MSG_EXPIRE:
      return ReadExpire(body, reply);
    case XFRM_MSG_MAPPING:
      return ReadMapping(body, reply);
    case XFRM_MSG_NEWPOLICY:
      return ReadPolicy(body, reply);
    default:
      return true;
  }
}

}  // namespace

bool ReplyReader::Next(Reply* reply) {
  if (bytes_.empty() || !ok_) return false;
  *reply = Reply();

  nlmsghdr header;
  ok_ = ReadAt(bytes_, 0, &header) && header.nlmsg_len >= sizeof(header) &&
        header.nlmsg_len <= bytes_.size();
  if (!ok_) return false;

  reply->sequence = header.nlmsg_seq;
  reply->interrupted = (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
  const Bytes body = bytes_.subspan(sizeof(header), header.nlmsg_len - sizeof(header));
  ok_ = ReadBody(header, body, reply);
  // The last message may come without its padding.
  bytes_ = bytes_.subspan(std::min<size_t>(MNL_ALIGN(size_t{header.nlmsg_len}), bytes_.size()));
  return ok_;
}

void BatchVerdict::Start(uint32_t first, int count) {
  assert(count > 0);
  first_ = first;
  count_ = count;
  complete_ = false;
  interrupted_ = false;
  failures_.clear();
}

bool BatchVerdict::Apply(const Reply& reply) {
  const uint32_t offset = reply.sequence - first_;  // Sequences wrap.
  if (offset >= static_cast<uint32_t>(count_)) return false;
  if (complete_) return true;

  interrupted_ = interrupted_ || reply.interrupted;
  if (reply.kind != ReplyKind::kAck && reply.kind != ReplyKind::kDone) return true;

  const int index = static_cast<int>(offset);
  std::errc error = reply.error;
  // A dump during which the table moved is no list of what is there.
  const bool is_torn = reply.kind == ReplyKind::kDone && interrupted_;
  if (error == std::errc{} && is_torn) error = std::errc::interrupted;
  const auto place = FailureAt(index);
  // A second word on one request is noise.
  const bool is_new = place == failures_.end() || place->index != index;
  if (error != std::errc{} && is_new) failures_.insert(place, {index, error});
  complete_ = index == count_ - 1;
  return true;
}

std::errc BatchVerdict::error(int index) const {
  assert(complete_ && index >= 0 && index < count_);
  const auto place = FailureAt(index);
  return place != failures_.end() && place->index == index ? place->error : std::errc{};
}

// The failure of `index`, or where it belongs. The kernel works in order, so that is the end.
std::vector<BatchVerdict::Failure>::const_iterator BatchVerdict::FailureAt(int index) const {
  return std::lower_bound(
      failures_.begin(), failures_.end(), index,
      [](const Failure& failure, int wanted) { return failure.index < wanted; });
}

}  // namespace xfrm
