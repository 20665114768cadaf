#include "edge/identity.h"

#include <algorithm>
#include <string>

#include "edge/limits.h"
#include "edge/route.h"
#include "sip/list.h"

namespace edge {
namespace {

bool IsTel(std::string_view uri) {
  return sip::EqualsIgnoreCase(uri.substr(0, 4), "tel:");
}

constexpr char kListEnd = '\n';

// The first list, and the others behind it.
std::string_view CutList(std::string_view* lists) {
  const size_t end = std::min(lists->find(kListEnd), lists->size());
  const std::string_view list = lists->substr(0, end);
  lists->remove_prefix(std::min(end + 1, lists->size()));
  return list;
}

// The first member of the first list.
std::string_view CutIdentity(std::string_view* lists) {
  std::string_view others = *lists;
  const std::string_view list = CutList(&others);
  std::string_view rest;
  const std::string_view member = sip::CutMember(list, &rest);
  *lists = rest.empty() ? others : lists->substr(list.size() - rest.size());
  return member;
}

bool HasMember(std::string_view list, std::string_view uri) {
  while (!list.empty()) {
    if (sip::EqualsIgnoreCase(UriOf(sip::CutMember(list, &list)), uri)) return true;
  }
  return false;
}

bool Overlaps(std::string_view list, std::string_view other) {
  while (!other.empty()) {
    const std::string_view uri = UriOf(sip::CutMember(other, &other));
    if (!uri.empty() && HasMember(list, uri)) return true;
  }
  return false;
}

// A line feed of a folded header would end the list.
std::string Unfolded(std::string_view list) {
  std::string text(list);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\r' || c == kListEnd; }, ' ');
  return text;
}

void AppendList(std::string_view list, std::string* lists) {
  if (list.empty()) return;
  if (!lists->empty()) *lists += kListEnd;
  *lists += list;
}

void SetLists(Binding* binding, std::string_view default_identity, std::string_view lists) {
  binding->SetIdentities(default_identity, lists, binding->service_route());
}

// Is that the list that a REGISTER for `identity` made? The one that was registered first may be
// barred, and so in no list.
bool IsOf(const Binding& binding, std::string_view list, bool is_first, std::string_view identity) {
  return HasMember(list, identity) ||
         (is_first && sip::EqualsIgnoreCase(binding.default_identity(), identity));
}

// As lists even where the core gave no P-Associated-URI.
std::string Lists(const Binding& binding) {
  if (!binding.associated().empty()) return std::string(binding.associated());
  return "<" + std::string(binding.default_identity()) + ">";
}

}  // namespace

int FindIdentity(const Binding& binding, std::string_view uri) {
  if (uri.empty()) return -1;  // Nor is it a member that cannot be read.
  std::string_view rest = binding.associated();
  for (int position = 0; !rest.empty(); ++position) {
    if (sip::EqualsIgnoreCase(UriOf(CutIdentity(&rest)), uri)) return position;
  }
  return -1;
}

std::string_view IdentityAt(const Binding& binding, int position) {
  std::string_view rest = binding.associated();
  for (int at = 0; !rest.empty(); ++at) {
    const std::string_view member = CutIdentity(&rest);
    if (at == position) return UriOf(member);
  }
  if (binding.associated().empty()) return binding.default_identity();
  rest = binding.associated();
  return UriOf(CutIdentity(&rest));
}

std::string_view SipIdentity(const Binding& binding) {
  std::string_view rest = binding.associated();
  while (!rest.empty()) {
    const std::string_view uri = UriOf(CutIdentity(&rest));
    if (sip::EqualsIgnoreCase(uri.substr(0, 4), "sip:")) return uri;
  }
  return binding.default_identity();
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

void Associate(Binding* binding, std::string_view identity, std::string_view associated,
               std::string_view service_route) {
  const std::string list = Unfolded(associated);
  const std::string before = binding->registered() ? Lists(*binding) : std::string();
  const std::string own = list.empty() ? "<" + std::string(identity) + ">" : list;
  std::string lists;
  bool is_first = true;
  bool is_placed = false;
  bool is_only = true;
  for (std::string_view rest = before; !rest.empty(); is_first = false) {
    const std::string_view old = CutList(&rest);
    const bool is_it = IsOf(*binding, old, is_first, identity) || Overlaps(old, list);
    is_only = is_only && is_it;
    if (!is_it) {
      AppendList(old, &lists);
    } else if (!is_placed) {
      AppendList(own, &lists);
      is_placed = true;
    }
  }
  if (!is_placed) AppendList(own, &lists);
  if (is_only || lists.size() > kRouteSetSizeMax) {
    binding->SetIdentities(identity, list, service_route);
  } else {
    binding->SetIdentities(binding->default_identity(), lists, service_route);
  }
}

bool Dissociate(Binding* binding, std::string_view identity) {
  const std::string before = Lists(*binding);
  std::string lists;
  bool is_first = true;
  bool lost_first = false;
  for (std::string_view rest = before; !rest.empty(); is_first = false) {
    const std::string_view list = CutList(&rest);
    if (!IsOf(*binding, list, is_first, identity)) {
      AppendList(list, &lists);
    } else {
      lost_first = lost_first || is_first;
    }
  }
  if (lists.empty() || before.find(kListEnd) == std::string::npos) return false;
  std::string_view rest = lists;
  SetLists(binding, lost_first ? UriOf(CutIdentity(&rest)) : binding->default_identity(), lists);
  return true;
}

bool AddIdentity(Binding* binding, std::string_view uri) {
  const bool is_default =
      binding->associated().empty() && sip::EqualsIgnoreCase(binding->default_identity(), uri);
  if (is_default || FindIdentity(*binding, uri) >= 0) return true;
  const std::string added = ", <" + std::string(uri) + ">";
  std::string lists = Lists(*binding);
  if (lists.size() + added.size() > kRouteSetSizeMax) return false;
  lists.insert(std::min(lists.find(kListEnd), lists.size()), added);
  SetLists(binding, binding->default_identity(), lists);
  return true;
}

bool RemoveIdentity(Binding* binding, std::string_view uri) {
  std::string lists;
  bool is_left = false;
  const std::string before = Lists(*binding);
  for (std::string_view rest = before; !rest.empty();) {
    std::string_view list = CutList(&rest);
    std::string left;
    while (!list.empty()) {
      const std::string_view member = sip::CutMember(list, &list);
      if (sip::EqualsIgnoreCase(UriOf(member), uri)) continue;
      left += left.empty() ? "" : ", ";
      left += member;
    }
    is_left = is_left || !left.empty();
    AppendList(left, &lists);
  }
  if (!is_left) return false;
  SetLists(binding, binding->default_identity(), lists);
  return true;
}

}  // namespace edge
