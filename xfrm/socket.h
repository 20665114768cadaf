// Opens the netlink socket; the only system calls of this module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <system_error>
#include <vector>

#include "xfrm/batch.h"
#include "xfrm/reply.h"

namespace xfrm {

struct SocketOptions {
  int receive_buffer_size = 4 << 20;  // Holds the failures of the largest batch.
  bool expire_events = false;         // Join XFRMNLGRP_EXPIRE.
  bool mapping_events = false;        // Join XFRMNLGRP_MAPPING.
};

// A bound NETLINK_XFRM socket with NETLINK_EXT_ACK and NETLINK_CAP_ACK, non-blocking,
// close-on-exec. *fd is the caller's.
[[nodiscard]] std::errc OpenSocket(const SocketOptions& options, int* fd);

// A UDP socket of that address and port (AF_INET, AF_INET6; all zeros: any address) out of which
// the kernel takes all ESP, for SAs in UDP tunnels (RFC 3948), and keep-alives of one octet. What
// else comes there (IKE) waits in it, up to a few datagrams: nobody need read it. *fd is the
// caller's.
[[nodiscard]] std::errc OpenEspInUdp(const Address& address, uint16_t port, int* fd);

// Sends a batch and waits for its verdicts, for start-up, shut-down and tools: blocks up to
// `timeout_ms`. kSa, kPolicy and kReplay replies go to `replies` when it is not null. ENOBUFS or a
// missing fence is std::errc::timed_out / no_buffer_space: outcome unknown.
[[nodiscard]] std::errc Transact(int fd, Batch* batch, int timeout_ms, BatchVerdict* verdict,
                                 std::vector<Reply>* replies = nullptr);
// The same for dumps that need not be held in memory: each of those replies is shown to `look`.
[[nodiscard]] std::errc Transact(int fd, Batch* batch, int timeout_ms, BatchVerdict* verdict,
                                 const std::function<void(const Reply&)>& look);

}  // namespace xfrm
