#include "edge/report_log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "xfrm/reply.h"

namespace edge {
namespace {

// What an operator has to look at next.
std::string_view Diagnose(const SaUse& use) {
  if (!use.is_known) return "whether ESP came in is not known";
  if (use.packets > 0) return "ESP came in, but nothing in it that answers the challenge";
  if (use.undecrypted > 0)
    return "ESP came in that could not be decrypted: the phone's keys differ";
  if (use.replayed > 0) return "ESP came in with sequence numbers that were refused";
  return "no ESP came in on them";
}

std::string_view EspArrived(const Attempt& attempt) {
  if (attempt.esp_arrived) return "yes";
  return attempt.was_looked && !attempt.use.is_known ? "unknown" : "no";
}

}  // namespace

std::string FormatAttempt(const Attempt& attempt, const std::vector<Port>& ports) {
  char from[reactor::kEndpointTextMax];
  // What a phone calls itself goes into a log: nothing of it may look like the log's own.
  std::string impi(attempt.impi);
  std::replace_if(
      impi.begin(), impi.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
  std::string line;
  const auto out = std::back_inserter(line);
  fmt::format_to(out, "register impi={} from={} at={}: {}", impi.empty() ? "-" : impi,
                 std::string_view(from, reactor::WriteEndpoint(attempt.source.remote, from)),
                 ports[attempt.source.port].text, attempt.result);
  if (attempt.was_looked) fmt::format_to(out, ": {}", Diagnose(attempt.use));
  if (attempt.kernel != std::errc{}) {
    fmt::format_to(out, " ({}{}{})", xfrm::Explain(attempt.kernel),
                   attempt.explanation.empty() ? "" : "; ", attempt.explanation);
  }
  if (attempt.status != 0) fmt::format_to(out, "; status={}", attempt.status);
  if (attempt.agreed) {
    fmt::format_to(out, " alg={} ealg={} spi-pc={} spi-ps={} port-pc={} port-ps={} esp={}",
                   xfrm::Name(attempt.algorithms.integrity),
                   xfrm::Name(attempt.algorithms.encryption), attempt.spi_pc, attempt.spi_ps,
                   attempt.port_pc, attempt.port_ps, EspArrived(attempt));
  }
  if (attempt.port_uenc != 0)
    fmt::format_to(out, " mod=UDP-enc-tun port-uenc={}", attempt.port_uenc);
  if (attempt.use.has_arrivals()) {
    fmt::format_to(out, " esp-packets={} esp-bytes={} esp-undecrypted={} esp-replayed={}",
                   attempt.use.packets, attempt.use.bytes, attempt.use.undecrypted,
                   attempt.use.replayed);
  }
  if (!attempt.moved.empty()) fmt::format_to(out, " kernel: {};", attempt.moved);
  fmt::format_to(out, " {} ms", attempt.duration_ms);
  return line;
}

void ReportLog::Write(const Attempt& attempt, uint64_t now_ms) {
  const bool good = attempt.status == 200;
  const auto level = good ? spdlog::level::info : spdlog::level::warn;
  if (!spdlog::should_log(level)) return;
  if (now_ms / 1000 != second_) {
    second_ = now_ms / 1000;
    lines_ = 0;
    if (suppressed_ > 0) spdlog::warn("{} more registration attempts not shown", suppressed_);
    suppressed_ = 0;
  }
  if (++lines_ > kLinesPerSecond) {
    ++suppressed_;
    return;
  }
  spdlog::log(level, "{}", FormatAttempt(attempt, *ports_));
}

}  // namespace edge
