// What must hold of every message that the edge sends to the core: the core counts what does not.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "reactor/endpoint.h"
#include "sip/message.h"

namespace tools {

// Broken rules by reason. The core goes on after each; its exit status tells.
class Violations {
 public:
  // `message` is what was received: a method or a status code.
  void Add(std::string_view message, std::string_view reason);

  uint64_t total() const { return total_; }
  // "REGISTER: Path is missing" and how often.
  const std::map<std::string, uint64_t>& by_reason() const { return by_reason_; }
  // Reasons met for the first time since the last call, for the log.
  std::vector<std::string> TakeNew();

 private:
  uint64_t total_ = 0;
  std::map<std::string, uint64_t> by_reason_;
  std::vector<std::string> new_;
};

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

}  // namespace tools
