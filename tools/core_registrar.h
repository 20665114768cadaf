// The registrar of the stand-in core: I-CSCF, S-CSCF and HSS in one table (TS 24.229 5.4.1).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reactor/endpoint.h"
#include "sip/digest.h"
#include "sip/message.h"
#include "tools/aka.h"
#include "tools/subscriber.h"

namespace tools {

struct RegistrarOptions {
  SubscriberOptions subscribers;
  uint32_t expires_max_s = 3600;  // Granted: the smaller of this and what the phone asks.
  uint32_t challenge_every = 0;   // Every Nth refresh is challenged; 0: none.
  // Take a right answer although it was not integrity protected: phones without IPsec.
  bool accept_unprotected = false;
  uint64_t random_seed = 1;  // Of RAND.
};

// Where a registered phone is reached.
struct Binding {
  std::string contact_uri;
  std::string path;         // The Path header's value: the Route of terminating requests.
  reactor::Endpoint local;  // The core's socket that the registration came to...
  reactor::Endpoint edge;   // ...and where it came from.
  uint64_t expires_at_ms = 0;
};

struct RegistrarCounters {
  uint64_t registers = 0;   // Requests, repeated ones included.
  uint64_t challenges = 0;  // 401 with a fresh vector.
  uint64_t registrations = 0;
  uint64_t refreshes = 0;  // 200 without a challenge.
  uint64_t deregistrations = 0;
  uint64_t resynchronisations = 0;  // AUTS accepted.
  uint64_t refusals = 0;            // 400, 403, 404.
};

// The answer to a REGISTER: a status and whole header lines.
struct RegisterAnswer {
  int status = 0;
  std::string lines;
};

// A request with this header is challenged even where a refresh would not be: it lets a phone ask
// for its re-authentication. The edge forwards it as any header it does not know.
inline constexpr std::string_view kChallengeHeader = "X-Gmcore-Challenge";

class Registrar {
 public:
  explicit Registrar(const RegistrarOptions& options);

  // REQUIRES: sip::Validate() has accepted the request.
  RegisterAnswer OnRegister(const sip::Message& request, const reactor::Endpoint& local,
                            const reactor::Endpoint& source, uint64_t now_ms);

  // The live binding of a subscriber, or null.
  const Binding* Find(uint32_t subscriber, uint64_t now_ms) const;

  // The core ends a registration, or leaves it no more than `seconds`. False: there is none.
  bool Deregister(uint32_t subscriber, uint64_t now_ms);
  bool Shorten(uint32_t subscriber, uint32_t seconds, uint64_t now_ms);
  // Whose registration the last REGISTER ended, once.
  std::optional<uint32_t> TakeEnded() { return std::exchange(ended_, std::nullopt); }
  // "" before the first.
  std::string LastContact(uint32_t subscriber) const;

  const SubscriberRange& subscribers() const { return subscribers_; }
  const RegistrarCounters& counters() const { return counters_; }
  // Bindings, those that have run out but were never touched again included.
  uint32_t registered_count() const { return registered_count_; }

 private:
  struct Subscriber {
    uint64_t sqn = 0;  // The last one used (TS 33.102 6.3.2).
    bool challenged = false;
    AuthVector vector;           // Of the open challenge.
    std::string accepted_nonce;  // Of the last successful authentication.
    size_t last_branch = 0;      // Of the last REGISTER: a retransmission has the same.
    int last_status = 0;
    uint32_t refresh_count = 0;
    bool registered = false;
    Binding binding;
  };
  // One REGISTER, read.
  struct Request;
  enum class Verdict : uint8_t { kChallenge, kAccept, kRefresh, kRefuse };

  bool Read(const sip::Message& message, Request* request, RegisterAnswer* refusal) const;
  Verdict Judge(const Request& request, Subscriber* subscriber, uint64_t now_ms);
  Verdict JudgeAuts(const Request& request, Subscriber* subscriber);
  Verdict JudgeResponse(const Request& request, Subscriber* subscriber);
  RegisterAnswer Challenge(const Request& request, Subscriber* subscriber, bool again);
  RegisterAnswer Accept(const Request& request, Subscriber* subscriber, uint64_t now_ms);
  RegisterAnswer Refuse(int status);

  RegistrarOptions options_;
  SubscriberRange subscribers_;
  std::vector<std::unique_ptr<Subscriber>> states_;  // Made at the first REGISTER.
  std::mt19937_64 random_;
  RegistrarCounters counters_;
  uint32_t registered_count_ = 0;
  std::optional<uint32_t> ended_;
};

}  // namespace tools
