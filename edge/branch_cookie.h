// What the branch of our own Via carries, so that a response finds its way without memory (RFC 3261
// 16.11, design D7): encrypted, because it may hold charging data that a phone must not see, and
// authenticated, because it decides where the response goes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "edge/flow.h"
#include "edge/secrets.h"
#include "reactor/endpoint.h"
#include "sip/message.h"

namespace edge {

struct BranchCookie {
  // A request from a phone, a request to one; and the same of phones registered in clear.
  enum class Kind : uint8_t { kToPhone = 1, kToCore = 2, kToPhoneInClear = 3, kToCoreInClear = 4 };
  Kind kind = Kind::kToPhone;

  Transport transport = Transport::kUdp;  // Of the request, and so of its response.

  uint64_t phone = 0;      // kToPhone: the set the request came on; in clear: the binding.
  PortIndex port = 0;      // To a phone: the port it came on, in clear or port_ps or port_pc.
  reactor::Endpoint peer;  // But for kToPhone: where the response goes.

  // To the core.
  uint8_t called_identity = 0;  // Which P-Associated-URI was called; kDefaultIdentity: none named.
  std::string_view icid;        // Of the request's P-Charging-Vector; each "" when it does not fit.
  std::string_view orig_ioi;

  static constexpr uint8_t kDefaultIdentity = 0xff;
  static constexpr size_t kTextSizeMax =
      96;  // Of icid and orig_ioi each; a longer one is left out.
};

// Seals and opens cookies. The result depends on the cookie and the transaction alone, so that a
// retransmission, its CANCEL and its ACK get the same branch (RFC 3261 16.11).
//
//   branch = "z9hG4bK" base64url( tag(8) | chacha20(key, nonce = tag, plain) )
//   tag    = SipHash(plain, next Via's branch, Call-ID)
class CookieJar {
 public:
  explicit CookieJar(Random* random);
  ~CookieJar();

  // The branch value. `via_branch` and `call_id` are those of the request as it came.
  static constexpr size_t kBranchSizeMax = 384;
  using Branch = std::array<char, kBranchSizeMax>;
  std::string_view Seal(const BranchCookie& cookie, std::string_view via_branch,
                        std::string_view call_id, Branch* branch) const;

  // False for a branch that is not of our making for this transaction. The cookie's texts lie in
  // *plain.
  using Plain = std::array<unsigned char, 256>;
  bool Open(std::string_view branch, std::string_view via_branch, std::string_view call_id,
            Plain* plain, BranchCookie* cookie) const;

 private:
  KeyedHash hash_;
  std::array<unsigned char, 32> stream_key_;
};

}  // namespace edge
