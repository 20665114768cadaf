// Datagrams as the kernel makes them, for the fake kernel: each function appends one message.
#pragma once

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "xfrm/fake_check.h"

namespace xfrm {

// Answers with NETLINK_CAP_ACK: the request's header comes back, its body does not.
void AppendAck(const nlmsghdr& request, const Refusal& refusal, std::vector<std::byte>* datagram);
void AppendDone(uint32_t sequence, std::vector<std::byte>* datagram);

// `flags` is NLM_F_MULTI in a dump. `attributes` are whole attributes, padded, as stored.
void AppendSa(const xfrm_usersa_info& info, std::span<const std::byte> attributes,
              uint32_t sequence, uint16_t flags, std::vector<std::byte>* datagram);
// `device` is the whole attribute of a policy that is offloaded.
void AppendPolicy(const xfrm_userpolicy_info& info, std::span<const std::byte> templates,
                  uint32_t sequence, uint16_t flags, std::vector<std::byte>* datagram,
                  std::span<const std::byte> device = {});
void AppendExpire(const xfrm_usersa_info& info, bool hard, std::vector<std::byte>* datagram);
void AppendMapping(const xfrm_usersa_info& info, const xfrm_encap_tmpl& known,
                   const xfrm_address_t& source, uint16_t source_port,
                   std::vector<std::byte>* datagram);
// The answer to GETAE; `flags` are the request's, `replay` is the whole attribute.
void AppendReplayEvent(const xfrm_usersa_info& info, uint32_t flags,
                       std::span<const std::byte> replay, uint32_t sequence,
                       std::vector<std::byte>* datagram);
// Sets NLM_F_DUMP_INTR in every message.
void MarkInterrupted(std::vector<std::byte>* datagram);

// Appends one attribute with its padding.
void AppendAttribute(uint16_t type, std::span<const std::byte> payload,
                     std::vector<std::byte>* bytes);

}  // namespace xfrm
