#include "sip/charging.h"

#include "sip/value.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadHeaderValue;

constexpr ParamField<ChargingVector> kFields[] = {
    {"icid-value", &ChargingVector::icid_value},
    {"icid-generated-at", &ChargingVector::icid_generated_at},
    {"orig-ioi", &ChargingVector::orig_ioi},
    {"term-ioi", &ChargingVector::term_ioi},
    {"related-icid", &ChargingVector::related_icid},
    {"related-icid-generated-at", &ChargingVector::related_icid_generated_at},
};

}  // namespace

// P-Charging-Vector = icid-value *( SEMI charge-params )
ParseError DecodeChargingVector(std::string_view value, ChargingVector* vector) {
  *vector = {};
  vector->params = Trim(value);
  if (!ReadParams(vector->params, kFields, vector) || vector->icid_value.empty()) return kBad;
  return vector->params.front() == ';' ? kBad : ParseError::kOk;
}

// charge-addr-params = charge-addr-param *( SEMI charge-addr-param )
// charge-addr-param = "ccf" EQUAL gen-value / "ecf" EQUAL gen-value / generic-param
ParseError ChargingAddresses::Add(std::string_view text) {
  text = Trim(text);
  if (text.empty() || text.front() == ';') return kBad;
  ParamReader reader(text);
  for (Param param; reader.Next(&param);) {
    const bool is_ccf = EqualsIgnoreCase(param.name, "ccf");
    if (!is_ccf && !EqualsIgnoreCase(param.name, "ecf")) continue;
    size_t& count = is_ccf ? ccf_count_ : ecf_count_;
    if (param.value.empty() || count == kAddressesMax) return kBad;
    (is_ccf ? ccf_ : ecf_)[count++] = param.value;
  }
  return reader.ok() ? ParseError::kOk : kBad;
}

ParseError DecodeChargingAddresses(std::string_view text, ChargingAddresses* addresses) {
  *addresses = {};
  return addresses->Add(text);
}

ParseError DecodeChargingAddresses(const Message& message, ChargingAddresses* addresses) {
  *addresses = {};
  ListReader reader(message, HeaderId::kPChargingFunctionAddresses);
  for (ListMember member; reader.Next(&member);) {
    const ParseError error = addresses->Add(member.text);
    if (error != ParseError::kOk) return error;
  }
  return ParseError::kOk;
}

}  // namespace sip
