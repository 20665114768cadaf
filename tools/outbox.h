// Messages that a node of the test network wants sent: what keeps the nodes free of sockets.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "reactor/endpoint.h"
#include "sip/span.h"

namespace tools {

// Owns the bytes until Clear(). Reserve(), write, Commit(); or Send() for text that lies elsewhere.
class Outbox {
 public:
  static constexpr size_t kMessageSizeMax = 16384;

  struct Datagram {
    reactor::Endpoint local;  // The address and port it leaves from.
    reactor::Endpoint peer;
    size_t offset = 0;
    size_t size = 0;
    bool over_tcp = false;  // Its topmost Via says so.
  };

  // kMessageSizeMax bytes to write the next message into; valid until the next call.
  std::span<char> Reserve();
  // Queues the first `size` bytes of what Reserve() gave. 0 (a writer that ran out of room) queues
  // nothing and counts in dropped().
  void Commit(const reactor::Endpoint& local, const reactor::Endpoint& peer, size_t size);
  // `text` must not lie in this outbox.
  void Send(const reactor::Endpoint& local, const reactor::Endpoint& peer, std::string_view text);

  std::span<const Datagram> datagrams() const { return datagrams_; }
  bool empty() const { return datagrams_.empty(); }
  // sip::kPaddingSize readable bytes follow each payload, so that one node's output can be another
  // one's input. Valid until the next Reserve(), Send() or Clear().
  std::string_view Text(const Datagram& datagram) const {
    return {bytes_.data() + datagram.offset, datagram.size};
  }
  sip::PaddedView Payload(const Datagram& datagram) const {
    return sip::PaddedView::Promise(Text(datagram));
  }
  size_t dropped() const { return dropped_; }
  void Clear();

 private:
  std::vector<char> bytes_;
  size_t used_ = 0;
  size_t dropped_ = 0;
  std::vector<Datagram> datagrams_;
};

}  // namespace tools
