#include "sip/service_urn.h"

#include "sip/chars.h"
#include "sip/list.h"

namespace sip {
namespace {

constexpr size_t kLabelSizeMax = 27;

// let-dig [ *25let-dig-hyp let-dig ]
bool IsLabel(std::string_view text) {
  if (text.empty() || text.size() > kLabelSizeMax) return false;
  for (const char c : text) {
    if (!Is(c, kAlphaChar | kDigitChar) && c != '-') return false;
  }
  return text.front() != '-' && text.back() != '-';
}

}  // namespace

// service-URN = "URN:service:" service; service = top-level *( "." sub-service )
std::optional<std::string_view> ServiceOf(const Uri& uri) {
  if (uri.scheme != Scheme::kUrn) return std::nullopt;
  const size_t colon = uri.user.find(':');
  if (!EqualsIgnoreCase(uri.user.substr(0, colon), "service")) return std::nullopt;
  const std::string_view service = uri.user.substr(colon + 1);
  std::string_view rest = service;
  for (size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
    if (!IsLabel(rest.substr(0, dot))) return std::nullopt;
    rest.remove_prefix(dot + 1);
  }
  if (!IsLabel(rest)) return std::nullopt;
  return service;
}

bool IsEmergencyUrn(const Uri& uri) {
  const std::optional<std::string_view> service = ServiceOf(uri);
  return service.has_value() && EqualsIgnoreCase(service->substr(0, service->find('.')), "sos");
}

}  // namespace sip
