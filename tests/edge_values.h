// What tests of the edge are written with: endpoints from text, files, repeatable numbers, and what
// the core did, as text.
#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include "edge/flow.h"
#include "edge/secrets.h"
#include "reactor/endpoint.h"

namespace edge {

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(std::string(GMEDGE_SOURCE_DIR "/tests/data/") + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline reactor::Endpoint At(std::string_view text) {
  reactor::Endpoint endpoint;
  const bool ok = reactor::ParseEndpoint(text, 5060, &endpoint);
  return ok ? endpoint : reactor::Endpoint();
}

inline std::string TextOf(const reactor::Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteEndpoint(endpoint, text)};
}

// Numbers that repeat from run to run.
class CountingRandom final : public Random {
 public:
  uint64_t Next() override { return state_ = state_ * 6364136223846793005u + 1442695040888963407u; }

 private:
  uint64_t state_ = 1;
};

struct Sent {
  std::string from;  // "192.0.2.10:5060": the local port.
  std::string to;
  std::string text;
  Transport over = Transport::kUdp;
  bool or_udp = false;
  uint16_t connect_port = 0;
};

struct AttemptLine {
  std::string impi;
  std::string result;
  int status;
  std::errc kernel;
  std::string explanation;
  std::string line;  // As the log has it.
};

}  // namespace edge
