// What a run of phones came to: counts, reasons, latencies; as a table for people and as JSON.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tools/ue_step.h"

namespace tools {

// Durations in microseconds, all kept: percentiles are exact.
class Latencies {
 public:
  void Add(uint64_t duration_us) { values_.push_back(static_cast<uint32_t>(duration_us)); }
  size_t count() const { return values_.size(); }
  // In milliseconds, nearest rank; `percent` 100 is the largest. 0 without any.
  double PercentileMs(double percent) const;

 private:
  mutable std::vector<uint32_t> values_;
  mutable size_t sorted_ = 0;
};

struct FleetReport {
  uint32_t phones = 0;
  uint32_t registered = 0;  // Phones whose first registration went well.
  uint32_t finished = 0;    // Phones that took every step.
  uint32_t failed = 0;      // Phones that stopped at a failed one.
  bool expect_failure = false;
  uint64_t sas_installed = 0;
  std::string security;                         // "kernel", "none", "off".
  std::map<std::string, uint64_t> failures;     // "register: refused 403".
  std::map<std::string, uint64_t> algorithms;   // Of the sets agreed.
  std::map<std::string, uint64_t> answered;     // Requests of the network, by method.
  std::map<std::string, uint64_t> violations;   // What the edge sent and must not.
  std::array<Latencies, kStepCount> latencies;  // Of steps that went well.
  double registrations_per_second = 0;
  double duration_s = 0;

  // Did everything end as it was meant to?
  bool Ok() const;
  std::string Table() const;
  std::string Json() const;  // One line without its end.
};

}  // namespace tools
