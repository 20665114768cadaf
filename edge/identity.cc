#include "edge/identity.h"

#include "sip/address.h"
#include "sip/list.h"

namespace edge {
namespace {

std::string_view UriOf(std::string_view member) {
  sip::Address address;
  return sip::DecodeAddress(member, &address) == sip::ParseError::kOk ? address.uri
                                                                      : std::string_view();
}

}  // namespace

int FindIdentity(const Binding& binding, std::string_view uri) {
  if (uri.empty()) return -1;  // Nor is it a member that cannot be read.
  std::string_view rest = binding.associated();
  for (int position = 0; !rest.empty(); ++position) {
    if (sip::EqualsIgnoreCase(UriOf(sip::CutMember(rest, &rest)), uri)) return position;
  }
  return -1;
}

std::string_view IdentityAt(const Binding& binding, int position) {
  std::string_view rest = binding.associated();
  for (int at = 0; !rest.empty(); ++at) {
    const std::string_view member = sip::CutMember(rest, &rest);
    if (at == position) return UriOf(member);
  }
  if (binding.associated().empty()) return binding.default_identity();
  return UriOf(sip::CutMember(binding.associated(), &rest));
}

std::string_view AssertedIdentity(const Binding& binding, const sip::Message& message) {
  sip::ListReader preferred(message, sip::HeaderId::kPPreferredIdentity);
  sip::ListMember member;
  while (preferred.Next(&member)) {
    const int position = FindIdentity(binding, UriOf(member.text));
    if (position >= 0) return IdentityAt(binding, position);
  }
  return IdentityAt(binding, 0);
}

}  // namespace edge
