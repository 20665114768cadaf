#include "tools/ue_checks.h"

#include <array>
#include <string>

#include "sip/digest.h"
#include "sip/list.h"

namespace tools {
namespace {

using sip::HeaderId;

constexpr std::array<HeaderId, 4> kOfTheCore = {
    HeaderId::kPChargingVector,
    HeaderId::kPChargingFunctionAddresses,
    HeaderId::kPServedUser,
    HeaderId::kPProfileKey,
};

bool HasKeys(const sip::Message& message) {
  for (const sip::Header* header = message.Find(HeaderId::kWwwAuthenticate); header != nullptr;
       header = message.FindNext(header)) {
    sip::Digest digest;
    const std::string_view value = message.Value(*header);
    if (sip::DecodeDigest(value, &digest) != sip::ParseError::kOk) return true;  // Who knows.
    if (!digest.ik().text.empty() || !digest.ck().text.empty()) return true;
  }
  return false;
}

}  // namespace

bool CheckToPhone(const sip::Message& message, Violations* violations) {
  const std::string what(message.is_request() ? message.method_text()
                                              : message.start_line().substr(8, 3));
  if (const sip::ParseError error = sip::Validate(message); error != sip::ParseError::kOk) {
    violations->Add(what, "not valid SIP: " + std::string(sip::Name(error)));
    return false;
  }
  for (const HeaderId id : kOfTheCore) {
    if (message.Has(id)) violations->Add(what, std::string(sip::Name(id)) + " leaks to the phone");
  }
  if (HasKeys(message)) violations->Add(what, "ik or ck leaks to the phone");
  if (!message.is_request()) {
    int count = 0;
    sip::ListReader reader(message, HeaderId::kVia);
    for (sip::ListMember member; reader.Next(&member);) ++count;
    if (count != 1) violations->Add(what, "a Via of the edge is left");
  }
  return true;
}

}  // namespace tools
