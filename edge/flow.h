// Where a message came from and where one goes: a port of ours and the peer behind it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reactor/endpoint.h"

namespace edge {

// Which rules a local port is under.
enum class Side : uint8_t {
  kGm,         // Towards phones, in clear: first REGISTERs and errors only (TS 33.203 7.1).
  kProtected,  // Towards phones, ESP only.
  kCore,       // Towards the IMS core.
};

enum class Transport : uint8_t { kUdp, kTcp };
// "UDP", "TCP": as in Via.
std::string_view Name(Transport transport);

using PortIndex = uint16_t;

// A local port of the worker, UDP and TCP. Indices are positions in the list the worker and the
// core share.
struct Port {
  Side side = Side::kGm;
  reactor::Endpoint local;
  std::string text;  // "192.0.2.10:6101": sent-by of Via, host and port of URIs.
};

// Makes `text` from `local`.
Port MakePort(Side side, const reactor::Endpoint& local);

// A TCP flow is the connection between its two ends; there is never more than one.
struct Flow {
  PortIndex port = 0;
  reactor::Endpoint remote;
  Transport transport = Transport::kUdp;
  // Of a TCP flow that is sent to. Where to connect when there is no connection; 0: remote's port.
  uint16_t connect_port = 0;
  // A request: when no connection comes to be it goes over UDP (RFC 3261 18.1.1).
  bool or_udp = false;
};

}  // namespace edge
