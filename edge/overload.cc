#include "edge/overload.h"

#include "edge/limits.h"

namespace edge {

using Level = Overload::Level;

bool Overload::OnTurn(uint64_t now_ms, size_t strangers, size_t kernel_waiting) {
  const bool deep = strangers >= kStrangersDeep || kernel_waiting >= kKernelWaitingDeep;
  const bool shallow = strangers <= kStrangersShallow && kernel_waiting <= kKernelWaitingShallow;
  if (deep) {
    shallow_since_ms_ = kNever;
    return Rise(now_ms);
  }
  if (shallow) {
    deep_since_ms_ = kNever;
    return Fall(now_ms);
  }
  // A queue that is being emptied was deep a moment ago, and one that fills is not calm.
  shallow_since_ms_ = kNever;
  return false;
}

bool Overload::Rise(uint64_t now_ms) {
  if (deep_since_ms_ == kNever) deep_since_ms_ = now_ms;
  if (level_ == Level::kRefuseUnprotected || now_ms - deep_since_ms_ < kStandingMs) return false;
  level_ = level_ == Level::kNone ? Level::kRefuseNew : Level::kRefuseUnprotected;
  deep_since_ms_ = now_ms;
  return true;
}

bool Overload::Fall(uint64_t now_ms) {
  if (shallow_since_ms_ == kNever) shallow_since_ms_ = now_ms;
  if (level_ == Level::kNone || now_ms - shallow_since_ms_ < kCalmMs) return false;
  level_ = level_ == Level::kRefuseUnprotected ? Level::kRefuseNew : Level::kNone;
  shallow_since_ms_ = now_ms;
  return true;
}

uint64_t Overload::NextExpiry() const {
  if (level_ == Level::kNone || shallow_since_ms_ == kNever) return kNever;
  return shallow_since_ms_ + kCalmMs;
}

std::string_view Name(Level level) {
  switch (level) {
    case Level::kNone:
      return "none";
    case Level::kRefuseNew:
      return "new registrations are refused";
    case Level::kRefuseUnprotected:
      return "all that is unprotected is refused";
  }
  return "";
}

}  // namespace edge
