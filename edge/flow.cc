#include "edge/flow.h"

namespace edge {

std::string_view Name(Transport transport) {
  return transport == Transport::kTcp ? "TCP" : "UDP";
}

Port MakePort(Side side, const reactor::Endpoint& local) {
  char text[reactor::kEndpointTextMax];
  return {side, local, std::string(text, reactor::WriteEndpoint(local, text))};
}

}  // namespace edge
