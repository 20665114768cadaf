#include "edge/route.h"

#include "edge/context.h"
#include "sip/address.h"
#include "sip/list.h"
#include "sip/uri.h"
#include "sip/uri_compare.h"

namespace edge {
namespace {

using sip::HeaderId;

// Nearly always to the byte.
bool IsSame(std::string_view a, std::string_view b) {
  if (a == b) return !a.empty();
  sip::Uri first;
  sip::Uri second;
  return sip::DecodeUri(a, &first) == sip::ParseError::kOk &&
         sip::DecodeUri(b, &second) == sip::ParseError::kOk && sip::SameUri(first, second);
}

}  // namespace

Route ReadRoute(const Context& context, const sip::Message& message) {
  Route route;
  sip::ListReader reader(message, HeaderId::kRoute);
  sip::ListMember member;
  while (reader.Next(&member)) {
    const std::string_view text = UriOf(member.text);
    sip::Uri uri;
    if (sip::DecodeUri(text, &uri) != sip::ParseError::kOk || !context.IsOurs(uri.host, uri.port)) {
      route.next = text;
      break;
    }
    ++route.ours;
    if (!route.has_own) route.has_own = ReadOwnUser(uri.user, &route.own);
  }
  return route;
}

bool IsRouteSet(const sip::Message& message, int ours, std::string_view route_set) {
  sip::ListReader reader(message, HeaderId::kRoute);
  sip::ListMember member;
  for (int i = 0; i < ours; ++i) reader.Next(&member);
  while (reader.Next(&member)) {
    if (route_set.empty()) return false;
    if (!IsSame(UriOf(member.text), UriOf(sip::CutMember(route_set, &route_set)))) return false;
  }
  return route_set.empty();
}

std::string_view UriOf(sip::LentText member) {
  sip::Address address;
  return sip::DecodeAddress(member, &address) == sip::ParseError::kOk ? address.uri
                                                                      : std::string_view();
}

}  // namespace edge
