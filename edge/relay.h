// Requests and responses other than REGISTER, between registered phones and the core: stateless
// (RFC 3261 16.11, design D7). Spec sheet 5.4 to 5.8.
#pragma once

#include <optional>
#include <string_view>

#include "edge/context.h"
#include "edge/next_hops.h"
#include "edge/route.h"

namespace edge {

// Does it stand in a dialog?
bool HasToTag(const sip::Message& message);

class Relay {
 public:
  Relay(Context* context, NextHops* next_hops) : context_(*context), next_hops_(*next_hops) {}

  // REQUIRES of each: the message is valid; of requests: Max-Forwards above 0.
  void OnRequestFromPhone(const Arrival& arrival, Actions* actions);
  // A request in clear of somebody unknown: who calls for help, where the settings let them. Null:
  // it has been answered.
  Binding* AdmitCaller(const Arrival& arrival, Actions* actions);
  void OnRequestFromCore(const Arrival& arrival, Actions* actions);
  // The topmost Via is our own.
  void OnResponseFromPhone(const Arrival& arrival, Actions* actions);
  void OnResponseFromCore(const sip::Message& message, const sip::Via& via, Actions* actions);

 private:
  // Where a request of a phone stands.
  enum class Place : uint8_t {
    kInitial,  // Outside of any dialog; also the ACK of an INVITE that was refused.
    kDialog,   // In one that this phone is a party of.
    kForeign,  // In one that it is not.
  };
  Place PlaceOf(const sip::Message& message, const Binding& binding, const Route& route,
                bool in_clear) const;
  void Keep(Binding* caller, uint64_t ms);
  void OnCallersDialog(sip::Method method, Binding* caller);
  // 380: that number is called elsewhere.
  void SendToEmergencyService(const Arrival& arrival, const Binding& binding, Actions* actions);
  // Where calls for help go. REQUIRES: core.emergency_next_hop is set.
  NextHops::Way ToEmergencyService() const {
    return {Names::State::kKnown,
            {context_.core_port, *context_.settings.core.emergency_next_hop,
             context_.settings.core.transport}};
  }
  // The way of a request of a phone, and its Route. False: the phone may not choose this one.
  bool Direct(const sip::Message& message, const Binding& binding, const Route& route, Place place,
              NextHops::Way* way, sip::Editor* editor, Actions* actions);
  void AddViaToCore(const Arrival& arrival, const Binding& binding, const Flow& to,
                    sip::Editor* editor) const;
  // `port`: the one of ours that the phone sends to.
  void AddRecordRoute(const sip::Message& message, PortIndex port, const Binding& binding,
                      bool towards_phone, sip::Editor* editor) const;
  HexText IcidFor(const Arrival& arrival, const Binding& binding, Place place) const;

  // For ourselves: nothing in Route leads to a phone.
  void AnswerCore(const Arrival& arrival, Actions* actions);
  CookieDetails DetailsOf(const sip::Message& message, const Binding& binding) const;
  // `port`: where the phone answers to.
  void AddViaToPhone(const Arrival& arrival, const Binding& binding, bool in_clear, PortIndex port,
                     Transport transport, sip::Editor* editor) const;

  // Whose phone is meant by a cookie of what was, or is, in clear: only a phone that still is so,
  // at that address.
  Binding* FindInClear(const BranchCookie& cookie, const reactor::Endpoint& address) const;
  // Where the response to a request of a phone goes; nothing: nowhere any more.
  std::optional<Flow> FlowToPhone(const BranchCookie& cookie) const;
  // Opens the cookie of our own Via with what the Via below says of the transaction.
  bool OpenCookie(const sip::Message& message, const sip::Via& own, BranchCookie* cookie,
                  sip::Via* below) const;
  // Whose response this is, as far as it is of a transaction of theirs; else null.
  Binding* Answerer(const Arrival& arrival, BranchCookie* cookie, sip::Via* below,
                    CookieJar::Plain* plain, CookieDetails* details) const;

  Context& context_;
  NextHops& next_hops_;
};

}  // namespace edge
