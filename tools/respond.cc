#include "tools/respond.h"

#include <array>
#include <vector>

#include "sip/address.h"
#include "sip/list.h"
#include "sip/response.h"
#include "sip/uri.h"
#include "sip/via.h"

namespace tools {
namespace {

constexpr uint16_t kDefaultPort = 5060;
constexpr std::string_view kNoBody = "Content-Length: 0\r\n\r\n";

}  // namespace

bool Respond(const sip::Message& request, const Reply& reply, const reactor::Endpoint& local,
             const reactor::Endpoint& source, Outbox* outbox) {
  sip::Via via;
  if (sip::DecodeTopVia(request, &via) != sip::ParseError::kOk) return false;
  reactor::Endpoint peer = source;
  const bool over_tcp = via.transport == sip::Transport::kTcp;
  if (!over_tcp && !via.has_rport) peer.set_port(via.port != 0 ? via.port : kDefaultPort);

  // `received` wherever sent-by is not the source, and always beside rport (RFC 3581 4).
  reactor::Endpoint sent_by;
  const bool same =
      reactor::ParseAddress(via.host, 0, &sent_by) && reactor::SameAddress(sent_by, source);
  std::array<char, reactor::kEndpointTextMax> received;
  const size_t received_size =
      same && !via.has_rport ? 0 : reactor::WriteAddress(source, false, received.data());

  const std::span<char> room = outbox->Reserve();
  sip::Writer writer(room);
  const sip::ResponseHead head{
      .status = reply.status,
      .reason = "",
      .to_tag = reply.to_tag,
      .received = std::string_view(received.data(), received_size),
      .rport = via.has_rport ? source.port() : uint16_t{0},
  };
  if (!sip::WriteResponse(request, head, reply.extra, &writer) || !writer.ok()) return false;
  size_t size = writer.size();
  if (!reply.body.empty()) {
    // The library ends every response without a body; ours replaces that end.
    size -= kNoBody.size();
    sip::Writer tail(room.subspan(size));
    tail.Line("Content-Type", {reply.content_type}).Put("Content-Length: ");
    tail.PutNumber(reply.body.size()).Put("\r\n\r\n").Put(reply.body);
    if (!tail.ok()) return false;
    size += tail.size();
  }
  outbox->Commit(local, peer, size);
  return true;
}

std::optional<reactor::Endpoint> EndpointOfUri(std::string_view text) {
  sip::Uri uri;
  if (sip::DecodeUri(text, &uri) != sip::ParseError::kOk) return {};
  reactor::Endpoint endpoint;
  if (!reactor::ParseAddress(uri.host, uri.port != 0 ? uri.port : kDefaultPort, &endpoint)) {
    return {};
  }
  return endpoint;
}

std::string RouteSet(const sip::Message& message, RouteOrder order) {
  std::string routes;
  sip::ListReader reader(message, sip::HeaderId::kRecordRoute);
  for (sip::ListMember member; reader.Next(&member);) {
    if (routes.empty()) {
      routes = member.text;
    } else if (order == RouteOrder::kCallee) {
      routes.append(", ").append(member.text);
    } else {
      routes = std::string(member.text).append(", ").append(routes);
    }
  }
  return routes;
}

std::string_view FirstUri(const sip::Message& message, sip::HeaderId id) {
  std::string_view rest;
  sip::Address address;
  const std::string_view first = sip::CutMember(message.Value(id), &rest);
  if (sip::DecodeAddress(first, &address) != sip::ParseError::kOk) return {};
  return address.uri;
}

std::string_view TagOf(const sip::Message& message, sip::HeaderId id) {
  sip::Address address;
  if (sip::DecodeAddress(message.Value(id), &address) != sip::ParseError::kOk) return {};
  const std::optional<sip::Param> tag = sip::FindParam(address.params, "tag");
  return tag ? tag->value : std::string_view();
}

std::string Text(const reactor::Endpoint& endpoint) {
  std::array<char, reactor::kEndpointTextMax> text;
  return std::string(text.data(), reactor::WriteEndpoint(endpoint, text.data()));
}

std::string AddressText(const reactor::Endpoint& endpoint) {
  std::array<char, reactor::kEndpointTextMax> text;
  return std::string(text.data(), reactor::WriteAddress(endpoint, true, text.data()));
}

}  // namespace tools
