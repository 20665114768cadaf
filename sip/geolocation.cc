#include "sip/geolocation.h"

#include "sip/address.h"
#include "sip/list.h"

namespace sip {

// locationValue = LAQUOT locationURI RAQUOT *( SEMI geoloc-param )
// locationURI = sip-URI / sips-URI / pres-URI / http-URI / https-URI / cid-url / absoluteURI
ParseError DecodeGeolocation(std::string_view text, Geolocation* geolocation) {
  *geolocation = {};
  Address address;
  const ParseError error = DecodeAddress(text, &address);
  if (error != ParseError::kOk) return error;
  if (!address.bracketed || !address.display.empty()) return ParseError::kBadHeaderValue;
  geolocation->uri = address.uri;
  geolocation->params = address.params;
  constexpr std::string_view kCid = "cid:";  // RFC 2392 2.
  if (EqualsIgnoreCase(address.uri.substr(0, kCid.size()), kCid)) {
    geolocation->content_id = address.uri.substr(kCid.size());
  }
  return ParseError::kOk;
}

}  // namespace sip
