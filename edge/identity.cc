#include "edge/identity.h"

#include "edge/route.h"
#include "sip/list.h"

namespace edge {
namespace {

bool IsTel(std::string_view uri) {
  return sip::EqualsIgnoreCase(uri.substr(0, 4), "tel:");
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

AssertedIdentities AssertedIdentitiesOf(const Binding& binding, const sip::Message& message) {
  AssertedIdentities asserted;
  sip::ListReader preferred(message, sip::HeaderId::kPPreferredIdentity);
  sip::ListMember member;
  while (asserted.second.empty() && preferred.Next(&member)) {
    const int position = FindIdentity(binding, UriOf(member.text));
    if (position < 0) continue;
    const std::string_view uri = IdentityAt(binding, position);
    if (asserted.first.empty()) {
      asserted.first = uri;
    } else if (IsTel(uri) != IsTel(asserted.first)) {
      asserted.second = uri;
    }
  }
  if (asserted.first.empty()) asserted.first = IdentityAt(binding, 0);
  return asserted;
}

}  // namespace edge
