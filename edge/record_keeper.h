// What the core wants kept over a restart (settings [journal]): gathered here while it decides, and
// taken once a turn by who drives it (Core::TakeRecords).
//
// A record is written when the core has accepted a registration and the kernel has its SAs, again
// whenever what it says changes, and erased when its set is to be deleted: before the kernel is
// asked, so that no restart makes SAs again that were to go.
#pragma once

#include <cstdint>
#include <string_view>

#include "edge/binding.h"
#include "edge/journal_record.h"
#include "edge/settings.h"

namespace edge {

class RecordKeeper {
 public:
  explicit RecordKeeper(const Settings::Journal& settings)
      : is_on_(settings.is_on()), is_strict_(settings.durability == Durability::kStrict) {}

  bool is_on() const { return is_on_; }
  // Ids of new records: `first` and every `step`th, so that no two workers have one.
  void SetIds(RecordId first, RecordId step) {
    next_ = first;
    step_ = step;
  }
  RecordId next() const { return next_; }

  // What a 200 says of the phone, before it is true of the binding.
  struct Registration {
    uint64_t until_ms = 0;
    std::string_view default_identity;
    std::string_view associated;
    std::string_view service_route;
    uint32_t reg_id = 0;
    const ClearPath* clear = nullptr;
    const Port* clear_port = nullptr;  // Of clear->from.
  };
  void Register(Binding* binding, const Registration& registration);
  // It is not registered any more; sets of it may drain. Nothing for one that was never written.
  void Unregister(const Binding& binding);
  // As it is, but in that state. REQUIRES: the binding's record is written, now or before.
  void Write(SaSet* set, SetState state, const Binding& binding);
  // The same for one that was written; nothing for another.
  void Rewrite(const SaSet& set, const Binding& binding);
  void Erase(SaSet* set);
  void Erase(Binding* binding);

  // Strict: all that was written so far is to be kept before `ticket` goes on, which is told by
  // Core::OnJournalled. False: it need not wait.
  bool Wait(JournalTicket ticket);

  JournalBatch* batch() { return &batch_; }

 private:
  RecordId Next() {
    const RecordId id = next_;
    next_ += step_;
    return id;
  }
  SetRecord RecordOf(const SaSet& set, SetState state, const Binding& binding) const;

  const bool is_on_;
  const bool is_strict_;
  RecordId next_ = 1;
  RecordId step_ = 1;
  JournalBatch batch_;
};

}  // namespace edge
