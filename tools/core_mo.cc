#include "tools/core_mo.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "tools/core_timer.h"
#include "tools/respond.h"

namespace tools {
namespace {

using sip::HeaderId;
using sip::Method;

constexpr std::string_view kSdpType = "application/sdp";

// The same for a retransmission: the answers to one request keep no state.
std::string ToTag(const sip::Message& request) {
  return fmt::format("gmc{:x}", std::hash<std::string_view>()(request.Value(HeaderId::kCallId)));
}

std::string Sdp(const reactor::Endpoint& local) {
  const std::string_view family = local.family() == AF_INET6 ? "IP6" : "IP4";
  std::string address = AddressText(local);
  std::erase_if(address, [](char c) { return c == '[' || c == ']'; });
  return fmt::format(
      "v=0\r\no=- 1 1 IN {0} {1}\r\ns=-\r\nc=IN {0} {1}\r\nt=0 0\r\n"
      "m=audio 49170 RTP/AVP 97 101\r\na=rtpmap:97 AMR-WB/16000/1\r\n"
      "a=rtpmap:101 telephone-event/16000\r\na=sendrecv\r\n",
      family, address);
}

// A dialog's own lines: Contact, and every Record-Route with the core's on top (RFC 3261 12.1.1).
std::string DialogLines(const sip::Message& request, const reactor::Endpoint& local) {
  std::string lines = fmt::format("Contact: <sip:{}>\r\nRecord-Route: <sip:mo@{};lr>\r\n",
                                  Text(local), Text(local));
  for (const sip::Header* header = request.Find(HeaderId::kRecordRoute); header != nullptr;
       header = request.FindNext(header)) {
    lines.append("Record-Route: ").append(request.Value(*header)).append("\r\n");
  }
  return lines;
}

}  // namespace

// An INVITE between its 180 and the ACK of its final response.
struct MoCalls::Call : reactor::Timer {
  std::string call_id;
  reactor::Endpoint local;
  reactor::Endpoint source;
  std::string ok;         // The 200 in full...
  std::string cancelled;  // ...and the 487.
  reactor::Endpoint peer;
  bool final_sent = false;
  bool is_cancelled = false;
  uint64_t interval_ms = kT1Ms;
  uint64_t deadline_ms = 0;

  const std::string& final() const { return is_cancelled ? cancelled : ok; }
};

MoCalls::MoCalls(reactor::TimerWheel* wheel, uint32_t answer_delay_ms)
    : wheel_(wheel), answer_delay_ms_(answer_delay_ms) {}

MoCalls::~MoCalls() {
  for (auto& [call_id, call] : calls_) wheel_->Cancel(call.get());
}

void MoCalls::OnRequest(const sip::Message& request, const reactor::Endpoint& local,
                        const reactor::Endpoint& source, uint64_t now_ms, Outbox* outbox) {
  std::string extra = "Server: gmcore\r\n";
  switch (request.method()) {
    case Method::kInvite:
      return OnInvite(request, local, source, now_ms, outbox);
    case Method::kCancel:
      return OnCancel(request, local, source, now_ms, outbox);
    case Method::kAck:
      return OnAck(request);
    case Method::kMessage:
      ++counters_.messages;
      break;
    case Method::kOptions:
      ++counters_.options;
      extra += "Allow: INVITE, ACK, CANCEL, BYE, MESSAGE, OPTIONS, SUBSCRIBE\r\n";
      break;
    case Method::kBye:
      OnAck(request);  // Whoever hangs up has heard the answer.
      ++counters_.byes;
      break;
    case Method::kSubscribe:
      ++counters_.others;
      extra += DialogLines(request, local) + "Expires: 3600\r\n";
      break;
    default:
      ++counters_.others;
  }
  const std::string to_tag = ToTag(request);
  Respond(request, {.status = 200, .to_tag = to_tag, .extra = extra}, local, source, outbox);
}

void MoCalls::OnInvite(const sip::Message& request, const reactor::Endpoint& local,
                       const reactor::Endpoint& source, uint64_t now_ms, Outbox* outbox) {
  const std::string to_tag = ToTag(request);
  const std::string lines = DialogLines(request, local);
  const std::string call_id(request.Value(HeaderId::kCallId));
  std::unique_ptr<Call>& call = calls_[call_id];
  if (call) {  // A retransmission: the newest response again.
    if (call->final_sent) {
      outbox->Send(call->local, call->peer, call->final());
    } else {
      Respond(request, {.status = 180, .to_tag = to_tag, .extra = lines}, local, source, outbox);
    }
    return;
  }
  ++counters_.invites;
  call = std::make_unique<Call>();
  call->kind = kMoCallTimer;
  call->call_id = call_id;
  call->local = local;
  call->source = source;
  call->deadline_ms = now_ms + answer_delay_ms_ + 64 * kT1Ms;

  Outbox made;
  Respond(request, {.to_tag = to_tag, .extra = lines, .content_type = kSdpType, .body = Sdp(local)},
          local, source, &made);
  Respond(request, {.status = 487, .to_tag = to_tag}, local, source, &made);
  if (made.datagrams().size() != 2) return void(calls_.erase(call_id));
  call->ok = made.Text(made.datagrams()[0]);
  call->cancelled = made.Text(made.datagrams()[1]);
  call->peer = made.datagrams()[0].peer;

  Respond(request, {.status = 100}, local, source, outbox);
  Respond(request, {.status = 180, .to_tag = to_tag, .extra = lines}, local, source, outbox);
  if (answer_delay_ms_ == 0) return SendFinal(call.get(), now_ms, outbox);
  wheel_->Arm(call.get(), now_ms + answer_delay_ms_);
}

void MoCalls::OnCancel(const sip::Message& request, const reactor::Endpoint& local,
                       const reactor::Endpoint& source, uint64_t now_ms, Outbox* outbox) {
  const auto found = calls_.find(std::string(request.Value(HeaderId::kCallId)));
  const std::string to_tag = ToTag(request);
  const int status = found == calls_.end() ? 481 : 200;
  Respond(request, {.status = status, .to_tag = to_tag}, local, source, outbox);
  if (found == calls_.end() || found->second->final_sent) return;
  ++counters_.cancelled;
  found->second->is_cancelled = true;
  SendFinal(found->second.get(), now_ms, outbox);
}

void MoCalls::OnAck(const sip::Message& request) {
  const auto found = calls_.find(std::string(request.Value(HeaderId::kCallId)));
  if (found == calls_.end() || !found->second->final_sent) return;
  if (!found->second->is_cancelled) ++counters_.answered;
  End(found->second.get());
}

void MoCalls::OnTimer(reactor::Timer* timer, uint64_t now_ms, Outbox* outbox) {
  Call* const call = static_cast<Call*>(timer);
  if (now_ms >= call->deadline_ms) return End(call);  // Nobody acknowledges.
  SendFinal(call, now_ms, outbox);
}

void MoCalls::SendFinal(Call* call, uint64_t now_ms, Outbox* outbox) {
  call->final_sent = true;
  outbox->Send(call->local, call->peer, call->final());
  wheel_->Arm(call, now_ms + call->interval_ms);
  call->interval_ms = std::min<uint64_t>(call->interval_ms * 2, kT2Ms);
}

void MoCalls::End(Call* call) {
  wheel_->Cancel(call);
  const std::string call_id = call->call_id;
  calls_.erase(call_id);
}

}  // namespace tools
