// What must hold of every message that the edge sends to the core: the core counts what does not.
#pragma once

#include "reactor/endpoint.h"
#include "sip/message.h"
#include "tools/violations.h"

namespace tools {

struct CheckContext {
  reactor::Endpoint local;   // Where the message arrived...
  reactor::Endpoint source;  // ...and from where.
  // Registrations without a security agreement are wanted: integrity-protected may be absent.
  bool accept_unprotected = false;
};

// TS 24.229 5.2.2, 5.2.6, RFC 3329 2.3.1. False: the request is not valid SIP and cannot be
// answered.
bool CheckRequest(const sip::Message& request, const CheckContext& context, Violations* violations);
// Of a response to one of the core's own requests.
bool CheckResponse(const sip::Message& response, Violations* violations);

// Does the edge only ask whether the core serves: an OPTIONS of its own that is not to go on (RFC
// 3261 11)?
bool IsProbe(const sip::Message& request);

}  // namespace tools
