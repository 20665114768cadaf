#include "tools/ue_transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "tools/respond.h"

namespace tools {
namespace {

constexpr std::string_view kPrefix = "z9hG4bK-";
constexpr uint64_t kUsPerMs = 1000;

}  // namespace

std::string Text(const UeBranch& branch) {
  return fmt::format("{}{:x}-{:x}-{:x}", kPrefix, branch.boot_id, branch.phone, branch.counter);
}

std::optional<UeBranch> ParseBranch(std::string_view text) {
  if (!text.starts_with(kPrefix)) return {};
  text.remove_prefix(kPrefix.size());
  std::array<uint32_t, 3> numbers;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), numbers[i], 16);
    if (error != std::errc{}) return {};
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const bool last = i + 1 == numbers.size();
    if (last ? !text.empty() : !text.starts_with('-')) return {};
    if (!last) text.remove_prefix(1);
  }
  return UeBranch{numbers[0], numbers[1], numbers[2]};
}

void UeTransaction::Start(sip::Method method, const UeFlow& flow, std::string_view text,
                          uint64_t now_us, Outbox* outbox) {
  active_ = true;
  proceeding_ = false;
  method_ = method;
  flow_ = flow;
  text_ = text;
  interval_us_ = kT1Ms * kUsPerMs;
  deadline_us_ = now_us + options_->timeout_ms * kUsPerMs;
  const bool again = options_->retransmit && !flow.over_tcp;
  next_us_ = again ? std::min(now_us + interval_us_, deadline_us_) : deadline_us_;
  outbox->Send(flow_.local, flow_.peer, text_);
}

bool UeTransaction::Advance(uint64_t now_us, Outbox* outbox) {
  if (!active_ || now_us < next_us_) return true;
  if (now_us >= deadline_us_) {
    active_ = false;
    return false;
  }
  // RFC 3261 17.1.1.2: timer A doubles without end, 17.1.2.2: timer E up to T2.
  const bool is_invite = method_ == sip::Method::kInvite;
  if (!(is_invite && proceeding_)) outbox->Send(flow_.local, flow_.peer, text_);
  interval_us_ *= 2;
  if (!is_invite) interval_us_ = std::min<uint64_t>(interval_us_, kT2Ms * kUsPerMs);
  next_us_ = std::min(now_us + interval_us_, deadline_us_);
  return true;
}

}  // namespace tools
