// allowed_algorithms of proto_ipsec: `alg|ealg|alg=ealg`, comma-separated, in order of preference.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "xfrm/algorithm.h"

namespace edge {

// An ordered set of legal pairs, at most all eight.
class AlgorithmList {
 public:
  static constexpr int kPairsMax = 8;

  AlgorithmList() = default;
  // Every legal pair, strongest first (spec sheet 1.2): null+aes-gcm, aes-gmac+null, sha1+aes-cbc,
  // sha1+null, sha1+3des, md5+aes-cbc, md5+null, md5+3des.
  static AlgorithmList All();

  // Appends; a pair already there keeps its first place. REQUIRES: IsLegal(pair).
  void Add(xfrm::Algorithms pair);
  bool Contains(xfrm::Algorithms pair) const;
  std::span<const xfrm::Algorithms> pairs() const { return {pairs_.data(), count_}; }
  bool empty() const { return count_ == 0; }
  bool operator==(const AlgorithmList&) const = default;
  // Without what TS 33.203 deprecates: hmac-md5-96, hmac-sha-1-96, des-ede3-cbc, aes-cbc.
  AlgorithmList WithoutDeprecated() const;

 private:
  std::array<xfrm::Algorithms, kPairsMax> pairs_{};
  size_t count_ = 0;
};

// Reads the setting. An item is an integrity algorithm (every legal pair with it), an encryption
// algorithm (likewise), "null" (every legal pair with null on either side) or `alg=ealg`; whole
// words only, case-insensitive, blanks allowed around; items apply in order, within one item the
// order is that of All(). proto_ipsec's own example "aes-gmac=aes-gcm" is not a legal pair: it is
// read as aes-gmac=null and null=aes-gcm, with a warning. "" is All(). False: *error says which
// item is wrong and what is allowed.
bool ParseAlgorithmList(std::string_view text, AlgorithmList* list, std::string* error,
                        std::string* warning);

}  // namespace edge
