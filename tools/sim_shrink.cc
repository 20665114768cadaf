#include "tools/sim_shrink.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

namespace tools {
namespace {

class Shrinker {
 public:
  Shrinker(SimPlan plan, const SimResult& found, int tries_max)
      : plan_(std::move(plan)), violation_(found.violation), tries_left_(tries_max) {
    SimPlan shorter = plan_;
    shorter.end_ms = found.at_ms + 1;
    Try(std::move(shorter));
  }

  SimPlan Run() {
    for (uint32_t& weight : plan_.weights) {
      SimPlan less = plan_;
      less.weights[static_cast<size_t>(&weight - plan_.weights.data())] = 0;
      if (weight != 0) Try(std::move(less));
    }
    std::vector<uint32_t> phones;
    for (uint32_t phone = 0; phone < plan_.phones; ++phone) phones.push_back(phone);
    LeaveOut(std::move(phones), &SimPlan::phones_out);
    SimRun run(plan_);
    static_cast<void>(run.Run());
    LeaveOut(run.stimuli(), &SimPlan::stimuli_out);
    return plan_;
  }

 private:
  // Pieces of half the list, of a quarter, ... of one.
  template <typename T>
  void LeaveOut(std::vector<T> all, std::set<T> SimPlan::*out) {
    for (size_t size = (all.size() + 1) / 2; size > 0; size = size == 1 ? 0 : (size + 1) / 2) {
      for (size_t at = 0; at < all.size();) {
        const size_t end = std::min(at + size, all.size());
        SimPlan less = plan_;
        (less.*out).insert(all.begin() + static_cast<ptrdiff_t>(at),
                           all.begin() + static_cast<ptrdiff_t>(end));
        if (tries_left_ <= 0) return;
        if (Try(std::move(less))) {
          all.erase(all.begin() + static_cast<ptrdiff_t>(at),
                    all.begin() + static_cast<ptrdiff_t>(end));
        } else {
          at = end;
        }
      }
    }
  }
  bool Try(SimPlan less) {
    if (tries_left_-- <= 0) return false;
    const SimResult result = SimRun(less).Run();
    if (!IsSameViolation(result.violation, violation_)) return false;
    less.end_ms = std::min(less.end_ms, result.at_ms + 1);
    plan_ = std::move(less);
    return true;
  }

  SimPlan plan_;
  const std::string violation_;
  int tries_left_;
};

std::string WithoutNumbers(const std::string& text) {
  std::string bare = text.substr(0, text.find('\n'));
  std::erase_if(bare, [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; });
  return bare;
}

}  // namespace

bool IsSameViolation(const std::string& a, const std::string& b) {
  return WithoutNumbers(a) == WithoutNumbers(b);
}

SimPlan Shrink(SimPlan plan, const SimResult& found, int tries_max) {
  return Shrinker(std::move(plan), found, tries_max).Run();
}

}  // namespace tools
