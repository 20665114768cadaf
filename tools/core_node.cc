#include "tools/core_node.h"

#include <fmt/format.h>

#include "sip/list.h"
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
      mt_(&registrar_.subscribers(), &wheel_, options.mt_timeout_ms, options.mt) {}

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
    return;
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
  if (!why.empty()) outbox->Send(local, source, fmt::format("error {}\n", why));
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
      "mt_timeout={} malformed={} violations={}",
      registrar.registers, registrar.challenges, registrar.registrations, registrar.refreshes,
      registrar.deregistrations, registrar.resynchronisations, registrar.refusals,
      registrar_.registered_count(), mo_counters.messages, mo_counters.options, mo_counters.invites,
      mo_counters.answered, mo_counters.cancelled, mo_counters.byes, mo_counters.others,
      mt_counters.started, mt_counters.answered, mt_counters.refused, mt_counters.timeouts,
      malformed_, violations_.total());
}

}  // namespace tools
