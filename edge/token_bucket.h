// So many a second, and a tenth of a second's share at once.
#pragma once

#include <algorithm>
#include <cstdint>

namespace edge {

// Starts full. Time is any monotonic clock in milliseconds; the rate may differ from call to call.
class TokenBucket {
 public:
  // False: there is none. A rate of 0 has never one.
  bool Take(uint64_t now_ms, uint32_t per_second) {
    if (!Has(now_ms, per_second)) return false;
    credit_ -= kToken;
    return true;
  }
  bool Has(uint64_t now_ms, uint32_t per_second) {
    // In thousandths: a millisecond brings per_second of them.
    const uint64_t full = std::max<uint64_t>(per_second * uint64_t{kToken} / 10, kToken);
    const uint64_t elapsed_ms = now_ms > filled_ms_ ? std::min(now_ms - filled_ms_, kLongMs) : 0;
    credit_ = std::min(full, credit_ + elapsed_ms * per_second);
    filled_ms_ = std::max(filled_ms_, now_ms);
    return per_second > 0 && credit_ >= kToken;
  }

 private:
  static constexpr uint64_t kToken = 1000;
  static constexpr uint64_t kLongMs = 1'000;  // Fills any bucket of one token or more a second.
  uint64_t credit_ = UINT64_MAX / 2;
  uint64_t filled_ms_ = 0;
};

}  // namespace edge
