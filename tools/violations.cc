#include "tools/violations.h"

#include <utility>

namespace tools {

void Violations::Add(std::string_view message, std::string_view reason) {
  ++total_;
  std::string text = std::string(message).append(": ").append(reason);
  if (++by_reason_[text] == 1) new_.push_back(std::move(text));
}

std::vector<std::string> Violations::TakeNew() {
  return std::exchange(new_, {});
}

}  // namespace tools
