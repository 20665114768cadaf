#include "edge/emergency.h"

#include <algorithm>

#include "sip/service_urn.h"
#include "sip/uri.h"

namespace edge {
namespace {

bool IsSeparator(char c) {
  return c == '-' || c == '.' || c == '(' || c == ')';
}

// `dialled`: as in a URI, up to its parameters.
bool IsNumber(std::string_view dialled, std::string_view number) {
  for (const char c : dialled) {
    if (c == ';') break;
    if (IsSeparator(c)) continue;
    if (number.empty() || number.front() != c) return false;
    number.remove_prefix(1);
  }
  return number.empty();
}

}  // namespace

bool IsEmergencyCall(const sip::Message& message) {
  sip::Uri uri;
  return sip::DecodeUri(message.request_uri(), &uri) == sip::ParseError::kOk &&
         sip::IsEmergencyUrn(uri);
}

bool DialsEmergency(const sip::Message& message, std::span<const std::string> numbers) {
  sip::Uri uri;
  if (numbers.empty() || message.method() != sip::Method::kInvite ||
      sip::DecodeUri(message.request_uri(), &uri) != sip::ParseError::kOk ||
      uri.scheme == sip::Scheme::kUrn) {
    return false;
  }
  return std::any_of(numbers.begin(), numbers.end(),
                     [&](const std::string& number) { return IsNumber(uri.user, number); });
}

bool IsDialString(std::string_view number) {
  if (number.starts_with('+')) number.remove_prefix(1);
  return !number.empty() && std::all_of(number.begin(), number.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == '*' || c == '#';
  });
}

}  // namespace edge
