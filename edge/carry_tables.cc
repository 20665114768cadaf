#include "edge/carry_tables.h"

#include <algorithm>

#include "edge/limits.h"

namespace edge {
namespace {

constexpr uint32_t kBindingsMark = 0x62696e64;
constexpr uint32_t kSetsMark = 0x73657473;
constexpr size_t kBindingLeast = 60;
constexpr size_t kSetLeast = 120;

void CarryPath(StateArchive* archive, size_t ports, ClearPath* path) {
  archive->Way(&path->from, ports);
  archive->Way(&path->to, ports);
}

// The names of a binding, which it is found by, and the rest.
void CarryBinding(StateArchive* archive, Context* context, Binding* known) {
  SlotId id = known != nullptr ? known->id : 0;
  PackedTexts<4> texts;
  reactor::Endpoint ue;
  bool is_emergency = false;
  bool is_caller = false;
  if (known != nullptr) {
    texts = known->texts;
    ue = known->ue;
    is_emergency = known->is_emergency;
    is_caller = known->is_caller;
  }
  archive->Number(&id);
  archive->Texts(&texts);
  archive->Address(&ue);
  archive->Bool(&is_emergency);
  archive->Bool(&is_caller);
  Registrar& registrar = context->registrar;
  Binding* binding = known;
  if (archive->is_reading()) {
    const bool is_whole = archive->ok() && ue.family() != AF_UNSPEC;
    binding = is_whole ? registrar.AddBindingAt(id, texts[0], ue, is_emergency) : nullptr;
    if (binding == nullptr) return archive->Fail();
    binding->texts = texts;
    if (is_caller) registrar.MarkCaller(binding);
  }
  archive->Number(&binding->reg_id);
  archive->Number(&binding->challenged_ms);
  archive->Number(&binding->record);
  archive->Number(&binding->contact);
  uint64_t until_ms = binding->registered_until_ms;
  archive->Number(&until_ms);
  if (archive->is_reading() && until_ms != 0) registrar.Register(binding, until_ms);
  CarryTimer(archive, &binding->timer, TimerKind::kBinding, binding->id, &context->timers);
  if (binding->timer.armed() != binding->registered()) archive->Fail();

  bool is_in_clear = binding->clear != nullptr;
  archive->Bool(&is_in_clear);
  if (!is_in_clear) return;
  ClearPath path;
  if (binding->clear != nullptr) path = *binding->clear;
  CarryPath(archive, context->ports.size(), &path);
  bool holds_flow = registrar.HoldsClearFlow(*binding);
  archive->Bool(&holds_flow);
  if (!archive->is_reading() || !archive->ok()) return;
  if (!binding->registered()) return archive->Fail();
  // A flow that was lost may be another's by now.
  if (holds_flow) {
    registrar.EnterClear(binding, path);
  } else {
    binding->clear = std::make_unique<ClearPath>(path);
  }
}

void CarryAgreement(StateArchive* archive, Agreement* a) {
  archive->Address(&a->ue);
  archive->Number(&a->port_uc);
  archive->Number(&a->port_us);
  archive->Number(&a->spi_uc);
  archive->Number(&a->spi_us);
  archive->Address(&a->pcscf);
  archive->Number(&a->port_uenc);
  archive->Number(&a->port_pc);
  archive->Number(&a->port_ps);
  archive->Number(&a->spis.client);
  archive->Number(&a->spis.server);
  CarryAlgorithms(archive, &a->algorithms);
}

void CarryChallenge(StateArchive* archive, size_t ports, Challenge* challenge) {
  archive->Text(&challenge->security_client, kAgreementSizeMax);
  archive->Text(&challenge->security_server, UINT16_MAX);
  archive->Text(&challenge->nonce, UINT16_MAX);
  archive->Way(&challenge->sm1, ports);
  archive->Number(&challenge->started_ms);
}

bool IsProtected(const Context& context, PortIndex port) {
  return port < context.ports.size() && context.ports[port].side == Side::kProtected;
}

// Those that are at rest: nothing of them is asked for, and all their flows stand.
bool MayRest(const SaSet& set) {
  return set.transaction == 0 && (set.state == SetState::kTemporary ||
                                  set.state == SetState::kFailed || CarriesTraffic(set.state));
}

SaSet* EnterSet(StateArchive* archive, Context* context, SlotId id, SlotId owner,
                const Agreement& agreement, PortIndex port_ps, PortIndex port_pc) {
  Binding* const binding = context->registrar.FindBinding(owner);
  if (!archive->ok() || binding == nullptr || !IsLegal(agreement.algorithms)) return nullptr;
  if (!IsProtected(*context, port_ps) || !IsProtected(*context, port_pc) || port_ps == port_pc ||
      !SameAddress(agreement.ue, binding->ue)) {
    return nullptr;
  }
  return context->registrar.AddSetAt(id, binding, agreement, port_ps, port_pc);
}

void CarrySet(StateArchive* archive, Context* context, SaSet* known) {
  SlotId id = known != nullptr ? known->id : 0;
  SlotId owner = known != nullptr ? known->binding : 0;
  Agreement agreement;
  if (known != nullptr) agreement = known->agreement;
  PortIndex port_ps = known != nullptr ? known->port_ps : PortIndex{0};
  PortIndex port_pc = known != nullptr ? known->port_pc : PortIndex{0};
  archive->Number(&id);
  archive->Number(&owner);
  CarryAgreement(archive, &agreement);
  archive->Number(&port_ps);
  archive->Number(&port_pc);
  SaSet* set = known;
  if (archive->is_reading()) {
    set = EnterSet(archive, context, id, owner, agreement, port_ps, port_pc);
    if (set == nullptr) return archive->Fail();
  }
  archive->Enum(&set->state, SetState::kDeleting);
  archive->Bool(&set->after_initial);
  archive->Bool(&set->sa3_later);
  archive->Bool(&set->in_doubt);
  archive->Number(&set->origin);
  archive->Key(&set->ik);
  archive->Key(&set->ck);
  CarryRule(archive, *context, &set->rule);
  archive->Number(&set->installed_ms);
  archive->Number(&set->kernel_until_ms);
  archive->Number(&set->expires_ms);
  archive->Number(&set->record);
  archive->Number(&set->sequence_bound);
  archive->Bool(&set->has_pool_spis);
  CarryTimer(archive, &set->timer, TimerKind::kSet, set->id, &context->timers);
  bool has_challenge = set->challenge != nullptr;
  archive->Bool(&has_challenge);
  if (archive->is_reading() && has_challenge) set->challenge = std::make_unique<Challenge>();
  if (has_challenge) CarryChallenge(archive, context->ports.size(), set->challenge.get());
  if (!MayRest(*set) || (set->state == SetState::kTemporary && !has_challenge)) archive->Fail();
  if (!archive->is_reading() || !archive->ok() || !set->has_pool_spis) return;
  if (!context->spis->Reserve(agreement.spis)) archive->Fail();
}

}  // namespace

void CarryAlgorithms(StateArchive* archive, xfrm::Algorithms* algorithms) {
  archive->Enum(&algorithms->integrity, xfrm::Integrity::kAesGmac);
  archive->Enum(&algorithms->encryption, xfrm::Encryption::kAesGcm);
}

void CarryRule(StateArchive* archive, const Context& context, RuleIndex* rule) {
  archive->Number(rule);
  if (*rule > context.settings.rules.size()) *rule = 0;
}

void CarryTimer(StateArchive* archive, reactor::Timer* timer, TimerKind kind, SlotId id,
                reactor::TimerWheel* timers) {
  bool is_armed = timer->armed();
  uint64_t expiry_ms = timer->expiry_ms;
  archive->Bool(&is_armed);
  archive->Number(&expiry_ms);
  if (!archive->is_reading()) return;
  timer->kind = static_cast<uint32_t>(kind);
  timer->index = static_cast<uint32_t>(id);
  if (is_armed && archive->ok()) timers->Arm(timer, expiry_ms);
}

// Sets go oldest first: of several with one flow the newest is found.
void CarryTables(StateArchive* archive, Context* context) {
  Registrar& registrar = context->registrar;
  archive->Mark(kBindingsMark);
  CarryGenerations(archive, &registrar.bindings());
  CarryGenerations(archive, &registrar.sets());
  size_t count = archive->Count(registrar.bindings().in_use(), UINT32_MAX, kBindingLeast);
  if (archive->is_reading()) {
    for (size_t i = 0; i < count && archive->ok(); ++i) CarryBinding(archive, context, nullptr);
    registrar.bindings().FreeTheRest();
  } else {
    registrar.bindings().ForEach([&](Binding* one) { CarryBinding(archive, context, one); });
  }
  archive->Mark(kSetsMark);
  std::vector<SaSet*> sets;
  registrar.sets().ForEach([&](SaSet* set) { sets.push_back(set); });
  std::sort(sets.begin(), sets.end(), [](const SaSet* a, const SaSet* b) {
    return std::pair(a->installed_ms, a->record) < std::pair(b->installed_ms, b->record);
  });
  count = archive->Count(sets.size(), UINT32_MAX, kSetLeast);
  if (!archive->is_reading()) {
    for (SaSet* set : sets) CarrySet(archive, context, set);
    return;
  }
  for (size_t i = 0; i < count && archive->ok(); ++i) CarrySet(archive, context, nullptr);
  registrar.sets().FreeTheRest();
}

}  // namespace edge
