#include "tools/ue_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tools/respond.h"
#include "tools/ue_text.h"

namespace tools {
namespace {

using sip::HeaderId;
using sip::Method;

constexpr uint64_t kUsPerMs = 1000;

}  // namespace

UeServer::Event UeServer::OnRequest(const sip::Message& request, const UeFlow& flow,
                                    uint64_t now_us, Outbox* outbox) {
  const std::string tag = fmt::format("ue{:x}t", identity_->index);
  const std::string_view call_id = request.Value(HeaderId::kCallId);
  int status = 200;
  Event event = Event::kAnswered;
  switch (request.method()) {
    case Method::kInvite:
      OnInvite(request, flow, now_us, outbox);
      return Event::kNone;
    case Method::kAck:
      if (call_id == call_id_) waits_for_ack_ = false;
      return Event::kNone;
    case Method::kBye:
      status = call_id == call_id_ ? 200 : 481;
      event = status == 200 ? Event::kCallEnded : Event::kNone;
      waits_for_ack_ = false;
      break;
    case Method::kCancel:  // Too late: the call has been answered at once.
      event = Event::kNone;
      break;
    case Method::kOther:
      status = 501;
      event = Event::kNone;
      break;
    default:
      break;
  }
  Respond(request, {.status = status, .to_tag = tag, .extra = "User-Agent: gmue\r\n"}, flow.local,
          flow.reply_peer, outbox);
  return event;
}

void UeServer::OnInvite(const sip::Message& request, const UeFlow& flow, uint64_t now_us,
                        Outbox* outbox) {
  const std::string_view call_id = request.Value(HeaderId::kCallId);
  if (call_id == call_id_) {  // A retransmission.
    if (waits_for_ack_) outbox->Send(final_local_, final_peer_, final_);
    return;
  }
  const std::string tag = fmt::format("ue{:x}t", identity_->index);
  std::string lines =
      fmt::format("Contact: <sip:{}@{}>\r\n", identity_->imsi, Text(flow.reply_local));
  for (const sip::Header* header = request.Find(HeaderId::kRecordRoute); header != nullptr;
       header = request.FindNext(header)) {
    lines.append("Record-Route: ").append(request.Value(*header)).append("\r\n");
  }
  const bool is_ipv6 = identity_->address.family() == AF_INET6;
  std::array<char, reactor::kEndpointTextMax> address;
  const size_t address_size = reactor::WriteAddress(identity_->address, false, address.data());
  std::array<char, 512> sdp;
  const std::string_view body = WriteSdp({address.data(), address_size}, is_ipv6, sdp);

  Outbox made;
  Respond(request, {.to_tag = tag, .extra = lines, .content_type = "application/sdp", .body = body},
          flow.local, flow.reply_peer, &made);
  if (made.empty()) return;
  call_id_ = call_id;
  waits_for_ack_ = true;
  final_ = made.Text(made.datagrams()[0]);
  final_local_ = made.datagrams()[0].local;
  final_peer_ = made.datagrams()[0].peer;
  interval_us_ = kT1Ms * kUsPerMs;
  deadline_us_ = now_us + options_->timeout_ms * kUsPerMs;
  Respond(request, {.status = 180, .to_tag = tag, .extra = lines}, flow.local, flow.reply_peer,
          outbox);
  SendFinal(now_us, outbox);
}

void UeServer::Advance(uint64_t now_us, Outbox* outbox) {
  if (now_us < next_us()) return;
  if (now_us >= deadline_us_) {
    waits_for_ack_ = false;
    return;
  }
  SendFinal(now_us, outbox);
}

void UeServer::SendFinal(uint64_t now_us, Outbox* outbox) {
  outbox->Send(final_local_, final_peer_, final_);
  next_us_ = std::min(now_us + interval_us_, deadline_us_);
  interval_us_ = std::min<uint64_t>(interval_us_ * 2, kT2Ms * kUsPerMs);
}

}  // namespace tools
