// Which transport a request takes, and the topmost Via that says so (RFC 3261 18.1.1).
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "edge/flow.h"
#include "sip/edit.h"
#include "sip/uri.h"

namespace edge {

// How our own Via begins: "Via: SIP/2.0/UDP ".
std::string_view ViaStart(Transport transport);

// What the transport parameter of a URI asks for; without one, or with one we do not have,
// `otherwise`. REQUIRES of the first: uri is the result of a DecodeUri() that was kOk.
Transport TransportOf(const sip::Uri& uri, Transport otherwise);
Transport TransportOf(std::string_view uri, Transport otherwise);

// The slices of a request with its topmost Via, which begins with ViaStart(), told over another
// transport. Nothing is copied: the pieces lie in the slices and in *pieces.
using Pieces = std::array<std::string_view, sip::Slices::kMax + 1>;
std::span<const std::string_view> WithTransport(const sip::Slices& slices, Transport transport,
                                                Pieces* pieces);
// The same in place, of a whole request.
void RewriteTransport(std::span<char> request, Transport transport);

}  // namespace edge
