// SIP parsers of others that ours is measured beside. Each is built in where its Debian package is
// installed, and nothing needs them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace sip_bench {

// What a peer read for L1. Texts end with a NUL and belong to the peer, until Release(); null when
// the message has none.
struct PeerL1 {
  const char* method = nullptr;  // Of a request.
  int status = 0;                // Of a response.
  const char* branch = nullptr;
  const char* host = nullptr;
  const char* port = nullptr;
  const char* from_tag = nullptr;
  const char* to_tag = nullptr;
  const char* call_id = nullptr;
  const char* call_id_host = nullptr;  // A peer may cut the Call-ID at its '@'.
  uint32_t cseq = 0;
  const char* cseq_method = nullptr;
};

// One alternative of Security-Client: its parameters as "name=value", a null behind the last.
struct PeerMechanism {
  const char* name = nullptr;
  const char* const* params = nullptr;
};

// And for L2; texts as above, those of the challenge still in their quotes.
struct PeerL2 {
  static constexpr int kMechanismsMax = 32;
  int mechanism_count = 0;
  std::array<PeerMechanism, kMechanismsMax> mechanisms;
  const char* nonce = nullptr;
  const char* ik = nullptr;
  const char* ck = nullptr;
};

struct PeerTraits {
  const char* name;
  bool reads_security_client;  // Else L2 is for challenges only.
  bool reads_keys;             // ik and ck of a challenge; else L2 is its nonce.
};

// One message at a time: Parse(), reads, Release().
class Peer {
 public:
  virtual ~Peer() = default;
  virtual PeerTraits traits() const = 0;
  // All that a user of the library has to do for one received datagram, copies included. False when
  // it is refused; Release() is due all the same.
  virtual bool Parse(std::string_view bytes) = 0;
  // REQUIRES: Parse() was true. False when a header that must be there is not.
  virtual bool ReadL1(PeerL1* out) = 0;
  virtual void ReadL2(PeerL2* out) = 0;
  virtual void Release() = 0;
};

std::unique_ptr<Peer> MakeSofia();
std::unique_ptr<Peer> MakeOsip();

// Sofia_L1/a-register/hot and so on, for each peer that is built in. Each checks first that the
// peer reads from every message of its ring what our parser reads, and is skipped with an error if
// not.
void RegisterPeers();

}  // namespace sip_bench
