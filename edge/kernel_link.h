// The way of netlink batches to a kernel, real or not.
#pragma once

#include <cstddef>
#include <span>

namespace edge {

// Sends a batch; the bytes are good for the call. False: not now, try again in the next turn.
// Batches reach the kernel in the order of the calls, each before the next turn.
class KernelLink {
 public:
  virtual ~KernelLink() = default;
  virtual bool Send(std::span<const std::byte> batch) = 0;
};

}  // namespace edge
