#include "edge/context.h"

#include <fmt/format.h>

#include <array>
#include <cassert>

#include "edge/header_rules.h"
#include "edge/limits.h"
#include "edge/transport.h"
#include "sip/chars.h"
#include "sip/list.h"
#include "xfrm/esp_size.h"

namespace edge {
namespace {

// gen-value (RFC 3261 25.1): "Type 1ims.example" has a blank, and so has quotes (TS 24.229 7.2A.5).
std::string Quotable(const std::string& value) {
  return sip::IsToken(value) ? value : "\"" + value + "\"";
}

}  // namespace

Context::Context(const Settings& settings_in, std::vector<Port> ports_in, xfrm::SpiPool* spis_in,
                 Random* random_in, uint64_t now_in, const KeyedHash* phones)
    : settings(settings_in),
      ports(std::move(ports_in)),
      spis(spis_in),
      random(random_in),
      hash(phones != nullptr ? *phones : KeyedHash(random_in)),
      jar(hash, random_in),
      registrar(phones != nullptr ? *phones : KeyedHash(random_in)),
      records(settings_in.journal),
      timers(now_in),
      now_ms(now_in) {
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].side == Side::kCore) core_port = static_cast<PortIndex>(i);
  }
  assert(ports[core_port].side == Side::kCore);
  OnSettings();
}

void Context::OnSettings() {
  rules_allow_clear = AllowClear(settings.rules);
  path_tail = fmt::format("@{}:{};lr;ob>\r\n", settings.core.host, ports[core_port].local.port());
  if (!settings.core.visited_network_id.empty()) {
    path_tail += "P-Visited-Network-ID: \"" + settings.core.visited_network_id + "\"\r\n";
  }
  path_tail += "P-Charging-Vector: icid-value=";
  char text[reactor::kEndpointTextMax];
  charging_tail = ";icid-generated-at=";
  charging_tail.append(text, reactor::WriteAddress(ports[core_port].local, true, text));
  term_ioi.clear();
  if (!settings.core.orig_ioi.empty()) {
    const std::string ioi = Quotable(settings.core.orig_ioi);
    charging_tail += ";orig-ioi=" + ioi;
    term_ioi = ";term-ioi=" + ioi;
  }
  charging_tail += "\r\n";
}

Flow Context::FlowTo(const SaSet& set, Transport transport, PortIndex port) const {
  const auto [phones, ours] = FlowsOf(set, transport);
  if (transport == Transport::kUdp) return AnswersToPortUc(set) ? phones : ours;
  return port == set.port_ps && registrar.IsConnected(phones) ? phones : ours;
}

Flow Context::RequestFlow(const SaSet& set, Transport transport) const {
  const auto [phones, ours] = FlowsOf(set, transport);
  if (transport == Transport::kUdp || registrar.IsConnected(ours)) return ours;
  return registrar.IsConnected(phones) ? phones : ours;
}

bool Context::HasConnection(const SaSet& set) const {
  const auto [phones, ours] = FlowsOf(set, Transport::kTcp);
  return registrar.IsConnected(ours) || registrar.IsConnected(phones);
}

Flow Context::AnswerFlow(const Arrival& arrival) const {
  if (arrival.set != nullptr) return FlowTo(*arrival.set, arrival.flow);
  Flow flow{arrival.flow.port, AnswerTo(arrival.via, arrival.flow.remote)};
  if (arrival.flow.transport == Transport::kTcp) {
    // RFC 3261 18.2.2: the connection of the request, else one to the sent-by port.
    flow = arrival.flow;
    flow.connect_port = arrival.via.port != 0 ? arrival.via.port : 5060;
  } else if (settings.ipsec.udp_enc_tun && ViaDiffers(arrival.via, arrival.flow.remote)) {
    flow.remote = arrival.flow.remote;  // A NAT lets nothing else in, rport or not.
  }
  return flow;
}

// Over TCP the answer goes where the request came from.
uint16_t Context::RportFor(const Arrival& arrival) const {
  const bool udp = arrival.flow.transport == Transport::kUdp;
  const bool elsewhere = arrival.set != nullptr && udp && !AnswersToPortUc(*arrival.set);
  return elsewhere ? arrival.set->agreement.port_us : arrival.flow.remote.port();
}

bool Context::IsOurs(std::string_view host, uint16_t port) const {
  if (port == 0) port = 5060;
  const bool is_name = sip::EqualsIgnoreCase(host, settings.core.host);
  if (is_name && port == ports[core_port].local.port()) return true;
  reactor::Endpoint endpoint;
  if (!reactor::ParseAddress(host, port, &endpoint)) return false;
  for (const Port& mine : ports) {
    if (mine.local == endpoint) return true;
  }
  return false;
}

bool Context::SendEdited(const Flow& to, sip::Editor* editor, Actions* actions) {
  sip::Slices slices;
  if (editor->Finish(&slices) != sip::EditError::kOk || slices.size > kDatagramSizeMax) {
    ++stats.drop_edit;
    return false;
  }
  actions->Send(to, slices.view());
  ++stats.sent;
  return true;
}

bool Context::SendRequest(Flow to, const SaSet* set, sip::Editor* editor, Actions* actions) {
  sip::Slices slices;
  if (editor->Finish(&slices) != sip::EditError::kOk || slices.size > kDatagramSizeMax) {
    ++stats.drop_edit;
    return false;
  }
  size_t size = slices.size;
  size_t size_max = settings.core.udp_request_size_max;
  if (set != nullptr) {
    const Agreement& a = set->agreement;
    const size_t payload = size + kUdpHeaderSize;
    size += a.in_udp() ? xfrm::EspInUdpOverhead(a.algorithms, payload, a.ue.family() == AF_INET6)
                       : xfrm::EspOverhead(a.algorithms, payload);
    size_max = UdpRequestSizeMax(settings, set->rule);
  }
  ++stats.sent;
  if (to.transport == Transport::kUdp && size > size_max) {
    ++stats.requests_too_large_for_udp;
    to = set != nullptr ? RequestFlow(*set, Transport::kTcp) : to;
    to.transport = Transport::kTcp;
    to.or_udp = true;
    Pieces pieces;
    actions->Send(to, WithTransport(slices, Transport::kTcp, &pieces));
    return true;
  }
  to.or_udp = to.transport == Transport::kTcp;
  actions->Send(to, slices.view());
  return true;
}

std::string_view Context::WriteResponse(const Arrival& arrival, sip::ResponseHead head,
                                        std::span<char> buffer, std::string_view extra) const {
  sip::Writer writer(buffer);
  const HexText tag = Derive("tag", arrival);
  char address[reactor::kEndpointTextMax];
  head.to_tag = View(tag);
  if (arrival.via.has_rport || ViaDiffers(arrival.via, arrival.flow.remote)) {
    head.received = {address, reactor::WriteAddress(arrival.flow.remote, false, address)};
  }
  if (arrival.via.has_rport) head.rport = RportFor(arrival);
  return sip::WriteResponse(arrival.message, head, extra, &writer) ? writer.text()
                                                                   : std::string_view();
}

void Context::RespondTo(const Flow& to, const Arrival& arrival, const sip::ResponseHead& head,
                        Actions* actions, std::string_view extra) {
  if (arrival.message.method() == sip::Method::kAck) return;  // RFC 3261 17.1.1.3: never answered.
  std::array<char, 16384> buffer;
  const std::string_view response = WriteResponse(arrival, head, buffer, extra);
  if (response.empty()) {
    ++stats.drop_malformed;
    return;
  }
  actions->Send(to, {&response, 1});
  ++stats.sent;
  ++stats.responses_made;
}

void Context::Refuse(const Arrival& arrival, uint64_t Stats::*refused, uint64_t Stats::*dropped,
                     Actions* actions) {
  if (!refusals.Take(now_ms, settings.limits.refusals_per_second_max)) {
    ++(stats.*dropped);
    return;
  }
  ++(stats.*refused);
  Respond(arrival, {.status = 503, .retry_after_s = RetryAfter(arrival)}, actions);
}

uint32_t Context::RetryAfter(const Arrival& arrival) const {
  const uint32_t least_s = settings.limits.retry_after_s;
  const uint64_t number = hash.Hash({"retry-after", arrival.via.branch, arrival.via.host,
                                     arrival.message.Value(sip::HeaderId::kCallId)});
  return least_s + static_cast<uint32_t>(number % (uint64_t{least_s} + 1));
}

bool Context::CanReach(const Flow& to) {
  if (ports[to.port].side != Side::kProtected) return true;
  // Of a set that is about to be deleted the SAs are there still, of one that is asked for not yet.
  for (const SetId id : registrar.SetsAt(to)) {
    if (registrar.FindSet(id)->state != SetState::kInstalling) return true;
  }
  ++stats.drop_answer_no_set;
  return false;
}

void Context::ForgetIfIdle(SlotId id) {
  Binding* binding = registrar.FindBinding(id);
  if (binding == nullptr || binding->registered() || binding->pending > 0 ||
      !binding->sets.empty()) {
    return;
  }
  timers.Cancel(&binding->timer);
  records.Erase(binding);
  registrar.RemoveBinding(binding);
}

void Context::Unregister(Binding* binding) {
  timers.Cancel(&binding->timer);
  registrar.Unregister(binding);
  records.Unregister(*binding);
}

HexText Context::Derive(std::string_view purpose, const Arrival& arrival) const {
  return WriteHex(
      hash.Hash({purpose, arrival.via.branch, arrival.message.Value(sip::HeaderId::kCallId),
                 arrival.message.Value(sip::HeaderId::kCSeq)}));
}

}  // namespace edge
