#include "sip/identity.h"

#include "sip/list.h"

namespace sip {

// PAssertedID-value = name-addr / addr-spec; p-aso-uri-spec and called-pty-id-spec may have
// parameters behind it.
ParseError DecodeIdentity(std::string_view text, Identity* identity) {
  *identity = {};
  const ParseError error = DecodeAddress(text, &identity->address);
  if (error != ParseError::kOk) return error;
  const ParseError uri_error = DecodeUri(identity->address.uri, &identity->uri);
  if (uri_error != ParseError::kOk) return uri_error;
  return identity->uri.scheme == Scheme::kUrn ? ParseError::kBadHeaderValue : ParseError::kOk;
}

// PAssertedID = PAssertedID-value *( COMMA PAssertedID-value )
ParseError DecodeIdentities(const Message& message, HeaderId id, Identities* identities) {
  *identities = {};
  ListReader reader(message, id);
  for (ListMember member; reader.Next(&member);) {
    Identity identity;
    const ParseError error = DecodeIdentity(member.text, &identity);
    if (error != ParseError::kOk) return error;
    Identity& place = identity.uri.scheme == Scheme::kTel ? identities->tel : identities->sip;
    if (!place.empty()) return ParseError::kBadHeaderValue;
    place = identity;
  }
  return ParseError::kOk;
}

}  // namespace sip
