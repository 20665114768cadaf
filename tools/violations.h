// Broken rules, counted by reason: how the core and the phones judge what the edge sends them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tools {

class Violations {
 public:
  // `message` is what was received: a method or a status code.
  void Add(std::string_view message, std::string_view reason);

  uint64_t total() const { return total_; }
  // "REGISTER: Path is missing" and how often.
  const std::map<std::string, uint64_t>& by_reason() const { return by_reason_; }
  // Reasons met for the first time since the last call, for the log.
  std::vector<std::string> TakeNew();

 private:
  uint64_t total_ = 0;
  std::map<std::string, uint64_t> by_reason_;
  std::vector<std::string> new_;
};

}  // namespace tools
