#include "tools/core_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sip/list.h"
#include "sip/number.h"
#include "sip/via.h"
#include "tools/core_timer.h"
#include "tools/respond.h"

namespace tools {
namespace {

using sip::HeaderId;

constexpr std::string_view kBranch = "z9hG4bKev";

// The number in "z9hG4bKev<hex>.<any>", or 0.
uint32_t IdOfBranch(std::string_view branch) {
  if (!branch.starts_with(kBranch)) return 0;
  uint32_t id = 0;
  std::from_chars(branch.data() + kBranch.size(), branch.data() + branch.size(), id, 16);
  return id;
}

std::string RecordRouteLines(const sip::Message& request) {
  std::string lines;
  sip::ListReader reader(request, HeaderId::kRecordRoute);
  for (sip::ListMember member; reader.Next(&member);) {
    lines += fmt::format("Record-Route: {}\r\n", member.text);
  }
  return lines;
}

}  // namespace

struct RegSubscriptions::Subscription : reactor::Timer {
  uint32_t id = 0;
  uint32_t subscriber = 0;
  reactor::Endpoint local;
  reactor::Endpoint peer;    // Of the NOTIFY under way.
  reactor::Endpoint source;  // Where the subscriber speaks from.
  std::string call_id;
  std::string from;  // Ours: To of the SUBSCRIBE, with our tag.
  std::string to;
  std::string target;
  std::string route;
  std::string request;  // Under way, for retransmission.
  bool over_tcp = false;
  uint32_t cseq = 0;
  uint32_t version = 0;
  uint64_t ends_ms = 0;
  uint64_t interval_ms = kT1Ms;
  uint64_t deadline_ms = 0;
  bool is_over = false;
  ControlPeer control;
};

RegSubscriptions::RegSubscriptions(const SubscriberRange* subscribers, reactor::TimerWheel* wheel)
    : subscribers_(subscribers), wheel_(wheel) {}

RegSubscriptions::~RegSubscriptions() {
  for (auto& [id, subscription] : subscriptions_) wheel_->Cancel(subscription.get());
}

void RegSubscriptions::OnSubscribe(const sip::Message& request, const RegState& state,
                                   const reactor::Endpoint& local, const reactor::Endpoint& source,
                                   uint64_t now_ms, Outbox* outbox) {
  const std::string_view call_id = request.Value(HeaderId::kCallId);
  const bool in_dialog = !TagOf(request, HeaderId::kTo).empty();
  const uint32_t seconds = sip::DecodeNumber(request.Value(HeaderId::kExpires)).value_or(3600);
  Subscription* subscription = Find(call_id);
  const std::optional<uint32_t> subscriber =
      subscribers_->Find(in_dialog ? FirstUri(request, HeaderId::kTo) : request.request_uri());
  if ((in_dialog && subscription == nullptr) || !subscriber) {
    Respond(request, {.status = in_dialog ? 481 : 404, .to_tag = "gmcore"}, local, source, outbox);
    return;
  }
  sip::Via via;
  if (sip::DecodeTopVia(request, &via) != sip::ParseError::kOk) return;
  ++counters_.subscribes;
  if (subscription == nullptr) {
    const uint32_t id = next_id_++;
    subscription = (subscriptions_[id] = std::make_unique<Subscription>()).get();
    subscription->kind = kEventTimer;
    subscription->id = id;
    subscription->subscriber = *subscriber;
    subscription->call_id = call_id;
    subscription->from = fmt::format("{};tag=ev{:x}", request.Value(HeaderId::kTo), id);
    subscription->to = request.Value(HeaderId::kFrom);
    subscription->route = RouteSet(request, RouteOrder::kCallee);
    by_call_id_[subscription->call_id] = id;
    by_subscriber_[*subscriber].push_back(id);
  }
  subscription->local = local;
  subscription->source = source;
  subscription->over_tcp = via.transport == sip::Transport::kTcp;
  subscription->target = FirstUri(request, HeaderId::kContact);
  subscription->ends_ms = now_ms + uint64_t{1000} * seconds;
  const std::string tag = fmt::format("ev{:x}", subscription->id);
  const std::string lines = fmt::format("Expires: {}\r\nContact: <sip:{}>\r\n{}", seconds,
                                        Text(local), RecordRouteLines(request));
  Respond(request, {.status = 200, .to_tag = tag, .extra = lines}, local, source, outbox);
  Notify(subscription, state, now_ms, outbox);
}

bool RegSubscriptions::Tell(uint32_t subscriber, const RegState& state, const ControlPeer& control,
                            uint64_t now_ms, Outbox* outbox) {
  bool found = false;
  const auto ids = by_subscriber_.find(subscriber);
  if (ids == by_subscriber_.end()) return false;
  for (const uint32_t id : ids->second) {
    Subscription* const subscription = subscriptions_.at(id).get();
    if (subscription->is_over) continue;
    if (!found) subscription->control = control;
    found = true;
    Notify(subscription, state, now_ms, outbox);
  }
  return found;
}

RegSubscriptions::Subscription* RegSubscriptions::Find(std::string_view call_id) {
  const auto found = by_call_id_.find(std::string(call_id));
  return found == by_call_id_.end() ? nullptr : subscriptions_.at(found->second).get();
}

// The newest NOTIFY takes the place of one under way: what it tells is all there is to tell.
void RegSubscriptions::Notify(Subscription* subscription, const RegState& state, uint64_t now_ms,
                              Outbox* outbox) {
  ++counters_.notifies;
  ++subscription->cseq;
  subscription->is_over = !state.is_active || subscription->ends_ms <= now_ms;
  const std::string_view route = subscription->route;
  const size_t begin = route.find('<');
  const std::string_view next = begin == std::string_view::npos
                                    ? std::string_view(subscription->target)
                                    : route.substr(begin + 1, route.find('>') - begin - 1);
  subscription->peer = EndpointOfUri(next).value_or(subscription->source);
  subscription->request = Write(*subscription, state, now_ms);
  ++subscription->version;
  subscription->interval_ms = kT1Ms;
  subscription->deadline_ms = now_ms + 64 * kT1Ms;
  outbox->Send(subscription->local, subscription->peer, subscription->request);
  wheel_->Arm(subscription, now_ms + subscription->interval_ms);
}

std::string RegSubscriptions::Write(const Subscription& subscription, const RegState& state,
                                    uint64_t now_ms) const {
  const std::string body = Body(subscription, state);
  std::string text = fmt::format(
      "NOTIFY {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={}{:x}.{}\r\nMax-Forwards: 70\r\n",
      subscription.target, subscription.over_tcp ? "TCP" : "UDP", Text(subscription.local), kBranch,
      subscription.id, subscription.cseq);
  if (!subscription.route.empty()) text += fmt::format("Route: {}\r\n", subscription.route);
  const std::string phase =
      subscription.is_over
          ? std::string(state.is_active ? "terminated;reason=timeout"
                                        : "terminated;reason=noresource")
          : fmt::format("active;expires={}", (subscription.ends_ms - now_ms) / 1000);
  return text + fmt::format(
                    "From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} NOTIFY\r\nContact: <sip:{}>\r\n"
                    "Event: reg\r\nSubscription-State: {}\r\n"
                    "Content-Type: application/reginfo+xml\r\nContent-Length: {}\r\n\r\n{}",
                    subscription.from, subscription.to, subscription.call_id, subscription.cseq,
                    Text(subscription.local), phase, body.size(), body);
}

// Each public identity with the one contact a subscriber has here.
std::string RegSubscriptions::Body(const Subscription& subscription, const RegState& state) const {
  const uint32_t who = subscription.subscriber;
  const std::string number = subscribers_->Number(who);
  const std::string identities[] = {
      subscribers_->PublicIdentity(who),
      fmt::format("sip:{}@{};user=phone", number, subscribers_->realm()),
      fmt::format("tel:{}", number)};
  const std::string_view word = state.is_active ? "active" : "terminated";
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<reginfo "
      "xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"{}\" state=\"full\">\n",
      subscription.version);
  int index = 0;
  for (const std::string& identity : identities) {
    ++index;
    text += fmt::format(
        "  <registration aor=\"{}\" id=\"r{}\" state=\"{}\">\n"
        "    <contact id=\"c{}\" state=\"{}\" event=\"{}\" expires=\"{}\">\n"
        "      <uri>{}</uri>\n    </contact>\n  </registration>\n",
        identity, index, word, index, word, state.event, state.expires_s, state.contact_uri);
  }
  return text + "</reginfo>\n";
}

bool RegSubscriptions::OnResponse(const sip::Message& response, Outbox* outbox) {
  sip::Via via;
  sip::CSeq cseq;
  if (sip::DecodeTopVia(response, &via) != sip::ParseError::kOk ||
      sip::DecodeCSeq(response.Value(HeaderId::kCSeq), &cseq) != sip::ParseError::kOk) {
    return false;
  }
  const auto found = subscriptions_.find(IdOfBranch(via.branch));
  if (found == subscriptions_.end()) return IdOfBranch(via.branch) != 0;
  Subscription* const subscription = found->second.get();
  if (cseq.number != subscription->cseq || response.status() < 200) return true;
  if (response.status() < 300) {
    ++counters_.answered;
  } else {
    ++counters_.failed;
    subscription->is_over = true;  // RFC 6665 4.2.2.
  }
  Finish(subscription, fmt::format("ok {}", response.status()), outbox);
  return true;
}

void RegSubscriptions::OnTimer(reactor::Timer* timer, uint64_t now_ms, Outbox* outbox) {
  Subscription* const subscription = static_cast<Subscription*>(timer);
  if (now_ms >= subscription->deadline_ms) {
    ++counters_.failed;
    subscription->is_over = true;
    return Finish(subscription, "error timeout", outbox);
  }
  if (!subscription->over_tcp) {
    outbox->Send(subscription->local, subscription->peer, subscription->request);
  }
  subscription->interval_ms = std::min<uint64_t>(subscription->interval_ms * 2, kT2Ms);
  wheel_->Arm(subscription,
              std::min(now_ms + subscription->interval_ms, subscription->deadline_ms));
}

// The NOTIFY under way has its answer, or will have none.
void RegSubscriptions::Finish(Subscription* subscription, std::string_view verdict,
                              Outbox* outbox) {
  if (subscription->control.waits) {
    outbox->Send(subscription->control.local, subscription->control.peer,
                 fmt::format("{}\n", verdict));
    subscription->control = {};
  }
  wheel_->Cancel(subscription);
  subscription->request.clear();
  if (!subscription->is_over) return;
  const uint32_t id = subscription->id;
  by_call_id_.erase(by_call_id_.find(subscription->call_id));
  std::vector<uint32_t>& ids = by_subscriber_[subscription->subscriber];
  std::erase(ids, id);
  if (ids.empty()) by_subscriber_.erase(subscription->subscriber);
  subscriptions_.erase(id);
}

}  // namespace tools
