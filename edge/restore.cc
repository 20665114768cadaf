#include "edge/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "edge/context.h"
#include "edge/flow_key.h"
#include "edge/limits.h"
#include "edge/worker_settings.h"

namespace edge {
namespace {

using reactor::Endpoint;

constexpr size_t kNoWorker = SIZE_MAX;

// An address of ours and a port.
using End = std::pair<AddressKey, uint16_t>;
End EndOf(const Endpoint& address, uint16_t port) {
  return {KeyOf(address), port};
}

class Planner {
 public:
  Planner(const Settings& settings, xfrm::SpiPool* spis, uint64_t epoch_ms)
      : settings_(settings), spis_(spis), epoch_ms_(epoch_ms) {
    plan_.workers.resize(settings.process.workers);
    for (size_t worker = 0; worker < settings.process.workers; ++worker) {
      for (const Endpoint& socket : SettingsOf(settings, worker).ipsec.sockets) {
        worker_of_[EndOf(socket, socket.port())] = worker;
      }
    }
  }

  RestorePlan Run(JournalContents contents) {
    TakeRegistrations(&contents);
    TakeSets(&contents);
    for (Candidate& candidate : candidates_) Choose(&candidate);
    DropSuperseded();
    for (Candidate& candidate : candidates_) Settle(&candidate);
    return std::move(plan_);
  }

 private:
  struct Candidate {
    RestoredPhone phone;
    size_t worker = kNoWorker;
    bool is_void = false;

    uint64_t newest_ms() const {
      return phone.sets.empty() ? 0 : phone.sets.back().record.installed_ms;
    }
  };

  void TakeRegistrations(JournalContents* contents) {
    candidates_.reserve(contents->registrations.size());
    for (RegistrationRecord& record : contents->registrations) {
      plan_.id_max = std::max(plan_.id_max, record.id);
      if (record.until_ms <= epoch_ms_) record.until_ms = 0;
      index_of_[record.id] = candidates_.size();
      candidates_.push_back({{std::move(record), {}}});
    }
  }

  void TakeSets(JournalContents* contents) {
    for (SetRecord& record : contents->sets) {
      plan_.id_max = std::max(plan_.id_max, record.id);
      const auto found = index_of_.find(record.registration);
      if (found == index_of_.end() || record.sequence_bound > kSequenceBoundMax) {
        DropSet(record, &plan_.unusable);
      } else if (record.expires_ms <= epoch_ms_) {
        DropSet(record, &plan_.expired);
      } else if (WorkerOf(record) == kNoWorker ||
                 (record.agreement.in_udp() && !settings_.ipsec.udp_enc_tun)) {
        DropSet(record, &plan_.without_ports);
      } else {
        if (record.rule > settings_.rules.size()) record.rule = 0;
        candidates_[found->second].phone.sets.push_back({record});
      }
    }
  }

  size_t WorkerOf(const SetRecord& record) const {
    const Agreement& a = record.agreement;
    const auto server = worker_of_.find(EndOf(a.pcscf, a.port_ps));
    const auto client = worker_of_.find(EndOf(a.pcscf, a.port_pc));
    const bool is_one = server != worker_of_.end() && client != worker_of_.end() &&
                        server->second == client->second;
    return is_one ? server->second : kNoWorker;
  }

  // A phone is where its newest set is. Its sets as the core has them: the newest current one
  // carries the traffic, what was current before it drains.
  void Choose(Candidate* candidate) {
    std::vector<RestoredSet>& sets = candidate->phone.sets;
    std::sort(sets.begin(), sets.end(), [](const RestoredSet& a, const RestoredSet& b) {
      return std::pair(a.record.installed_ms, a.record.id) <
             std::pair(b.record.installed_ms, b.record.id);
    });
    if (sets.empty()) {
      if (MayBeInClear(candidate->phone.registration)) candidate->worker = 0;
      return;
    }
    candidate->worker = WorkerOf(sets.back().record);
    std::erase_if(sets, [&](const RestoredSet& set) {
      if (WorkerOf(set.record) == candidate->worker) return false;
      DropSet(set.record, &plan_.without_ports);
      return true;
    });
    bool has_current = false;
    for (auto set = sets.rbegin(); set != sets.rend(); ++set) {
      if (set->record.state != SetState::kCurrent) continue;
      if (has_current) {
        set->record.state = SetState::kOld;
        set->record.expires_ms = std::min(set->record.expires_ms, epoch_ms_ + kDrainMs);
      }
      has_current = true;
    }
  }

  bool MayBeInClear(const RegistrationRecord& record) const {
    if (!record.is_in_clear || record.until_ms == 0 || !AllowsClear(settings_)) return false;
    const std::vector<Endpoint>& ours = settings_.gm.listen;
    return std::find(ours.begin(), ours.end(), record.clear_local) != ours.end();
  }

  // The same phone at two workers: it had moved, and the one it left had not yet erased it.
  void DropSuperseded() {
    // By address, IMPI and whether it is the emergency contact.
    absl::flat_hash_map<std::tuple<AddressKey, std::string_view, bool>, size_t> newest;
    for (size_t i = 0; i < candidates_.size(); ++i) {
      if (candidates_[i].worker == kNoWorker) continue;
      const RegistrationRecord& record = candidates_[i].phone.registration;
      const auto [found, is_new] =
          newest.try_emplace({KeyOf(record.ue), record.impi, record.is_emergency}, i);
      if (is_new) continue;
      Candidate& other = candidates_[found->second];
      const bool is_newer = candidates_[i].newest_ms() > other.newest_ms();
      Candidate& older = is_newer ? other : candidates_[i];
      if (is_newer) found->second = i;
      for (const RestoredSet& set : older.phone.sets) DropSet(set.record, &plan_.superseded);
      older.phone.sets.clear();
      older.is_void = true;
    }
  }

  void Settle(Candidate* candidate) {
    std::vector<RestoredSet>& sets = candidate->phone.sets;
    std::erase_if(sets, [&](RestoredSet& set) {
      if (ReserveSpis(&set)) return false;
      DropSet(set.record, &plan_.unusable);
      return true;
    });
    RegistrationRecord& registration = candidate->phone.registration;
    const bool is_in_clear = MayBeInClear(registration) && !candidate->is_void;
    if (sets.empty() && !is_in_clear) {
      if (registration.until_ms == 0) ++plan_.expired;
      plan_.void_ones.emplace_back(ErasedRegistration{registration.id});
      return;
    }
    registration.is_in_clear = is_in_clear;
    if (registration.until_ms != 0) ++plan_.registrations;
    plan_.sets += sets.size();
    plan_.workers[candidate->worker].push_back(std::move(candidate->phone));
  }

  // Of another range than ours it may lie across two pairs; they are then nobody's in this run.
  bool ReserveSpis(RestoredSet* set) {
    const xfrm::SpiPair pair = set->record.agreement.spis;
    if (spis_taken_.contains(pair.client) || spis_taken_.contains(pair.server)) return false;
    spis_taken_.insert({pair.client, pair.server});
    set->has_pool_spis = spis_->Reserve(pair);
    if (set->has_pool_spis) return true;
    static_cast<void>(spis_->ReserveHolding(pair.client));
    static_cast<void>(spis_->ReserveHolding(pair.server));
    return true;
  }

  void DropSet(const SetRecord& record, size_t* count) {
    ++*count;
    plan_.void_ones.emplace_back(ErasedSet{record.id});
  }

  const Settings& settings_;
  xfrm::SpiPool* spis_;
  const uint64_t epoch_ms_;
  absl::flat_hash_map<End, size_t> worker_of_;
  absl::flat_hash_map<RecordId, size_t> index_of_;
  absl::flat_hash_set<uint32_t> spis_taken_;
  std::vector<Candidate> candidates_;
  RestorePlan plan_;
};

uint32_t HardSeconds(const SetRecord& record, const Settings& settings, uint64_t epoch_ms) {
  const uint64_t left_s = (record.expires_ms - std::min(record.expires_ms, epoch_ms) + 999) / 1000;
  return static_cast<uint32_t>(
      std::min<uint64_t>(left_s + settings.ipsec.lifetime_slack_s, UINT32_MAX));
}

PortIndex PortOf(const Context& context, Endpoint local, uint16_t port) {
  local.set_port(port);
  for (size_t i = 0; i < context.ports.size(); ++i) {
    if (context.ports[i].local == local) return static_cast<PortIndex>(i);
  }
  return 0;  // PlanRestore leaves none.
}

void RestoreSet(const RestoredSet& restored, Binding* binding, uint64_t epoch_ms,
                Context* context) {
  const SetRecord& record = restored.record;
  const Agreement& a = record.agreement;
  SaSet* set = context->registrar.AddSet(binding, a, PortOf(*context, a.pcscf, a.port_ps),
                                         PortOf(*context, a.pcscf, a.port_pc));
  set->state = record.state;
  set->after_initial = record.after_initial;
  set->ik = record.ik;
  set->ck = record.ck;
  set->rule = record.rule;
  set->record = record.id;
  set->sequence_bound = record.sequence_bound;
  set->has_pool_spis = restored.has_pool_spis;
  // What happened to its SAs meanwhile nobody saw: they are looked at before they are deleted.
  set->in_doubt = true;
  // The clock of this run may have begun after the set did.
  const uint64_t age_ms = epoch_ms - std::min(epoch_ms, record.installed_ms);
  set->installed_ms = context->now_ms - std::min(context->now_ms - 1, age_ms);
  set->timer.kind = static_cast<uint32_t>(TimerKind::kSet);
  set->expires_ms = context->now_ms + (record.expires_ms - std::min(record.expires_ms, epoch_ms));
  context->timers.Arm(&set->timer, set->expires_ms);
}

void RestoreClear(const RegistrationRecord& record, Binding* binding, Context* context) {
  ClearPath path;
  path.from = {PortOf(*context, record.clear_local, record.clear_local.port()), record.clear_from,
               record.clear_transport};
  path.to = path.from;
  path.to.remote = record.clear_to;
  path.to.connect_port = record.clear_connect_port;
  path.to.or_udp = record.clear_connect_port != 0;
  context->registrar.EnterClear(binding, path);
  // Its connection went with the process that had it.
  context->registrar.LoseClearFlow(path.from);
}

}  // namespace

RestorePlan PlanRestore(JournalContents contents, const Settings& settings, xfrm::SpiPool* spis,
                        uint64_t epoch_ms) {
  return Planner(settings, spis, epoch_ms).Run(std::move(contents));
}

std::string Describe(const RestorePlan& plan) {
  return fmt::format(
      "{} registrations and {} SA sets go on; over meanwhile {}, at ports that are ours no more "
      "{}, of phones that moved {}, unusable {}",
      plan.registrations, plan.sets, plan.expired, plan.without_ports, plan.superseded,
      plan.unusable);
}

void AppendSas(const RestoredPhone& phone, const Settings& settings, uint64_t epoch_ms,
               std::vector<xfrm::EspKeys>* keys, std::vector<xfrm::Sa>* sas) {
  for (const RestoredSet& set : phone.sets) {
    const SetRecord& record = set.record;
    assert(keys->size() < keys->capacity());
    keys->emplace_back(record.agreement.algorithms, record.ik, record.ck);
    SaArray made = MakeSas(record.agreement, keys->back(), settings.ipsec.reqid,
                           HardSeconds(record, settings, epoch_ms), settings.ipsec.replay_window,
                           settings.ipsec.mark);
    for (xfrm::Sa& sa : made) {
      if (sa.direction == xfrm::Direction::kOut) sa.sent = record.sequence_bound;
    }
    sas->insert(sas->end(), made.begin(), made.end());
  }
}

void RestorePhone(const RestoredPhone& phone, uint64_t epoch_ms, Context* context) {
  const RegistrationRecord& record = phone.registration;
  Registrar& registrar = context->registrar;
  if (registrar.FindBinding(record.impi, record.ue, record.is_emergency) != nullptr) return;
  Binding* binding = registrar.AddBinding(record.impi, record.ue, record.is_emergency);
  binding->reg_id = record.reg_id;
  binding->timer.kind = static_cast<uint32_t>(TimerKind::kBinding);
  binding->record = record.id;
  binding->SetIdentities(record.default_identity, record.associated, record.service_route);
  for (const RestoredSet& set : phone.sets) RestoreSet(set, binding, epoch_ms, context);
  context->stats.restored_sets += phone.sets.size();
  if (record.until_ms <= epoch_ms) return;
  ++context->stats.restored_registrations;
  const uint64_t until_ms = context->now_ms + (record.until_ms - epoch_ms);
  context->registrar.Register(binding, until_ms);
  context->timers.Arm(&binding->timer, until_ms);
  if (record.is_in_clear) RestoreClear(record, binding, context);
}

}  // namespace edge
