// What came in at the unprotected ports and waits until phones and core have been served.
//
// Each message keeps the receive buffer it lies in. Those ports have buffers of their own
// (kStrangerBuffers), so this queue cannot take any from the others and is never longer than there
// are; what comes when all are taken waits in the socket, where the kernel drops what is too much.
#pragma once

#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>

#include "edge/flow.h"
#include "reactor/buffer_ring.h"
#include "sip/span.h"

namespace edge {

struct Stranger {
  Flow flow;
  sip::PaddedView text;  // In the lease's buffer.
  reactor::BufferLease lease;
};

class StrangerQueue {
 public:
  explicit StrangerQueue(size_t capacity) : places_(capacity) {}

  // False: full.
  [[nodiscard]] bool Push(Stranger stranger) {
    if (size_ == places_.size()) return false;
    places_[(first_ + size_++) % places_.size()] = std::move(stranger);
    return true;
  }
  // The oldest. REQUIRES: not empty.
  Stranger Pop() {
    assert(size_ > 0);
    Stranger stranger = std::exchange(places_[first_], {});
    first_ = (first_ + 1) % places_.size();
    --size_;
    return stranger;
  }
  void Clear() {
    while (!empty()) Pop();
  }
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

 private:
  std::vector<Stranger> places_;
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace edge
