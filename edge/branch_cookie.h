// What our own Via carries, so that a response finds its way without memory (RFC 3261 16.11, design
// D7): encrypted, because it may hold charging data that a phone must not see, and authenticated,
// because it decides where the response goes.
//
// The branch holds what all requests of a transaction have in common, so that CANCEL and ACK, which
// repeat little of their INVITE (RFC 3261 9.1, 17.1.1.3), get the same one. What only the response
// needs and they do not say stands in a parameter beside it.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
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
};

// Of a request to a phone, for its response.
struct CookieDetails {
  // Which P-Associated-URI was called; none named; and nobody is asserted at all.
  uint8_t called_identity = kDefaultIdentity;
  uint8_t via_count = 0;  // As the request came; the response has one more.
  std::string_view icid;  // Of the request's P-Charging-Vector; each "" when it does not fit.
  std::string_view orig_ioi;

  static constexpr uint8_t kDefaultIdentity = 0xff;
  static constexpr uint8_t kNoIdentity = 0xfe;
  // Of icid and orig_ioi each; a longer one is left out.
  static constexpr size_t kTextSizeMax = 96;
};

// Seals and opens both. The result depends on what is sealed and the transaction alone, so that a
// retransmission, its CANCEL and its ACK get the same branch.
//
//   branch  = "z9hG4bK" base64url( tag(8) | chacha20(key, nonce = tag, plain) )
//   tag     = SipHash(plain, next Via's branch, Call-ID, life)
//   details = base64url( tag(8) | chacha20(key, nonce = tag, plain) )
//   tag     = SipHash("details", plain, our branch)
//
// The keys come from `lasting`, which with a journal outlives the process: the answer to a request
// that it sent to a phone finds its way back, however long the phone has rung. What names a set or
// a binding by its number is good in this process alone: `life` is a number of its own, else empty.
class CookieJar {
 public:
  CookieJar(const KeyedHash& lasting, Random* random);
  ~CookieJar();
  // To another process, or from one: what this one sealed that one opens.
  void Carry(class StateArchive* archive);

  // The branch value. `via_branch` and `call_id` are those of the request as it came.
  static constexpr size_t kBranchSizeMax = 384;
  using Branch = std::array<char, kBranchSizeMax>;
  std::string_view Seal(const BranchCookie& cookie, std::string_view via_branch,
                        std::string_view call_id, Branch* branch) const;
  // The details, good beside this branch. A token.
  std::string_view SealDetails(const CookieDetails& details, std::string_view branch,
                               Branch* text) const;

  // False for a branch that is not of our making for this transaction.
  bool Open(std::string_view branch, std::string_view via_branch, std::string_view call_id,
            BranchCookie* cookie) const;
  // Likewise; the texts of *details lie in *plain.
  using Plain = std::array<unsigned char, 256>;
  bool OpenDetails(std::string_view text, std::string_view branch, Plain* plain,
                   CookieDetails* details) const;

 private:
  // `tag` is that of `plain`; base64url of both behind `begin` in *out.
  std::string_view Close(uint64_t tag, std::string_view plain, std::string_view begin,
                         Branch* out) const;
  // What Close() made, without `begin`; the tag is still to be compared. False: it did not.
  bool Unclose(std::string_view text, uint64_t* tag, Plain* plain, size_t* size) const;

  uint64_t TagOf(std::string_view plain, std::string_view via_branch,
                 std::string_view call_id) const;

  KeyedHash hash_;
  std::array<unsigned char, 32> stream_key_;
  uint64_t life_;
};

}  // namespace edge
