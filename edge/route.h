// Route of a request: our own entries, and what is left without them (RFC 3261 16.4).
#pragma once

#include <string_view>

#include "edge/own_uri.h"
#include "sip/message.h"

namespace edge {

struct Context;

struct Route {
  int ours = 0;          // Entries to cut from the front.
  bool has_own = false;  // One of them names a phone; the first that does:
  OwnUser own;
  std::string_view next;  // URI of the first that is not ours, or "".
};
Route ReadRoute(const Context& context, const sip::Message& message);

// Is what follows the first `ours` members of Route that list, URI by URI (RFC 3261 19.1.4)?
// `route_set`: the value of a Route or Service-Route header.
bool IsRouteSet(const sip::Message& message, int ours, std::string_view route_set);

// The URI of a member of Route, P-Associated-URI and their like; "" when it cannot be read.
std::string_view UriOf(sip::LentText member);

}  // namespace edge
