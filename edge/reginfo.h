// The body of a NOTIFY of the reg event package (RFC 3680 5): who is registered, with which
// contacts. Untrusted in size and shape: it is bounded, and no entity but XML's own five is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edge {

struct Reginfo {
  enum class State : uint8_t { kInit, kActive, kTerminated };
  enum class Event : uint8_t {
    kOther,
    kRegistered,
    kCreated,
    kRefreshed,
    kShortened,
    kExpired,
    kDeactivated,
    kProbation,
    kUnregistered,
    kRejected,
  };
  struct Contact {
    std::string uri;
    bool is_active = false;
    Event event = Event::kOther;
    std::optional<uint32_t> expires_s;
  };
  struct Registration {
    std::string aor;  // The public identity, a URI.
    State state = State::kInit;
    std::vector<Contact> contacts;
  };

  uint32_t version = 0;
  bool is_full = false;
  std::vector<Registration> registrations;
};

enum class ReginfoError : uint8_t {
  kOk,
  kMalformed,  // No XML, no reginfo, or without what RFC 3680 5 wants of each element.
  kTooLarge,   // kReginfoSizeMax, kReginfoEntriesMax.
};

// *reginfo is only meaningful after kOk. Elements it does not know are passed by (RFC 3680 5.1).
[[nodiscard]] ReginfoError ParseReginfo(std::string_view body, Reginfo* reginfo);

}  // namespace edge
