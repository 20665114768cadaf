#include "tools/sip_sockets.h"

#include <vector>

namespace tools {

std::unique_ptr<SipSockets> SipSockets::Open(std::span<const reactor::Endpoint> locals,
                                             std::span<const reactor::Endpoint> udp_locals,
                                             std::string* error) {
  std::vector<reactor::Endpoint> all(locals.begin(), locals.end());
  all.insert(all.end(), udp_locals.begin(), udp_locals.end());
  std::unique_ptr<SipSockets> sockets(new SipSockets());
  sockets->udp_ = UdpSockets::Open(all, error);
  if (sockets->udp_ == nullptr) return nullptr;
  sockets->tcp_ = TcpSockets::Open(locals, error);
  if (sockets->tcp_ == nullptr) return nullptr;
  sockets->udp_->Watch(sockets->tcp_->fd());
  return sockets;
}

}  // namespace tools
