#include "edge/record_keeper.h"

#include <cassert>

namespace edge {

void RecordKeeper::Register(Binding* binding, const Registration& registration) {
  if (!is_on_) return;
  if (binding->record == 0) binding->record = Next();
  RegistrationRecord record;
  record.id = binding->record;
  record.impi = binding->impi();
  record.ue = binding->ue;
  record.is_emergency = binding->is_emergency;
  record.reg_id = registration.reg_id;
  record.until_ms = registration.until_ms;
  record.default_identity = registration.default_identity;
  record.associated = registration.associated;
  record.service_route = registration.service_route;
  if (registration.clear != nullptr) {
    record.is_in_clear = true;
    record.clear_local = registration.clear_port->local;
    record.clear_from = registration.clear->from.remote;
    record.clear_to = registration.clear->to.remote;
    record.clear_transport = registration.clear->from.transport;
    record.clear_connect_port = registration.clear->to.connect_port;
  }
  batch_.ops.emplace_back(std::move(record));
}

void RecordKeeper::Unregister(const Binding& binding) {
  if (!is_on_ || binding.record == 0) return;
  RegistrationRecord record;
  record.id = binding.record;
  record.impi = binding.impi();
  record.ue = binding.ue;
  record.is_emergency = binding.is_emergency;
  record.reg_id = binding.reg_id;
  record.default_identity = binding.default_identity();
  record.associated = binding.associated();
  record.service_route = binding.service_route();
  batch_.ops.emplace_back(std::move(record));
}

SetRecord RecordKeeper::RecordOf(const SaSet& set, SetState state, const Binding& binding) const {
  assert(binding.record != 0);
  SetRecord record;
  record.id = set.record;
  record.registration = binding.record;
  record.state = state;
  record.after_initial = set.after_initial;
  record.agreement = set.agreement;
  record.ik = set.ik;
  record.ck = set.ck;
  record.rule = set.rule;
  record.installed_ms = set.installed_ms;
  record.expires_ms = set.expires_ms;
  record.sequence_bound = set.sequence_bound;
  return record;
}

void RecordKeeper::Write(SaSet* set, SetState state, const Binding& binding) {
  if (!is_on_) return;
  if (set->record == 0) set->record = Next();
  batch_.ops.emplace_back(RecordOf(*set, state, binding));
}

void RecordKeeper::Rewrite(const SaSet& set, const Binding& binding) {
  if (is_on_ && set.record != 0) batch_.ops.emplace_back(RecordOf(set, set.state, binding));
}

void RecordKeeper::Erase(SaSet* set) {
  if (is_on_ && set->record != 0) batch_.ops.emplace_back(ErasedSet{set->record});
  set->record = 0;
}

void RecordKeeper::Erase(Binding* binding) {
  if (is_on_ && binding->record != 0) batch_.ops.emplace_back(ErasedRegistration{binding->record});
  binding->record = 0;
}

bool RecordKeeper::Wait(JournalTicket ticket) {
  if (!is_on_ || !is_strict_) return false;
  batch_.tickets.push_back(ticket);
  return true;
}

}  // namespace edge
