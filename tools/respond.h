// What the core and the phones share as SIP user agents.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reactor/endpoint.h"
#include "sip/message.h"
#include "tools/outbox.h"

namespace tools {

// Timers of RFC 3261 17.1 in milliseconds.
inline constexpr uint32_t kT1Ms = 500;
inline constexpr uint32_t kT2Ms = 4000;

struct Reply {
  int status = 200;
  std::string_view to_tag = {};
  std::string_view extra = {};         // Whole header lines.
  std::string_view content_type = {};  // With a body.
  std::string_view body = {};
};
// Answers a request that came from `source` to where its topmost Via asks (RFC 3261 18.2.2, RFC
// 3581 4), over TCP on the connection it came on, leaving from `local`. False: the request cannot
// be answered, nothing is queued.
bool Respond(const sip::Message& request, const Reply& reply, const reactor::Endpoint& local,
             const reactor::Endpoint& source, Outbox* outbox);

// The IP address and port of a SIP URI (5060 when it names none), or nothing when its host is a
// name: the test network has no DNS.
std::optional<reactor::Endpoint> EndpointOfUri(std::string_view uri);

// The route set a dialog takes from Record-Route (RFC 3261 12.1): the callee takes the request's in
// order, the caller the response's in reverse. Written as the value of one Route header; empty
// without Record-Route.
enum class RouteOrder : uint8_t { kCallee, kCaller };
std::string RouteSet(const sip::Message& message, RouteOrder order);

// The URI of the first member of a header (Contact, Path, P-Asserted-Identity), or "".
std::string_view FirstUri(const sip::Message& message, sip::HeaderId id);

// The tag of From or To, or "".
std::string_view TagOf(const sip::Message& message, sip::HeaderId id);

// "192.0.2.1:5060" for Via, URIs and logs.
std::string Text(const reactor::Endpoint& endpoint);
// "192.0.2.1" or "[2001:db8::1]".
std::string AddressText(const reactor::Endpoint& endpoint);

}  // namespace tools
