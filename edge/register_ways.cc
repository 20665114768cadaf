// A REGISTER's way into the core: sent, sent again, and sent to the next hop when one refuses it.

#include <string>

#include "edge/header_rules.h"
#include "edge/next_hop_limits.h"
#include "edge/register_proxy.h"

namespace edge {
namespace {

// What follows the key in a branch: every hop is asked in a transaction of its own, or the answer
// of one that refused, repeated, would pass for that of the next.
std::string MoveMark(uint8_t moves) {
  static_assert(kRegisterMovesMax < 10);
  return moves == 0 ? "" : std::string("-") + static_cast<char>('0' + moves);
}

}  // namespace

// What has been answered goes where the answer can be repeated.
void RegisterProxy::SendToCore(const Arrival& arrival, const Binding& binding,
                               RegisterTransaction* transaction, Actions* actions) {
  RegisterTransaction::Open* const open = transaction->open.get();
  NextHops::Way way{Names::State::kKnown, transaction->asked.to};
  if (open != nullptr) way = next_hops_.Ask(&transaction->asked, arrival.message, actions);
  if (open != nullptr && open->way == Names::State::kPending) return;  // Once is enough.
  if (!way.is_open()) return OnReleased(transaction->key, std::nullopt);
  const HexText key = WriteHex(transaction->key);
  std::string branch(sip::kMagicCookie);
  branch += View(key);
  branch += MoveMark(transaction->asked.moves);
  sip::Editor editor(arrival.message);
  EditRegister(context_, arrival, binding, branch, way.flow.transport,
               transaction->integrity_protected, &editor);
  PutHeaderLines(&context_, Direction::kToCore, arrival.set, arrival.message, &editor, actions);
  if (open != nullptr && open->request.empty() && next_hops_.has_choice()) {
    open->spread = next_hops_.Spread(arrival.message.Value(sip::HeaderId::kCallId));
    KeepRequest(&editor, open);
  }
  if (!next_hops_.Send(way, arrival, transaction->key, &editor, actions)) {
    return OnReleased(transaction->key, std::nullopt);
  }
  if (open != nullptr) open->way = way.state;
}

void RegisterProxy::KeepRequest(sip::Editor* editor, RegisterTransaction::Open* open) {
  sip::Slices slices;
  if (editor->Finish(&slices) != sip::EditError::kOk) return;
  open->request.reserve(slices.size + MoveMark(kRegisterMovesMax).size());
  for (const std::string_view piece : slices.view()) open->request += piece;
}

// Without a way it fails by its timer, since who forwards goes on with the transaction.
void RegisterProxy::OnReleased(uint64_t key, const std::optional<Flow>& to) {
  RegisterTransaction* const transaction = Find(key);
  if (transaction == nullptr || transaction->open == nullptr) return;
  transaction->open->way = to ? Names::State::kKnown : Names::State::kNone;
  if (to) {
    transaction->asked = {context_.now_ms, *to};
  } else {
    context_.timers.Arm(&transaction->timer, context_.now_ms);
  }
}

// The core's transaction layer absorbs what is forwarded again and repeats its answer.
void RegisterProxy::OnRetransmission(const Arrival& arrival, RegisterTransaction* known,
                                     Actions* actions) {
  if (known->state == RegisterTransaction::State::kKernel) return;
  if (known->own_status != 0) {
    const Flow to = AnswerFlow(*known, known->own_status);
    if (!context_.CanReach(to)) return;
    return context_.RespondTo(to, arrival, {.status = known->own_status}, actions);
  }
  const Binding* binding = context_.registrar.FindBinding(known->binding);
  if (binding == nullptr) {  // All that was known of the phone is gone meanwhile.
    ++context_.stats.drop_not_registered;
    return;
  }
  SendToCore(arrival, *binding, known, actions);
}

RegisterTransaction* RegisterProxy::FindByBranch(std::string_view branch, uint8_t* moves) {
  constexpr size_t kHex = std::tuple_size_v<HexText>;
  uint64_t key;
  if (!branch.starts_with(sip::kMagicCookie)) return nullptr;
  branch.remove_prefix(sip::kMagicCookie.size());
  if (!ReadHex(branch.substr(0, kHex), &key)) return nullptr;
  branch.remove_prefix(kHex);
  *moves = branch.size() == 2 ? static_cast<uint8_t>(branch[1] - '0') : 0;
  return *moves <= kRegisterMovesMax && branch == MoveMark(*moves) ? Find(key) : nullptr;
}

// RFC 3261 21.5.4: who answers 503 may be the only one who cannot serve. False: nobody else is
// left, and the answer goes to the phone.
bool RegisterProxy::MoveOn(RegisterTransaction* transaction, Actions* actions) {
  RegisterTransaction::Open* const open = transaction->open.get();
  if (transaction->state != RegisterTransaction::State::kForwarded || open->request.empty()) {
    return false;
  }
  const uint8_t before = transaction->asked.moves;
  const std::string_view rest = std::string_view(open->request).substr(open->request.find(' ') + 1);
  const std::string_view uri = rest.substr(0, rest.find(' '));
  if (!next_hops_.Move(&transaction->asked, uri, open->spread, actions)) return false;
  const HexText key = WriteHex(transaction->key);
  const size_t end = open->request.find(View(key)) + key.size();  // In our Via, the topmost.
  open->request.replace(end, MoveMark(before).size(), MoveMark(transaction->asked.moves));
  next_hops_.SendText(transaction->asked.to, &open->request, actions);
  ++context_.stats.registers_moved;
  return true;
}

}  // namespace edge
