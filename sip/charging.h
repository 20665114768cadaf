// P-Charging-Vector and P-Charging-Function-Addresses (RFC 7315 5.5, 5.6): who pays, and where the
// records go. Both stay inside the trust domain (TS 24.229 4.4).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/error.h"
#include "sip/message.h"

namespace sip {

// Views without quotes; empty when absent.
struct ChargingVector {
  std::string_view icid_value;
  std::string_view icid_generated_at;
  std::string_view orig_ioi;
  std::string_view term_ioi;
  std::string_view related_icid;
  std::string_view related_icid_generated_at;
  std::string_view params;  // All of them. transit-ioi may stand several times: read it here.
};

// kBadHeaderValue without icid-value, for one of these parameters twice or without its value, and
// for broken syntax. The order of parameters does not matter.
[[nodiscard]] ParseError DecodeChargingVector(std::string_view value, ChargingVector* vector);

// Where the records go, first choice first.
class ChargingAddresses {
 public:
  static constexpr size_t kAddressesMax = 8;  // Of each kind.
  std::span<const std::string_view> ccf() const { return {ccf_.data(), ccf_count_}; }
  std::span<const std::string_view> ecf() const { return {ecf_.data(), ecf_count_}; }

 private:
  friend ParseError DecodeChargingAddresses(std::string_view, ChargingAddresses*);
  friend ParseError DecodeChargingAddresses(const Message&, ChargingAddresses*);
  ParseError Add(std::string_view text);

  std::array<std::string_view, kAddressesMax> ccf_;
  std::array<std::string_view, kAddressesMax> ecf_;
  size_t ccf_count_ = 0;
  size_t ecf_count_ = 0;
};

// One list member. kBadHeaderValue for broken syntax, an empty address, or more than kAddressesMax.
[[nodiscard]] ParseError DecodeChargingAddresses(std::string_view text,
                                                 ChargingAddresses* addresses);
// All members of all lines; none gives empty lists.
[[nodiscard]] ParseError DecodeChargingAddresses(const Message& message,
                                                 ChargingAddresses* addresses);

}  // namespace sip
