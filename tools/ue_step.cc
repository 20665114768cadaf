#include "tools/ue_step.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "sip/list.h"

namespace tools {
namespace {

constexpr uint32_t kRepeatMax = 100'000;

constexpr std::array<std::string_view, kStepCount> kStepNames = {
    "register", "reregister", "reauth",     "deregister", "message", "options",
    "invite",   "mt-message", "mt-options", "mt-invite",  "hold"};

constexpr std::array<std::string_view, kFailureCount> kFailureNames = {"none",
                                                                       "timeout",
                                                                       "refused",
                                                                       "bad-challenge",
                                                                       "network-not-trusted",
                                                                       "too-many-challenges",
                                                                       "not-challenged",
                                                                       "no-agreement",
                                                                       "sas-refused",
                                                                       "wrong-flow",
                                                                       "not-registered",
                                                                       "no-request",
                                                                       "gave-up"};

constexpr std::array<std::string_view, 7> kFaultNames = {
    "", "wrong-response", "wrong-verify", "changed-client", "auts", "no-answer", "plain"};

std::optional<Step> FindStep(std::string_view name) {
  for (size_t i = 0; i < kStepNames.size(); ++i) {
    if (kStepNames[i] == name) return static_cast<Step>(i);
  }
  return {};
}

}  // namespace

std::string_view Name(Step step) {
  return kStepNames[static_cast<size_t>(step)];
}
std::string_view Name(Failure failure) {
  return kFailureNames[static_cast<size_t>(failure)];
}
std::string_view Name(Fault fault) {
  return kFaultNames[static_cast<size_t>(fault)];
}

std::optional<Fault> ParseFault(std::string_view text) {
  for (size_t i = 0; i < kFaultNames.size(); ++i) {
    if (kFaultNames[i] == text) return static_cast<Fault>(i);
  }
  return {};
}

std::optional<std::vector<Step>> ParseScenario(std::string_view text, std::string* error) {
  std::vector<Step> steps;
  while (!text.empty()) {
    const std::string_view member = sip::CutMember(text, &text);
    const size_t star = member.find('*');
    const std::string_view name = member.substr(0, star);
    uint32_t count = 1;
    if (star != std::string_view::npos) {
      const std::string_view digits = member.substr(star + 1);
      const auto [end, result] =
          std::from_chars(digits.data(), digits.data() + digits.size(), count);
      if (result != std::errc{} || end != digits.data() + digits.size() || count == 0 ||
          count > kRepeatMax) {
        *error = fmt::format("\"{}\": the count is 1 to {}", member, kRepeatMax);
        return {};
      }
    }
    const std::optional<Step> step = FindStep(name);
    if (!step) {
      *error = fmt::format("\"{}\" is no step; there are", name);
      for (const std::string_view known : kStepNames) error->append(" ").append(known);
      return {};
    }
    steps.insert(steps.end(), count, *step);
  }
  if (steps.empty()) {
    *error = "at least one step is needed";
    return {};
  }
  return steps;
}

}  // namespace tools
