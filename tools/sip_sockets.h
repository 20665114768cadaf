// UDP and TCP sockets around a node of the test network. The topmost Via of a message says which it
// takes (RFC 3261 18.1.1, 18.2.2).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "tools/tcp_sockets.h"
#include "tools/udp_sockets.h"

namespace tools {

class SipSockets {
 public:
  // Both transports on each of `locals`, UDP alone on each of `udp_locals`. Null: *error.
  static std::unique_ptr<SipSockets> Open(std::span<const reactor::Endpoint> locals,
                                          std::span<const reactor::Endpoint> udp_locals,
                                          std::string* error);

  // As UdpSockets::Receive().
  void Receive(int timeout_ms, UdpSink* sink) {
    udp_->Receive(timeout_ms, sink);
    tcp_->Receive(sink);
  }
  void Send(Outbox* outbox) {
    tcp_->Send(*outbox);
    udp_->Send(outbox);
  }
  void Close(const reactor::Endpoint& local, const reactor::Endpoint& peer) {
    tcp_->Close(local, peer);
  }
  const UdpSockets& udp() const { return *udp_; }
  const TcpSockets& tcp() const { return *tcp_; }

 private:
  SipSockets() = default;
  std::unique_ptr<UdpSockets> udp_;
  std::unique_ptr<TcpSockets> tcp_;
};

}  // namespace tools
