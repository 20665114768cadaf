#include "edge/flow.h"

namespace edge {

Port MakePort(Side side, const reactor::Endpoint& local) {
  char text[reactor::kEndpointTextMax];
  return {side, local, std::string(text, reactor::WriteEndpoint(local, text))};
}

}  // namespace edge
