#include "tools/core_node.h"

#include <fmt/format.h>

#include "sip/event.h"
#include "sip/list.h"
#include "sip/number.h"
#include "tools/core_timer.h"
#include "tools/respond.h"

namespace tools {
namespace {

using sip::HeaderId;
using sip::Method;

// The words of a control line; views of it.
std::string_view CutWord(std::string_view* line) {
  *line = sip::Trim(*line);
  const std::string_view word = line->substr(0, line->find(' '));
  line->remove_prefix(word.size());
  return word;
}

}  // namespace

CoreNode::CoreNode(const CoreOptions& options, uint64_t now_ms)
    : options_(options),
      wheel_(now_ms),
      registrar_(options.registrar),
      mo_(&wheel_, options.answer_delay_ms),
      mt_(&registrar_.subscribers(), &wheel_, options.mt_timeout_ms, options.mt),
      events_(&registrar_.subscribers(), &wheel_) {}

void CoreNode::OnDatagram(const reactor::Endpoint& local, const reactor::Endpoint& source,
                          sip::PaddedView bytes, uint64_t now_ms, Outbox* outbox) {
  sip::Message message;
  const sip::ParseError error = sip::Parse(bytes, &message);
  if (error == sip::ParseError::kEmpty) return;  // A keep-alive.
  if (error != sip::ParseError::kOk) {
    ++malformed_;
    violations_.Add("datagram", "not SIP: " + std::string(sip::Name(error)));
    return;
  }
  if (message.is_request()) {
    const CheckContext context{local, source, options_.registrar.accept_unprotected};
    if (CheckRequest(message, context, &violations_)) OnRequest(message, context, now_ms, outbox);
  } else if (CheckResponse(message, &violations_)) {
    if (events_.OnResponse(message, outbox)) return;
    mt_.OnResponse(message, now_ms, outbox);  // A late one belongs to nobody.
  }
}

void CoreNode::OnRequest(const sip::Message& request, const CheckContext& context, uint64_t now_ms,
                         Outbox* outbox) {
  if (request.method() == Method::kRegister) {
    const RegisterAnswer answer =
        registrar_.OnRegister(request, context.local, context.source, now_ms);
    const std::string lines = "Server: gmcore\r\n" + answer.lines;
    Respond(request, {.status = answer.status, .to_tag = "gmcore", .extra = lines}, context.local,
            context.source, outbox);
    const std::optional<uint32_t> ended = registrar_.TakeEnded();
    if (ended) events_.Tell(*ended, StateOf(*ended, now_ms), {}, now_ms, outbox);
    return;
  }
  sip::Event event;
  if (request.method() == Method::kSubscribe &&
      sip::DecodeEvent(request.Value(HeaderId::kEvent), &event) == sip::ParseError::kOk &&
      event.package == "reg") {
    return OnSubscribe(request, context, now_ms, outbox);
  }
  mo_.OnRequest(request, context.local, context.source, now_ms, outbox);
  if (request.method() != Method::kMessage) return;
  std::string_view words = request.body();
  if (CutWord(&words) != "call-me") return;
  const std::string_view caller = FirstUri(request, HeaderId::kPAssertedIdentity);
  if (const std::string_view why = StartMt(CutWord(&words), caller, {}, now_ms, outbox);
      !why.empty()) {
    violations_.Add("MESSAGE", "call-me by P-Asserted-Identity: " + std::string(why));
  }
}

void CoreNode::OnControl(const reactor::Endpoint& local, const reactor::Endpoint& source,
                         std::string_view line, uint64_t now_ms, Outbox* outbox) {
  const std::string_view command = CutWord(&line);
  std::string_view why = "unknown command";
  if (command == "stats") return outbox->Send(local, source, Summary() + "\n");
  if (command == "mt") {
    const std::string_view method = CutWord(&line);
    const ControlPeer control{local, source, true};
    why = StartMt(method, CutWord(&line), control, now_ms, outbox);
  }
  if (command == "dereg" || command == "shorten") {
    const std::string_view identity = CutWord(&line);
    const std::optional<uint32_t> seconds = sip::DecodeNumber(CutWord(&line));
    const ControlPeer control{local, source, true};
    why = seconds.has_value() == (command == "shorten")
              ? EndByCore(identity, seconds, control, now_ms, outbox)
              : "seconds are missing, or too much";
  }
  if (!why.empty()) outbox->Send(local, source, fmt::format("error {}\n", why));
}

void CoreNode::OnSubscribe(const sip::Message& request, const CheckContext& context,
                           uint64_t now_ms, Outbox* outbox) {
  const std::optional<uint32_t> subscriber =
      registrar_.subscribers().Find(FirstUri(request, HeaderId::kTo));
  const RegState state = subscriber ? StateOf(*subscriber, now_ms) : RegState();
  events_.OnSubscribe(request, state, context.local, context.source, now_ms, outbox);
}

RegState CoreNode::StateOf(uint32_t subscriber, uint64_t now_ms) const {
  const Binding* binding = registrar_.Find(subscriber, now_ms);
  if (binding == nullptr) {
    return {false, "unregistered", registrar_.LastContact(subscriber), 0};
  }
  return {true, "registered", binding->contact_uri, (binding->expires_at_ms - now_ms) / 1000};
}

// "" when it is under way, else why not. Without `seconds` at once.
std::string_view CoreNode::EndByCore(std::string_view identity, std::optional<uint32_t> seconds,
                                     const ControlPeer& control, uint64_t now_ms, Outbox* outbox) {
  const std::optional<uint32_t> subscriber = registrar_.subscribers().Find(identity);
  if (!subscriber) return "unknown subscriber";
  const bool is_done = seconds ? registrar_.Shorten(*subscriber, *seconds, now_ms)
                               : registrar_.Deregister(*subscriber, now_ms);
  if (!is_done) return "not registered";
  RegState state = StateOf(*subscriber, now_ms);
  state.event = seconds ? "shortened" : "deactivated";
  return events_.Tell(*subscriber, state, control, now_ms, outbox) ? "" : "nobody has subscribed";
}

std::string_view CoreNode::StartMt(std::string_view method_text, std::string_view identity,
                                   const ControlPeer& control, uint64_t now_ms, Outbox* outbox) {
  const Method method = sip::LookUpMethod(method_text);
  if (method != Method::kMessage && method != Method::kOptions && method != Method::kInvite) {
    return "method is not MESSAGE, OPTIONS or INVITE";
  }
  const std::optional<uint32_t> subscriber = registrar_.subscribers().Find(identity);
  if (!subscriber) return "unknown subscriber";
  const Binding* binding = registrar_.Find(*subscriber, now_ms);
  if (binding == nullptr) return "not registered";
  mt_.Start(method, *subscriber, *binding, control, now_ms, outbox);
  return "";
}

void CoreNode::Advance(uint64_t now_ms, Outbox* outbox) {
  wheel_.Advance(now_ms, [&](reactor::Timer* timer) {
    if (timer->kind == kMoCallTimer) {
      mo_.OnTimer(timer, now_ms, outbox);
    } else if (timer->kind == kEventTimer) {
      events_.OnTimer(timer, now_ms, outbox);
    } else {
      mt_.OnTimer(timer, now_ms, outbox);
    }
  });
}

std::string CoreNode::Summary() const {
  const RegistrarCounters& registrar = registrar_.counters();
  const MoCounters& mo_counters = mo_.counters();
  const MtCounters& mt_counters = mt_.counters();
  return fmt::format(
      "registers={} challenges={} registrations={} refreshes={} deregistrations={} resyncs={} "
      "refusals={} registered={} mo_message={} mo_options={} mo_invite={} mo_answered={} "
      "mo_cancelled={} mo_bye={} mo_other={} mt_started={} mt_answered={} mt_refused={} "
      "mt_timeout={} subscribes={} notifies={} notifies_answered={} notifies_failed={} "
      "malformed={} violations={}",
      registrar.registers, registrar.challenges, registrar.registrations, registrar.refreshes,
      registrar.deregistrations, registrar.resynchronisations, registrar.refusals,
      registrar_.registered_count(), mo_counters.messages, mo_counters.options, mo_counters.invites,
      mo_counters.answered, mo_counters.cancelled, mo_counters.byes, mo_counters.others,
      mt_counters.started, mt_counters.answered, mt_counters.refused, mt_counters.timeouts,
      events_.counters().subscribes, events_.counters().notifies, events_.counters().answered,
      events_.counters().failed, malformed_, violations_.total());
}

}  // namespace tools
