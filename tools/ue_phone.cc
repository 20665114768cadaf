#include "tools/ue_phone.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "sip/via.h"
#include "tools/respond.h"
#include "tools/ue_checks.h"
#include "tools/ue_text.h"

namespace tools {
namespace {

using sip::HeaderId;
using sip::Method;

constexpr uint64_t kUsPerMs = 1000;

// The method of the request that the step sends, or, for a step that asks to be called, waits for.
Method MethodOf(Step step) {
  switch (step) {
    case Step::kMessage:
    case Step::kMtMessage:
      return Method::kMessage;
    case Step::kOptions:
    case Step::kMtOptions:
      return Method::kOptions;
    case Step::kInvite:
    case Step::kMtInvite:
      return Method::kInvite;
    default:
      return Method::kRegister;
  }
}

bool AsksToBeCalled(Step step) {
  return step == Step::kMtMessage || step == Step::kMtOptions || step == Step::kMtInvite;
}

}  // namespace

bool PhoneHost::InstallSas(const PhoneIdentity&, const UeAgreement&) {
  return true;
}
void PhoneHost::RemoveSas(const PhoneIdentity&, const UeAgreement&) {}
void PhoneHost::OnStepEnd(Phone*, const StepResult&) {}
void PhoneHost::OnAnswered(Phone*, sip::Method) {}

Phone::Phone(const PhoneOptions* options, const SubscriberRange* subscribers,
             PhoneIdentity identity, PhoneHost* host, Violations* violations)
    : options_(options),
      subscribers_(subscribers),
      identity_(std::move(identity)),
      host_(host),
      violations_(violations),
      transaction_(options),
      registration_(options, subscribers, &identity_, &transaction_),
      server_(options, &identity_) {}

void Phone::Start(Step step, uint64_t now_us, Outbox* outbox) {
  assert(!busy_ && step != Step::kHold);
  busy_ = true;
  step_ = step;
  started_us_ = now_us;
  own_request_done_ = false;
  request_came_ = false;
  if (MethodOf(step) != Method::kRegister) {
    if (!registration_.registered()) return End(Failure::kNotRegistered, "", now_us);
    return StartRequest(now_us, outbox);
  }
  if (!registration_.Begin(step, now_us, outbox)) End(registration_.failure(), "", now_us);
}

// TS 24.229 5.1.2A: along the P-CSCF and the Service-Route.
void Phone::StartRequest(uint64_t now_us, Outbox* outbox) {
  const Method method = AsksToBeCalled(step_) ? Method::kMessage : MethodOf(step_);
  call_id_ = fmt::format("m{:x}-{:x}-{:x}@{}", options_->boot_id, identity_.index, ++calls_made_,
                         AddressText(identity_.address));
  std::array<char, 512> room;
  std::string_view body;
  if (method == Method::kInvite) {
    std::array<char, reactor::kEndpointTextMax> address;
    const size_t size = reactor::WriteAddress(identity_.address, false, address.data());
    body = WriteSdp({address.data(), size}, identity_.address.family() == AF_INET6, room);
  } else if (method == Method::kMessage) {
    sip::Writer writer(room);
    if (AsksToBeCalled(step_)) {
      writer.Put("call-me ").Put(sip::Name(MethodOf(step_)));
    } else {
      writer.Put("Hello from gmue");
    }
    body = writer.text();
  }
  std::string padded(body);
  if (step_ == Step::kMessage) {
    padded.resize(std::max<size_t>(padded.size(), options_->body_size), '.');
    body = padded;
  }
  const UeFlow flow = registration_.Flow();
  const std::string text =
      Write(flow, transaction_.NextBranch(identity_.index),
            {.method = sip::Name(method),
             .uri = CalledUri(),
             .route = InitialRoute(flow),
             .to = fmt::format("<{}>", CalledUri()),
             .outside_dialog = true,
             .content_type = method == Method::kInvite ? "application/sdp" : "text/plain",
             .body = body});
  transaction_.Start(method, flow, text, now_us, outbox);
}

// Of a final response to an INVITE: ACK, and after an answer BYE.
void Phone::EndCall(const sip::Message& response, uint64_t now_us, Outbox* outbox) {
  const UeFlow flow = transaction_.flow();
  const std::string to(response.Value(HeaderId::kTo));
  if (response.status() >= 300) {
    // RFC 3261 17.1.1.3: the ACK has the branch, Request-URI and Route of the INVITE.
    const std::string ack =
        Write(flow, transaction_.branch(identity_.index),
              {.method = "ACK", .uri = CalledUri(), .route = InitialRoute(flow), .to = to});
    return outbox->Send(flow.local, flow.peer, ack);
  }
  // RFC 3261 12.2.1.1: along the reversed Record-Route to the callee's Contact.
  Request request{.method = "ACK",
                  .uri = std::string(FirstUri(response, HeaderId::kContact)),
                  .route = RouteSet(response, RouteOrder::kCaller),
                  .to = to};
  outbox->Send(flow.local, flow.peer,
               Write(flow, transaction_.NextBranch(identity_.index), request));
  request.method = "BYE";
  request.cseq = 2;
  const std::string bye = Write(flow, transaction_.NextBranch(identity_.index), request);
  transaction_.Start(Method::kBye, flow, bye, now_us, outbox);
}

// Any number will do: the core answers for whoever is called.
std::string Phone::CalledUri() const {
  return "sip:+19995550123@" + subscribers_->realm() + ";user=phone";
}

std::string Phone::InitialRoute(const UeFlow& flow) const {
  const std::string& service_route = registration_.service_route();
  return fmt::format("<sip:{};lr>{}{}", Text(flow.peer), service_route.empty() ? "" : ", ",
                     service_route);
}

std::string Phone::Write(const UeFlow& flow, const UeBranch& branch, const Request& request) const {
  const UeAgreement* const agreement = registration_.current();
  const std::string branch_text = Text(branch);
  const std::string sent_by = Text(flow.reply_local);
  std::array<char, Outbox::kMessageSizeMax> text;
  sip::Writer writer(text);
  WriteRequest({.method = request.method,
                .uri = request.uri,
                .sent_by = sent_by,
                .branch = branch_text,
                .imsi = identity_.imsi,
                .realm = subscribers_->realm(),
                .from_tag = "mo",
                .to = request.to,
                .call_id = call_id_,
                .cseq = request.cseq,
                .over_tcp = flow.over_tcp},
               {.route = request.route,
                .agreement = {.verify_lines = agreement ? std::string_view(agreement->verify_lines)
                                                        : std::string_view()},
                .identify = request.outside_dialog,
                .content_type = request.content_type,
                .body = request.body},
               &writer);
  return std::string(writer.text());
}

void Phone::OnMessage(const sip::Message& message, const reactor::Endpoint& local,
                      const reactor::Endpoint& source, uint64_t now_us, Outbox* outbox) {
  if (!CheckToPhone(message, violations_)) return;
  if (message.is_request()) return OnRequest(message, local, source, now_us, outbox);

  sip::Via via;
  if (sip::DecodeTopVia(message, &via) != sip::ParseError::kOk) return;
  const std::optional<UeBranch> branch = ParseBranch(via.branch);
  if (!branch || !transaction_.Matches(*branch)) return;  // A retransmission, late.
  if (message.status() < 200) return transaction_.OnProvisional();
  const UeFlow& flow = transaction_.flow();
  if (!ComesAlong(flow, local, source, flow.over_tcp)) {
    transaction_.End();
    return End(Failure::kWrongFlow, Text(source) + " to " + Text(local), now_us);
  }
  transaction_.End();
  OnResponse(message, now_us, outbox);
}

void Phone::OnResponse(const sip::Message& response, uint64_t now_us, Outbox* outbox) {
  const Method method = transaction_.method();
  if (method == Method::kRegister) {
    return OnOutcome(registration_.OnResponse(response, now_us, outbox), now_us, outbox);
  }
  if (method == Method::kInvite) EndCall(response, now_us, outbox);
  if (response.status() >= 300) {
    return End(Failure::kRefused, std::to_string(response.status()), now_us);
  }
  if (method == Method::kInvite) return;
  own_request_done_ = true;
  if (!AsksToBeCalled(step_)) return End(Failure::kNone, "", now_us);
  OnCallMeProgress(now_us);
}

void Phone::OnOutcome(UeRegistration::Outcome outcome, uint64_t now_us, Outbox* outbox) {
  switch (outcome) {
    case UeRegistration::Outcome::kWaiting:
      return;
    case UeRegistration::Outcome::kInstall:
      if (registration_.pending() == nullptr || options_->fault == Fault::kPlain ||
          host_->InstallSas(identity_, *registration_.pending())) {
        registration_.Answer(now_us, outbox);
      }
      return;
    case UeRegistration::Outcome::kDone:
      return End(Failure::kNone, "", now_us);
    case UeRegistration::Outcome::kFailed:
      return End(registration_.failure(), registration_.detail(), now_us);
  }
}

void Phone::OnSasReady(bool ok, uint64_t now_us, Outbox* outbox) {
  if (!busy_ || registration_.pending() == nullptr) return;
  if (ok) return registration_.Answer(now_us, outbox);
  End(Failure::kSasRefused, "", now_us);
}

// A request must come the way of one of our sets, or of none when there is none.
void Phone::OnRequest(const sip::Message& request, const reactor::Endpoint& local,
                      const reactor::Endpoint& source, uint64_t now_us, Outbox* outbox) {
  sip::Via via;
  if (sip::DecodeTopVia(request, &via) != sip::ParseError::kOk) return;
  const bool over_tcp = via.transport == sip::Transport::kTcp;
  UeFlow flow = registration_.Flow();
  const UeAgreement* const previous = registration_.previous();
  if (!ComesAlong(flow, local, source, over_tcp) && previous != nullptr) {
    flow = ProtectedFlow(*options_, identity_, *previous);
  }
  if (!ComesAlong(flow, local, source, over_tcp)) {
    return violations_->Add(request.method_text(), "did not come along the SAs");
  }
  // Over UDP the response goes to sent-by: that must be the far end of what leaves port_uc (spec
  // sheet 2.1).
  reactor::Endpoint sent_by;
  if (!reactor::ParseAddress(via.host, via.port, &sent_by) || !(sent_by == flow.peer)) {
    violations_->Add(request.method_text(), "the topmost Via does not name port_ps");
  }
  if (over_tcp) {  // It goes back on the connection.
    flow.local = local;
    flow.reply_peer = source;
  }
  const Method method = request.method();
  const UeServer::Event event = server_.OnRequest(request, flow, now_us, outbox);
  if (event == UeServer::Event::kNone) return;
  const Method answered = event == UeServer::Event::kCallEnded ? Method::kInvite : method;
  host_->OnAnswered(this, answered);
  if (!busy_ || !AsksToBeCalled(step_) || answered != MethodOf(step_)) return;
  request_came_ = true;
  OnCallMeProgress(now_us);
}

void Phone::OnCallMeProgress(uint64_t now_us) {
  if (own_request_done_ && request_came_) End(Failure::kNone, "", now_us);
}

void Phone::Advance(uint64_t now_us, Outbox* outbox) {
  server_.Advance(now_us, outbox);
  if (!transaction_.Advance(now_us, outbox)) return End(Failure::kTimeout, "", now_us);
  if (busy_ && own_request_done_ && now_us >= started_us_ + options_->timeout_ms * kUsPerMs) {
    End(Failure::kNoRequest, "", now_us);
  }
}

uint64_t Phone::next_us() const {
  uint64_t next = std::min(transaction_.next_us(), server_.next_us());
  if (busy_ && own_request_done_) {
    next = std::min(next, started_us_ + options_->timeout_ms * kUsPerMs);
  }
  return next;
}

void Phone::End(Failure failure, std::string detail, uint64_t now_us) {
  transaction_.End();
  if (failure != Failure::kNone) registration_.DropPending();
  for (const UeAgreement& agreement : registration_.TakeRetired()) {
    host_->RemoveSas(identity_, agreement);
  }
  busy_ = false;
  host_->OnStepEnd(this, {step_, failure, std::move(detail), now_us - started_us_});
}

}  // namespace tools
