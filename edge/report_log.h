// One clear line per registration attempt (pitfalls 31), with a limit per second: a flood of
// attempts must not become a flood of lines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "edge/actions.h"

namespace edge {

// "register impi=... from=192.0.2.7:5060 at=192.0.2.10:5060: registered; status=200
// alg=hmac-sha-1-96 ealg=aes-cbc spi-pc=... esp=yes 31 ms". Never a key, a nonce or a response.
// Of an attempt that failed on the way over the SAs it says what came in on them and which of the
// kernel's counters moved: "...: nobody answered the 401 over the new SAs: no ESP came in on them;
// ... esp=no kernel: XfrmInNoStates+3; 30000 ms".
std::string FormatAttempt(const Attempt& attempt, const std::vector<Port>& ports);

class ReportLog {
 public:
  // `ports` outlives the log.
  explicit ReportLog(const std::vector<Port>* ports) : ports_(ports) {}

  // Successes at level info, failures at warn. Over kLinesPerSecond lines are counted, and the
  // count told with the next line.
  static constexpr int kLinesPerSecond = 1000;
  void Write(const Attempt& attempt, uint64_t now_ms);

 private:
  const std::vector<Port>* ports_;
  uint64_t second_ = 0;
  int lines_ = 0;
  uint64_t suppressed_ = 0;
};

}  // namespace edge
