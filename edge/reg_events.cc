// SUBSCRIBE: what we ask the core for. NOTIFY, what it tells, is in reg_events_notify.cc.

#include "edge/reg_events.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/identity.h"
#include "edge/limits.h"
#include "edge/transport.h"
#include "sip/address.h"
#include "sip/list.h"
#include "sip/number.h"
#include "sip/uri.h"

namespace edge {
namespace {

using sip::HeaderId;

constexpr uint64_t kGiveUpMs = 64 * kCoreT1Ms;

// Later than the registration ends, so that what the core says of it then is still heard.
uint32_t LongerThan(uint32_t granted_s) {
  return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{granted_s} * 2, INT32_MAX));
}

std::string_view UriOf(std::string_view member) {
  sip::Address address;
  return sip::DecodeAddress(member, &address) == sip::ParseError::kOk ? address.uri
                                                                      : std::string_view();
}

// Of the caller: the answer's Record-Route from its end (RFC 3261 12.1.2).
std::string RouteSetOf(const sip::Message& message) {
  std::string routes;
  sip::ListReader reader(message, HeaderId::kRecordRoute);
  for (sip::ListMember member; reader.Next(&member);) {
    routes.insert(0, routes.empty() ? "" : ", ");
    routes.insert(0, member.text);
  }
  return routes;
}

bool IsEmergency(std::string_view contact) {
  sip::Uri uri;
  return sip::DecodeUri(contact, &uri) == sip::ParseError::kOk &&
         sip::FindParam(uri.params, "sos").has_value();
}

}  // namespace

uint64_t ContactKey(const KeyedHash& hash, std::string_view text) {
  sip::Uri uri;
  if (sip::DecodeUri(text, &uri) != sip::ParseError::kOk || uri.host.empty()) return 0;
  std::string host(uri.host);
  reactor::Endpoint address;
  if (reactor::ParseAddress(uri.host, 0, &address)) {
    char written[reactor::kEndpointTextMax];
    host.assign(written, reactor::WriteAddress(address, false, written));
  }
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const fmt::format_int port(uri.port != 0 ? uri.port : 5060);
  return hash.Hash({"contact", uri.user, host, {port.data(), port.size()}});
}

void RegEvents::OnRegistered(Binding* binding, std::string_view contact, uint32_t granted_s,
                             Actions* actions) {
  // Spec sheet 4.6: there is none for an emergency registration.
  if (!context_.settings.core.reg_event || IsEmergency(contact)) return;
  const uint64_t who = WhoIs(binding->impi());
  Subscription* subscription = FindByWho(who);
  const bool is_new = subscription == nullptr;
  if (is_new) subscription = Add(who);
  auto& phones = subscription->phones;
  if (std::find(phones.begin(), phones.end(), binding->id) == phones.end()) {
    phones.push_back(binding->id);
  }
  subscription->wanted_s = std::max(LongerThan(granted_s), subscription->wanted_s);
  if (is_new) Subscribe(subscription, actions);
}

void RegEvents::OnUnregistered(const Binding& binding, Actions* actions) {
  Subscription* subscription = FindByWho(WhoIs(binding.impi()));
  if (subscription == nullptr) return;
  auto& phones = subscription->phones;
  phones.erase(std::remove(phones.begin(), phones.end(), binding.id), phones.end());
  if (!HasPhones(subscription)) End(subscription, actions);
}

// An id of somebody who is not registered any more counts for nothing.
bool RegEvents::HasPhones(Subscription* subscription) {
  auto& phones = subscription->phones;
  phones.erase(std::remove_if(phones.begin(), phones.end(),
                              [&](SlotId id) {
                                const Binding* binding = context_.registrar.FindBinding(id);
                                return binding == nullptr || !binding->registered();
                              }),
               phones.end());
  return !phones.empty();
}

Subscription* RegEvents::Add(uint64_t who) {
  Subscription* subscription = subscriptions_.Take();
  subscription->who = who;
  subscription->timer.kind = static_cast<uint32_t>(TimerKind::kSubscription);
  subscription->timer.index = static_cast<uint32_t>(subscription->id);
  by_who_[who] = subscription->id;
  return subscription;
}

void RegEvents::Subscribe(Subscription* subscription, Actions* actions) {
  if (subscription->identity().empty()) {
    const Binding* binding = context_.registrar.FindBinding(subscription->phones.front());
    subscription->dialog.Assign({SipIdentity(*binding), "", "", ""});
  }
  Request(subscription, State::kAsking, actions);
}

// Nobody is left whom it is for. What the core does not know yet it is not told to forget: it hears
// 481 to its first NOTIFY.
void RegEvents::End(Subscription* subscription, Actions* actions) {
  by_who_.erase(subscription->who);
  subscription->who = 0;
  if (subscription->state == State::kEnded) return;
  if (subscription->remote_tag().empty()) return Remove(subscription);
  Request(subscription, State::kEnding, actions);
}

void RegEvents::Request(Subscription* subscription, State state, Actions* actions) {
  ++context_.stats.subscribes;
  ++subscription->cseq;
  subscription->state = state;
  subscription->is_waiting = true;
  subscription->interval_ms = kCoreT1Ms;
  subscription->give_up_ms = context_.now_ms + kGiveUpMs;
  Send(subscription, actions);
  context_.timers.Arm(&subscription->timer, context_.now_ms + subscription->interval_ms);
}

// The headers and their order are those of the specification's flow.
std::string RegEvents::Write(const Subscription& subscription, const Flow& to) const {
  const Port& core = context_.ports[context_.core_port];
  const std::string& host = context_.settings.core.host;
  const std::string& ioi = context_.settings.core.orig_ioi;
  const HexText id = WriteHex(subscription.id);
  const HexText branch = WriteHex(Mark("branch", subscription.id, subscription.cseq));
  const HexText icid = WriteHex(Mark("icid", subscription.id, subscription.cseq));
  const bool in_dialog = !subscription.remote_tag().empty();

  std::string text =
      fmt::format("SUBSCRIBE {} SIP/2.0\r\n{}{};branch={}{}{}\r\nMax-Forwards: 70\r\n",
                  in_dialog ? subscription.target() : subscription.identity(),
                  ViaStart(to.transport), core.text, sip::kMagicCookie, View(id), View(branch));
  if (!in_dialog) {
    char hop[reactor::kEndpointTextMax];
    text += fmt::format("Route: <sip:{};lr>\r\n",
                        std::string_view(hop, reactor::WriteEndpoint(to.remote, hop)));
  } else if (!subscription.route_set().empty()) {
    text += fmt::format("Route: {}\r\n", subscription.route_set());
  }
  text += fmt::format("From: <sip:{}>;tag={}\r\nTo: <{}>", host, LocalTag(subscription),
                      subscription.identity());
  if (in_dialog) text += fmt::format(";tag={}", subscription.remote_tag());
  text += fmt::format(
      "\r\nCall-ID: {}\r\nCSeq: {} SUBSCRIBE\r\nEvent: reg\r\n"
      "Accept: application/reginfo+xml\r\nExpires: {}\r\nContact: <sip:{}>\r\n",
      CallIdOf(subscription), subscription.cseq,
      subscription.state == State::kEnding ? 0 : subscription.wanted_s, core.text);
  const Binding* phone = subscription.phones.empty()
                             ? nullptr
                             : context_.registrar.FindBinding(subscription.phones.front());
  std::string token;
  if (phone != nullptr) token = fmt::format("{}@", View(WriteHex(phone->token)));
  return text + fmt::format(
                    "P-Asserted-Identity: <sip:{}{}:{};lr;ob>\r\n"
                    "P-Charging-Vector: icid-value={}{}{}\r\nContent-Length: 0\r\n\r\n",
                    token, host, core.local.port(), View(icid),
                    ioi.empty() ? "" : ";orig-ioi=", ioi);
}

// Where the way is not known yet it goes with its next repetition. Over TCP nothing is lost on the
// way, so it goes once.
void RegEvents::Send(Subscription* subscription, Actions* actions) {
  const NextHops::Way way = WayOf(*subscription, actions);
  subscription->is_repeated = way.state != Names::State::kKnown;
  if (subscription->is_repeated) return;
  Flow to = way.flow;
  to.or_udp = to.transport == Transport::kTcp;
  subscription->is_repeated = to.transport == Transport::kUdp;
  const std::string text = Write(*subscription, to);  // The same again while it is under way.
  const std::string_view piece = text;
  actions->Send(to, {&piece, 1});
  ++context_.stats.sent;
}

// As for any request of a phone: within a dialog as its route set or target says, else to the next
// hop of the settings, or where DNS says that the identity's domain is.
NextHops::Way RegEvents::WayOf(const Subscription& subscription, Actions* actions) {
  const bool in_dialog = !subscription.target().empty();
  std::string_view uri = in_dialog ? subscription.target() : subscription.identity();
  if (!in_dialog && next_hops_.Configured()) uri = "";
  if (!subscription.route_set().empty()) {
    std::string_view rest;
    uri = UriOf(sip::CutMember(subscription.route_set(), &rest));
  }
  return next_hops_.Find(uri, in_dialog, next_hops_.Spread(CallIdOf(subscription)), actions);
}

std::string RegEvents::CallIdOf(const Subscription& subscription) const {
  const HexText id = WriteHex(subscription.id);
  const HexText mark = WriteHex(Mark("call-id", subscription.id, 0));
  return std::string(View(id)) + std::string(View(mark));
}

bool RegEvents::OnResponse(const sip::Message& message, std::string_view branch, Actions* actions) {
  constexpr size_t kHex = std::tuple_size_v<HexText>;
  SlotId id;
  uint64_t mark;
  if (!branch.starts_with(sip::kMagicCookie)) return false;
  branch.remove_prefix(sip::kMagicCookie.size());
  if (branch.size() != 2 * kHex || !ReadHex(branch.substr(0, kHex), &id) ||
      !ReadHex(branch.substr(kHex), &mark)) {
    return false;
  }
  Subscription* subscription = subscriptions_.Find(id);
  if (subscription == nullptr || mark != Mark("branch", id, subscription->cseq)) return false;
  if (message.status() < 200 || !subscription->is_waiting) return true;
  subscription->is_waiting = false;
  if (subscription->state == State::kEnding) {
    Linger(subscription);  // Its last NOTIFY may be still to come.
  } else if (message.status() < 300) {
    OnAccepted(message, subscription);
  } else if (message.status() == 481 && !subscription->remote_tag().empty()) {
    Restart(subscription, actions);  // RFC 6665 4.1.2.2: the core lost it.
  } else {
    const uint64_t wait_s = sip::DecodeNumber(message.Value(HeaderId::kRetryAfter)).value_or(0);
    Fail(subscription, wait_s * 1000);
  }
  return true;
}

void RegEvents::OnAccepted(const sip::Message& message, Subscription* subscription) {
  sip::Address to;
  const bool has_tag =
      sip::DecodeAddress(message.Value(HeaderId::kTo), &to) == sip::ParseError::kOk &&
      !to.tag.empty();
  std::string_view rest;
  const std::string_view target = UriOf(sip::CutMember(message.Value(HeaderId::kContact), &rest));
  const std::string routes = RouteSetOf(message);
  if (!has_tag || target.empty() ||
      to.tag.size() + target.size() + routes.size() > kDialogSizeMax) {
    return Fail(subscription, 0);
  }
  const bool in_dialog = !subscription->remote_tag().empty() && !subscription->target().empty();
  subscription->dialog.Assign(  // The route set is for good (RFC 3261 12.2).
      {subscription->identity(), in_dialog ? subscription->remote_tag() : to.tag, target,
       in_dialog ? subscription->route_set() : std::string_view(routes)});
  const uint32_t seconds =
      sip::DecodeNumber(message.Value(HeaderId::kExpires)).value_or(subscription->wanted_s);
  subscription->state = State::kActive;
  ArmRefresh(subscription, std::min(seconds, subscription->wanted_s));
}

void RegEvents::ArmRefresh(Subscription* subscription, uint64_t seconds) {
  const uint64_t ms = std::max<uint64_t>(seconds, 1) * 1000;
  subscription->ends_ms = context_.now_ms + ms;
  const uint64_t after_ms = ms > 2 * kSubscriptionEarlyMs ? ms - kSubscriptionEarlyMs : ms / 2;
  context_.timers.Arm(&subscription->timer, context_.now_ms + after_ms);
}

void RegEvents::Fail(Subscription* subscription, uint64_t at_least_ms) {
  ++context_.stats.subscribes_failed;
  Pause(subscription, at_least_ms);
}

void RegEvents::Pause(Subscription* subscription, uint64_t at_least_ms) {
  subscription->state = State::kPaused;
  subscription->is_waiting = false;
  const uint64_t doubled = kSubscriptionRetryMs << std::min<int>(subscription->failures, 16);
  if (subscription->failures < UINT8_MAX) ++subscription->failures;
  const uint64_t wait_ms = std::max(std::min(doubled, kSubscriptionRetryMaxMs), at_least_ms);
  context_.timers.Arm(&subscription->timer, context_.now_ms + wait_ms);
}

// A dialog that is no more is followed by another, of other names.
void RegEvents::Restart(Subscription* subscription, Actions* actions) {
  if (!HasPhones(subscription)) return End(subscription, actions);
  Subscription* next = Add(subscription->who);
  next->phones = subscription->phones;
  next->wanted_s = subscription->wanted_s;
  next->failures = subscription->failures;
  subscription->who = 0;
  if (subscription->state == State::kEnded) {
    subscription->phones.clear();
  } else {
    Remove(subscription);
  }
  Subscribe(next, actions);
}

void RegEvents::Linger(Subscription* subscription) {
  subscription->state = State::kEnded;
  subscription->is_waiting = false;
  context_.timers.Arm(&subscription->timer, context_.now_ms + kTransactionLingerMs);
}

void RegEvents::Remove(Subscription* subscription) {
  if (const auto found = by_who_.find(subscription->who);
      found != by_who_.end() && found->second == subscription->id) {
    by_who_.erase(found);
  }
  context_.timers.Cancel(&subscription->timer);
  subscriptions_.Give(subscription);
}

void RegEvents::OnTimer(uint32_t index, Actions* actions) {
  Subscription* subscription = subscriptions_.FindIndex(index);
  if (subscription == nullptr) return;
  switch (subscription->state) {
    case State::kAsking:
    case State::kEnding:
      if (context_.now_ms < subscription->give_up_ms) break;
      if (subscription->state == State::kAsking) return Fail(subscription, 0);
      ++context_.stats.subscribes_failed;
      return Remove(subscription);
    case State::kActive:
      subscription->failures = 0;  // It has lasted.
      [[fallthrough]];
    case State::kPaused: {
      if (!HasPhones(subscription) || !context_.settings.core.reg_event) {
        return End(subscription, actions);
      }
      const bool is_known =
          !subscription->remote_tag().empty() && context_.now_ms < subscription->ends_ms;
      return is_known ? Subscribe(subscription, actions) : Restart(subscription, actions);
    }
    case State::kEnded:
      return Remove(subscription);
  }
  if (subscription->is_repeated) Send(subscription, actions);  // RFC 3261 17.1.2.2.
  subscription->interval_ms =
      static_cast<uint32_t>(std::min<uint64_t>(subscription->interval_ms * 2, kCoreT2Ms));
  context_.timers.Arm(&subscription->timer, std::min(context_.now_ms + subscription->interval_ms,
                                                     subscription->give_up_ms));
}

uint64_t RegEvents::Mark(std::string_view purpose, SlotId id, uint32_t number) const {
  return context_.hash.Hash({"subscription",
                             purpose,
                             {reinterpret_cast<const char*>(&id), sizeof(id)},
                             {reinterpret_cast<const char*>(&number), sizeof(number)}});
}

std::string RegEvents::LocalTag(const Subscription& subscription) const {
  return std::string(View(WriteHex(Mark("tag", subscription.id, 0))));
}

Subscription* RegEvents::FindByCallId(std::string_view call_id) {
  constexpr size_t kHex = std::tuple_size_v<HexText>;
  SlotId id;
  uint64_t mark;
  if (call_id.size() != 2 * kHex || !ReadHex(call_id.substr(0, kHex), &id) ||
      !ReadHex(call_id.substr(kHex), &mark) || mark != Mark("call-id", id, 0)) {
    return nullptr;
  }
  return subscriptions_.Find(id);
}

Subscription* RegEvents::FindByWho(uint64_t who) {
  const auto found = by_who_.find(who);
  return found == by_who_.end() ? nullptr : subscriptions_.Find(found->second);
}

}  // namespace edge
