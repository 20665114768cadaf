#include "edge/letter.h"

#include <algorithm>

#include "edge/context.h"
#include "edge/reg_events.h"
#include "edge/set_keeper.h"

namespace edge {
namespace {

bool IsVoid(const SaSet& set, const Letter& letter) {
  // As old is void too: a phone answers one challenge after the other, and this one it has
  // answered.
  if (letter.kind == Letter::Kind::kRegistered) return set.installed_ms <= letter.installed_ms;
  const Agreement& a = set.agreement;
  return a.spi_uc == letter.spi_uc || a.spi_uc == letter.spi_us || a.spi_us == letter.spi_uc ||
         a.spi_us == letter.spi_us;
}

}  // namespace

void Obey(const Letter& letter, Context* context, SetKeeper* keeper, RegEvents* reg_events,
          Actions* actions) {
  Registrar& registrar = context->registrar;
  Binding* const binding = registrar.FindBindingByToken(letter.phone);
  if (binding == nullptr) return;
  const auto sets = binding->sets;
  for (const SetId id : sets) {
    SaSet* const set = registrar.FindSet(id);
    if (IsVoid(*set, letter)) keeper->Apply(set, SetEvent::kReplaced, actions);
  }
  if (letter.kind == Letter::Kind::kComes) return;
  if (binding->registered() && registrar.SetInUse(*binding) == nullptr) {
    ++context->stats.superseded;
    context->Unregister(binding);
    reg_events->OnUnregistered(*binding, actions);
  }
  context->ForgetIfIdle(binding->id);
}

}  // namespace edge
