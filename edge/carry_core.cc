// All that a core knows, to another process or from one (edge/state_archive.h): each function goes
// both ways. Ids stay what they are, since branches of requests under way have them in seals.

#include <sodium.h>

#include <algorithm>

#include "edge/carry_tables.h"
#include "edge/core.h"
#include "edge/limits.h"
#include "edge/next_hop_limits.h"
#include "edge/state_archive.h"

namespace edge {
namespace {

constexpr uint32_t kKeysMark = 0x6b657973;
constexpr uint32_t kEndMark = 0x656e6421;

// What one takes at least, so that no count is believed that the bytes do not bear out.
constexpr size_t kTransactionLeast = 100;
constexpr size_t kSubscriptionLeast = 50;
constexpr size_t kTextSizeMax = 65536;

void CarryOffer(StateArchive* archive, Offer* offer) {
  archive->Number(&offer->port_uc);
  archive->Number(&offer->port_us);
  archive->Number(&offer->spi_uc);
  archive->Number(&offer->spi_us);
  CarryAlgorithms(archive, &offer->algorithms);
  archive->Bool(&offer->in_udp);
}

void CarryOpen(StateArchive* archive, RegisterTransaction::Open* open) {
  archive->Bool(&open->agreed);
  CarryOffer(archive, &open->offer);
  archive->Text(&open->security_client, kTextSizeMax);
  archive->Text(&open->contact, kTextSizeMax);
  archive->Text(&open->identity, kTextSizeMax);
  archive->Number(&open->reg_id);
  archive->Enum(&open->way, Names::State::kFull);
  archive->Text(&open->request, kTextSizeMax);
  archive->Number(&open->spread);
  archive->Text(&open->answer_tail, kTextSizeMax);
}

void CarryTransaction(StateArchive* archive, const Context& context, size_t hops,
                      RegisterTransaction* transaction) {
  const size_t ports = context.ports.size();
  archive->Number(&transaction->key);
  archive->Enum(&transaction->state, RegisterTransaction::State::kDone);
  archive->Bool(&transaction->integrity_protected);
  archive->Bool(&transaction->answers_challenge);
  archive->Bool(&transaction->asks_zero);
  archive->Number(&transaction->own_status);
  archive->Number(&transaction->status);
  archive->Way(&transaction->source, ports);
  archive->Way(&transaction->answer, ports);
  archive->Way(&transaction->held_to, ports);
  archive->Number(&transaction->arrived);
  archive->Number(&transaction->made);
  archive->Number(&transaction->binding);
  CarryRule(archive, context, &transaction->rule);
  archive->Number(&transaction->started_ms);
  archive->Number(&transaction->asked.since_ms);
  archive->Way(&transaction->asked.to, ports);
  archive->Number(&transaction->asked.hop);
  archive->Bool(&transaction->asked.is_answered);
  archive->Number(&transaction->asked.moves);
  if (transaction->asked.hop >= std::max<size_t>(hops, 1)) transaction->asked.hop = 0;
  archive->Number(&transaction->timer.expiry_ms);
}

}  // namespace

void KeyedHash::Carry(StateArchive* archive) {
  archive->Bytes(key_.data(), key_.size());
}

void CookieJar::Carry(StateArchive* archive) {
  hash_.Carry(archive);
  archive->Bytes(stream_key_.data(), stream_key_.size());
  archive->Number(&life_);
}

// What is dead there is dead here; probes begin anew.
void NextHops::Carry(StateArchive* archive) {
  const size_t count = archive->Count(hops_.size(), UINT16_MAX, sizeof(reactor::Endpoint));
  for (size_t i = 0; i < count && archive->ok(); ++i) {
    Hop written;
    if (!archive->is_reading()) {
      written.endpoint = hops_[i].endpoint;
      written.is_dead = hops_[i].is_dead;
      written.heard_ms = hops_[i].heard_ms;
    }
    archive->Address(&written.endpoint);
    archive->Bool(&written.is_dead);
    archive->Number(&written.heard_ms);
    if (!archive->is_reading()) continue;
    for (Hop& hop : hops_) {
      if (!(hop.endpoint == written.endpoint)) continue;
      hop.is_dead = written.is_dead;
      hop.heard_ms = written.heard_ms;
      if (!hop.is_dead || IntervalMs() != 0) continue;
      context_.timers.Arm(&hop.timer, context_.now_ms + kNextHopRestMs);
    }
  }
  if (!archive->is_reading()) return;
  const auto serves = [](const Hop& hop) { return !hop.is_dead; };
  const auto first = std::find_if(hops_.begin(), hops_.end(), serves);
  current_ = first != hops_.end() ? static_cast<size_t>(first - hops_.begin()) : 0;
}

void RegisterProxy::Carry(StateArchive* archive) {
  CarryPool(archive, &transactions_, kTransactionLeast, [&](RegisterTransaction* transaction) {
    CarryTransaction(archive, context_, next_hops_.size(), transaction);
    if (transaction->state == RegisterTransaction::State::kKernel) archive->Fail();
    const bool is_open = transaction->state != RegisterTransaction::State::kDone;
    if (archive->is_reading()) {
      if (!by_key_.try_emplace(transaction->key, transaction->id).second) archive->Fail();
      if (is_open) transaction->open = std::make_unique<RegisterTransaction::Open>();
      transaction->timer.kind = static_cast<uint32_t>(TimerKind::kTransaction);
      transaction->timer.index = static_cast<uint32_t>(transaction->id);
      context_.timers.Arm(&transaction->timer, transaction->timer.expiry_ms);
      Binding* const binding = context_.registrar.FindBinding(transaction->binding);
      if (is_open && binding != nullptr) ++binding->pending;
      if (is_open) ++under_way_;
    }
    if (is_open) CarryOpen(archive, transaction->open.get());
  });
}

void RegEvents::Carry(StateArchive* archive) {
  CarryPool(archive, &subscriptions_, kSubscriptionLeast, [&](Subscription* subscription) {
    archive->Number(&subscription->who);
    size_t phones = archive->Count(subscription->phones.size(), UINT16_MAX, sizeof(SlotId));
    if (archive->is_reading()) subscription->phones.resize(phones);
    for (SlotId& phone : subscription->phones) archive->Number(&phone);
    archive->Number(&subscription->ends_ms);
    archive->Number(&subscription->give_up_ms);
    archive->Number(&subscription->interval_ms);
    archive->Number(&subscription->cseq);
    archive->Number(&subscription->wanted_s);
    archive->Number(&subscription->next_version);
    archive->Enum(&subscription->state, State::kEnded);
    archive->Number(&subscription->failures);
    archive->Bool(&subscription->is_waiting);
    archive->Bool(&subscription->is_repeated);
    archive->Texts(&subscription->dialog);
    CarryTimer(archive, &subscription->timer, TimerKind::kSubscription, subscription->id,
               &context_.timers);
    if (!archive->is_reading() || subscription->who == 0) return;
    if (!by_who_.try_emplace(subscription->who, subscription->id).second) archive->Fail();
  });
}

bool Core::Carry(StateArchive* archive, uint64_t now_ms) {
  context_.now_ms = now_ms;
  archive->Mark(kKeysMark);
  context_.hash.Carry(archive);
  context_.jar.Carry(archive);
  RecordId next = context_.records.next();
  archive->Number(&next);
  if (archive->is_reading()) context_.records.SetIds(next, kWorkersMax);
  CarryTables(archive, &context_);
  next_hops_.Carry(archive);
  registers_.Carry(archive);
  reg_events().Carry(archive);
  archive->Mark(kEndMark);
  return archive->ok();
}

}  // namespace edge
