#include "xfrm/fake_answer.h"

#include <libmnl/libmnl.h>

#include <cstring>

#include "xfrm/wire.h"

namespace xfrm {
namespace {

void Append(const void* data, size_t size, std::vector<std::byte>* bytes) {
  const std::byte* begin = static_cast<const std::byte*>(data);
  bytes->insert(bytes->end(), begin, begin + size);
}

// Starts a message; End() writes its length when all of it is there.
size_t Begin(uint16_t type, uint16_t flags, uint32_t sequence, std::vector<std::byte>* datagram) {
  const size_t at = datagram->size();
  const nlmsghdr header = {0, type, flags, sequence, 0};
  Append(&header, sizeof(header), datagram);
  return at;
}

void End(size_t at, std::vector<std::byte>* datagram) {
  const uint32_t size = static_cast<uint32_t>(datagram->size() - at);
  std::memcpy(datagram->data() + at, &size, sizeof(size));
  datagram->resize(at + MNL_ALIGN(size_t{size}));
}

template <typename T>
std::span<const std::byte> BytesOf(const T& value) {
  return std::as_bytes(std::span<const T, 1>(&value, 1));
}

}  // namespace

void AppendAck(const nlmsghdr& request, const Refusal& refusal, std::vector<std::byte>* datagram) {
  const uint16_t flags = refusal.text.empty() ? 0 : NLM_F_ACK_TLVS;
  const size_t at =
      Begin(NLMSG_ERROR, static_cast<uint16_t>(NLM_F_CAPPED | flags), request.nlmsg_seq, datagram);
  const nlmsgerr ack = {-static_cast<int>(refusal.error), request};
  Append(&ack, sizeof(ack), datagram);
  if (!refusal.text.empty()) {
    std::vector<std::byte> text(refusal.text.size() + 1);  // With its NUL.
    std::memcpy(text.data(), refusal.text.data(), refusal.text.size());
    AppendAttribute(NLMSGERR_ATTR_MSG, text, datagram);
  }
  End(at, datagram);
}

void AppendDone(uint32_t sequence, std::vector<std::byte>* datagram) {
  const size_t at = Begin(NLMSG_DONE, NLM_F_MULTI, sequence, datagram);
  const int32_t error = 0;
  Append(&error, sizeof(error), datagram);
  End(at, datagram);
}

void AppendSa(const xfrm_usersa_info& info, std::span<const std::byte> attributes,
              uint32_t sequence, uint16_t flags, std::vector<std::byte>* datagram) {
  const size_t at = Begin(XFRM_MSG_NEWSA, flags, sequence, datagram);
  Append(&info, sizeof(info), datagram);
  if (info.curlft.use_time != 0) {
    const uint64_t last_used = info.curlft.use_time;
    AppendAttribute(XFRMA_LASTUSED, BytesOf(last_used), datagram);
  }
  Append(attributes.data(), attributes.size(), datagram);
  End(at, datagram);
}

void AppendPolicy(const xfrm_userpolicy_info& info, std::span<const std::byte> templates,
                  uint32_t sequence, uint16_t flags, std::vector<std::byte>* datagram,
                  std::span<const std::byte> device) {
  const size_t at = Begin(XFRM_MSG_NEWPOLICY, flags, sequence, datagram);
  Append(&info, sizeof(info), datagram);
  if (!templates.empty()) AppendAttribute(XFRMA_TMPL, templates, datagram);
  const xfrm_userpolicy_type type = Zeroed<xfrm_userpolicy_type>();  // XFRM_POLICY_TYPE_MAIN.
  AppendAttribute(XFRMA_POLICY_TYPE, BytesOf(type), datagram);
  Append(device.data(), device.size(), datagram);
  End(at, datagram);
}

void AppendExpire(const xfrm_usersa_info& info, bool hard, std::vector<std::byte>* datagram) {
  const size_t at = Begin(XFRM_MSG_EXPIRE, 0, 0, datagram);
  xfrm_user_expire event = Zeroed<xfrm_user_expire>();
  event.state = info;
  event.hard = hard ? 1 : 0;
  Append(&event, sizeof(event), datagram);
  End(at, datagram);
}

// As build_mapping; the port is in network byte order.
void AppendMapping(const xfrm_usersa_info& info, const xfrm_encap_tmpl& known,
                   const xfrm_address_t& source, uint16_t source_port,
                   std::vector<std::byte>* datagram) {
  const size_t at = Begin(XFRM_MSG_MAPPING, 0, 0, datagram);
  xfrm_user_mapping event = Zeroed<xfrm_user_mapping>();
  event.id.daddr = info.id.daddr;
  event.id.spi = info.id.spi;
  event.id.family = info.family;
  event.id.proto = info.id.proto;
  event.reqid = info.reqid;
  event.old_saddr = info.saddr;
  event.new_saddr = source;
  event.old_sport = known.encap_sport;
  event.new_sport = source_port;
  Append(&event, sizeof(event), datagram);
  End(at, datagram);
}

void AppendReplayEvent(const xfrm_usersa_info& info, uint32_t flags,
                       std::span<const std::byte> replay, uint32_t sequence,
                       std::vector<std::byte>* datagram) {
  const size_t at = Begin(XFRM_MSG_NEWAE, 0, sequence, datagram);
  xfrm_aevent_id id = Zeroed<xfrm_aevent_id>();
  id.sa_id.daddr = info.id.daddr;
  id.sa_id.spi = info.id.spi;
  id.sa_id.family = info.family;
  id.sa_id.proto = info.id.proto;
  id.saddr = info.saddr;
  id.flags = flags;
  id.reqid = info.reqid;
  Append(&id, sizeof(id), datagram);
  Append(replay.data(), replay.size(), datagram);
  AppendAttribute(XFRMA_LTIME_VAL, BytesOf(info.curlft), datagram);
  End(at, datagram);
}

void MarkInterrupted(std::vector<std::byte>* datagram) {
  nlmsghdr header;
  for (size_t at = 0; ReadAt(*datagram, at, &header); at += MNL_ALIGN(size_t{header.nlmsg_len})) {
    header.nlmsg_flags |= NLM_F_DUMP_INTR;
    std::memcpy(datagram->data() + at, &header, sizeof(header));
  }
}

void AppendAttribute(uint16_t type, std::span<const std::byte> payload,
                     std::vector<std::byte>* bytes) {
  const nlattr attribute = {static_cast<uint16_t>(sizeof(nlattr) + payload.size()), type};
  Append(&attribute, sizeof(attribute), bytes);
  Append(payload.data(), payload.size(), bytes);
  bytes->resize(bytes->size() + MNL_ALIGN(payload.size()) - payload.size());
}

}  // namespace xfrm
