#include "edge/transport.h"

#include <algorithm>
#include <cassert>

#include "sip/list.h"
#include "sip/uri_params.h"

namespace edge {
namespace {

constexpr std::string_view kUdpStart = "Via: SIP/2.0/UDP ";
constexpr std::string_view kTcpStart = "Via: SIP/2.0/TCP ";
static_assert(kUdpStart.size() == kTcpStart.size());

bool IsOurs(std::string_view text) {
  return text.starts_with(kUdpStart) || text.starts_with(kTcpStart);
}

}  // namespace

std::string_view ViaStart(Transport transport) {
  return transport == Transport::kTcp ? kTcpStart : kUdpStart;
}

Transport TransportOf(std::string_view text, Transport otherwise) {
  sip::Uri uri;
  return sip::DecodeUri(text, &uri) == sip::ParseError::kOk ? TransportOf(uri, otherwise)
                                                            : otherwise;
}

Transport TransportOf(const sip::Uri& uri, Transport otherwise) {
  sip::UriParams params;
  if (uri.params.empty() || sip::DecodeUriParams(uri, &params) != sip::ParseError::kOk) {
    return otherwise;
  }
  if (sip::EqualsIgnoreCase(params.transport, "tcp")) return Transport::kTcp;
  if (sip::EqualsIgnoreCase(params.transport, "udp")) return Transport::kUdp;
  return otherwise;
}

// Our Via stands before the first that came, and is inserted as text: no piece of the message
// before it begins like this.
std::span<const std::string_view> WithTransport(const sip::Slices& slices, Transport transport,
                                                Pieces* pieces) {
  const std::span<const std::string_view> all = slices.view();
  const auto via = std::find_if(all.begin(), all.end(), IsOurs);
  assert(via != all.end() && "a request of ours has a Via of ours");
  auto out = std::copy(all.begin(), via, pieces->begin());
  *out++ = ViaStart(transport);
  *out++ = via->substr(kUdpStart.size());
  out = std::copy(via + 1, all.end(), out);
  return {pieces->data(), static_cast<size_t>(out - pieces->begin())};
}

void RewriteTransport(std::span<char> request, Transport transport) {
  const std::string_view text(request.data(), request.size());
  for (size_t line = text.find('\n'); line != std::string_view::npos;
       line = text.find('\n', line + 1)) {
    if (!IsOurs(text.substr(line + 1))) continue;
    std::copy_n(ViaStart(transport).begin(), kUdpStart.size(), request.data() + line + 1);
    return;
  }
}

}  // namespace edge
