// The subscribers of the test network: a range of IMSIs whose identities and keys gmcore and gmue
// derive alike, so that nothing has to be provisioned.
//
// Identities of IMSI 001010000000001 in realm R (TS 23.003 13):
//   private   001010000000001@R
//   public    sip:001010000000001@R, sip:+10000000001@R;user=phone, tel:+10000000001
//             (the number is "+1" and the last ten digits of the IMSI)
// Keys: HMAC-SHA-256 with the seed as key over "gmedge subscriber " and the IMSI; the first 16
// octets are K, the last 16 are OPc. An override gives all subscribers the same K or OPc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/milenage.h"

namespace tools {

struct SubscriberOptions {
  std::string first_imsi = "001010000000001";
  uint32_t count = 1;
  std::string realm = "ims.mnc001.mcc001.3gppnetwork.org";
  std::string seed = "gmedge";
  std::optional<Bytes16> k;
  std::optional<Bytes16> opc;
};

class SubscriberRange {
 public:
  // What is wrong with the options, or "".
  static std::string Check(const SubscriberOptions& options);

  // REQUIRES: Check(options) is "".
  explicit SubscriberRange(const SubscriberOptions& options);

  uint32_t count() const { return options_.count; }
  const std::string& realm() const { return options_.realm; }

  // REQUIRES: index < count().
  std::string Imsi(uint32_t index) const;
  std::string PrivateIdentity(uint32_t index) const;  // Without a scheme.
  std::string PublicIdentity(uint32_t index) const;   // "sip:IMSI@realm".
  std::string Number(uint32_t index) const;           // "+1...".
  Milenage Keys(uint32_t index) const;

  // The subscriber with that IMSI, private or public identity (with or without its URI parameters).
  std::optional<uint32_t> Find(std::string_view identity) const;

 private:
  SubscriberOptions options_;
  uint64_t first_ = 0;
};

}  // namespace tools
