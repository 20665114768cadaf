#include "tools/ue_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace tools {
namespace {

constexpr std::array<double, 4> kPercents = {50, 90, 99, 100};

std::string Row(std::string_view name, const std::string& value) {
  return fmt::format("  {:<24}{}\n", name, value);
}

std::string Rows(std::string_view title, const std::map<std::string, uint64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    text += Row(text.empty() ? title : "", fmt::format("{}  {}", count, name));
  }
  return text;
}

}  // namespace

double Latencies::PercentileMs(double percent) const {
  if (values_.empty()) return 0;
  if (sorted_ != values_.size()) {
    std::sort(values_.begin(), values_.end());
    sorted_ = values_.size();
  }
  const double rank = std::ceil(percent / 100 * static_cast<double>(values_.size()));
  const size_t index = std::max<size_t>(static_cast<size_t>(rank), 1) - 1;
  return static_cast<double>(values_[std::min(index, values_.size() - 1)]) / 1000;
}

bool FleetReport::Ok() const {
  if (!violations.empty()) return false;
  return expect_failure ? failed == phones : finished == phones;
}

std::string FleetReport::Table() const {
  const std::string result = Ok() ? "as expected" : "NOT as expected";
  std::string text = fmt::format("gmue: {}\n", result);
  text += Row("phones", std::to_string(phones));
  text += Row("registered", std::to_string(registered));
  text += Row(expect_failure ? "failed, as expected" : "failed", std::to_string(failed));
  text += Rows("reasons", failures);
  text += Rows("VIOLATIONS", violations);
  text += Row("security", security);
  text += Row("SAs installed", std::to_string(sas_installed));
  text += Rows("algorithm", algorithms);
  text += Row("registrations/s", fmt::format("{:.1f}", registrations_per_second));
  text += Row("seconds", fmt::format("{:.2f}", duration_s));
  text += Rows("network asked", answered);
  text += fmt::format("  {:<24}{:>8}{:>11}{:>11}{:>11}{:>11}\n", "step", "count", "median ms",
                      "p90 ms", "p99 ms", "max ms");
  for (size_t i = 0; i < latencies.size(); ++i) {
    if (latencies[i].count() == 0) continue;
    text += fmt::format("  {:<24}{:>8}", Name(static_cast<Step>(i)), latencies[i].count());
    for (const double percent : kPercents) {
      text += fmt::format("{:>11.2f}", latencies[i].PercentileMs(percent));
    }
    text += "\n";
  }
  return text;
}

std::string FleetReport::Json() const {
  nlohmann::json json = {
      {"ok", Ok()},
      {"phones", phones},
      {"registered", registered},
      {"finished", finished},
      {"failed", failed},
      {"failures", failures},
      {"violations", violations},
      {"security", security},
      {"sas_installed", sas_installed},
      {"algorithms", algorithms},
      {"registrations_per_second", registrations_per_second},
      {"seconds", duration_s},
      {"network_requests", answered},
      {"steps", nlohmann::json::object()},
  };
  for (size_t i = 0; i < latencies.size(); ++i) {
    if (latencies[i].count() == 0) continue;
    json["steps"][std::string(Name(static_cast<Step>(i)))] = {
        {"count", latencies[i].count()},
        {"median_ms", latencies[i].PercentileMs(50)},
        {"p90_ms", latencies[i].PercentileMs(90)},
        {"p99_ms", latencies[i].PercentileMs(99)},
        {"max_ms", latencies[i].PercentileMs(100)},
    };
  }
  return json.dump();
}

}  // namespace tools
