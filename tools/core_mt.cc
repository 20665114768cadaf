#include "tools/core_mt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "sip/number.h"
#include "sip/via.h"
#include "tools/core_timer.h"
#include "tools/respond.h"

namespace tools {
namespace {

using sip::HeaderId;
using sip::Method;

constexpr std::string_view kBranch = "z9hG4bKmt";
// The caller all terminating requests come from.
constexpr std::string_view kCaller = "+19995550123";

// The number in "z9hG4bKmt<hex>.<any>", or 0.
uint32_t IdOfBranch(std::string_view branch) {
  if (!branch.starts_with(kBranch)) return 0;
  uint32_t id = 0;
  std::from_chars(branch.data() + kBranch.size(), branch.data() + branch.size(), id, 16);
  return id;
}

std::string_view FirstRouteUri(std::string_view route) {
  const size_t begin = route.find('<');
  const size_t end = route.find('>');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
  return route.substr(begin + 1, end - begin - 1);
}

}  // namespace

struct MtCalls::Call : reactor::Timer {
  uint32_t id = 0;
  Method method = Method::kOther;
  bool in_bye = false;
  bool is_talking = false;  // The BYE is made, and its time not come.
  bool proceeding = false;  // A provisional response ends retransmission of an INVITE.
  ControlPeer control;
  uint32_t cseq = 1;
  reactor::Endpoint local;
  reactor::Endpoint edge;  // Where routes without an IP address lead.
  reactor::Endpoint peer;  // Of the request under way.
  std::string identity;    // The called public identity.
  std::string contact_uri;
  std::string path;
  std::string ack;      // Of the 2xx: repeated for each of its retransmissions.
  std::string request;  // Under way, for retransmission.
  uint64_t interval_ms = kT1Ms;
  uint64_t deadline_ms = 0;

  std::string Branch(std::string_view tail) const {
    return fmt::format("{}{:x}.{}", kBranch, id, tail);
  }
};

MtCalls::MtCalls(const SubscriberRange* subscribers, reactor::TimerWheel* wheel,
                 uint32_t timeout_ms, const MtOptions& options)
    : subscribers_(subscribers), wheel_(wheel), timeout_ms_(timeout_ms), options_(options) {}

MtCalls::~MtCalls() {
  for (auto& [id, call] : calls_) wheel_->Cancel(call.get());
}

void MtCalls::Start(Method method, uint32_t subscriber, const Binding& binding,
                    const ControlPeer& control, uint64_t now_ms, Outbox* outbox) {
  assert(method == Method::kMessage || method == Method::kOptions || method == Method::kInvite);
  ++counters_.started;
  const uint32_t id = next_id_++;
  std::unique_ptr<Call>& call = calls_[id];
  call = std::make_unique<Call>();
  call->kind = kMtCallTimer;
  call->id = id;
  call->method = method;
  call->control = control;
  call->local = binding.local;
  call->edge = binding.edge;
  call->peer = EndpointOfUri(FirstRouteUri(binding.path)).value_or(binding.edge);
  call->identity = subscribers_->PublicIdentity(subscriber);
  call->contact_uri = binding.contact_uri;
  call->path = binding.path;

  const std::string& realm = subscribers_->realm();
  const std::string extra = fmt::format(
      "Contact: <sip:{}>\r\nP-Asserted-Identity: <sip:{}@{};user=phone>, <tel:{}>\r\n"
      "P-Called-Party-ID: <{}>\r\nPrivacy: none\r\n"
      "P-Charging-Vector: icid-value=gmcore-{};orig-ioi={};term-ioi={}\r\n"
      "P-Charging-Function-Addresses: ccf={}\r\n",
      Text(call->local), kCaller, realm, kCaller, call->identity, id, realm, realm,
      AddressText(call->local));
  std::string body;
  if (method == Method::kMessage) {
    body = "Hello from gmcore";
    body.resize(std::max<size_t>(body.size(), options_.body_size), '.');
  }
  StartRequest(call.get(),
               Write(*call, {.method = sip::Name(method),
                             .uri = call->contact_uri,
                             .branch = call->Branch("1"),
                             .route = call->path,
                             .to = fmt::format("<{}>", call->identity),
                             .extra = extra,
                             .body = body}),
               now_ms, outbox);
}

std::string MtCalls::Write(const Call& call, const Parts& parts) const {
  std::string text = fmt::format(
      "{} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={}\r\nMax-Forwards: 70\r\n", parts.method,
      parts.uri, options_.over_tcp ? "TCP" : "UDP", Text(call.local), parts.branch);
  if (!parts.route.empty()) text += fmt::format("Route: {}\r\n", parts.route);
  text += fmt::format(
      "From: <sip:{0}@{1};user=phone>;tag=mt{2:x}\r\nTo: {3}\r\nCall-ID: mt{2:x}@{4}\r\n"
      "CSeq: {5} {6}\r\n{7}",
      kCaller, subscribers_->realm(), call.id, parts.to, Text(call.local), call.cseq, parts.method,
      parts.extra);
  if (!parts.body.empty()) text += "Content-Type: text/plain\r\n";
  return text + fmt::format("Content-Length: {}\r\n\r\n{}", parts.body.size(), parts.body);
}

void MtCalls::StartRequest(Call* call, std::string text, uint64_t now_ms, Outbox* outbox) {
  call->request = std::move(text);
  call->proceeding = false;
  call->interval_ms = kT1Ms;
  call->deadline_ms = now_ms + timeout_ms_;
  outbox->Send(call->local, call->peer, call->request);
  wheel_->Arm(call, std::min(now_ms + call->interval_ms, call->deadline_ms));
}

bool MtCalls::OnResponse(const sip::Message& response, uint64_t now_ms, Outbox* outbox) {
  sip::Via via;
  sip::CSeq cseq;
  if (sip::DecodeTopVia(response, &via) != sip::ParseError::kOk ||
      sip::DecodeCSeq(response.Value(HeaderId::kCSeq), &cseq) != sip::ParseError::kOk) {
    return false;
  }
  const auto found = calls_.find(IdOfBranch(via.branch));
  if (found == calls_.end()) return false;
  Call* const call = found->second.get();
  if (cseq.number != call->cseq) {
    // The 2xx of the INVITE came again: its ACK was lost.
    if (call->in_bye && cseq.method == Method::kInvite && !call->ack.empty()) {
      outbox->Send(call->local, call->peer, call->ack);
    }
    return true;
  }
  if (response.status() < 200) {
    call->proceeding = true;
    return true;
  }
  if (call->method == Method::kInvite && !call->in_bye) {
    OnInviteFinal(call, response, now_ms, outbox);
    return true;
  }
  ++(response.status() < 300 ? counters_.answered : counters_.refused);
  Finish(call, fmt::format("ok {}", response.status()), outbox);
  return true;
}

void MtCalls::OnInviteFinal(Call* call, const sip::Message& response, uint64_t now_ms,
                            Outbox* outbox) {
  const std::string to(response.Value(HeaderId::kTo));
  if (response.status() >= 300) {
    // RFC 3261 17.1.1.3: the ACK has the INVITE's branch and Route.
    outbox->Send(call->local, call->peer,
                 Write(*call, {.method = "ACK",
                               .uri = call->contact_uri,
                               .branch = call->Branch("1"),
                               .route = call->path,
                               .to = to}));
    ++counters_.refused;
    return Finish(call, fmt::format("ok {}", response.status()), outbox);
  }
  const std::string route = RouteSet(response, RouteOrder::kCaller);
  const std::string target(FirstUri(response, HeaderId::kContact));
  const std::string_view next = route.empty() ? std::string_view(target) : FirstRouteUri(route);
  call->peer = EndpointOfUri(next).value_or(call->edge);
  const std::string ack_branch = call->Branch("ack");
  const Parts parts{.method = "ACK", .uri = target, .branch = ack_branch, .route = route, .to = to};
  call->ack = Write(*call, parts);
  outbox->Send(call->local, call->peer, call->ack);

  call->in_bye = true;
  ++call->cseq;
  Parts bye = parts;
  bye.method = "BYE";
  const std::string bye_branch = call->Branch("bye");
  bye.branch = bye_branch;
  call->request = Write(*call, bye);
  call->is_talking = true;
  if (options_.call_ms == 0) return OnTimer(call, now_ms, outbox);
  wheel_->Arm(call, now_ms + options_.call_ms);
}

void MtCalls::OnTimer(reactor::Timer* timer, uint64_t now_ms, Outbox* outbox) {
  Call* const call = static_cast<Call*>(timer);
  if (call->is_talking) {
    call->is_talking = false;
    return StartRequest(call, std::move(call->request), now_ms, outbox);
  }
  if (now_ms >= call->deadline_ms) {
    ++counters_.timeouts;
    return Finish(call, "error timeout", outbox);
  }
  const bool proceeding = call->proceeding && call->method == Method::kInvite && !call->in_bye;
  const bool waits_only = options_.over_tcp || proceeding;
  if (!waits_only) outbox->Send(call->local, call->peer, call->request);
  call->interval_ms = std::min<uint64_t>(call->interval_ms * 2, kT2Ms);
  wheel_->Arm(call, std::min(now_ms + call->interval_ms, call->deadline_ms));
}

void MtCalls::Finish(Call* call, std::string_view verdict, Outbox* outbox) {
  if (call->control.waits) {
    outbox->Send(call->control.local, call->control.peer, fmt::format("{}\n", verdict));
  }
  wheel_->Cancel(call);
  calls_.erase(call->id);
}

}  // namespace tools
