// What the parts of SimRun share: times, and texts of the trace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reactor/endpoint.h"
#include "tools/plain_sip.h"

namespace tools {

inline constexpr uint64_t kSimMinuteMs = 60'000;
inline constexpr uint64_t kSimHourMs = 60 * kSimMinuteMs;
// How long a fault is felt after its end: what waits, what is tried again.
inline constexpr uint64_t kSimFeltMs = 60'000;
inline constexpr uint32_t kSimCoreLink = 1'000'000;  // Links of phones have their numbers.
inline constexpr std::string_view kSimNextHop = "10.0.0.20:5060";

inline reactor::Endpoint EndpointOf(const std::string& text) {
  reactor::Endpoint endpoint;
  reactor::ParseEndpoint(text, 5060, &endpoint);
  return endpoint;
}

inline std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\r')) + "  [CSeq " + ValueOf(text, "CSeq") + "]";
}

}  // namespace tools
