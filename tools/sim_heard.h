// What must hold of each message that the edge hears and sends, whatever phones and core do: for
// simulated runs, and for random walks in tests. A check says what does not hold, or "".
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "edge/core.h"
#include "tools/plain_sip.h"

namespace tools {

// One message in and what the core did of it.
class HeardCheck {
 public:
  explicit HeardCheck(edge::Core* core) : core_(*core) {
    for (const edge::CounterInfo& counter : edge::Counters()) {
      if (counter.name.starts_with("drop_")) drops_.push_back(counter.field);
    }
  }

  void Before(const edge::Flow& flow, const std::string& text) {
    before_ = {core_.stats().sent, Drops()};
    edge::Registrar& registrar = core_.registrar();
    const edge::SaSet* set = registrar.FindSet(flow);
    if (set == nullptr) return;
    const edge::Binding* binding = registrar.FindBinding(set->binding);
    before_.is_known = true;
    before_.state = set->state;
    before_.is_registered = binding != nullptr && binding->registered();
    before_.may_be_yes = set->state == edge::SetState::kNew ||
                         set->state == edge::SetState::kCurrent ||
                         (set->state == edge::SetState::kTemporary && set->challenge != nullptr &&
                          set->challenge->nonce == ParamOf(text, "nonce"));
  }

  // Every request is answered, forwarded, held for the kernel or counted as dropped.
  std::string After(const std::string& text) {
    if (StatusOf(text) != 0) return "";
    const bool is_held = text.starts_with("REGISTER") && core_.registers_under_way() > 0;
    const bool is_told = core_.stats().sent > before_.sent || Drops() > before_.drops;
    return is_told || is_held ? "" : "a request that nobody hears of again:\n" + text;
  }

  // Nothing comes in on a set that may not carry it. `sent`: to the core, for the request `text`
  // that came in on a protected port.
  std::string Forwarded(const std::string& text, const std::string& sent) {
    if (StatusOf(sent) != 0 || sent.starts_with("SUBSCRIBE")) return "";
    if (!before_.is_known) return "forwarded without a set:\n" + sent;
    const std::string state(edge::Name(before_.state));
    if (!sent.starts_with("REGISTER")) {
      const bool may = edge::CarriesTraffic(before_.state) && before_.is_registered;
      return may ? "" : "forwarded from a set in state " + state + ":\n" + sent;
    }
    // So does what went on while the set could carry it: the core may have lost it.
    const bool may = before_.state == edge::SetState::kTemporary ||
                     edge::CarriesTraffic(before_.state) || went_on_.contains(text);
    if (!may) return "a REGISTER forwarded from a set in state " + state + ":\n" + sent;
    went_on_.insert(text);
    if (ParamOf(sent, "integrity-protected") != "yes") return "";
    // What is heard again says what it said, whatever has become of its set.
    if (!before_.may_be_yes && !told_yes_.contains(text)) {
      return "integrity-protected on a set in state " + state + ":\n" + sent;
    }
    told_yes_.insert(text);
    return "";
  }
  // For long runs: the past.
  void Forget() {
    if (told_yes_.size() > 10'000) told_yes_.clear();
  }

 private:
  struct Moment {
    uint64_t sent = 0;
    uint64_t drops = 0;
    edge::SetState state = edge::SetState::kFree;
    bool is_known = false;
    bool is_registered = false;
    bool may_be_yes = false;
  };
  uint64_t Drops() const {
    uint64_t sum = 0;
    for (uint64_t edge::Stats::*field : drops_) sum += core_.stats().*field;
    return sum;
  }

  edge::Core& core_;
  std::vector<uint64_t edge::Stats::*> drops_;
  Moment before_;
  std::unordered_set<std::string> told_yes_;
  std::unordered_set<std::string> went_on_;  // REGISTERs that came over a set and were passed on.
};

// What every key of a simulated challenge begins with.
inline constexpr std::string_view kKeyMark = "5ec2e7c0de";

// Nothing leaves a protected port but through SAs that are there, nothing but answers in clear, and
// no key at all. As it is sent: also those of a set that is deleted behind this message.
inline std::string CheckSend(edge::Core* core, edge::Side side, const edge::Flow& to,
                             const std::string& text) {
  if (side == edge::Side::kCore) return "";
  if (text.find(kKeyMark) != std::string::npos) return "a key is sent to a phone:\n" + text;
  if (side == edge::Side::kGm) {
    if (StatusOf(text) == 0) return "a request in clear:\n" + text;
    return StatusOf(text) == 200 ? "a registration in clear:\n" + text : "";
  }
  for (const edge::SetId id : core->registrar().SetsAt(to)) {
    if (core->registrar().FindSet(id)->state != edge::SetState::kInstalling) return "";
  }
  return "sent in clear from a protected port:\n" + text;
}

}  // namespace tools
