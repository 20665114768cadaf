// Requests and responses other than REGISTER, between registered phones and the core: stateless
// (RFC 3261 16.11, design D7). Spec sheet 5.4 to 5.8.
#pragma once

#include <optional>
#include <string_view>

#include "edge/context.h"
#include "edge/next_hops.h"

namespace edge {

class Relay {
 public:
  Relay(Context* context, const NextHops* next_hops) : context_(*context), next_hops_(*next_hops) {}

  // REQUIRES of each: the message is valid; of requests: Max-Forwards above 0.
  void OnRequestFromPhone(const Arrival& arrival, Actions* actions);
  void OnRequestFromCore(const Arrival& arrival, Actions* actions);
  // The topmost Via is our own.
  void OnResponseFromPhone(const Arrival& arrival, Actions* actions);
  void OnResponseFromCore(const sip::Message& message, const sip::Via& via, Actions* actions);

 private:
  // Route of a request without our own entries; what is left decides where it goes.
  struct Path {
    int ours = 0;                // Entries to cut from the front.
    Binding* binding = nullptr;  // By the token of one of ours.
    std::string_view next;       // URI of the first that is not ours, or "".
  };
  Path ReadRoute(const sip::Message& message);
  // Where a request goes: a literal address in the URI, else the next hop of now; over the
  // transport it asks for, else the configured one.
  Flow NextHop(std::string_view uri) const;
  // `port`: the one of ours that the phone sends to.
  void AddRecordRoute(const sip::Message& message, PortIndex port, uint64_t token,
                      bool towards_phone, sip::Editor* editor) const;
  void AssertIdentity(const sip::Message& message, std::string_view identity,
                      sip::Editor* editor) const;
  void RewriteRoute(const Arrival& arrival, const Binding& binding, const Path& path, Flow* to,
                    sip::Editor* editor) const;
  // Whose phone is meant by a cookie of what was, or is, in clear: only a phone that still is so,
  // at that address.
  Binding* FindInClear(const BranchCookie& cookie, const reactor::Endpoint& address) const;
  // Where the response to a request of a phone goes; nothing: nowhere any more.
  std::optional<Flow> FlowToPhone(const BranchCookie& cookie) const;
  // Opens the cookie of our own Via with what the Via below says of the transaction.
  bool OpenCookie(const sip::Message& message, const sip::Via& own, CookieJar::Plain* plain,
                  BranchCookie* cookie, sip::Via* below) const;

  Context& context_;
  const NextHops& next_hops_;
};

}  // namespace edge
