#include "edge/next_hops.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "edge/limits.h"
#include "edge/next_hop_limits.h"
#include "edge/transport.h"
#include "sip/address.h"
#include "sip/list.h"
#include "sip/uri.h"

namespace edge {
namespace {

std::string Text(const reactor::Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteEndpoint(endpoint, text)};
}

}  // namespace

NextHops::NextHops(Context* context, Names* names)
    : context_(*context), names_(*names), hops_(context->settings.core.next_hops.size()) {
  for (size_t i = 0; i < hops_.size(); ++i) {
    hops_[i].endpoint = context_.settings.core.next_hops[i];
    hops_[i].timer.kind = static_cast<uint32_t>(TimerKind::kNextHop);
    hops_[i].timer.index = static_cast<uint32_t>(i);
    if (IntervalMs() != 0) context_.timers.Arm(&hops_[i].timer, context_.now_ms);
  }
}

uint64_t NextHops::IntervalMs() const {
  return uint64_t{context_.settings.core.probe_interval_s} * 1000;
}

Flow NextHops::To(size_t hop) const {
  return {context_.core_port, hops_[hop].endpoint, context_.settings.core.transport};
}

NextHops::Way NextHops::Default() const {
  if (hops_.empty()) return {};
  return {Names::State::kKnown, To(current_)};
}

NextHops::Way NextHops::Find(std::string_view text, bool is_route, const sip::Message& message,
                             Actions* actions) {
  if (text.empty() && hops_.empty()) text = message.request_uri();
  return Find(text, is_route, Spread(message.Value(sip::HeaderId::kCallId)), actions);
}

NextHops::Way NextHops::Find(std::string_view text, bool is_route, uint64_t spread,
                             Actions* actions) {
  Way way = Default();
  const bool has_hops = !hops_.empty();
  sip::Uri uri;
  if (text.empty() || sip::DecodeUri(text, &uri) != sip::ParseError::kOk) return way;
  const Transport preferred = context_.settings.core.transport;
  way.flow.transport = TransportOf(uri, preferred);
  reactor::Endpoint endpoint;
  if (reactor::ParseAddress(uri.host, uri.port != 0 ? uri.port : 5060, &endpoint)) {
    const sa_family_t family = context_.ports[context_.core_port].local.family();
    if (endpoint.family() != family) return way;
    return {Names::State::kKnown, {context_.core_port, endpoint, way.flow.transport}};
  }
  if (has_hops && !is_route) return way;
  NameQuery query{uri.host, uri.port, way.flow.transport};
  const bool is_open = TransportOf(uri, Transport::kUdp) != TransportOf(uri, Transport::kTcp);
  // A port leaves DNS no say in the transport (RFC 3263 4.1).
  if (is_open && uri.port == 0) query.transport.reset();
  const Way named = names_.Find(query, spread, actions);
  return named.state == Names::State::kNone && has_hops ? way : named;
}

void NextHops::Prepare(std::string_view route, Actions* actions) {
  sip::Address address;
  sip::Uri uri;
  reactor::Endpoint endpoint;
  std::string_view rest = route;
  if (route.empty() ||
      sip::DecodeAddress(sip::CutMember(rest, &rest), &address) != sip::ParseError::kOk ||
      sip::DecodeUri(address.uri, &uri) != sip::ParseError::kOk ||
      reactor::ParseAddress(uri.host, 5060, &endpoint)) {
    return;
  }
  static_cast<void>(Find(address.uri, true, 0, actions));
}

NextHops::Way NextHops::Ask(Asked* asked, const sip::Message& message, Actions* actions) {
  const uint64_t now_ms = context_.now_ms;
  if (hops_.empty()) {
    // RFC 3263 4.3: the next target when this one is silent.
    if (asked->since_ms != 0) {
      if (asked->is_answered || now_ms < asked->since_ms + kProbeMs) {
        return {Names::State::kKnown, asked->to};
      }
      names_.OnUnreachable(asked->to);
    }
    const Way way = Find(message.request_uri(), true, message, actions);
    if (way.state == Names::State::kKnown) *asked = {now_ms, way.flow, 0, asked->moves};
    return way;
  }
  // Who was asked is asked again; when it has died meanwhile, the one that serves.
  if (asked->since_ms == 0 || (asked->hop != current_ && hops_[asked->hop].is_dead)) {
    *asked = {now_ms, To(current_), static_cast<uint16_t>(current_), asked->moves};
  } else if (hops_[asked->hop].heard_ms < asked->since_ms) {
    Probe(asked->hop, actions);
  }
  return {Names::State::kKnown, asked->to};
}

// One 503 says little of its hop: an OPTIONS will tell. Of those out of DNS nobody asks, so it is
// left out for a while (RFC 3263 4.3).
bool NextHops::Move(Asked* asked, std::string_view uri, uint64_t spread, Actions* actions) {
  if (asked->moves >= kRegisterMovesMax) return false;
  const auto moves = static_cast<uint8_t>(asked->moves + 1);
  if (hops_.empty()) {
    names_.OnUnreachable(asked->to);
    const Way way = Find(uri, true, spread, actions);
    const bool is_other =
        !(way.flow.remote == asked->to.remote) || way.flow.transport != asked->to.transport;
    if (way.state != Names::State::kKnown || !is_other) return false;
    *asked = {context_.now_ms, way.flow, 0, moves};
    return true;
  }
  Probe(asked->hop, actions);
  for (size_t i = size_t{asked->hop} + 1; i < hops_.size(); ++i) {
    if (hops_[i].is_dead) continue;
    *asked = {context_.now_ms, To(i), static_cast<uint16_t>(i), moves};
    return true;
  }
  return false;
}

bool NextHops::Send(const Way& way, const Arrival& arrival, uint64_t transaction,
                    sip::Editor* editor, Actions* actions) {
  if (way.state == Names::State::kKnown) {
    context_.SendRequest(way.flow, nullptr, editor, actions);
    return true;
  }
  sip::Slices slices;
  if (editor->Finish(&slices) != sip::EditError::kOk || slices.size > kDatagramSizeMax) {
    ++context_.stats.drop_edit;
    return true;
  }
  HeldRequest held;
  held.text.reserve(slices.size);
  for (const std::string_view piece : slices.view()) held.text += piece;
  held.spread = Spread(arrival.message.Value(sip::HeaderId::kCallId));
  held.transaction = transaction;
  if (transaction == 0 && arrival.message.method() != sip::Method::kAck) {
    std::array<char, 16384> buffer;
    held.refusal = context_.WriteResponse(arrival, {.status = 504}, buffer);
    held.refusal_to = context_.AnswerFlow(arrival);
  }
  return names_.Hold(way.name, std::move(held));
}

std::optional<Flow> NextHops::Release(SlotId name, HeldRequest* request, Actions* actions) {
  Way way = names_.FindHeld(name, request->spread);
  if (way.state != Names::State::kKnown) way = Default();
  if (way.state != Names::State::kKnown) {
    ++context_.stats.dns_refused;
    if (request->refusal.empty()) return std::nullopt;
    const std::string_view refusal = request->refusal;
    actions->Send(request->refusal_to, {&refusal, 1});
    ++context_.stats.sent;
    ++context_.stats.responses_made;
    return std::nullopt;
  }
  return SendText(way.flow, &request->text, actions);
}

// As Context::SendRequest().
Flow NextHops::SendText(Flow to, std::string* text, Actions* actions) {
  if (to.transport == Transport::kUdp &&
      text->size() > context_.settings.core.udp_request_size_max) {
    ++context_.stats.requests_too_large_for_udp;
    to.transport = Transport::kTcp;
  }
  to.or_udp = to.transport == Transport::kTcp;
  RewriteTransport(*text, to.transport);
  const std::string_view piece = *text;
  actions->Send(to, {&piece, 1});
  ++context_.stats.sent;
  return to;
}

// 503 where we have too much to do, 504 where DNS knows no way.
void NextHops::Refuse(const Way& way, const Arrival& arrival, Actions* actions) {
  ++context_.stats.dns_refused;
  if (way.state == Names::State::kNone) return context_.Respond(arrival, {.status = 504}, actions);
  context_.Respond(arrival, {.status = 503, .retry_after_s = context_.RetryAfter(arrival)},
                   actions);
}

void NextHops::OnAnswered(Asked* asked, Actions* actions) {
  asked->is_answered = true;
  if (!hops_.empty()) Hear(asked->hop, actions);
}

void NextHops::OnUnanswered(const Asked& asked, Actions* actions) {
  if (asked.since_ms == 0) return;
  if (hops_.empty()) {
    if (!asked.is_answered) names_.OnUnreachable(asked.to);
  } else if (hops_[asked.hop].heard_ms < asked.since_ms) {
    Die(asked.hop, "a REGISTER had no answer", actions);
  }
}

// A hop that is spoken to over UDP may have no TCP for what is too large, and the reverse.
void NextHops::OnUnreachable(const Flow& to, Actions* actions) {
  names_.OnUnreachable(to);
  if (to.transport != context_.settings.core.transport) return;
  const bool over_tcp = to.transport == Transport::kTcp;
  for (size_t i = 0; i < hops_.size(); ++i) {
    if (!(hops_[i].endpoint == to.remote)) continue;
    const bool is_news = !hops_[i].is_dead;
    Die(i, over_tcp ? "no connection" : "unreachable", actions);
    if (over_tcp && hops_[i].probe != 0) {
      ++context_.stats.probes_unanswered;
      EndProbe(i);
    } else if (!over_tcp && is_news) {
      Probe(i, actions);  // Anybody can send an ICMP message: is it true?
    }
  }
}

bool NextHops::OnResponse(const sip::Message& message, std::string_view branch, Actions* actions) {
  uint64_t key;
  if (!ReadHex(branch.substr(std::min(branch.size(), sip::kMagicCookie.size())), &key) ||
      key == 0) {
    return false;
  }
  const auto found =
      std::find_if(hops_.begin(), hops_.end(), [key](const Hop& hop) { return hop.probe == key; });
  if (found == hops_.end()) return false;
  const size_t index = static_cast<size_t>(found - hops_.begin());
  if (message.status() < 200) return true;
  EndProbe(index);
  // RFC 3261 21.5.4: it is there and does not serve.
  if (message.status() == 503) {
    Die(index, "it answered 503", actions);
  } else {
    Hear(index, actions);
  }
  return true;
}

void NextHops::Hear(size_t index, Actions* actions) {
  hops_[index].heard_ms = context_.now_ms;
  if (hops_[index].is_dead) Revive(index, "it answers", actions);
}

void NextHops::Die(size_t index, std::string_view why, Actions* actions) {
  Hop& hop = hops_[index];
  if (hop.is_dead) return;
  hop.is_dead = true;
  ++context_.stats.next_hops_lost;
  Choose(index, why, actions);
  // Without probes time alone tells that it may be back.
  if (IntervalMs() == 0) context_.timers.Arm(&hop.timer, context_.now_ms + kNextHopRestMs);
}

void NextHops::Revive(size_t index, std::string_view why, Actions* actions) {
  hops_[index].is_dead = false;
  Choose(index, why, actions);
}

void NextHops::Choose(size_t changed, std::string_view why, Actions* actions) {
  const auto serves = [](const Hop& hop) { return !hop.is_dead; };
  const auto first = std::find_if(hops_.begin(), hops_.end(), serves);
  const size_t next = first != hops_.end() ? static_cast<size_t>(first - hops_.begin()) : 0;
  if (next != current_ && hops_.size() > 1) ++context_.stats.failovers;
  current_ = next;
  actions->TellNextHop({hops_[changed].endpoint, hops_[changed].is_dead, why,
                        hops_[current_].endpoint, first != hops_.end()});
}

std::string FormatNextHop(const NextHopChange& change) {
  return fmt::format("next hop {} is {}: {}; requests go to {}{}", Text(change.hop),
                     change.is_dead ? "dead" : "back", change.why, Text(change.current),
                     change.serves ? "" : " all the same, none is left");
}

void NextHops::OnTimer(uint32_t index, Actions* actions) {
  Hop& hop = hops_[index];
  if (IntervalMs() == 0) {
    if (hop.is_dead) Revive(index, "nothing is known of it any more", actions);
  } else if (hop.probe == 0) {
    Probe(index, actions);
  } else if (context_.now_ms < hop.probed_ms + kProbeMs) {
    SendProbe(index, actions);
  } else {
    EndProbe(index);
    ++context_.stats.probes_unanswered;
    // It may have answered a REGISTER meanwhile, and have no word for OPTIONS.
    if (hop.heard_ms < hop.probed_ms) Die(index, "OPTIONS had no answer", actions);
  }
}

void NextHops::Probe(size_t index, Actions* actions) {
  Hop& hop = hops_[index];
  if (hop.probe != 0 || IntervalMs() == 0) return;
  const uint64_t words[] = {context_.now_ms, index};
  const std::string_view bytes(reinterpret_cast<const char*>(words), sizeof(words));
  hop.probe = std::max<uint64_t>(1, context_.hash.Hash({"probe", bytes}));
  hop.probed_ms = context_.now_ms;
  hop.probe_sends = 0;
  ++context_.stats.probes;
  SendProbe(index, actions);
}

void NextHops::EndProbe(size_t index) {
  hops_[index].probe = 0;
  context_.timers.Arm(&hops_[index].timer, context_.now_ms + IntervalMs());
}

// Max-Forwards 0: whoever gets it answers for itself (RFC 3261 11). Over UDP it is sent again as
// timer E says (RFC 3261 17.1.2.2).
void NextHops::SendProbe(size_t index, Actions* actions) {
  Hop& hop = hops_[index];
  const Flow to = To(index);
  const HexText key = WriteHex(hop.probe);
  const std::string& us = context_.settings.core.host;
  const std::string text = fmt::format(
      "OPTIONS sip:{0} SIP/2.0\r\n{1}{2};branch={3}{4}\r\nMax-Forwards: 0\r\n"
      "From: <sip:{5}>;tag={4}\r\nTo: <sip:{0}>\r\nCall-ID: {4}\r\nCSeq: 1 OPTIONS\r\n"
      "Content-Length: 0\r\n\r\n",
      Text(hop.endpoint), ViaStart(to.transport), context_.ports[context_.core_port].text,
      sip::kMagicCookie, View(key), us);
  const std::string_view piece = text;
  actions->Send(to, {&piece, 1});
  ++context_.stats.sent;
  const uint64_t end_ms = hop.probed_ms + kProbeMs;
  const uint64_t again_ms = context_.now_ms + (kProbeAgainMs << hop.probe_sends++);
  context_.timers.Arm(&hop.timer,
                      to.transport == Transport::kTcp ? end_ms : std::min(again_ms, end_ms));
}

}  // namespace edge
