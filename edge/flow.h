// Where a message came from and where one goes: a port of ours and the peer behind it.
#pragma once

#include <cstdint>
#include <string>

#include "reactor/endpoint.h"

namespace edge {

// Which rules a local port is under.
enum class Side : uint8_t {
  kGm,         // Towards phones, in clear: first REGISTERs and errors only (TS 33.203 7.1).
  kProtected,  // Towards phones, ESP only.
  kCore,       // Towards the IMS core.
};

using PortIndex = uint16_t;

// A local UDP port of the worker. Indices are positions in the list the worker and the core share.
struct Port {
  Side side = Side::kGm;
  reactor::Endpoint local;
  std::string text;  // "192.0.2.10:6101": sent-by of Via, host and port of URIs.
};

// Makes `text` from `local`.
Port MakePort(Side side, const reactor::Endpoint& local);

struct Flow {
  PortIndex port = 0;
  reactor::Endpoint remote;
};

}  // namespace edge
